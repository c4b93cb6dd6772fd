"""Where a CAP alert holds: polygons and circles, latitude first, as one point."""

from __future__ import annotations

import math

import msgspec

POINTS_MAX = 20_000
"""An alert with more corners is refused: the most detailed warning areas that are published have a few thousand."""


class Unfit(ValueError):
    """An alert cannot become a post; the words say why."""


class Area(msgspec.Struct, frozen=True):
    """One area, with the texts of its polygons and circles."""

    description: str
    polygons: list[str]
    circles: list[str]


def middle_of(areas: list[Area]) -> tuple[float, float] | None:
    """Give the middle of the box around some areas, as (longitude, latitude); None where they have no shape.

    Areas may lie across the date line: they are seen from the first corner. Raises `Unfit` for what is no shape.
    """
    corners = [pair for area in areas for polygon in area.polygons for pair in polygon.split()]
    corners += [circle.split()[0] for area in areas for circle in area.circles if circle.split()]
    if len(corners) > POINTS_MAX:
        raise Unfit(f"areas of {len(corners)} corners: more than {POINTS_MAX} are not read")
    if not corners:
        return None
    points = [_point(corner) for corner in corners]
    first = points[0][1]
    latitudes = [latitude for latitude, _ in points]
    longitudes = [_near(longitude, first) for _, longitude in points]
    longitude = _near((min(longitudes) + max(longitudes)) / 2, 0)
    return longitude, (min(latitudes) + max(latitudes)) / 2


def _near(longitude: float, other: float) -> float:
    """Write a longitude so that it is no more than 180 degrees from another."""
    if longitude - other > 180:
        return longitude - 360
    return longitude + 360 if longitude - other < -180 else longitude


def _point(corner: str) -> tuple[float, float]:
    """Read ``-37.5,144.9``."""
    latitude, _, longitude = corner.partition(",")
    try:
        point = float(latitude), float(longitude)
    except ValueError:
        point = math.nan, math.nan
    if not (abs(point[0]) <= 90 and abs(point[1]) <= 180):
        raise Unfit(f"area: {corner[:40]!r} is not a latitude and a longitude on Earth")
    return point
