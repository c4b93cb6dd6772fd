"""How complete windows are: the share of them in which those who should have spoken were surely heard.

Times are rows of an array, so that thousands of windows are looked up in thousands of spans by a binary search each.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.int64]
"""Times from … to, UTC microseconds, one to a row; in order and apart from one another, where nothing else is said."""

Times = NDArray[np.int64]

EVER_US = 1 << 61
"""No time of ours is as far from 1970 as this; sums of such times still fit 64 bits."""
DIGITS = 4


class Listening(msgspec.Struct, frozen=True):
    """What is known of the listening to one source."""

    duty_us: Spans
    """When it should have been heard. Outside it says nothing about completeness."""
    heard_us: Spans
    """When it surely was."""
    unknown_us: Spans
    """When it spoke and nobody said whether all of it was heard: then nobody knows how complete a window is."""
    weight: float
    """How much it usually says, in any unit."""


def spans_of(pairs: Iterable[tuple[int, int]]) -> Spans:
    """The pairs as rows, in their own order."""
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)


NEVER = spans_of([])


def merged(spans: Spans, within_us: int = 0) -> Spans:
    """The union of spans in any order; those no further apart than `within_us` become one. Empty ones are left out."""
    spans = spans[spans[:, 1] > spans[:, 0]]
    if len(spans) < 2:
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reached = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.append(True, spans[1:, 0] > reached[:-1] + within_us))
    return np.column_stack((spans[first, 0], reached[np.append(first[1:], len(spans)) - 1]))


def pieces(spans: Spans, others: Spans) -> tuple[Times, Spans]:
    """The times that are in a span and in one of the others, and in which row of `spans`, which may overlap, each lies."""
    low = np.searchsorted(others[:, 1], spans[:, 0], side="right")
    high = np.searchsorted(others[:, 0], spans[:, 1], side="left")
    times = np.maximum(high - low, 0)
    row = np.repeat(np.arange(len(spans)), times)
    other = np.arange(len(row)) - np.repeat(np.cumsum(times) - times - low, times)
    starts = np.maximum(spans[row, 0], others[other, 0])
    return row, np.column_stack((starts, np.minimum(spans[row, 1], others[other, 1])))


def outside(spans: Spans) -> Spans:
    """All other times."""
    edges = np.concatenate(([-EVER_US], spans.ravel(), [EVER_US])).reshape(-1, 2)
    return edges[edges[:, 1] > edges[:, 0]]


def common(spans: Spans, others: Spans) -> Spans:
    """The times that are in both."""
    return pieces(spans, others)[1]


def without(spans: Spans, holes: Spans) -> Spans:
    """The times of `spans` that are not in `holes`."""
    return common(spans, outside(holes)) if len(holes) else spans


def covered_us(spans: Spans, starts_us: Times, ends_us: Times) -> Times:
    """How much of each window the spans cover."""
    return _before(spans, ends_us) - _before(spans, starts_us)


def _before(spans: Spans, times_us: Times) -> Times:
    """How much the spans cover before each time."""
    begun = np.searchsorted(spans[:, 0], times_us, side="right")
    sums = np.append(0, np.cumsum(spans[:, 1] - spans[:, 0]))[begun]
    last_end = np.append(-EVER_US, spans[:, 1])[begun]
    return np.asarray(sums - np.maximum(last_end - times_us, 0), dtype=np.int64)


def complete(sources: list[Listening], starts_us: Times, ends_us: Times) -> list[float | None]:
    """For each window, which ends after its start: 0…1, or None when it is unknown.

    The share of source-seconds, weighted: of the time in the window in which sources had the duty to be heard, how much
    was heard. Unknown is a window in which none had, or in which one spoke of which nobody knows whether it was heard.
    1 says that nothing at all is missing: a share that would only be rounded to it is given as 0.9999.
    """
    due = np.zeros(len(starts_us))
    missed = np.zeros(len(starts_us))
    unknown = np.zeros(len(starts_us), dtype=bool)
    for source in sources:
        unknown |= covered_us(source.unknown_us, starts_us, ends_us) > 0
        duty = covered_us(source.duty_us, starts_us, ends_us)
        heard = covered_us(common(source.duty_us, source.heard_us), starts_us, ends_us)
        due += source.weight * duty
        missed += source.weight * (duty - heard)
    known = ~unknown & (due > 0)
    share = np.round(1 - missed / np.where(known, due, 1), DIGITS)
    share = np.where(missed > 0, np.minimum(share, 1 - 10.0**-DIGITS), share)
    return [float(each) if is_known else None for each, is_known in zip(share.tolist(), known.tolist(), strict=True)]
