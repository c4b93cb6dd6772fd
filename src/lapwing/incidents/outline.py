"""The outline of a happening: what is asked of it with every post, worked out once and kept until its evidence changes."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

from lapwing.incidents.happening import CANDIDATE, Happening
from lapwing.incidents.reach import close_after_us, kind_of, reach_of

NEAREST_SPOTS = 8


class Point(NamedTuple):
    """Where something is, in radians."""

    north: float
    east: float
    cosine: float
    """Of `north`."""


class Outline(NamedTuple):
    """Where a happening is, of what kind, and how far it reaches."""

    kind: int
    km: float
    quiet_us: int
    close_us: int
    countries: dict[str, int]
    """How many voices name a place in each."""
    voices: int
    """How many name any country."""
    echoing: bool
    """Whether most of it is echoes."""
    points: list[Point]
    """Of its places in a country, those that most voices name."""


def point_of(longitude: float | None, latitude: float | None) -> Point:
    """A point of degrees; what is missing counts as 0."""
    north = math.radians(latitude or 0.0)
    return Point(north, math.radians(longitude or 0.0), math.cos(north))


def outline_of(happening: Happening) -> Outline:
    """The outline of a happening as it is now."""
    kept: Outline | None = happening.__dict__.get("outline")
    if kept is None:
        kept = happening.__dict__["outline"] = _drawn(happening)
    return kept


def _drawn(happening: Happening) -> Outline:
    category = happening.category
    reach = reach_of(category)
    countries: dict[str, int] = defaultdict(int)
    points = []
    for spot in happening.spots.values():
        if spot.country:
            countries[spot.country] += spot.voices
            if spot.longitude is not None:
                points.append(spot)
    if len(points) > 1:
        points.sort(key=lambda spot: -spot.voices)
    return Outline(
        kind_of(category), reach.km, reach.quiet_us, close_after_us(category, len(happening.voices)),
        dict(countries), sum(countries.values()), happening.is_echoing,
        [point_of(spot.longitude, spot.latitude) for spot in points[:NEAREST_SPOTS]],
    )  # fmt: skip


def lingers_us(happening: Happening) -> int:
    """So long after the last voice posts may still be about it; an incident stays in talk for longer than a candidate."""
    outline = outline_of(happening)
    return outline.quiet_us if happening.state == CANDIDATE else outline.close_us
