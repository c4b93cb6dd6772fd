"""How far two points are apart, and which city a point belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""

REACH_KM = 50.0
"""A point farther from every city belongs to none of them."""

KM_PER_ROOT_INHABITANT = 0.01
"""How a city's reach grows: 1 km with 10,000 inhabitants, 10 km with a million."""

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


def city_cells(longitude: Degrees, latitude: Degrees) -> pl.DataFrame:
    """Each city (UInt32, position) in its own square and the eight around it: cell Int64, city UInt32."""
    frames = [
        pl.DataFrame(
            {"cell": _cells(longitude + east, latitude + north), "city": np.arange(len(longitude), dtype=np.uint32)}
        )
        for east in (-1, 0, 1)
        for north in (-1, 0, 1)
    ]
    return pl.concat(frames).sort("cell")


def nearest(cells: pl.DataFrame, cities: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """For each point (longitude, latitude in degrees) the city it belongs to: point UInt32, city UInt32, distance_km.

    Of the cities within `REACH_KM` it is the one whose distance is least in proportion to the root of its inhabitants
    (a multiplicatively weighted Voronoi diagram), so that suburbs win only close by. Points without one are left out.
    """
    known = points.with_row_index("point").filter(
        pl.col("longitude").is_between(-180, 180) & pl.col("latitude").is_between(-90, 90)
    )
    cell = pl.Series("cell", _cells(known["longitude"].to_numpy(), known["latitude"].to_numpy()), dtype=pl.Int64)
    pairs = known.with_columns(cell).join(cells, on="cell")
    there = cities.select("longitude", "latitude", "population")[pairs["city"].to_numpy()]
    far = distance_km(
        pairs["longitude"].to_numpy(),
        pairs["latitude"].to_numpy(),
        there["longitude"].to_numpy(),
        there["latitude"].to_numpy(),
    )
    reach = KM_PER_ROOT_INHABITANT * np.sqrt(np.maximum(there["population"].to_numpy(), 1))
    measured = pairs.select("point", "city").with_columns(
        distance_km=pl.Series(far), share=pl.Series((far + 0.1) / reach)
    )
    near = measured.filter(pl.col("distance_km") <= REACH_KM)
    return near.sort("share", "city").unique("point", keep="first", maintain_order=True).drop("share").sort("point")
