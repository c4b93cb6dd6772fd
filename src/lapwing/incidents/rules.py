"""Which incidents a reader wants to hear of: area, category, severity, state, languages and words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

import msgspec

from lapwing.incidents.happening import CONFIRMED, POSSIBLE

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""

Ring = tuple[tuple[float, float], ...]
"""Longitude and latitude of its corners; the last is joined to the first."""


class Circle(msgspec.Struct, frozen=True):
    """All points so near to one."""

    longitude: float
    latitude: float
    radius_km: float


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """Anywhere in one of these; without any it is everywhere."""

    circles: tuple[Circle, ...] = ()
    countries: frozenset[str] = frozenset()
    polygons: tuple[tuple[Ring, ...], ...] = ()
    """Each an outer ring and the holes in it, in degrees; none crosses the 180th meridian."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be told, when, and how often."""

    name: str
    area: Area = Area()
    categories: frozenset[int] = frozenset()
    """Codes; empty for all."""
    severity: int = 0
    """The least."""
    state: int = POSSIBLE
    """The least: possible or confirmed."""
    languages: frozenset[str] = frozenset()
    """In any of which somebody must have told of it; empty for all."""
    words: tuple[frozenset[int], ...] = ()
    """Hashes of terms: all of one of these sets must stand in the evidence; without any set nothing is asked for."""
    quiet: tuple[tuple[int, int], ...] = ()
    """Minutes of the day in `zone`, from and to (exclusive); one may reach over midnight."""
    zone: tzinfo = UTC
    breaks_through: int | None = None
    """From this severity on quiet hours do not count, and the place that is kept for the day's digest may be taken."""
    budget: int = 5
    """So many interrupts a day, digests among them; at least 1."""
    digests: tuple[int, ...] = (480, 1080)
    """Minutes of the day in `zone`, rising, none of them in `quiet`; at least one."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What rules look at in an incident, as it was with a change."""

    category: int = 0
    country: str = ""
    longitude: float | None = None
    latitude: float | None = None
    into: str = ""
    """The incident that it was merged into."""
    languages: frozenset[str] = frozenset()
    terms: frozenset[int] = frozenset()


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an incident, for those who alert: a row of the ledger's `incident_changes`."""

    number: int
    key: str
    incident: str
    clock_us: int
    """When it was taken up; never before that of the news before it."""
    kind: str
    state: int
    severity: int
    voices: int
    muted: bool = False
    renewed: bool = False
    """Worked out again, or long after it happened: it can end what was told, and begins nothing."""
    about: About = About()


def matches(rule: Rule, news: News) -> bool:
    """Whether a rule asks for an incident as it is now; one that is fading or over is asked for by nobody."""
    about = news.about
    return (
        POSSIBLE <= news.state <= CONFIRMED
        and news.state >= rule.state
        and news.severity >= rule.severity
        and (not rule.categories or about.category in rule.categories)
        and (not rule.languages or not rule.languages.isdisjoint(about.languages))
        and (not rule.words or any(each <= about.terms for each in rule.words))
        and _inside(rule.area, about)
    )


def last_of_each(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of changes that were taken up at one moment (`clock_us`) the last of each `incident`: a reader is told once."""
    last = {(row["clock_us"], row["incident"]): place for place, row in enumerate(rows)}
    return [row for place, row in enumerate(rows) if last[row["clock_us"], row["incident"]] == place]


def looks_into_posts(rules: Sequence[Rule]) -> bool:
    """Whether any of these asks for languages or words, so that `About` must have them."""
    return any(rule.languages or rule.words for rule in rules)


def _inside(area: Area, about: About) -> bool:
    if not (area.circles or area.countries or area.polygons):
        return True
    if about.country in area.countries:
        return True
    if about.longitude is None or about.latitude is None:
        return False  # known to a country only: it may be anywhere in it
    point = (about.longitude, about.latitude)
    return any(distance_km((each.longitude, each.latitude), point) <= each.radius_km for each in area.circles) or any(
        sum(_crosses(ring, point) for ring in rings) % 2 == 1 for rings in area.polygons
    )


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance of two points (longitude, latitude; degrees), by the haversine formula."""
    across, up = math.radians(other[0] - one[0]), math.radians(other[1] - one[1])
    flat = math.cos(math.radians(one[1])) * math.cos(math.radians(other[1]))
    half = math.sin(up / 2) ** 2 + flat * math.sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(half, 1.0)))


def _crosses(ring: Ring, point: tuple[float, float]) -> int:
    """How often a ray to the east crosses a ring: odd inside (Shimrat, 1962)."""
    longitude, latitude = point
    crossings = 0
    for (ax, ay), (bx, by) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (ay > latitude) != (by > latitude) and longitude < ax + (latitude - ay) / (by - ay) * (bx - ax):
            crossings += 1
    return crossings
