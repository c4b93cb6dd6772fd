"""Where a happening is: a point, how far around it, and how sure that is."""

from __future__ import annotations

import math

import msgspec

from lapwing.incidents.happening import Happening, Spot

KM_PER_DEGREE = 111.2


class Scene(msgspec.Struct, frozen=True):
    """A point with the distance within which two thirds of the located voices are; nothing of it where none is located."""

    area: int
    """The place that most voices name."""
    country: str
    longitude: float | None = None
    latitude: float | None = None
    radius_km: float | None = None
    share: float = 0.0
    """Of the voices so many are located."""


def scene_of(happening: Happening) -> Scene:
    """The middle of what voices name: the weighted median of longitudes and latitudes, which a few far ones do not move."""
    located = [(spot, area) for area, spot in happening.spots.items() if spot.longitude is not None]
    total = sum(spot.voices for spot in happening.spots.values())
    if not located:
        known = [(spot.voices, area, spot.country) for area, spot in happening.spots.items() if spot.country]
        _, area, country = max(known, default=(0, 0, ""))
        return Scene(area, country)
    best, area = max(located, key=lambda each: (each[0].voices, -each[1]))
    spots = [spot for spot, _ in located]
    longitude = _median([(spot.longitude or 0.0, spot.voices) for spot in spots])
    latitude = _median([(spot.latitude or 0.0, spot.voices) for spot in spots])
    far = sorted((_km(longitude, latitude, spot), spot.voices) for spot in spots)
    inside, radius = 0, 0.0
    voices = sum(spot.voices for spot in spots)
    for distance, count in far:
        inside, radius = inside + count, distance
        if 3 * inside >= 2 * voices:
            break
    return Scene(area, best.country, longitude, latitude, round(radius, 1), round(voices / max(total, 1), 2))


def _median(values: list[tuple[float, int]]) -> float:
    values = sorted(values)
    half, passed = sum(count for _, count in values) / 2, 0
    for value, count in values:
        passed += count
        if passed >= half:
            return value
    return values[-1][0]


def _km(longitude: float, latitude: float, spot: Spot) -> float:
    east = ((spot.longitude or 0.0) - longitude) * math.cos(math.radians(latitude)) * KM_PER_DEGREE
    return math.hypot(east, ((spot.latitude or 0.0) - latitude) * KM_PER_DEGREE)
