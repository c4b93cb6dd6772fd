"""ntfy: priorities, tags, a tap that opens the page, and its limits."""

from __future__ import annotations

import pytest

from lapwing.hearing import Disconnected, RateLimited
from lapwing.notify.ntfy import Options
from lapwing.telling import ChannelRefused, Undeliverable
from lapwing.testing.networks.push import NtfyFake
from notify.alerts import alert, hostile, mouth
from testing.stories import story

MIDNIGHT_US = 1_795_392_000_000_000
"""2026-11-23T00:00:00Z."""


def options_for(fake: NtfyFake, **more: object) -> Options:
    return Options(topics=["flood-4f2a9c"], url=fake.url, private=True, **more)


@story
async def test_a_phone_gets_title_priority_tags_and_where_to_tap() -> None:
    with NtfyFake(token="tk_word") as fake:
        async with mouth("ntfy", options_for(fake, token="tk_word")) as it:
            await it.send(alert())
            await it.send(alert("a2", kind="all-clear", title="It is over"))
            await it.send(alert("a3", severity="minor", category="crime", url=""))
        said, clear, minor = fake.received
    assert {name: said[name] for name in ("topic", "title", "priority", "tags", "click", "actions")} == {
        "topic": "flood-4f2a9c", "title": "Flood in Perth", "priority": 5, "tags": ["warning", "ocean"],
        "click": "https://alerts.example.org/i/i1",
        "actions": [{"action": "view", "label": "Open", "url": "https://alerts.example.org/i/i1"}],
    }  # fmt: skip
    assert said["message"].startswith("12 reports in 10 min\n\n“The road is under water”")
    assert (clear["priority"], clear["tags"]) == (2, ["white_check_mark"])
    assert (minor["priority"], minor["tags"], "click" in minor) == (3, ["warning", "police_car"], False)


@story
async def test_its_limits_are_waited_for_until_they_end() -> None:
    with NtfyFake() as fake:
        async with mouth("ntfy", options_for(fake), now_us=MIDNIGHT_US - 3_600_000_000) as it:
            fake.fault("429")
            with pytest.raises(RateLimited) as limited:
                await it.send(alert())
            assert limited.value.until_us is None
            fake.daily = 0
            with pytest.raises(RateLimited, match="today's messages") as limited:
                await it.send(alert())
            assert limited.value.until_us == MIDNIGHT_US
            fake.fault("503")
            with pytest.raises(Disconnected):
                await it.send(alert())
        fake.token = "another"
        async with mouth("ntfy", options_for(fake)) as it:
            with pytest.raises(ChannelRefused, match="forbidden"):
                await it.send(alert())


@story
async def test_a_hostile_alert_stays_in_its_topic_and_is_no_attachment() -> None:
    with NtfyFake() as fake:
        async with mouth("ntfy", options_for(fake)) as it:
            await it.send(hostile())
            for wrong in ("a/b", "", "a" * 65, "ü", "a?b"):
                with pytest.raises(Undeliverable):
                    await it.send(alert(), wrong or " ")
        (said,) = fake.received
    assert len(said["message"].encode()) <= 4_096
    assert "click" not in said
