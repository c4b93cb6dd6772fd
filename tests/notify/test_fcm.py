"""Firebase Cloud Messaging: what a phone gets, and what FCM's errors mean."""

from __future__ import annotations

import pytest

from lapwing.hearing import Disconnected, RateLimited
from lapwing.notify.fcm import Options, message
from lapwing.telling import ChannelRefused, Gone, Undeliverable
from lapwing.testing.networks.fcm import FcmFake
from lapwing.text.harmless import in_bytes
from notify.alerts import AT_US, alert, hostile, mouth
from testing.stories import story


def options_for(fake: FcmFake, **more: object) -> Options:
    return Options(account=fake.account, devices='["device-one"]', url=fake.url, **more)


@story
async def test_a_phone_shows_the_alert_and_an_app_finds_its_parts() -> None:
    with FcmFake() as fake:
        async with mouth(
            "fcm", options_for(fake, android_channel="alerts", click_action="FLUTTER_NOTIFICATION_CLICK")
        ) as it:
            await it.send(alert())
        (message,) = fake.received
    assert message["notification"] == {"title": "Flood in Perth", "body": "12 reports in 10 min"}
    assert message["data"] == {
        "alert_id": "a1", "incident": "i1", "kind": "confirmed", "title": "Flood in Perth", "body": "12 reports in 10 min",
        "category": "flood", "severity": "severe", "url": "https://alerts.example.org/i/i1", "at": "2026-11-22T03:00:05Z",
        "place": "Perth, AU", "latitude": "-31.95224", "longitude": "115.86140", "people": "12", "completeness": "0.80",
        "language": "en", "evidence": "The road is under water",
    }  # fmt: skip
    assert message["android"]["priority"] == "high"
    assert message["android"]["notification"]["channel_id"] == "alerts"
    assert message["android"]["notification"]["click_action"] == "FLUTTER_NOTIFICATION_CLICK"
    assert message["apns"]["headers"]["apns-expiration"] == str(AT_US // 1_000_000 + 14_400)
    assert message["webpush"]["fcm_options"] == {"link": "https://alerts.example.org/i/i1"}


@story
async def test_one_access_token_serves_many_and_a_new_one_is_asked_for_when_it_is_refused() -> None:
    with FcmFake() as fake:
        async with mouth("fcm", options_for(fake)) as it:
            await it.send(alert("a1"))
            await it.send(alert("a2"))
            assert len(fake.tokens) == 1
            fake.expire_tokens()
            await it.send(alert("a3"))
            assert [each["data"]["alert_id"] for each in fake.received] == ["a1", "a2", "a3"]
            fake.fault("401")
            await it.send(alert("a4"))
            fake.fault("401", times=2)
            with pytest.raises(ChannelRefused, match="Google refuses the service account"):
                await it.send(alert("a5"))


@story
async def test_an_upgrade_replaces_what_the_phone_showed_and_so_does_a_repeat() -> None:
    with FcmFake() as fake:
        async with mouth("fcm", options_for(fake)) as it:
            await it.send(alert("a1", kind="possible"))
            await it.send(alert("a1", kind="possible"))
            await it.send(alert("a2", kind="upgrade"))
            await it.send(alert("a3", incident="i2"))
        shown = fake.shown_on("device-one")
    assert sorted(each["data"]["alert_id"] for each in shown.values()) == ["a2", "a3"]


GONE = [
    ("device-gone", "UNREGISTERED"),
    ("device-other", "SENDER_ID_MISMATCH"),
    ("malformed-token", "no registration token"),
]


@pytest.mark.parametrize(("device", "said"), GONE)
@story
async def test_a_device_that_is_gone_is_retired(device: str, said: str) -> None:
    with FcmFake() as fake:
        fake.others.add("device-other")
        async with mouth("fcm", options_for(fake)) as it:
            with pytest.raises(Gone, match=said):
                await it.send(alert(), device)


@story
async def test_quotas_and_outages_are_waited_for_as_long_as_google_says() -> None:
    with FcmFake() as fake:
        async with mouth("fcm", options_for(fake), now_us=AT_US) as it:
            it.surroundings.shared[
                "fcm token sender@demo-project.iam.gserviceaccount.com " + "0" * 40 + f" {fake.url}/token"
            ] = ("ya29", 1e9)
            fake.tokens.append("ya29")
            fake.fault("429", after_s=90)
            with pytest.raises(RateLimited, match="QUOTA_EXCEEDED") as limited:
                await it.send(alert())
            assert limited.value.until_us is not None
            assert 89_000_000 <= limited.value.until_us - AT_US <= 100_000_000
            fake.fault("429")
            with pytest.raises(RateLimited) as limited:
                await it.send(alert())
            assert limited.value.until_us is None
            assert limited.value.back_off is not None
            assert limited.value.back_off.first_s == 60.0
            fake.fault("503")
            with pytest.raises(Disconnected, match="answered 503"):
                await it.send(alert())
            fake.fault("cut")
            with pytest.raises(Disconnected):
                await it.send(alert())


@story
async def test_a_wrong_service_account_is_said_and_its_key_is_not() -> None:
    with FcmFake() as fake, FcmFake() as other:
        stolen = fake.account.replace(fake.url, other.url)
        async with mouth("fcm", Options(account=stolen, url=fake.url)) as it:
            with pytest.raises(ChannelRefused, match=r"refuses the service account \(invalid_grant\)") as refused:
                await it.send(alert(), "device-one")
            assert "PRIVATE" not in str(refused.value)
        for account in ("", "{}", "[1]", '{"project_id":"a","private_key":"b","client_email":"c"}'):
            async with mouth("fcm", Options(account=account, url=fake.url)) as it:
                with pytest.raises(ChannelRefused):
                    await it.send(alert(), "device-one")


@story
async def test_an_access_token_is_never_fetched_from_our_network_for_google() -> None:
    with FcmFake() as fake:
        async with mouth("fcm", Options(account=fake.account)) as it:
            with pytest.raises(Undeliverable, match="https://"):
                await it.send(alert(), "device-one")
        assert fake.requests == []


@story
async def test_a_hostile_alert_is_small_enough_and_reaches_the_phone() -> None:
    with FcmFake() as fake:
        async with mouth("fcm", options_for(fake)) as it:
            await it.send(hostile())
        (message,) = fake.received
    assert "\n" not in message["notification"]["title"]
    assert "://" not in message["data"]["body"]
    assert "url" not in message["data"]


def test_a_topic_has_less_room_and_other_targets_their_own_field() -> None:
    options = Options(account="{}", topics=["flood"], devices="one-device\ntwo-device")
    made = message(options, alert(body="ü" * 4000), "topic:flood")
    assert made["topic"] == "flood"
    assert sum(in_bytes(name) + in_bytes(value) for name, value in made["data"].items()) <= 2_000
    assert message(options, alert(), "fid:abcdefgh12")["fid"] == "abcdefgh12"
    quiet = message(options, alert(kind="all-clear"), "one-device")
    assert (quiet["android"]["priority"], quiet["apns"]["payload"]["aps"]) == ("normal", {})
