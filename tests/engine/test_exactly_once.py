"""Killed at any moment, several at once: no output of a function is lost, none is double, and neither is a failure."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from room import Room

HERE = Path(__file__).parent
MARKS = ("log.before_commit", "log.after_commit", "log.advanced", "log.output_appended")
DEADLINE_S = 60


def start(folder: Path, owner: str, mark: str = "", times: int = 1) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / "run_functions.py"), str(folder), owner, mark, str(times)]
    return subprocess.Popen(command, env={**os.environ, "POLARS_MAX_THREADS": "1"})


def filled(folder: Path, records: int) -> None:
    room = Room(folder, partitions=4)
    for first in range(0, records, 25):
        room.put([{"n": n} for n in range(first, min(records, first + 25))], key=lambda value: str(value["n"] % 17))
    room.log.close()


def expected(records: int) -> tuple[list[int], list[int]]:
    """By hand: what goes on, twice where it is doubled, and what fails."""
    failing = [n for n in range(records) if n % 10 == 3]
    going_on = [n for n in range(records) if n % 10 != 3 and n % 7 != 0 for _ in range(2 if n % 5 == 0 else 1)]
    return going_on, failing


def check(folder: Path, records: int) -> None:
    room = Room(folder)
    going_on, failing = expected(records)
    for topic in ("middle", "out"):
        assert sorted(value["n"] for value in room.all(topic)) == going_on, topic
    assert sorted(letter["record"]["n"] for letter in room.all("errors")) == failing
    for key in range(17):
        numbers = [value["n"] for value in room.all("middle") if value["n"] % 17 == key]
        assert numbers == sorted(numbers)
    room.log.close()


def kill_at_random(folder: Path, chance: random.Random, kills: int, at_once: int = 2) -> None:
    records, in_the_middle = 400 * kills, 0
    filled(folder, records)
    for number in range(kills):
        started = [start(folder, f"{number}-{each}") for each in range(at_once)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            started[0].wait(chance.uniform(0.5, 1.5))
        in_the_middle += started[0].poll() is None
        for each in started:
            each.kill()
            each.wait()
    assert in_the_middle >= kills // 2, "most had nothing left to do; this test tests nothing"
    assert start(folder, "last").wait(DEADLINE_S) == 0
    check(folder, records)


@pytest.mark.full
def test_killed_in_the_middle_of_a_commit_and_after_one(tmp_path: Path) -> None:
    filled(tmp_path, 400)
    assert start(tmp_path, "one", "log.output_appended", 3).wait(DEADLINE_S) == -signal.SIGKILL
    assert start(tmp_path, "two", "log.after_commit", 25).wait(DEADLINE_S) == -signal.SIGKILL
    assert start(tmp_path, "last").wait(DEADLINE_S) == 0
    check(tmp_path, 400)


@pytest.mark.full
def test_several_processes_at_once_share_the_work(tmp_path: Path) -> None:
    filled(tmp_path, 2_000)
    started: list[Any] = [start(tmp_path, name) for name in ("a", "b")]
    assert [each.wait(DEADLINE_S) for each in started] == [0, 0]
    check(tmp_path, 2_000)


@pytest.mark.full
@pytest.mark.parametrize("mark", MARKS)
def test_killed_at_each_named_point(tmp_path: Path, mark: str) -> None:
    filled(tmp_path, 400)
    for number, times in enumerate((1, 2, 4)):
        assert start(tmp_path, f"{number}", mark, times).wait(DEADLINE_S) == -signal.SIGKILL
    assert start(tmp_path, "last").wait(DEADLINE_S) == 0
    check(tmp_path, 400)


@pytest.mark.full
def test_ten_kills_at_random_moments(tmp_path: Path, chance: random.Random) -> None:
    kill_at_random(tmp_path, chance, kills=10)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_at_random_moments(tmp_path: Path, seed: int) -> None:
    kill_at_random(tmp_path, random.Random(seed), kills=10, at_once=1 + seed % 3)
