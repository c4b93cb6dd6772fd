"""How far two points are apart, and which city a point belongs to."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""

REACH_KM = 50.0
"""A point farther from every city belongs to none of them."""

KM_PER_ROOT_INHABITANT = 0.01
"""How a city's reach grows: 1 km with 10,000 inhabitants, 10 km with a million."""

_REACH_DEGREES = 0.46
"""A little more than `REACH_KM` from south to north, or from west to east on the equator."""

_CELL_DEGREES = 1.0

Degrees = NDArray[np.float64]


def distance_km(longitude_a: Degrees, latitude_a: Degrees, longitude_b: Degrees, latitude_b: Degrees) -> Degrees:
    """Great-circle distances by the haversine formula, between points given in degrees; NaN where one is."""
    across, up = np.radians(longitude_b - longitude_a), np.radians(latitude_b - latitude_a)
    flat = np.cos(np.radians(latitude_a)) * np.cos(np.radians(latitude_b))
    half = np.sin(up / 2) ** 2 + flat * np.sin(across / 2) ** 2
    result: Degrees = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1)))
    return result


def _cells(longitude: Any, latitude: Any) -> Any:
    """Number of the one-degree square that holds a point; squares east of 180° are those west of it."""
    return (np.floor(latitude / _CELL_DEGREES).astype(np.int64) + 90) * 360 + (
        np.floor(longitude).astype(np.int64) + 180
    ) % 360


class Cells(msgspec.Struct, frozen=True):
    """The cities by the squares that hold them or lie beside the one that does."""

    first: NDArray[np.int64]
    """For each square, where its cities begin among `members`; one more at the end."""
    members: NDArray[np.uint32]
    longitude: Degrees
    """Of each city, as are the following."""
    latitude: Degrees
    reach: NDArray[np.float64]


class Near(msgspec.Struct, frozen=True):
    """Points that belong to a city, in their order."""

    point: NDArray[np.int64]
    city: NDArray[np.uint32]
    distance_km: NDArray[np.float64]


def city_cells(cities: pl.DataFrame) -> Cells:
    """Each city, a row of `cities`, in its own square and the eight around it."""
    longitude, latitude = cities["longitude"].to_numpy(), cities["latitude"].to_numpy()
    around = [(east, north) for east in (-1, 0, 1) for north in (-1, 0, 1)]
    cells = np.concatenate([_cells(longitude + east, latitude + north) for east, north in around])
    order = np.argsort(cells, kind="stable")
    reach = KM_PER_ROOT_INHABITANT * np.sqrt(np.maximum(cities["population"].to_numpy(), 1))
    return Cells(
        first=np.searchsorted(cells[order], np.arange(181 * 360 + 1)),
        members=np.tile(np.arange(len(longitude), dtype=np.uint32), len(around))[order],
        longitude=longitude,
        latitude=latitude,
        reach=reach,
    )


def nearest(cells: Cells, longitude: Degrees, latitude: Degrees) -> Near:
    """For each point (degrees; NaN for none) the city it belongs to; points that belong to none are left out.

    Of the cities within `REACH_KM` it is the one whose distance is least in proportion to the root of its inhabitants
    (a multiplicatively weighted Voronoi diagram), so that suburbs win only close by.
    """
    known = np.flatnonzero((np.abs(longitude) <= 180) & (np.abs(latitude) <= 90))
    cell = _cells(longitude[known], latitude[known])
    count = cells.first[cell + 1] - cells.first[cell]
    point = np.repeat(known, count)
    member = np.arange(len(point)) + np.repeat(cells.first[cell] - (np.cumsum(count) - count), count)
    city = cells.members[member]
    close = np.flatnonzero(np.abs(cells.latitude[city] - np.repeat(latitude[known], count)) <= _REACH_DEGREES)
    point, city = point[close], city[close]
    across = np.abs((cells.longitude[city] - longitude[point] + 180) % 360 - 180)
    close = np.flatnonzero(across * np.cos(np.radians(np.abs(latitude) + _REACH_DEGREES))[point] <= _REACH_DEGREES)
    point, city = point[close], city[close]
    far = distance_km(longitude[point], latitude[point], cells.longitude[city], cells.latitude[city])
    share = (far + 0.1) / cells.reach[city]
    order = np.lexsort((city, share, point))
    order = order[far[order] <= REACH_KM]
    first = order[np.flatnonzero(np.diff(point[order], prepend=-1))]
    return Near(point=point[first], city=city[first], distance_km=far[first])
