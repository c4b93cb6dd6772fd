"""The outbox: at least once, in order, patiently, and with an end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from lapwing.errors import Fenced
from lapwing.hearing import Disconnected, RateLimited
from lapwing.ledger.sqlite import outbox
from lapwing.ledger.sqlite.outbox import Outbox
from lapwing.ledger.sqlite.rebuilding import rebuild
from lapwing.telling import Alert, ChannelNote, ChannelRefused, Gone, Recipient, Settled, Undeliverable, key_of
from notify.alerts import AT_US, alert
from notify.room import Ear, room

ANN, BEN, EVE = (Recipient("ear", name) for name in ("ann", "ben", "eve"))
DAY_US = 86_400_000_000
NOTE = ChannelNote("ear", "live", "", AT_US)


def test_an_alert_is_there_once_for_each_recipient_whoever_decides_it_again(tmp_path: Path) -> None:
    with room(tmp_path) as it:
        assert it.add(alert("a1"), ANN, BEN) == [True, True]
        assert it.add(alert("a1", title="decided again"), ANN, BEN, EVE) == [False, False, True]
        with suppress(KeyError), it.ledger.store.transaction() as connection:
            outbox.add(connection, alert("a2"), ANN, AT_US)
            raise KeyError
        assert it.waiting() == 3, "what the caller's transaction takes back was never there"


def test_everybody_gets_everything_once_and_in_order(tmp_path: Path) -> None:
    ear = Ear(parallel=3)
    with room(tmp_path) as it:
        for number in range(10):
            it.add(alert(f"a{number}"), ANN, BEN, EVE)
        it.send(ear.channel)
        assert it.state()["sent"] == 30
        assert (it.state()["waiting"], it.state()["state"]) == (0, "not running")
        it.send(ear.channel)
    for name in ("ann", "ben", "eve"):
        assert [each for each, to in ear.got if to == name] == [f"a{number}" for number in range(10)]
    assert ear.busiest == 3, "three at once, and never two to one of them"
    assert len(set(ear.keys)) == 30


def test_a_channel_that_is_down_keeps_the_order(tmp_path: Path) -> None:
    ear = Ear(parallel=4)
    with room(tmp_path, speed=2_000.0) as it:
        for number in range(4):
            it.add(alert(f"a{number}"), ANN, BEN)
        refusals = iter([Disconnected("it is down")] * 8)
        ear.says = lambda *_: next(refusals, None)
        it.send(ear.channel)
    assert ear.got[0] == ("a0", "ann"), "what was first is first"
    assert len(set(ear.keys)) == 8, "however often it is tried, the key is the same"


def test_one_recipient_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    ear = Ear(shared=False, parallel=1)
    ear.says = lambda _, to: Disconnected("no answer") if to == EVE else None
    with room(tmp_path) as it:
        for number in range(3):
            it.add(alert(f"a{number}"), EVE, ANN)
        it.send(ear.channel, until=lambda: it.waiting() == 3)
        state = it.state()
    assert [to for _, to in ear.got] == ["ann"] * 3
    assert (state["waiting"], state["sent"]) == (3, 3)


def test_a_limit_is_waited_for_until_the_time_that_was_said(tmp_path: Path) -> None:
    ear = Ear()
    with room(tmp_path, speed=2_000.0) as it:
        until_us = it.time.now_us() + 1_800_000_000
        ear.says = lambda *_: RateLimited("slow down", until_us) if it.time.now_us() < until_us else None
        it.add(alert(), ANN)
        it.send(ear.channel)
    assert len(ear.tried_us) == 2
    assert ear.tried_us[1] >= until_us


def test_who_is_gone_is_retired_at_once_until_they_register_again(tmp_path: Path) -> None:
    ear = Ear()
    ear.says = lambda _, to: Gone("no longer registered") if to == EVE else None
    with room(tmp_path) as it:
        it.register(ANN, EVE)
        it.add(alert("a1"), EVE, ANN)
        it.add(alert("a2"), EVE, ANN)
        it.send(ear.channel)
        assert it.failures() == [("a2", "retired", "no longer registered"), ("a1", "retired", "no longer registered")]
        assert len(ear.keys) == 3, "eve was tried once"
        connection = it.ledger.store.connection
        assert outbox.recipients(connection, "ear", [BEN, EVE]) == [BEN, ANN]
        it.add(alert("a3"), EVE)
        assert it.waiting() == 0
        it.register(EVE)
        assert outbox.recipients(connection, "ear") == [ANN, EVE]
        ear.says = lambda *_: None
        it.add(alert("a4"), EVE)
        it.send(ear.channel)
        assert ear.got[-1] == ("a4", "eve")
        with it.ledger.store.transaction() as connection:
            assert outbox.unregister(connection, EVE, AT_US)
            assert not outbox.unregister(connection, EVE, AT_US)
        assert outbox.recipients(connection, "ear") == [ANN]


def test_what_cannot_be_sent_is_shown_and_the_next_one_goes(tmp_path: Path) -> None:
    ear = Ear()
    ear.says = lambda what, _: Undeliverable("too long", "write less") if what.id == "a1" else None
    with room(tmp_path) as it:
        it.add(alert("a1"), ANN)
        it.add(alert("a2"), ANN)
        it.send(ear.channel)
        (failure,) = outbox.failures(it.ledger.store.connection)
        assert (failure["alert"], failure["title"], failure["reason"]) == (
            "a1",
            "Flood in Perth",
            "too long; write less",
        )
        assert failure["recipient"] == ANN.mark
        assert "ann" not in failure.values(), "an address is nobody's to read"
        assert it.state()["failed"] == 1
    assert ear.got == [("a2", "ann")]


def test_a_refused_channel_says_so_and_is_tried_again(tmp_path: Path) -> None:
    ear = Ear()
    ear.says = lambda *_: ChannelRefused("the token is wrong", "make a new one")
    with room(tmp_path, speed=2_000.0) as it:
        it.add(alert("a1"), ANN)
        it.send(ear.channel, until=lambda: it.state()["state"] == "refused" and len(ear.keys) >= 2)
        assert it.state()["reason"] == "the token is wrong; make a new one"
        ear.says = lambda *_: None
        it.send(ear.channel)
    assert ear.got == [("a1", "ann")]


def test_an_error_of_ours_harms_no_other_alert(tmp_path: Path) -> None:
    ear = Ear(shared=True)
    ear.says = lambda what, _: KeyError("secret word") if what.id == "a1" else None
    with room(tmp_path) as it:
        it.add(alert("a1"), ANN)
        it.add(alert("a1"), BEN)
        it.add(alert("a2"), EVE)
        it.send(ear.channel, until=lambda: it.waiting() == 2)
        assert "secret" not in str(list(outbox.deliveries(it.ledger.store.connection)))
    assert ear.got == [("a2", "eve")]


def test_after_a_day_it_is_given_up_and_said(tmp_path: Path) -> None:
    ear = Ear()
    ear.says = lambda *_: Disconnected("no answer")
    with room(tmp_path, speed=40_000.0) as it:
        it.add(alert("a1"), ANN)
        it.send(ear.channel)
        assert it.failures() == [("a1", "failed", "it was tried for a day: no answer")]
        assert ear.tried_us[-1] - ear.tried_us[0] <= DAY_US + 40_000_000_000


def test_what_waited_while_nobody_was_there_is_no_news_after_a_day(tmp_path: Path) -> None:
    ear = Ear()
    with room(tmp_path) as it:
        it.add(alert("old"), ANN, at_us=AT_US - DAY_US - 60_000_000)
        it.add(alert("new"), ANN, at_us=AT_US - DAY_US + 60_000_000)
        it.send(ear.channel)
        assert it.failures() == [("old", "failed", "it waited for a day, and nothing could be sent")]
    assert ear.got == [("new", "ann")]


def test_one_process_sends_for_a_channel_and_another_takes_over(tmp_path: Path) -> None:
    with room(tmp_path) as it:
        box, other = Outbox(it.ledger), Outbox(it.ledger)
        it.add(alert("a1"), ANN)
        first = box.claim("ear", "one", AT_US)
        assert first is not None
        assert other.claim("ear", "two", AT_US + 9_000_000) is None
        box.settle(first, [], NOTE, AT_US + 9_000_000)
        assert other.claim("ear", "two", AT_US + 18_000_000) is None, "it said that it lives"
        second = other.claim("ear", "two", AT_US + 19_000_001)
        assert second is not None
        (due,) = box.due("ear", AT_US, 10)
        sent = Settled(number=due.number, recipient=ANN, outcome="sent")
        with pytest.raises(Fenced):
            box.settle(first, [sent], NOTE, AT_US + 20_000_000)
        assert it.waiting() == 1
        assert box.give_up(first, AT_US + DAY_US, AT_US + DAY_US) == 0, "nor may it give anything up"
        other.settle(second, [sent], NOTE, AT_US + 20_000_000)
        assert it.waiting() == 0
        other.release(second)
        assert box.claim("ear", "one", AT_US + 20_000_000) is not None


def test_a_rebuild_sends_nothing_again(tmp_path: Path) -> None:
    ear = Ear()
    with room(tmp_path) as it:
        it.register(BEN)
        it.add(alert("a1"), ANN)
        it.send(ear.channel)
        it.add(alert("a2"), ANN)
        rebuild(it.ledger, lambda _: pytest.fail("there are no posts"))
        assert it.add(alert("a1"), ANN) == [False]
        it.send(ear.channel)
        assert outbox.recipients(it.ledger.store.connection, "ear") == [BEN]
    assert ear.got == [("a1", "ann"), ("a2", "ann")]


def test_what_ended_long_ago_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    ear = Ear()
    with room(tmp_path) as it:
        it.add(alert("a1", at_us=AT_US - 2 * DAY_US), ANN)
        it.send(ear.channel)
        it.add(alert("a2", at_us=AT_US - 2 * DAY_US), ANN)
        assert outbox.expire(it.ledger.store, AT_US) == 0
        assert outbox.expire(it.ledger.store, AT_US + DAY_US) == 1
        assert [each["alert"] for each in outbox.deliveries(it.ledger.store.connection)] == ["a2"]
        assert [each["alert"] for each in outbox.deliveries(it.ledger.store.connection, "i1")] == ["a2"]
        assert list(outbox.deliveries(it.ledger.store.connection, "i2")) == []


def test_the_key_depends_on_alert_and_recipient_alone() -> None:
    changed = alert("a1", title="other words")
    assert key_of(alert("a1"), ANN) == key_of(changed, ANN) == "5fdcd815-0e64-54b0-89ab-2aee54ae6c2e"
    assert len({key_of(alert("a1"), ANN), key_of(alert("a2"), ANN), key_of(alert("a1"), BEN)}) == 3
    assert isinstance(changed, Alert)
