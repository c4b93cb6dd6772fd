"""A toy copy of the ledger that follows its commits: whatever crashes on the way, it ends up the same."""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import expected
import pytest
from house import House
from streams import stream

from lapwing.ledger.sqlite.following import Step, step_after


class Copy:
    """Two dictionaries with external versions, as Elasticsearch would keep them; its position is saved apart from them."""

    def __init__(self) -> None:
        self.posts: dict[str, tuple[tuple[int, int], str | None]] = {}
        self.windows: dict[tuple[int, int, int], tuple[tuple[int, int], tuple[int, int, int]]] = {}
        self.position = (0, 0)

    def apply(self, step: Step, crash_after: int | None) -> None:
        """Write a step; with `crash_after`, only so many of its values, and the position not at all."""
        version = (step.generation, step.number)
        writes = [(self.posts, row["uid"], row["text"]) for row in step.standing.iter_rows(named=True)]
        writes += [(self.posts, uid, None) for uid in step.gone]
        writes += [(self.windows, row[:3], row[3:]) for row in step.windows.iter_rows()]
        for store, key, value in writes[:crash_after]:
            if key not in store or version >= store[key][0]:
                store[key] = (version, value)
        if crash_after is None:
            self.position = version

    def follow(self, house: House, chance: random.Random) -> None:
        """Until there is nothing new; crashes now and then, and sometimes remembers an older position than it had."""
        while (step := step_after(house.ledger.store, self.position[1], commits_max=2)) is not None:
            if step.generation != self.position[0]:
                self.position = (step.generation, 0)
                step = step_after(house.ledger.store, 0, commits_max=2)
                assert step is not None
            before = self.position
            self.apply(step, chance.choice([None, None, 0, 3, 20]))
            if chance.random() < 0.2:
                self.position = (before[0], max(0, before[1] - 1))

    def counts(self) -> dict[tuple[int, int], tuple[int, int, int]]:
        """(window, place) → posts, reposts, people; networks have no author in common."""
        total: dict[tuple[int, int], tuple[int, int, int]] = {}
        for (window, place, _), (_, counts) in self.windows.items():
            old = total.get((window, place), (0, 0, 0))
            total[window, place] = tuple(a + b for a, b in zip(old, counts, strict=True))  # type: ignore[assignment]
        return {key: value for key, value in total.items() if any(value)}


@pytest.mark.full
def test_a_copy_that_crashes_and_repeats_itself_ends_up_right(tmp_path: Path) -> None:
    for seed in range(6):
        chance, events = random.Random(seed), stream(900 + seed, 50)
        house, copy = House(tmp_path / str(seed), batch_records=25), Copy()
        cut = len(events) // 2
        for part in (events[:cut], events[cut:]):
            house.append(part)
            house.work()
            copy.follow(house, chance)

        contents = expected.standing(events)
        assert {uid for uid, (_, text) in copy.posts.items() if text is not None} == {
            content.uid for content in contents
        }
        assert copy.counts() == expected.counts(contents, 300_000_000)
        house.close()
