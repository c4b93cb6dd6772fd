"""Posts through log, worker and ledger to incidents, and what people decide about them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from incidents.town import OPENED, START_US, answer, fires, look, open_town, post, rows, tell, turn
from lapwing.app import incidents
from lapwing.app.rebuilding import rebuild
from lapwing.errors import UnknownName, UsageError
from lapwing.ledger.sqlite.incidents import changes_after
from lapwing.ledger.sqlite.verify import verify
from lapwing.testing import CrashMarks

DEADLINE_S = 60
STATES = "SELECT state, reason, voices, posts FROM incidents WHERE state > 0"


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every directory is closed when its test is over."""
    yield
    while OPENED:
        OPENED.pop().close()


def told(folder: Path, *batches: list[bytes]):  # type: ignore[no-untyped-def]
    directory = open_town(folder)
    for batch in batches:
        tell(directory, batch)
    return directory


def deleted(name: str) -> bytes:
    """What X sends when a post was deleted."""
    return json.dumps({"data": {"delete": {"tweet": {"id": name}, "event_at": "2026-01-05T10:00:00Z"}}}).encode()


def decide(directory, kind: str, mark: str, into: str = "") -> None:  # type: ignore[no-untyped-def]
    incidents.decide(directory, incidents.decision_of(kind, mark, into, "ann"))
    turn(directory, 4)


def test_one_fire_told_by_ten_is_one_confirmed_incident(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(10))
    look(directory)
    assert rows(directory, STATES) == [(2, "", 10, 10)]
    (found,) = incidents.page(directory.ledger.store, incidents.Wanted(), 10)["incidents"]
    assert (found["place"]["name"], found["country"], found["category"], found["people"]) == (
        "City 3",
        "AU",
        "fire",
        10,
    )
    assert found["point"] == {"longitude": 125.0, "latitude": -30.0, "radius_km": 0.0}
    kinds = [change["kind"] for change in changes_after(directory.ledger.store, 0, 100)]
    assert kinds[:2] == ["opened", "confirmed"]
    assert all(
        not finding.broken
        for finding in verify(directory.ledger.store, directory.log.spans())
        if "index" not in finding.promise
    )


def test_posts_that_are_not_flagged_leave_no_row(tmp_path: Path) -> None:
    directory = told(
        tmp_path,
        [post(n, n, n, f"talk 3 0 %: lunch {n}") for n in range(20)] + [post(99, 60, 99, "fire 3 20 %: so hot")],
    )
    look(directory)
    assert rows(directory, "SELECT count(*) FROM flagged") == [(0,)]
    assert rows(directory, "SELECT count(*) FROM incidents") == [(0,)]


def test_one_person_and_one_text_are_one_voice(tmp_path: Path) -> None:
    same = "fire 3 90 %: big smoke over the old harbour crane"
    copied = [post(n, 600 + n, 2_000 + n, same) for n in range(30)]
    talkative = [
        post(100 + n, 700 + n, 5, f"fire 3 90 %: smoke again number{n} and more{n} of it{n}") for n in range(30)
    ]
    directory = told(tmp_path, copied + talkative)
    look(directory)
    assert rows(directory, "SELECT state, voices, posts FROM incidents") == [(0, 2, 60)]


def test_fires_far_apart_are_two(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(8, city=3) + fires(8, city=7, first=50))
    look(directory)
    assert rows(directory, "SELECT state, voices, area FROM incidents ORDER BY area") == [(2, 8, 3), (2, 8, 7)]


def test_the_answer_is_the_same_in_steps_of_any_size(tmp_path: Path) -> None:
    batches = [
        fires(4),
        fires(5, first=20, second=700),
        fires(6, city=6, first=40, second=800),
        fires(3, first=60, second=9_000),
    ]
    one = told(tmp_path / "one", *batches)
    look(one)
    other = open_town(tmp_path / "other")
    for batch in batches:
        tell(other, batch)
        look(other)  # opened anew each time, from what was saved
    assert answer(one) == answer(other)
    assert len(rows(one, "SELECT 1 FROM incidents WHERE state > 0")) >= 2


def test_deleted_posts_take_their_evidence_back(tmp_path: Path) -> None:
    records = fires(9)
    directory = told(tmp_path, records)
    look(directory)
    names = [json.loads(record)["data"]["id"] for record in records]
    tell(directory, [deleted(name) for name in names[:4]])
    look(directory)
    assert rows(directory, "SELECT voices, posts, taken_back FROM incidents") == [(5, 5, 4)]
    tell(directory, [deleted(name) for name in names[4:]])
    look(directory)
    assert rows(directory, "SELECT state, reason, voices FROM incidents") == [(4, "withdrawn", 0)]
    assert rows(directory, "SELECT kind FROM incident_changes ORDER BY number DESC LIMIT 1") == [("closed",)]


def test_a_copy_speaks_when_what_it_copied_is_deleted(tmp_path: Path) -> None:
    same = "fire 3 90 %: big smoke over the old harbour crane"
    records = [post(1, 600, 1, same), post(2, 605, 2, same)]
    directory = told(tmp_path, records)
    look(directory)
    assert rows(directory, "SELECT seq, voice FROM evidence ORDER BY seq") == [(0, 1), (1, 0)]
    name = json.loads(records[0])["data"]["id"]
    tell(directory, [deleted(name)])
    look(directory)
    assert rows(directory, "SELECT seq, voice, standing FROM evidence ORDER BY seq") == [(0, 0, 0), (1, 1, 1)]


def test_silence_makes_it_fade_and_close(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(9), [post(900, 3 * 3_600 + 1_000, 7, "talk 5 0 %: lunch")])
    look(directory)
    assert rows(directory, "SELECT state FROM incidents") == [(3,)]
    late = json.loads(post(901, 0, 7, "talk 5 0 %: next day"))
    late["data"]["created_at"] = "2026-01-05T12:59:00.000Z"
    tell(directory, [json.dumps(late).encode()])
    look(directory)
    assert rows(directory, "SELECT kind FROM incident_changes ORDER BY number")[-1] == ("fading",)


def test_people_decide(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(4) + fires(4, city=7, first=50))
    look(directory)
    marks = [mark for (mark,) in rows(directory, "SELECT mark FROM incidents ORDER BY area")]
    decide(directory, "confirm", marks[0])
    assert rows(directory, "SELECT state, confirmed_by FROM incidents ORDER BY area")[0] == (2, "ann")
    decide(directory, "merge", marks[1], marks[0])
    assert rows(directory, "SELECT state, reason, merged_into FROM incidents ORDER BY area")[1] == (
        4,
        "merged",
        marks[0],
    )
    assert rows(directory, f"SELECT voices FROM incidents WHERE mark = '{marks[0]}'") == [(8,)]
    decide(directory, "mute", marks[0])
    decide(directory, "dismiss", marks[0])
    assert rows(directory, "SELECT state, reason, muted FROM incidents ORDER BY area")[0] == (4, "dismissed", 1)
    tell(directory, fires(6, first=80, second=900))
    look(directory)
    assert len(rows(directory, "SELECT 1 FROM incidents WHERE state BETWEEN 1 AND 3")) == 0  # it stays dismissed
    with pytest.raises(UnknownName):
        incidents.decide(directory, incidents.decision_of("confirm", "nosuch", "", ""))
    with pytest.raises(UsageError):
        incidents.decide(directory, incidents.decision_of("merge", marks[0], marks[0], ""))


def test_a_rebuild_gives_the_same_incidents_and_tells_nothing_again(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(9), fires(9, city=6, first=40, second=800))
    look(directory)
    (mark,) = rows(directory, "SELECT mark FROM incidents WHERE area = 6")[0]
    decide(directory, "mute", mark)
    before = answer(directory)
    last = changes_after(directory.ledger.store, 0, 100)[-1]["number"]
    assert rebuild(directory, None)["recomputed"] == 18
    look(directory)
    assert answer(directory) == before
    assert changes_after(directory.ledger.store, last, 100) == []


def test_a_card_shows_three_different_posts_and_when_what_was_said(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(9))
    look(directory)
    (mark,) = rows(directory, "SELECT mark FROM incidents")[0]
    card = incidents.card(directory, mark)
    assert len({each["text"] for each in card["evidence"]}) == 3
    assert card["timeline"] == [{"window": "2026-01-05T09:10:00Z", "people": 9}]
    assert card["history"][0]["kind"] == "opened"
    assert "<status>Draft</status>" in incidents.as_cap(directory, mark)
    with pytest.raises(UnknownName):
        incidents.card(directory, "' OR 1=1 --")


def test_a_ledger_from_before_incidents_opens(tmp_path: Path) -> None:
    directory = told(tmp_path, fires(3))
    for table in ("flagged", "moments", "incidents", "evidence", "rhythms", "incident_changes", "decisions"):
        directory.ledger.store.connection.execute(f"DROP TABLE {table}")
    directory.close()
    again = open_town(tmp_path)
    tell(again, fires(9, first=40))
    look(again)
    assert rows(again, STATES) == [(2, "", 9, 9)]


MARKS = ("incidents.fenced", "incidents.written", "ledger.before_commit", "ledger.after_commit")


@pytest.mark.full
@pytest.mark.parametrize("mark", MARKS)
def test_killed_anywhere_nothing_is_lost_or_double(tmp_path: Path, mark: str) -> None:
    batches = [fires(6), fires(6, first=20, second=900), fires(6, city=6, first=40, second=1_200)]
    whole = told(tmp_path / "whole", *batches)
    look(whole)
    told(tmp_path / "killed", *batches).close()
    script = Path(__file__).with_name("run_stage.py")
    times = 2 if mark.startswith("ledger") else 1  # the first transaction of all is that of the lease
    for _ in range(1 if mark == "ledger.after_commit" else 2):  # after that one there is nothing left to do
        done = subprocess.run(
            [sys.executable, script, tmp_path / "killed", mark, str(times)], timeout=DEADLINE_S,
            env={**os.environ, "POLARS_MAX_THREADS": "1"}, check=False,
        )  # fmt: skip
        assert done.returncode == -9
    killed = open_town(tmp_path / "killed")
    look(killed)
    assert answer(killed) == answer(whole)


def test_the_marks_are_there(tmp_path: Path) -> None:
    passed = CrashMarks()
    directory = open_town(tmp_path, passed)
    tell(directory, fires(3))
    look(directory)
    assert {"incidents.fenced", "incidents.written"} <= set(passed.passed)
    assert START_US > 0
