"""Counts, people, reposts and the accounting equal an independent model, whatever arrives in whatever order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import expected
from house import House
from streams import stream

SEEDS_QUICK = 60
SEEDS_ALL = 1000


def check(folder: Path, seed: int) -> None:
    events = stream(seed)
    house = House(folder, partitions=1 + seed % 3)
    cut = seed % (len(events) + 1)
    for part in (events[:cut], events[cut:]) if seed % 4 == 0 else (events,):  # a second part finds what the first left
        house.append(part, batch=1 + seed % 9)
        house.work()
    contents = expected.standing(events)
    assert house.accounting() == expected.accounting(events), seed
    while seed % 2 and house.ledger.tidy(idle=True):
        pass  # hours are rolled up for every second stream, and counted for the others
    for window_us in (300_000_000, 900_000_000, 3_600_000_000):
        assert house.counts(window_us) == expected.counts(contents, window_us), seed
    assert house.broken() == [], seed
    house.close()


@pytest.mark.parametrize("decade", range(SEEDS_QUICK // 10))
def test_some_streams_count_as_the_model_says(tmp_path: Path, decade: int) -> None:
    for seed in range(decade * 10, decade * 10 + 10):
        check(tmp_path / str(seed), seed)


@pytest.mark.full
@pytest.mark.parametrize("part", range(SEEDS_ALL // 25))
def test_a_thousand_streams_count_as_the_model_says(tmp_path: Path, part: int) -> None:
    for seed in range(part * 25, part * 25 + 25):
        check(tmp_path / str(seed), seed)


def test_a_stream_reversed_gives_the_same_answers(tmp_path: Path) -> None:
    events = stream(4242, posts=80)
    forward, backward = House(tmp_path / "forward"), House(tmp_path / "backward")
    forward.append(events)
    backward.append(events[::-1])
    forward.work()
    backward.work()

    assert forward.counts(300_000_000) == backward.counts(300_000_000)
    assert forward.accounting() == backward.accounting()
    forward.close()
    backward.close()
