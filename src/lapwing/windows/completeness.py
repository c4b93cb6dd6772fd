"""How complete a window is: the share of it in which those who should have spoken were surely heard."""

from __future__ import annotations

import msgspec


class Coverage(msgspec.Struct, frozen=True):
    """One source: the times in which it was surely heard, and its usual rate (any unit) as its weight."""

    spans_us: tuple[tuple[int, int], ...]
    weight: float


def complete(sources: list[Coverage], start_us: int, end_us: int) -> float | None:
    """0…1, or None when it is unknown: no source at all, or one whose coverage nobody declared."""
    if not sources or any(not source.spans_us for source in sources):
        return None
    total = sum(source.weight for source in sources) or 1.0
    share = sum(_covered(source.spans_us, start_us, end_us) * source.weight for source in sources) / total
    return round(share, 4)


def _covered(spans_us: tuple[tuple[int, int], ...], start_us: int, end_us: int) -> float:
    """The share of the window that the union of the spans covers."""
    covered, reached = 0, start_us
    for low, high in sorted(spans_us):
        low, high = max(low, reached), min(high, end_us)
        if high > low:
            covered += high - low
            reached = high
    return covered / (end_us - start_us)
