"""How far one happening reaches, in space and time, by its category; and which categories are one kind."""

from __future__ import annotations

import math

import msgspec

from lapwing.text.keywords import CATEGORIES, PARENTS

HOUR_US = 3_600_000_000


class Reach(msgspec.Struct, frozen=True):
    """How far apart posts of one happening may be."""

    km: float
    quiet_us: int
    """A post so long after the last voice is about something else."""
    close_us: int
    """After so long a silence it is over; more for what many spoke of."""


LOCAL = Reach(30.0, 2 * HOUR_US, 6 * HOUR_US)
WIDE = Reach(200.0, 6 * HOUR_US, 24 * HOUR_US)

REACHES = dict.fromkeys(("weather", "flood", "storm", "earthquake", "health"), WIDE)


_OWN_KINDS = ("earthquake", "health")
_KINDS = [CATEGORIES.index(name if name in _OWN_KINDS else PARENTS.get(name, name)) for name in CATEGORIES]
_REACHES = [REACHES.get(name, LOCAL) for name in CATEGORIES]


def reach_of(category: int) -> Reach:
    """How far a happening of this category reaches."""
    return _REACHES[category]


def kind_of(category: int) -> int:
    """The kind of emergency: the category above it, but what shakes and what makes ill are kinds of their own."""
    return _KINDS[category]


def close_after_us(category: int, voices: int) -> int:
    """After so long a silence a happening is over."""
    return int(reach_of(category).close_us * (1 + math.log10(max(voices, 1))))
