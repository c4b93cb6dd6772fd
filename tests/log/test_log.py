"""The log's own promises: keys, groups, and everything of a step or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lapwing.contracts import Claimed, FunctionNote
from lapwing.errors import Fenced, KeyReused, UnknownVersion
from lapwing.log.sqlite import FORMAT_VERSION, LEASE_US, Retention, SqliteLog
from lapwing.model import Records

DAY_US = 86_400_000_000
NOW_US = 1_767_571_200_000_000


def records(*values: str, keys: list[str] | None = None) -> Records:
    return Records(
        source="me",
        network="",
        format="json",
        values=[value.encode() for value in values],
        received_at_us=[NOW_US] * len(values),
        keys=keys,
    )


def values(log: SqliteLog, topic: str) -> list[str]:
    found = []
    for (name, partition), (first, _) in sorted(log.spans().items()):
        if name == topic:
            found += [bytes(v).decode() for c in log.read(name, partition, first, 1 << 60) for v in c.records.values]
    return found


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    return SqliteLog(tmp_path / "log.sqlite", partitions=2)


def claim(log: SqliteLog, owner: str = "one", now_us: int = NOW_US) -> Claimed | None:
    return log.claim_group("readers", "in", 0, owner, now_us)


def held(log: SqliteLog, owner: str = "one", now_us: int = NOW_US) -> Claimed:
    found = claim(log, owner, now_us)
    assert found is not None
    return found


def test_the_same_key_appends_once(log: SqliteLog) -> None:
    assert log.append_once("in", records("1", "2"), now_us=NOW_US, key="k")
    assert not log.append_once("in", records("1", "2"), now_us=NOW_US + 5, key="k")
    assert log.append_once("in", records("1", "2"), now_us=NOW_US, key="another")
    assert log.append_once("elsewhere", records("1", "2"), now_us=NOW_US, key="k")
    assert values(log, "in") == ["1", "2", "1", "2"]


@pytest.mark.parametrize("other", [("1", "3"), ("12",), ("1",), ("1", "2", "3"), ("2", "1")])
def test_the_same_key_with_another_body_is_refused(log: SqliteLog, other: tuple[str, ...]) -> None:
    log.append_once("in", records("1", "2"), now_us=NOW_US, key="k")
    with pytest.raises(KeyReused, match="idempotency key 'k'"):
        log.append_once("in", records(*other), now_us=NOW_US + 5, key="k")
    assert values(log, "in") == ["1", "2"]


def test_a_key_of_another_record_key_is_another_body(log: SqliteLog) -> None:
    log.append_once("in", records("1", keys=["a"]), now_us=NOW_US, key="k")
    with pytest.raises(KeyReused):
        log.append_once("in", records("1", keys=["b"]), now_us=NOW_US, key="k")


def test_a_key_is_forgotten_after_a_day_whether_it_was_dropped_or_not(log: SqliteLog) -> None:
    log.append_once("in", records("1"), now_us=NOW_US, key="k")
    assert not log.append_once("in", records("1"), now_us=NOW_US + DAY_US, key="k")
    assert log.append_once("in", records("2"), now_us=NOW_US + DAY_US + 1, key="k")
    log.append_once("in", records("3"), now_us=NOW_US, key="old")
    log.expire(NOW_US + DAY_US + 1)
    left = log._connection.execute("SELECT key FROM keys").fetchall()
    assert left == [("k",)]


def test_a_key_is_remembered_with_its_records_or_not_at_all(tmp_path: Path) -> None:
    def die(name: str) -> None:
        if name == "log.before_commit" and dying:
            raise KeyboardInterrupt

    dying: list[int] = []
    log = SqliteLog(tmp_path / "log.sqlite", mark=die)
    dying.append(1)
    with pytest.raises(KeyboardInterrupt):
        log.append_once("in", records("1"), now_us=NOW_US, key="k")
    dying.clear()
    assert log.append_once("in", records("1"), now_us=NOW_US, key="k")
    assert values(log, "in") == ["1"]


def test_a_group_begins_at_the_beginning_and_goes_on_where_it_was(log: SqliteLog) -> None:
    log.append("in", records("1", "2", "3"), now_us=NOW_US)
    first = held(log)
    assert first.next_offset == 0
    assert log.group_lag("readers", "in") == 3
    advanced = log.append_and_advance(first, 2, [("out", records("x")), ("errors", records("y"))], now_us=NOW_US)
    assert advanced.next_offset == 2
    assert (values(log, "out"), values(log, "errors"), log.group_lag("readers", "in")) == (["x"], ["y"], 1)
    log.release_group("readers", "one")
    assert held(log, "two").next_offset == 2
    assert log.claim_group("others", "in", 0, "two", NOW_US) == Claimed(2, "in", 0, 1, 0)


def test_a_group_can_begin_at_the_end(log: SqliteLog) -> None:
    log.append("in", records("1", "2", "3"), now_us=NOW_US)
    log.begin_group("readers", "in")
    assert held(log).next_offset == 3
    log.append("in", records("4"), now_us=NOW_US)
    log.begin_group("readers", "in")
    assert log.group_lag("readers", "in") == 1


def test_another_waits_until_the_lease_runs_out_and_the_first_is_fenced(log: SqliteLog) -> None:
    log.append("in", records("1"), now_us=NOW_US)
    first = held(log)
    assert claim(log, "two", NOW_US + LEASE_US) is None
    log.heartbeat_group("readers", "one", NOW_US + LEASE_US)
    assert claim(log, "two", NOW_US + LEASE_US + 1) is None
    second = held(log, "two", NOW_US + 2 * LEASE_US + 1)
    assert second.epoch == first.epoch + 1
    with pytest.raises(Fenced, match="partition 0 of 'in' was taken over"):
        log.append_and_advance(first, 1, [("out", records("x"))], now_us=NOW_US)
    assert values(log, "out") == []
    log.append_and_advance(second, 1, [("out", records("x"))], now_us=NOW_US)
    assert values(log, "out") == ["x"]


def test_a_claim_that_is_behind_its_group_is_fenced_too(log: SqliteLog) -> None:
    log.append("in", records("1", "2"), now_us=NOW_US)
    first = held(log)
    log.append_and_advance(first, 1, [], now_us=NOW_US)
    with pytest.raises(Fenced):
        log.append_and_advance(first, 1, [("out", records("x"))], now_us=NOW_US)


def test_a_lease_whose_process_is_gone_need_not_run_out(log: SqliteLog) -> None:
    log.append("in", records("1"), now_us=NOW_US)
    held(log)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    log._connection.execute("UPDATE groups SET pid = ?", (gone.pid,))
    assert claim(log, "two") is not None


def test_members_are_counted_while_they_live(log: SqliteLog) -> None:
    assert log.heartbeat_group("readers", "one", NOW_US) == 1
    assert log.heartbeat_group("readers", "two", NOW_US) == 2
    assert log.heartbeat_group("others", "three", NOW_US) == 1
    log.release_group("readers", "one")
    assert log.heartbeat_group("readers", "two", NOW_US) == 1
    assert log.heartbeat_group("readers", "one", NOW_US + LEASE_US + 1) == 1


def test_a_lag_counts_only_what_is_still_there(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite", partitions=1, retention=Retention(age_us=100))
    log.append("in", records("1", "2"), now_us=NOW_US)
    log.append("in", records("3"), now_us=NOW_US + 200)
    assert log.group_lag("readers", "in") == 3
    log.expire(NOW_US + 250)
    assert log.group_lag("readers", "in") == 1


def test_states_add_up(log: SqliteLog) -> None:
    log.note_function(FunctionNote(name="f", state="running", lag=5, calls=2, failures=1, last_error="x"), NOW_US)
    log.note_function(FunctionNote(name="f", state="stopped", lag=0, calls=3), NOW_US + 1)
    assert log.function_states() == [
        {"name": "f", "state": "stopped", "lag": 0, "calls": 5, "failures": 1, "last_error": "x", "noted_us": NOW_US + 1}
    ]  # fmt: skip
    log.report("mine", 3, 2, NOW_US)
    log.report("mine", 1, 0, NOW_US)
    assert log.reports() == [{"name": "mine", "consumed": 4, "produced": 2, "noted_us": NOW_US}]


def test_a_log_of_another_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    log._connection.execute("UPDATE meta SET value = '2'")
    log.close()
    before = path.read_bytes()
    with pytest.raises(UnknownVersion, match=f"format version 2, this Lapwing knows {FORMAT_VERSION}"):
        SqliteLog(path)
    assert path.read_bytes() == before
