"""Functions between topics: what they make goes on, what they fail on is told, and they harm nobody."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from room import Room, no_posts, plan

from lapwing.engine.calling import ABANDONED_MAX, ProcessCaller
from lapwing.engine.clock import SystemClock
from lapwing.engine.functions import FunctionRunner
from lapwing.log.sqlite import SqliteLog

HERE = str(Path(__file__).parent)


def test_a_frame_goes_in_and_what_is_returned_goes_on(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"n": 1, "word": "a"}, {"n": 2, "word": "b"}, {"n": 3}])
    room.run(plan(lambda frame: frame.filter(pl.col("n") > 1).with_columns(twice=pl.col("n") * 2)))
    assert room.all() == [{"n": 2, "word": "b", "twice": 4}, {"n": 3, "twice": 6}]
    assert room.all("errors") == []


def test_one_record_at_a_time(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([1, 2, 3, [4], "five", {"six": 6}])
    returned = {"1": None, "2": {"two": True}, "3": [{"a": 1}, {"b": 2}], "[4]": [], "five": {"5": 5}}
    room.run(plan(lambda value: returned.get(str(value)), each=True))
    assert room.all() == [{"two": True}, {"a": 1}, {"b": 2}, {"5": 5}]


def test_values_that_are_no_objects_come_in_the_column_value(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([1, 2])
    room.run(plan(lambda frame: {"sum": frame["value"].sum()}))
    assert room.all() == [{"sum": 3}]


def test_without_a_topic_to_write_to_nothing_is_kept(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"n": 1}])
    room.run(plan(lambda frame: frame, to=None))
    assert {topic for topic, _ in room.log.spans()} == {"in"}


@pytest.mark.parametrize("each", [True, False])
def test_a_poisoned_record_ends_in_errors_after_its_retries_alone(tmp_path: Path, each: bool) -> None:
    room = Room(tmp_path, partitions=1)
    room.put([{"n": n} for n in range(9)])
    seen: list[int] = []

    def fail(given: Any) -> Any:
        numbers = [given["n"]] if each else given["n"].to_list()
        if 4 in numbers:
            seen.append(len(numbers))
            raise ValueError("four is poison")
        return [{"n": n} for n in numbers]

    room.run(plan(fail, each=each, retries=3))
    assert sorted(value["n"] for value in room.all()) == [0, 1, 2, 3, 5, 6, 7, 8]
    (letter,) = room.all("errors")
    assert (letter["function"], letter["topic"], letter["partition"], letter["offset"]) == ("f", "in", 0, 4)
    assert (letter["reason"], letter["record"]) == ("ValueError: four is poison", {"n": 4})
    assert letter["trace"].startswith(f'  File "{__file__}"')  # how we called it tells nobody anything
    assert "four is poison" in letter["trace"]
    assert seen[:4] == ([1] * 4 if each else [9] * 4)
    assert room.state()["failures"] == 1


def test_what_fails_for_a_moment_goes_on_after_a_retry(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"n": 1}])
    calls = []

    def flaky(value: Any) -> Any:
        calls.append(value)
        if len(calls) < 3:
            raise ConnectionError("try later")
        return value

    room.run(plan(flaky, each=True, retries=3))
    assert room.all() == [{"n": 1}]
    assert room.all("errors") == []


class Strange:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message either")


def raises(problem: BaseException) -> Any:
    raise problem


ring: list[Any] = []
ring.append({"ring": ring})

NONSENSE = {
    "a number": lambda _: 5,
    "a text": lambda _: "text",
    "a list of numbers": lambda _: [1, 2],
    "a NaN": lambda _: {"n": float("nan")},
    "an infinity inside": lambda _: [{"n": [float("-inf")]}],
    "a NaN of numpy": lambda _: {"n": np.float64("nan")},
    "a NaN in a frame": lambda _: pl.DataFrame({"n": [float("nan")]}),
    "an object": lambda _: {"n": Strange()},
    "bytes": lambda _: {"n": b"bytes"},
    "a set": lambda _: {"n": {1}},
    "a generator": lambda _: (n for n in [1]),
    "half a character": lambda _: {"text": "\ud800"},
    "a ring": lambda _: ring,
    "too much": lambda _: {"text": "x" * (1 << 20)},
    "an exit": lambda _: sys.exit(3),
    "an interrupt": lambda _: raises(KeyboardInterrupt()),
    "a broken exception": lambda _: raises(Silent()),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_a_failure_and_the_others_go_on(tmp_path: Path, what: str) -> None:
    room = Room(tmp_path)
    room.put([{"n": 1}, {"n": 2}])
    room.run(
        plan(lambda value: NONSENSE[what](value) if value["n"] == 1 else value, each=True),
        plan(lambda frame: frame, name="other", to="others"),
    )
    assert room.all() == [{"n": 2}]
    assert room.all("others") == [{"n": 1}, {"n": 2}]
    assert [letter["record"] for letter in room.all("errors")] == [{"n": 1}]


def test_what_json_cannot_say_plainly_is_written_as_people_expect(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"at": "2026-01-05T10:00:00Z"}])
    room.run(
        plan(lambda frame: frame.with_columns(pl.col("at").str.to_datetime(time_zone="UTC"), n=pl.lit(np.int64(3))))
    )
    assert room.all() == [{"at": "2026-01-05T10:00:00Z", "n": 3}]


def test_a_record_that_is_not_json_is_a_failure(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([b"{", b"\xff", {"n": 1}])
    room.run(plan(lambda frame: frame))
    assert room.all() == [{"n": 1}]
    assert [letter["record"] for letter in room.all("errors")] == ["{", {"base64": "/w=="}]


def test_a_call_that_blocks_is_left_behind_and_its_neighbours_go_on(tmp_path: Path) -> None:
    room, never = Room(tmp_path), threading.Event()
    room.put([{"n": n} for n in range(5)])
    room.run(plan(lambda value: never.wait() if value["n"] == 2 else value, each=True, timeout_s=0.1))
    never.set()
    assert [value["n"] for value in room.all()] == [0, 1, 3, 4]
    (letter,) = room.all("errors")
    assert letter["reason"] == "TimeoutError: did not return within 0.1 s"


def test_a_function_that_always_blocks_is_paused_and_says_so_and_another_runs(tmp_path: Path) -> None:
    room, never = Room(tmp_path), threading.Event()
    room.put([{"n": n} for n in range(ABANDONED_MAX + 5)])
    blocking = plan(lambda _: never.wait(), each=True, timeout_s=0.01)
    other = plan(lambda frame: frame, name="other", to="others")
    room.run(
        blocking,
        other,
        until=lambda: any("paused" in row["state"] for row in room.log.function_states()),
    )
    never.set()
    assert "calls never returned" in room.state()["state"]
    assert len(room.all("others")) == ABANDONED_MAX + 5


def test_calls_run_at_once_and_the_order_of_each_key_is_kept(tmp_path: Path) -> None:
    room = Room(tmp_path, partitions=2)
    room.put([{"key": f"k{n % 7}", "n": n} for n in range(200)], key=lambda value: value["key"])
    running, most, lock = 0, 0, threading.Lock()

    def slow(value: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001 * (value["n"] % 3))  # so that calls begun together end in another order
        with lock:
            running -= 1
        return value

    room.run(plan(slow, each=True, parallel=4))
    made = room.all()
    assert sorted(value["n"] for value in made) == list(range(200))
    for key in range(7):
        numbers = [value["n"] for value in made if value["key"] == f"k{key}"]
        assert numbers == sorted(numbers)
    assert 2 <= most <= 4


def test_several_processes_share_the_partitions_of_a_function(tmp_path: Path) -> None:
    room = Room(tmp_path)
    first, second = room.runner(plan(lambda frame: frame), "a"), room.runner(plan(lambda frame: frame), "b")
    room.put([{"n": n} for n in range(50)], key=lambda value: str(value["n"]))
    members = [runner._member for runner in (first, second)]
    now_us = room.clock.now_us()
    for turn, member in enumerate(members * 2):
        member.keep(now_us + (turn + 1) * 500_000)
    assert sorted(len(member.claims) for member in members) in ([0, 4], [4, 4])
    for member in members:
        member.keep(now_us + 3_000_000)
    assert [len(member.claims) for member in members] == [4, 4]
    assert not members[0].claims.keys() & members[1].claims.keys()


def test_a_function_in_a_process_may_block_exit_and_print(tmp_path: Path) -> None:
    room = Room(tmp_path)
    what = ["good", "exit", "good", "leave", "print", "block", "nonsense", "good"]
    room.put([{"do": each} for each in what])
    caller = partial(ProcessCaller, "programs:misbehave", HERE)
    room.run(plan(caller=caller, each=True, timeout_s=1.0))
    assert [value["did"] for value in room.all()] == ["good", "good", "print", "good"]
    reasons = [letter["reason"] for letter in room.all("errors")]
    assert reasons[0] == "SystemExit: 3"
    assert reasons[1] == "ProcessEnded: its process ended with exit code 7"
    assert reasons[2] == "TimeoutError: did not return within 1 s"
    assert reasons[3].startswith("TypeError: returned nonsense")


def test_a_frame_in_a_process(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"n": 1}, {"n": 2}])
    room.run(plan(caller=partial(ProcessCaller, "programs:doubled", HERE)))
    assert room.all() == [{"n": 2}, {"n": 4}]


def test_a_module_that_cannot_be_imported_in_a_process_is_a_failure_of_each_record(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"n": 1}])
    room.run(plan(caller=partial(ProcessCaller, "no_such_module:f", HERE)))
    assert room.all("errors")[0]["reason"].startswith("ModuleNotFoundError")


def test_what_is_stopped_in_the_middle_begins_anew(tmp_path: Path) -> None:
    room = Room(tmp_path, partitions=1)
    room.put([{"n": n} for n in range(3)])
    stopped, entered, leave = threading.Event(), threading.Event(), threading.Event()

    def slow(frame: Any) -> Any:
        entered.set()
        leave.wait(0.2)
        return frame

    thread = threading.Thread(target=room.runner(plan(slow)).run, args=(stopped.is_set,))
    thread.start()
    entered.wait(10)
    stopped.set()
    thread.join(10)
    assert not thread.is_alive()
    room.run(plan(lambda frame: frame))
    assert [value["n"] for value in room.all()] == [0, 1, 2]


def test_what_was_taken_over_is_dropped_and_made_by_the_other_alone(tmp_path: Path) -> None:
    room, entered, leave = Room(tmp_path, partitions=1), threading.Event(), threading.Event()
    room.put([{"n": n} for n in range(3)])

    def slow(frame: Any) -> Any:
        entered.set()
        leave.wait(10)
        return frame

    done = threading.Event()
    frozen = threading.Thread(target=room.runner(plan(slow), "frozen").run, args=(done.is_set,))
    frozen.start()
    assert entered.wait(10)
    later_us = room.clock.now_us() + 60_000_000
    taken_over = room.log.claim_group("f", "in", 0, "rival", later_us)
    assert taken_over is not None
    leave.set()
    room.clock.sleep(0.3)  # time to do the wrong thing
    assert room.all() == []
    room.log.release_group("f", "rival")
    done.set()
    frozen.join(10)
    room.run(plan(lambda frame: frame))
    assert [value["n"] for value in room.all()] == [0, 1, 2]


class Impatient(SystemClock):
    def sleep(self, seconds: float, wake: threading.Event | None = None) -> bool:
        return super().sleep(min(seconds, 0.01), wake)


def test_on_a_full_disk_it_waits_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.put([{"n": n} for n in range(3)])
    full = []

    def fill(name: str) -> None:
        if name == "log.output_appended" and len(full) < 3:
            full.append(name)
            raise sqlite3.OperationalError("database or disk is full")

    log = SqliteLog(room.path, mark=fill)
    runner = FunctionRunner(plan(lambda frame: frame), log, Impatient(), "one", no_posts)
    done = threading.Event()
    thread = threading.Thread(target=runner.run, args=(done.is_set,))
    thread.start()
    while room.log.group_lag("f", "in"):
        room.clock.sleep(0.01)  # the runner is in another thread; only the log says when it is done
    done.set()
    thread.join(10)
    assert len(full) == 3
    assert [value["n"] for value in room.all()] == [0, 1, 2]


def test_large_records_come_a_few_at_a_time(tmp_path: Path) -> None:
    room, heights = Room(tmp_path, partitions=1), []
    room.put([{"n": n, "text": "x" * 1_000_000} for n in range(40)])
    room.run(plan(lambda frame: heights.append(frame.height)))
    assert sum(heights) == 40
    assert max(heights) == 16
