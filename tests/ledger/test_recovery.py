"""Killed, frozen, taken over: nothing is lost, nothing is double, and the ledger says so itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import expected
from house import House
from streams import stream

from lapwing.engine.understanding import batch_of

HERE = Path(__file__).parent
MARKS = (
    "ledger.fenced",
    "ledger.posts_written",
    "ledger.changes_written",
    "ledger.before_commit",
    "ledger.after_commit",
    "ledger.merged",
)
DEADLINE_S = 60


def start(
    folder: Path, name: str, *, until_empty: bool = True, mark: str = "", times: int = 1
) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / "run_worker.py"), str(folder), name, str(int(until_empty)), mark, str(times)]
    return subprocess.Popen(command, env={**os.environ, "POLARS_MAX_THREADS": "1"})


def finish(folder: Path) -> None:
    assert start(folder, "last").wait(DEADLINE_S) == 0


def check(folder: Path, events: list) -> None:  # type: ignore[type-arg]
    house = House(folder)
    assert house.accounting() == expected.accounting(events)
    assert house.counts(300_000_000) == expected.counts(expected.standing(events), 300_000_000)
    assert house.broken() == []
    house.close()


def filled(folder: Path, seed: int, posts: int = 120) -> list:  # type: ignore[type-arg]
    events = stream(seed, posts)
    house = House(folder)
    house.append(events, batch=9)
    house.close()
    return events


@pytest.mark.full
@pytest.mark.parametrize("mark", MARKS)
def test_killed_at_each_named_point(tmp_path: Path, mark: str) -> None:
    events = filled(tmp_path, seed=11, posts=400)
    for times in (1, 2):
        died = start(tmp_path, f"worker-{times}", mark=mark, times=times).wait(DEADLINE_S)
        # A merge happens only when enough has piled up; every other point must be passed, or this test tests nothing.
        assert died == -signal.SIGKILL or mark == "ledger.merged"
    finish(tmp_path)
    check(tmp_path, events)


def kill_at_random(folder: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    events = filled(folder, seed, posts=60 * kills)
    for number in range(kills):
        worker = start(folder, f"worker-{number}")
        try:
            worker.wait(chance.uniform(0.5, 1.6))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    finish(folder)
    check(folder, events)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_thirty_kills_at_random_moments(tmp_path: Path, seed: int) -> None:
    kill_at_random(tmp_path, seed, kills=10)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_two_hundred_kills_at_random_moments(tmp_path: Path, seed: int) -> None:
    kill_at_random(tmp_path, 100 + seed, kills=10)


@pytest.mark.full
def test_a_worker_killed_in_the_middle_is_replaced(tmp_path: Path) -> None:
    events = filled(tmp_path, seed=5)
    assert start(tmp_path, "first", mark="ledger.changes_written", times=2).wait(DEADLINE_S) == -signal.SIGKILL
    finish(tmp_path)
    check(tmp_path, events)


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seed", range(10))
def test_real_workers_count_as_the_model_says(tmp_path: Path, seed: int, workers: int) -> None:
    events = filled(tmp_path, seed=500 + seed)
    started = [start(tmp_path, f"worker-{number}") for number in range(workers)]
    assert [worker.wait(DEADLINE_S) for worker in started] == [0] * workers
    check(tmp_path, events)


@pytest.mark.full
def test_a_worker_frozen_before_its_commit_changes_nothing(tmp_path: Path) -> None:
    events = stream(7, 60)
    house = House(tmp_path, partitions=1)
    house.append(events[:100])
    sleeper = house.worker("sleeper")
    sleeper._keep_claims()
    key, claimed = next(iter(sleeper.claims.items()))
    taken = sleeper._take()
    batch = batch_of([part for _, parts in taken for part in parts], [read for read, _ in taken], sleeper.how)
    rival = House(tmp_path)
    late_us = house.clock.now_us() + 60_000_000
    taken = rival.ledger.claim(*key, "rival", late_us)
    assert taken is not None
    assert taken.epoch == claimed.epoch + 1
    rival.ledger.release("rival")
    before = rival.accounting()

    with pytest.raises(Exception, match="taken over"):
        house.ledger.save(batch, house.clock.now_us())

    assert rival.accounting() == before
    rival.append(events[100:])
    rival.work()
    house.close()
    rival.close()
    check(tmp_path, events)


@pytest.mark.full
def test_a_worker_frozen_inside_its_commit_is_named(tmp_path: Path) -> None:
    events = filled(tmp_path, seed=9)
    house = House(tmp_path)
    with house.ledger.store.lock:
        other = House(tmp_path)
        assert other.ledger.lock.holder() == os.getpid()
        waiting = start(tmp_path, "waiting")
        time.sleep(1.5)  # the other worker must be seen to wait, and only time shows that
        assert waiting.poll() is None
        assert other.accounting()["received"] == 0
        other.close()
    assert waiting.wait(DEADLINE_S) == 0
    assert house.ledger.lock.holder() is None
    house.close()
    check(tmp_path, events)
