"""Web Push: the standard's own example, what a browser shows, and what push services answer."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.hearing import Disconnected, RateLimited
from lapwing.notify._web_push_messages import (
    PLAIN_BYTES_MAX,
    Unreadable,
    decoded,
    encoded,
    encrypted,
    new_private_text,
    private_key,
    public_text,
)
from lapwing.notify.webpush import Options, admitted, keyed, payload, public_key
from lapwing.telling import ChannelRefused, Gone, Undeliverable
from lapwing.testing.networks.push import Browser, WebPushFake
from notify.alerts import alert, hostile, mouth
from testing.stories import story

KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
"""The application server's private key in RFC 8291, appendix A; published, and nobody's secret."""
CONTACT = "mailto:alerts@example.org"
OPTIONS = Options(key=KEY, contact=CONTACT, hosts=[], private=True)


def test_a_key_of_our_own_is_made_where_none_is_given() -> None:
    without = Options(contact=CONTACT)
    for secret in (b"\0" * 32, b"\xff" * 32, bytes(range(32))):
        made = keyed(without, secret)
        assert keyed(without, secret) == made
        assert len(decoded(public_key(made), 65)) == 65
    assert len({public_key(keyed(without, bytes([number]) * 32)) for number in range(5)}) == 5
    assert keyed(OPTIONS, b"\0" * 32) == OPTIONS
    with pytest.raises(ChannelRefused, match="no VAPID key"):
        public_key(without)


def test_the_example_of_rfc_8291_comes_out_letter_by_letter() -> None:
    keys = (
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )
    body = encrypted(
        b"When I grow up, I want to be a watermelon", keys, private_key(KEY), decoded("DGv6ra1nlYgDCS1FRnbzlw", 16)
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
        "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    public = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    assert public_text(private_key(KEY)) == public_key(OPTIONS) == public


def test_the_longest_message_is_as_long_as_every_service_takes() -> None:
    browser = Browser("https://push.example/1", 7)
    keys = msgspec.json.decode(browser.subscription)["keys"]
    plain = Random(1).randbytes(PLAIN_BYTES_MAX - 1) + b"\x01"
    body = encrypted(plain, (keys["p256dh"], keys["auth"]), private_key(new_private_text()), bytes(16))
    assert len(body) == 4_096
    assert browser.read(body) == plain
    assert len(payload(hostile())) <= PLAIN_BYTES_MAX


@story
async def test_a_browser_shows_the_alert_and_an_upgrade_replaces_it() -> None:
    with WebPushFake(public_key(OPTIONS)) as fake:
        browser = fake.browser()
        async with mouth("webpush", OPTIONS) as it:
            await it.send(alert("a1", kind="possible"), browser.subscription)
            await it.send(alert("a1", kind="possible"), browser.subscription)
            await it.send(alert("a2", kind="upgrade"), browser.subscription)
            await it.send(alert("a3", "", kind="digest"), browser.subscription)
    assert [each["id"] for each in browser.shown.values()] == ["a2", "a3"]
    shown = browser.shown["i1"]
    assert (shown["title"], shown["body"], shown["url"]) == (
        "Flood in Perth", "12 reports in 10 min", "https://alerts.example.org/i/i1",
    )  # fmt: skip
    assert [(each["urgency"], each["ttl"]) for each in fake.received] == [("high", "14400")] * 3 + [("normal", "14400")]
    assert fake.received[0]["topic"] == fake.received[2]["topic"] != fake.received[3]["topic"]
    words = {request.headers["authorization"] for request in fake.requests}
    assert len(words) == 1, "Apple wants no more than one signature an hour"
    bodies = [request.body for request in fake.requests]
    assert len({body[:16] for body in bodies}) == len({body[21:86] for body in bodies}) == 4, "fresh salt, fresh key"


@pytest.mark.parametrize("status", [404, 410])
@story
async def test_a_subscription_that_is_gone_is_retired(status: int) -> None:
    with WebPushFake(public_key(OPTIONS)) as fake:
        browser = fake.browser()
        fake.gone["0"] = status
        async with mouth("webpush", OPTIONS) as it:
            with pytest.raises(Gone, match=str(status)):
                await it.send(alert(), browser.subscription)


@story
async def test_what_push_services_answer_is_understood() -> None:
    with WebPushFake(public_key(OPTIONS)) as fake:
        browser = fake.browser()
        async with mouth("webpush", OPTIONS) as it:
            fake.fault("429", after_s=120)
            with pytest.raises(RateLimited) as limited:
                await it.send(alert(), browser.subscription)
            assert limited.value.until_us is not None
            fake.fault("500")
            with pytest.raises(Disconnected):
                await it.send(alert(), browser.subscription)
        async with mouth("webpush", Options(key=new_private_text(), contact=CONTACT, hosts=[], private=True)) as it:
            with pytest.raises(ChannelRefused, match="VapidPkHashMismatch"):
                await it.send(alert(), browser.subscription)
        async with mouth("webpush", Options(key="not a key", contact=CONTACT, hosts=[], private=True)) as it:
            with pytest.raises(ChannelRefused, match="no VAPID key") as refused:
                await it.send(alert(), browser.subscription)
            assert "not a key" not in str(refused.value)


@story
async def test_a_hostile_alert_reaches_the_browser_as_one_message() -> None:
    with WebPushFake(public_key(OPTIONS)) as fake:
        browser = fake.browser()
        async with mouth("webpush", OPTIONS) as it:
            await it.send(hostile(), browser.subscription)
        (shown,) = browser.shown.values()
    assert shown["title"].startswith("Flood Bcc: all@example.org @everyone")
    assert shown["url"] == ""


def subscription(endpoint: str, **keys: str) -> str:
    good = msgspec.json.decode(Browser(endpoint, 1).subscription)
    return msgspec.json.encode(good | {"keys": good["keys"] | keys}).decode()


USUAL = Options(key=KEY, contact=CONTACT)
GOOD = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB"


def test_the_same_subscription_is_the_same_recipient_however_it_is_written() -> None:
    written = subscription(GOOD)
    other = msgspec.json.decode(written)
    other["keys"] = {"auth": other["keys"]["auth"] + "==", "p256dh": other["keys"]["p256dh"]}
    assert admitted(USUAL, written) == admitted(USUAL, msgspec.json.encode(other).decode())
    assert admitted(USUAL, admitted(USUAL, written)) == admitted(USUAL, written)


@pytest.mark.parametrize(
    "address",
    [
        subscription("https://evil.example/push"), subscription("https://updates.push.services.mozilla.com.evil.example/"),
        subscription("http://fcm.googleapis.com/wp/1"), subscription("https://127.0.0.1/"), subscription("https://fcm.googleapis.com@evil.example/"),
        subscription("https://fcm.googleapis.com:8080/"), subscription("https://[::ffff:169.254.169.254]/"),
        subscription(GOOD + "a" * 1_100), subscription(GOOD, auth="AAAA"), subscription(GOOD, p256dh="A" * 87),
        subscription(GOOD, p256dh="ü"), "", "{}", "[]", "null", '{"endpoint":1}', "[" * 5_000, '{"endpoint":"https://a.example","keys":null}',
    ],
)  # fmt: skip
def test_a_subscription_that_leads_elsewhere_or_is_none_is_not_admitted(address: str) -> None:
    with pytest.raises(Undeliverable):
        admitted(USUAL, address)


@given(st.text(max_size=200))
def test_no_text_makes_reading_a_key_fail_otherwise(text: str) -> None:
    try:
        private_key(text)
    except Unreadable:
        pass
    else:
        assert len(text.strip().rstrip("=")) == 43
