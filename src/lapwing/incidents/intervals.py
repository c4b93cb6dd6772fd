"""How sure a share or a median is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

Z = 1.959964
"""95 % of a normal distribution lie within so many standard deviations."""


class Share(msgspec.Struct, frozen=True):
    """A share of `of`, with its 95 % interval; all None where `of` is 0."""

    of: int
    share: float | None
    low: float | None
    high: float | None


def share_of(yes: int, of: int) -> Share:
    """The share and its score interval (Wilson, 1927)."""
    if of == 0:
        return Share(0, None, None, None)
    share, square = yes / of, Z * Z
    middle = share + square / (2 * of)
    spread = Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    low, high = ((middle - spread) / (1 + square / of), (middle + spread) / (1 + square / of))
    return Share(of, share, 0.0 if yes == 0 else low, 1.0 if yes == of else high)


class Middle(msgspec.Struct, frozen=True):
    """A median with its 95 % interval; the interval is None where there are too few values for one."""

    of: int
    median: float | None
    low: float | None
    high: float | None


def middle_of(values: Sequence[float]) -> Middle:
    """The median, and the order statistics around it that hold the true one in 95 of 100 samples (sign test; Thompson, 1936)."""
    ordered, count = sorted(values), len(values)
    if not count:
        return Middle(0, None, None, None)
    median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    outside, rank = 0.0, 0
    while rank < count // 2:
        outside += math.exp(
            math.lgamma(count + 1) - math.lgamma(rank + 1) - math.lgamma(count - rank + 1) - count * math.log(2)
        )
        if 2 * outside > 0.05:
            break
        rank += 1
    if rank == 0:
        return Middle(count, median, None, None)
    return Middle(count, median, ordered[rank - 1], ordered[count - rank])
