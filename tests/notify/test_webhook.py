"""Anybody's webhook: signed, not to be sent again by others, and what its answers mean."""

from __future__ import annotations

import pytest

from lapwing.hearing import Disconnected, RateLimited
from lapwing.notify.webhook import Options, signature
from lapwing.telling import ChannelRefused, Gone, Undeliverable
from lapwing.testing.networks.push import WebhookFake
from notify.alerts import alert, hostile, mouth
from testing.stories import story

SECRET = "a secret of sixteen letters or more"


def options_for(fake: WebhookFake) -> Options:
    return Options(url=f"{fake.url}/hook", secret=SECRET, private=True)


def test_the_signature_is_what_hmac_tools_give() -> None:
    """printf '1795316405.{}' | openssl dgst -sha256 -hmac key"""
    assert signature("key", 1_795_316_405, b"{}") == (
        "a4b155b2e07fee47db82567d502913cdb7b2e28d75208862d603e6e5ee1ce7c6"
    )


@story
async def test_a_program_gets_the_alert_signed_and_drops_a_repeat() -> None:
    with WebhookFake(SECRET) as fake:
        async with mouth("webhook", options_for(fake)) as it:
            await it.send(alert())
            await it.send(alert())
        (said,) = fake.received
        assert list(fake.arrivals.values()) == [2]
        request = fake.requests[0]
    assert request.headers["idempotency-key"] == said["key"]
    assert said["version"] == 1
    assert said["alert"] == {
        "id": "a1", "incident": "i1", "kind": "confirmed", "title": "Flood in Perth", "body": "12 reports in 10 min",
        "category": "flood", "severity": "severe", "url": "https://alerts.example.org/i/i1", "at": "2026-11-22T03:00:05Z",
        "place": {"id": 2063523, "name": "Perth", "country": "AU", "longitude": 115.8614, "latitude": -31.95224},
        "evidence": ["The road is under water"], "people": 12, "completeness": 0.8, "language": "en",
    }  # fmt: skip


@story
async def test_answers_mean_what_they_mean_and_nobody_is_followed() -> None:
    with WebhookFake(SECRET) as fake:
        async with mouth("webhook", options_for(fake)) as it:
            for status, what in [
                (410, Gone), (404, Disconnected), (500, Disconnected), (301, Undeliverable), (307, Undeliverable),
                (400, Undeliverable), (403, ChannelRefused),
            ]:  # fmt: skip
                fake.status = status
                with pytest.raises(what, match=str(status)):
                    await it.send(alert())
            fake.fault("429", after_s=60)
            with pytest.raises(RateLimited):
                await it.send(alert())
        assert len(fake.requests) == 8, "each was asked once"
        assert fake.received == []


@story
async def test_another_secret_is_not_believed() -> None:
    with WebhookFake("another secret") as fake:
        async with mouth("webhook", options_for(fake)) as it:
            with pytest.raises(ChannelRefused, match="401"):
                await it.send(alert())


@story
async def test_a_hostile_alert_is_one_json_value() -> None:
    with WebhookFake(SECRET) as fake:
        async with mouth("webhook", options_for(fake)) as it:
            await it.send(hostile())
        (said,) = fake.received
        assert "\r" not in fake.requests[0].headers["idempotency-key"]
    assert "\u202e" not in said["alert"]["title"]
