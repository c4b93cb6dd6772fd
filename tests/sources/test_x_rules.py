"""The rules of X's filtered stream: made the same as ours, changed while we listen, and kept where new ones are bad."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

from lapwing.engine.listening import Listener
from lapwing.hearing import Source
from lapwing.sources._x_options import Rule
from lapwing.sources._x_rules import Wanted, mistake_in, wanted_rules
from sources.hearing import Room
from sources.x_stories import NAME, RULES, SOURCE, STREAM, asked, network, options, uids

OURS = f"lapwing:{NAME}:"


def change(listener: Listener, rules: list[str]) -> None:
    """As `up` does when the file was changed."""
    plan = listener.plan
    made = msgspec.structs.replace(plan.options, rules=rules)
    assert listener.goes_on(msgspec.structs.replace(plan, options=made))


def live(room: Room) -> bool:
    return room.states().get(NAME, {}).get("state") == "live"


def test_ours_are_added_and_removed_and_those_of_others_stay(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        others = fake.rule("hail", "somebody")
        old, kept = fake.rule("drought", OURS), fake.rule("flood", OURS + "water")
        foreign = fake.rule("wind", "lapwing:x.other:")
        made = options(fake, rules=[Rule(value="flood", tag="water"), "storm"])
        with room.listening(NAME, SOURCE, made):
            room.wait_until(lambda: fake.listeners == 1 and live(room))
            assert fake.rules[kept] == ("flood", OURS + "water")
            assert fake.rules[others] == ("hail", "somebody")
            assert fake.rules[foreign] == ("wind", "lapwing:x.other:")
            assert old not in fake.rules
            assert ("storm", OURS) in fake.rules.values()
            assert room.states()[NAME]["details"]["rules"] == 2
            assert room.states()[NAME]["details"]["rules_of_others"] == 2
            fake.say(text="hail only")
            fake.say(text="storm and hail")
            room.wait_until(lambda: len(room.values()) == 1)
            room.wait_until(lambda: room.states()[NAME]["details"].get("not_ours") == 1)
        assert b"storm and hail" in room.values()[0]


def test_the_same_rules_are_not_written_again(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        for _ in range(2):
            with room.listening(NAME, SOURCE, options(fake)):
                room.wait_until(lambda: fake.listeners == 1 and live(room))
            room.wait_until(lambda: fake.listeners == 0)
        assert asked(fake, RULES, "POST") == 2, "once dry, once for good"
        assert list(fake.rules.values()) == [("flood", OURS)]


def test_a_rule_that_somebody_else_made_is_used_and_left(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        fake.rule("flood", "somebody")
        with room.listening(NAME, SOURCE, options(fake)):
            room.wait_until(lambda: fake.listeners == 1 and live(room))
            fake.say(text="a flood")
            room.wait_until(lambda: len(room.values()) == 1)
        assert list(fake.rules.values()) == [("flood", "somebody")]


def test_a_change_is_there_within_ten_seconds_on_the_same_connection(tmp_path: Path) -> None:
    with network(tmp_path, speed=10.0) as (room, fake), room.listening(NAME, SOURCE, options(fake)) as listener:
        room.wait_until(lambda: fake.listeners == 1 and live(room))
        began_us = room.time.now_us()
        change(listener, ["storm", 'place:"Toronto" hail'])
        room.wait_until(lambda: {value for value, _ in fake.rules.values()} == {"storm", 'place:"Toronto" hail'})
        assert room.time.now_us() - began_us < 10_000_000
        said = fake.say(text="a storm")
        fake.say(text="a flood")
        room.wait_until(lambda: len(room.values()) == 1)
        assert uids(room.values()) == said
        assert asked(fake, STREAM) == 1
        assert room.states()[NAME]["disconnects"] == 0


BAD = {
    "no operator of X": ["flood", "colour:red"],
    "nothing that stands alone": ["flood", "lang:en -is:retweet"],
    "too long": ["flood", "a" * 1025],
    "empty": ["flood", " "],
    "none at all": [],
    "more than the app may have": ["a", "b", "c", "d"],
}


@pytest.mark.parametrize("rules", BAD.values(), ids=BAD)
def test_a_bad_change_keeps_the_old_rules_and_is_said_once(
    tmp_path: Path, rules: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake, rules=["storm"])) as listener:
        fake.rules_max = 3
        room.wait_until(lambda: fake.listeners == 1 and live(room))
        change(listener, rules)
        room.wait_until(lambda: bool(room.states()[NAME]["reason"]))
        assert list(fake.rules.values()) == [("storm", OURS)]
        state = room.states()[NAME]
        assert state["state"] == "live"
        assert state["reason"] == state["details"]["rules_problem"]
        fake.fault("cut")
        room.wait_until(lambda: asked(fake, STREAM) == 2 and fake.listeners == 1)
        fake.say(text="a storm")
        room.wait_until(lambda: len(set(room.values())) == 1)
        change(listener, ["flood"])
        room.wait_until(lambda: list(fake.rules.values()) == [("flood", OURS)])
        room.wait_until(lambda: room.states()[NAME]["reason"] == "")
    lines = [record.message for record in caplog.records if "keeps its old rules" in record.message]
    assert len(lines) == 1


def test_where_no_rule_is_taken_the_source_is_refused_until_they_are_mended(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake, rules=["lang:en"])) as listener:
        room.wait_until(lambda: room.states().get(NAME, {}).get("state") == "refused")
        assert "mend `rules`" in room.states()[NAME]["reason"]
        assert asked(fake, STREAM) == 0
        change(listener, ["flood lang:en"])
        room.wait_until(lambda: fake.listeners == 1)


def test_another_tag_for_the_same_value_replaces_the_old_one(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        fake.rule("flood", OURS + "old")
        with room.listening(NAME, SOURCE, options(fake, rules=[Rule(value="flood", tag="new")])):
            room.wait_until(lambda: fake.listeners == 1)
        assert list(fake.rules.values()) == [("flood", OURS + "new")]


def test_another_tag_beside_a_bad_rule_changes_nothing(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        old = fake.rule("flood", OURS + "old")
        with room.listening(NAME, SOURCE, options(fake, rules=[Rule(value="flood", tag="new"), "colour:red"])):
            room.wait_until(lambda: fake.listeners == 1 and live(room))
            assert "colour:red" in room.states()[NAME]["reason"]
        assert fake.rules == {old: ("flood", OURS + "old")}
        assert all(each.query.get("dry_run") == ["true"] for each in fake.requests if each.method == "POST")


@pytest.mark.parametrize(
    ("value", "sound"),
    [
        ("flood", True),
        ("flood lang:en", True),
        ("(lang:en OR lang:fr) -is:retweet", False),
        ("-flood", False),
        ('place:"New York" has:images', True),
        ('"lang:en"', True),
        ("#地震", True),
        ("a" * 1024, True),
        ("a" * 1025, False),
        ("", False),
    ],
)
def test_what_x_would_not_take_is_seen_before_it_is_asked(value: str, sound: bool) -> None:
    assert (mistake_in([Wanted(value, OURS)]) == "") is sound


def test_texts_and_tables_become_rules_with_our_tag_and_each_value_once() -> None:
    rules = wanted_rules([" flood ", Rule(value="storm", tag="wind"), "flood"], "x.a")
    assert rules == [Wanted("flood", "lapwing:x.a:"), Wanted("storm", "lapwing:x.a:wind")]


def test_rules_are_what_may_change_while_it_listens() -> None:
    assert isinstance(SOURCE, Source)
    assert set(SOURCE.live) == {"rules"}
