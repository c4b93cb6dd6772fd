"""Alerts of a real ledger: decided once, never again; and a back-test that says what was sent."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cli.running import lapwing
from lapwing.app import alerts, back_tests, lead_times, rules
from lapwing.errors import UnknownName, UsageError
from lapwing.ledger.sqlite import alerting
from rules.house import CHANNEL, RULE, House
from rules.stories import CLOSED, CONFIRMED, FADING, HOUR_US, MIDNIGHT_US, MINUTE_US, POSSIBLE, SEVERE, at

NAMES = [f"{letter}00000000000" for letter in "abcdefghjkmnpqrs"]
A, B, C, D = NAMES[:4]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, now_us=MIDNIGHT_US)
    yield made
    made.directory.close()


def back_tested(
    house: House, since_us: int = MIDNIGHT_US, until_us: int = MIDNIGHT_US + 30 * 24 * HOUR_US, **other: object
) -> dict:
    named = rules.named(house.directory, "floods").rule
    return back_tests.test(
        house.directory, back_tests.Tested(rule=named, other=other or None, since_us=since_us, until_us=until_us)
    )


def told(found: dict) -> list[tuple[str, str]]:
    return [(each["kind"], " ".join(item["id"] for item in each["incidents"])) for each in found["sent"]]


def test_a_change_is_an_alert_in_the_outbox_once(house: House) -> None:
    house.change(A, at("10:00"), POSSIBLE, voices=23)
    assert house.turn(at("10:00") + 1)
    assert not house.turn(at("10:00") + 2)
    house.change(A, at("10:05"), CONFIRMED, voices=40)
    house.turn(at("10:05"))
    house.change(A, at("11:00"), CLOSED, voices=40, reason="quiet")
    house.turn(at("11:00"))
    assert house.outbox() == [
        ("desk", "Flood, AU — 23 people"),
        ("desk", "Flood, AU: now confirmed, minor — 40 people"),
        ("desk", "Over: Flood, AU"),
    ]


def test_what_changes_twice_at_one_moment_is_told_once(house: House) -> None:
    for state in (POSSIBLE, CONFIRMED):
        house.change(A, at("10:00") + state, state, decided_us=at("10:01"))
    house.change(B, at("10:00"), POSSIBLE, decided_us=at("10:01"))
    house.change(B, at("10:00"), CLOSED, decided_us=at("10:01"), reason="dismissed")
    house.turn(at("10:01"))
    assert [(kind, incidents) for _, kind, incidents in house.sent()] == [("confirmed", A)] == told(back_tested(house))


def decide_and_die(house: House) -> None:
    with house.directory.ledger.store.transaction() as connection:
        house.teller.tell(connection, at("10:01"))
        raise ZeroDivisionError


def test_another_process_goes_on_where_the_first_was_killed(house: House) -> None:
    """The change is there, its alert is not: the next one decides about it, and about nothing twice."""
    house.change(A, at("10:00"), POSSIBLE)
    house.turn(at("10:00"))
    house.change(B, at("10:01"), POSSIBLE)
    with pytest.raises(ZeroDivisionError):
        decide_and_die(house)
    assert len(house.outbox()) == 1
    again = House(house.directory.path, now_us=at("10:02"))
    again.turn(at("10:02"))
    again.turn(at("10:03"))
    assert [incidents for _, _, incidents in again.sent()] == [A, B]
    again.directory.close()


def test_a_rebuild_sends_nothing_again(house: House) -> None:
    house.change(A, at("10:00"), POSSIBLE, commit=5)
    house.turn(at("10:00"))
    house.directory.ledger.store.connection.execute("DELETE FROM incidents")
    house.change(A, at("10:00"), CONFIRMED, SEVERE, commit=3, decided_us=at("10:30"))  # worked out anew, and otherwise
    house.change(B, at("09:50"), CONFIRMED, SEVERE, commit=4, decided_us=at("10:30"))
    house.turn(at("10:30"))
    assert len(house.sent()) == 1
    house.change(C, at("10:31"), POSSIBLE, commit=6)
    house.turn(at("10:31"))
    assert [incidents for _, _, incidents in house.sent()] == [A, C]


def test_a_real_rebuild_keeps_what_was_told(tmp_path: Path) -> None:
    import polars as pl

    from lapwing.ledger.sqlite.rebuilding import rebuild

    house = House(tmp_path, now_us=MIDNIGHT_US)
    house.change(A, at("10:00"), POSSIBLE)
    house.turn(at("10:00"))
    rebuild(house.directory.ledger, lambda _: pl.DataFrame())
    assert not house.turn(at("10:01"))
    assert [incidents for _, _, incidents in house.sent()] == [A]
    assert alerting.place(house.directory.ledger.store.connection).number == 1
    house.directory.close()


def test_an_archive_alerts_nobody_and_can_be_tested(house: House) -> None:
    house.change(A, at("10:00"), POSSIBLE, decided_us=at("10:00", 100))
    house.turn(at("10:00", 100))
    assert house.sent() == []
    assert told(back_tested(house)) == [("possible", A)]


@pytest.mark.parametrize("seed", range(6))
def test_a_back_test_is_what_happened(seed: int, house: House) -> None:
    """Three days of any incidents, looked at every minute or so; the same messages at the same times."""
    chance = random.Random(seed)
    now_us, state = at("00:00"), dict.fromkeys(NAMES, 0)
    while now_us < at("00:00", 3):
        now_us += chance.randrange(1, 90) * MINUTE_US // 2
        mark = chance.choice(NAMES)
        if state[mark] != CLOSED:
            state[mark] = chance.choice([POSSIBLE, CONFIRMED, FADING, CLOSED]) if state[mark] else POSSIBLE
            house.change(mark, now_us, state[mark], chance.randrange(1, 5), point=(chance.uniform(110, 120), -32.0))
        for tick in range(4):
            house.turn(now_us + tick * 1_000_000)
    last_us = at("20:00", 3)
    while now_us < last_us:
        now_us += 10 * MINUTE_US
        house.turn(now_us)
    found = back_tested(house)
    from lapwing.app.times import written

    assert [(each["at"], each["kind"]) for each in found["sent"]] == [
        (written(us), kind) for us, kind, _ in house.sent()
    ]
    assert [ids for _, ids in told(found)] == [ids for _, _, ids in house.sent()]
    assert found["digests"] > 0
    assert found["alerts"] > 3


def test_other_values_are_compared(house: House) -> None:
    for minute, mark in enumerate(NAMES[:5]):
        house.change(mark, at(f"10:0{minute}"), POSSIBLE)
    found = back_tested(house, budget=1)
    assert (found["alerts"], found["digests"], found["in_digests"]) == (0, 1, 5)
    before = found["compared"]["before"]
    assert (before["alerts"], before["digests"], before["in_digests"]) == (2, 1, 3)
    assert back_tested(house, severity="severe")["compared"]["no_longer"] == NAMES[:5]


def test_feedback_counts_once_for_a_reader_and_gives_the_precision(house: House) -> None:
    """Three of four: 0.75, and Wilson's interval is 0.301 to 0.954."""
    for minute, mark in enumerate((A, B, C, D)):
        house.change(mark, at("19:00") + minute * MINUTE_US, POSSIBLE, SEVERE)
    house.turn(at("19:10"))
    found = alerts.page(house.directory, 0, 10)["alerts"]
    ids = [each["id"] for each in found]
    assert len(ids) == 3
    for each in ids:
        alerts.say(house.directory, (each, found[0]["reader"]), True, "me")
    said = alerts.say(house.directory, (ids[0], found[0]["reader"]), False, "me")
    assert (said["precision"]["all"]["of"], round(said["precision"]["all"]["share"], 3)) == (3, 0.667)
    assert said["precision"]["rules"]["floods"]["of"] == 3
    assert alerts.page(house.directory, 0, 10)["alerts"][0]["useful"] is False
    assert back_tested(house)["precision"]["of"] == 3
    with pytest.raises(UnknownName):
        alerts.say(house.directory, ("nothing", ""), True, "me")
    assert alerts.page(house.directory, 0, 2)["next"] is not None


def test_kept_rules_count_at_once_and_the_file_wins(house: House) -> None:
    other = rules.rule_of("fires", {"categories": ["fire"], "channels": ["desk"]})
    rules.keep(house.directory, other, "me")
    hidden = rules.keep(house.directory, rules.rule_of("floods", {"channels": ["desk"]}), "me")
    assert hidden["hidden_by_file"]
    found = {each.rule.name: (each.origin, each.hides) for each in rules.listed(house.directory)}
    assert found == {"fires": ("kept", False), "floods": ("file", True)}
    house.change(A, at("19:00"), POSSIBLE, category=2)
    house.turn(at("19:00"))
    rules.remove(house.directory, "fires", "me")
    assert [each.rule.name for each in rules.listed(house.directory)] == ["floods"]
    rules.remove(house.directory, "floods", "me")
    with pytest.raises(UsageError, match="stands in the configuration's file"):
        rules.remove(house.directory, "floods", "me")
    with pytest.raises(UnknownName):
        rules.remove(house.directory, "fires", "me")
    assert not rules.named(house.directory, "floods").hides


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"channels": ["dask"]}, "desk"),
        ({"channels": [{"channel": "desk", "recipient": "nobody"}]}, "knows no such recipient"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"quiet": ["17:00-19:00"]}, "in its quiet hours"),
        ({"quiet": ["17:00-17:00"]}, "never begin"),
        ({"categories": ["flod"]}, "flood"),
        ({"words": ["!!"]}, "no word"),
        ({"budget": 0}, ">= 1"),
        ({"bugdet": 1}, "budget"),
        ({"polygon": "POINT(1 1)"}, "no polygon"),
        ({"languages": ["english!"]}, "language"),
    ],
)
def test_a_rule_that_is_none_is_not_kept(said: dict, message: str, house: House) -> None:
    with pytest.raises(UsageError, match=message):
        rules.keep(house.directory, rules.rule_of("mine", said), "me")
    assert [each.rule.name for each in rules.listed(house.directory)] == ["floods"]


def test_addresses_are_kept_by_their_mark_and_never_shown(house: House) -> None:
    kept = rules.keep(
        house.directory, rules.rule_of("one", {"channels": [{"channel": "desk", "recipient": "duty"}]}), "me"
    )
    assert kept["rule"]["readers"] == 1
    assert b"duty" not in msgspec.json.encode(kept)
    shown = rules.shown(house.directory, rules.named(house.directory, "one"))
    assert (shown["problem"], shown["readers"]) == (None, 1)


def test_lead_times_are_joined_to_their_times(house: House) -> None:
    house.change(A, at("19:00"), POSSIBLE)
    house.turn(at("19:01"))
    house.change(A, at("19:10"), CONFIRMED)
    house.turn(at("19:10"))
    house.change(B, at("19:20"), CLOSED, reason="dismissed")
    found = lead_times.lead_times(house.directory, MIDNIGHT_US, MIDNIGHT_US + 24 * HOUR_US)
    (one, two) = found["incidents"]
    assert (one["detected_at"], one["confirmed_at"], one["sent_at"]) == (
        "2026-01-05T19:00:00Z", "2026-01-05T19:10:00Z", "2026-01-05T19:00:00Z",
    )  # fmt: skip
    assert (one["delivered_at"], one["official_at"], one["false_alarm"], two["false_alarm"]) == (
        None,
        None,
        False,
        True,
    )
    assert lead_times.sheet(found).splitlines()[0].startswith("incident,category,country,first_post_at")


def test_the_command_line_says_it_in_a_sentence(tmp_path: Path) -> None:
    house = House(tmp_path / "data", now_us=MIDNIGHT_US)
    for minute, mark in enumerate(NAMES[:5]):
        house.change(mark, at(f"10:0{minute}"), POSSIBLE)
    house.turn(at("10:05"))
    house.directory.close()
    (tmp_path / "lapwing.toml").write_text(CHANNEL + RULE)
    words = ("rules", "test", "floods", "--since", "2026-01-05", "--until", "2026-01-07")
    said = lapwing(tmp_path / "data", "--config", tmp_path / "lapwing.toml", *words)
    assert "floods would have told of 5 incidents in 2 days: 2 alerts, 3 in 1 digests" in said.out.decode()
    (tmp_path / "mine.toml").write_text('name = "mine"\nbudget = 9\n')
    said = lapwing(tmp_path / "data", "rules", "test", "--rule", tmp_path / "mine.toml", *words[3:], "--json")
    assert (said.json["rule"], said.json["alerts"]) == ("mine", 5)
    assert lapwing(tmp_path / "data", "alerts", "--json").json["alerts"][0]["incidents"] == [B]
    assert lapwing(tmp_path / "data", "rules", "add", tmp_path / "mine.toml").code == 0
    assert lapwing(tmp_path / "data", "rules", "--json").json["rules"][0]["name"] == "mine"
    assert lapwing(tmp_path / "data", "rules", "remove", "mine").code == 0
    assert lapwing(tmp_path / "data", "lead-times", "--since", "2026-01-05", "--json").json["summary"]["incidents"] == 5
    assert lapwing(tmp_path / "data", "rules", "test", "nothing").code == 2
