"""Posts in, alerts in the outbox: through log, worker, the stage of incidents and the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from incidents.town import OPENED, START_US, fires, look, open_town, rows, tell, turn
from lapwing import config
from lapwing.app import back_tests, incidents, rules
from lapwing.app.opening import Directory
from lapwing.app.rebuilding import rebuild
from lapwing.engine.clock import SystemClock
from lapwing.model import COVERAGE, Covered, Records
from rules.house import CHANNEL, RULE, House
from rules.stories import CLOSED, CONFIRMED, at

RULES = """
[[rule]]
name = "harbour"
channels = ["desk"]
words = ["flames harbour", "nothing"]

[[rule]]
name = "elsewhere"
channels = ["desk"]
words = ["hurricane"]
"""


class Earlier(SystemClock):
    """The machine's clock, as if it were twenty minutes past nine of that day."""

    def __init__(self) -> None:
        self.behind_us = super().now_us() - (START_US + 20 * 60_000_000)

    def now_us(self) -> int:
        return super().now_us() - self.behind_us


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def town(folder: Path, text: str) -> Directory:
    directory = open_town(folder)
    directory.clock = Earlier()
    directory.configuration = config.parse(text, environment={})
    return directory


def test_a_fire_of_which_ten_tell_is_one_alert_and_a_rebuild_sends_none(tmp_path: Path) -> None:
    directory = town(tmp_path, CHANNEL + RULES)
    tell(directory, fires(10))
    look(directory)
    turn(directory, 3)
    statement = (
        "SELECT a.kind, json_extract(a.body, '$.title'), json_extract(a.body, '$.evidence') FROM outbox_alerts a"
    )
    (one, *upgrades) = rows(directory, statement)
    assert (one[0], one[1].split(" — ")[0], len(msgspec.json.decode(one[2]))) == ("confirmed", "Fire, City 3", 3)
    assert upgrades == []
    (mark,) = rows(directory, "SELECT mark FROM incidents WHERE state > 0")[0]
    incidents.decide(directory, incidents.decision_of("dismiss", mark, "", "ann"))
    turn(directory, 4)
    assert [kind for kind, *_ in rows(directory, statement)] == ["confirmed", "all-clear"]
    before = rows(directory, "SELECT alert, channel, address, at_us FROM alert_sent ORDER BY number")
    rebuild(directory, None)
    look(directory)
    turn(directory, 4)
    assert rows(directory, "SELECT alert, channel, address, at_us FROM alert_sent ORDER BY number") == before
    assert len(rows(directory, "SELECT 1 FROM outbox_deliveries")) == 2


def test_a_back_test_of_posts_says_what_was_sent(tmp_path: Path) -> None:
    directory = town(tmp_path, CHANNEL + RULES)
    tell(directory, fires(10))
    look(directory)
    turn(directory, 3)
    sent = [kind for (kind,) in rows(directory, "SELECT kind FROM alert_sent ORDER BY number")]
    for name, expected in (("harbour", sent), ("elsewhere", [])):
        tested = back_tests.tested_of(directory, rules.named(directory, name).rule, ("2026-01-05", None))
        assert [each["kind"] for each in back_tests.test(directory, tested)["sent"]] == expected


def test_an_all_clear_says_when_nobody_could_have_been_heard(tmp_path: Path) -> None:
    """From 10:00 on one of two hours is missing; at 12:00 the incident is closed because nobody speaks of it."""
    house = House(tmp_path, '[serve]\npublic_url = "https://lapwing.example/"\n' + CHANNEL + RULE, at("13:00"))
    notes = [
        Covered("x", "x", at("09:00"), at("09:00"), "began", live=True),
        Covered("x", "x", at("09:00"), at("11:00"), live=True),
        Covered("x", "x", at("11:00"), at("13:00"), "gap", "no connection", live=True),
    ]
    values = [msgspec.json.encode(note) for note in notes]
    records = Records(source="x", network="x", format="", values=values, received_at_us=[at("13:00")] * 3)
    house.directory.log.append(COVERAGE, records, now_us=at("09:00"))
    house.directory.worker("w").run(lambda: house.directory.behind() == 0)
    house.change("4k9m2xq7w1ze", at("10:00"), CONFIRMED)
    house.turn(at("10:00"))
    house.change("4k9m2xq7w1ze", at("12:00"), CLOSED, reason="quiet")
    with house.directory.ledger.store.transaction() as connection:
        connection.execute("UPDATE incidents SET last_us = ?", (at("10:00"),))
    house.turn(at("12:00"))
    first, over = (msgspec.json.decode(body) for (body,) in rows(house.directory, "SELECT body FROM outbox_alerts"))
    assert first["url"] == "https://lapwing.example/incidents?incident=4k9m2xq7w1ze"
    assert (over["title"], over["completeness"]) == (
        "Over: Flood, AU",
        0.501,
    )  # of what the last 15 s said nothing can be known yet
    assert over["body"] == (
        "Nobody has told of it for some time. But of what the sources say, only 50% was heard since then: it may go on."
    )
    house.directory.close()
