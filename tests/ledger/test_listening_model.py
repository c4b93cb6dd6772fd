"""What a ledger keeps of listening, held against a model of cells a quarter of a second long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from house import House
from listening_house import SECOND_US, TEN_US, heard_spans, known, tell

from lapwing.model import Covered
from lapwing.windows.completeness import complete, spans_of


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with closing(House(tmp_path_factory.mktemp("shared"))) as made:
        yield made


CELLS = 160
CELL_US = SECOND_US // 4
CELL = st.integers(0, CELLS - 16)
LENGTH = st.integers(0, 16)
NOTE = st.tuples(
    st.sampled_from(["heard", "heard", "heard", "gap", "began", "ended"]), CELL, LENGTH, st.sampled_from("xy")
)


class Model:
    """The same, counted a quarter of a second at a time."""

    def __init__(self, notes: list[tuple[str, int, int, str]]) -> None:
        self.notes = [(kind, low, low + length, reason) for kind, low, length, reason in notes]
        self.heard = [False] * CELLS
        for kind, low, high, _ in self.notes:
            if kind == "heard":
                self.heard[low:high] = [True] * (high - low)
        said = [cell for cell in range(CELLS) if self.heard[cell]]
        for last, following in pairwise(said):
            if following - last - 1 <= SECOND_US // CELL_US:
                self.heard[last:following] = [True] * (following - last)

    def spans(self) -> list[tuple[int, int]]:
        edges = [False, *self.heard, False]
        starts = [cell for cell in range(CELLS) if edges[cell + 1] and not edges[cell]]
        ends = [cell for cell in range(1, CELLS + 1) if edges[cell] and not edges[cell + 1]]
        return list(zip(starts, ends, strict=True))

    def on_duty(self, cell: int) -> bool:
        events = sorted({(low, kind == "began") for kind, low, _, _ in self.notes if kind in ("began", "ended")})
        if not any(began for _, began in events):
            firsts = [low for kind, low, high, _ in self.notes if kind in ("gap", "heard") and high > low]
            events = sorted([*events, *((low, True) for low in sorted(firsts)[:1])])
        state = [began for low, began in events if low <= cell]
        return bool(state) and state[-1]

    def share(self, low: int, high: int) -> float | None:
        duty = [cell for cell in range(low, high) if self.on_duty(cell)]
        heard = [cell for cell in duty if self.heard[cell]]
        return round(len(heard) / len(duty), 4) if duty else None

    def gap_cells(self) -> dict[int, set[int]]:
        reach: dict[int, int] = {}
        for kind, low, high, _ in self.notes:
            if kind == "gap" and high > low:
                reach[low] = max(reach.get(low, 0), high)
        return {low: {cell for cell in range(low, high) if not self.heard[cell]} for low, high in reach.items()}


NAMES = count()


@given(st.lists(NOTE, min_size=1, max_size=24), st.randoms(use_true_random=False))
def test_in_whatever_order_the_same(shared: House, notes: Any, chance: Any) -> None:
    """Notes of a source, shuffled, in several batches, all of them twice: as the model says."""
    house, source, model = shared, f"source {next(NAMES)}", Model(notes)
    told = [
        Covered(source, "mastodon", TEN_US + low * CELL_US, TEN_US + high * CELL_US, kind, reason, True)  # type: ignore[arg-type]
        for kind, low, high, reason in model.notes
    ]
    told += told
    chance.shuffle(told)
    tell(house, *told, at_once=chance.randint(1, 5))
    cells = [((low - TEN_US) // CELL_US, (high - TEN_US) // CELL_US) for low, high in heard_spans(house, source)]
    assert cells == model.spans()
    found = known(house, source)
    starts, ends = spans_of((TEN_US + low * CELL_US, TEN_US + (low + 20) * CELL_US) for low in range(0, CELLS, 20)).T
    assert complete([found.listening], starts, ends) == [model.share(low, low + 20) for low in range(0, CELLS, 20)]
    open_cells = {
        cell for gap in found.gaps for cell in range((gap.from_us - TEN_US) // CELL_US, (gap.to_us - TEN_US) // CELL_US)
    }
    assert open_cells == set().union(*model.gap_cells().values())
    assert found.closed == sum(not cells for cells in model.gap_cells().values())
