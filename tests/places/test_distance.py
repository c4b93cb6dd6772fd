"""How far things are apart, and which city a point belongs to."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lapwing.places.distance import city_cells, distance_km, nearest

CITIES = pl.DataFrame(
    {
        "name": ["Perth", "Fremantle", "Suva", "Honolulu"],
        "longitude": [115.8614, 115.7497, 178.4415, -157.8583],
        "latitude": [-31.9522, -32.0569, -18.1416, 21.3069],
        "population": [2_384_371, 32_000, 77_366, 371_657],
    },
    schema_overrides={"population": pl.UInt32},
)


def test_known_distances() -> None:
    far = distance_km(
        np.array([2.3522, 0.0]), np.array([48.8566, 0.0]), np.array([-0.1276, 180.0]), np.array([51.5072, 0.0])
    )
    assert far[0] == pytest.approx(343.6, abs=1.0)  # Paris to London
    assert far[1] == pytest.approx(20015.1, abs=0.5)  # half around the equator


@pytest.mark.parametrize(
    ("longitude", "latitude", "name"),
    [
        (115.8605, -31.9505, "Perth"),
        (115.7480, -32.0550, "Fremantle"),
        (115.8000, -32.0200, "Perth"),  # nearer to Fremantle, but Perth is much larger
        (178.9, -18.1, "Suva"),
        (120.0, -25.0, None),  # the desert
        (200.0, 0.0, None),  # no such place
        (float("nan"), 0.0, None),
    ],
)
def test_a_point_belongs_to_the_city_that_reaches_it(longitude: float, latitude: float, name: str | None) -> None:
    found = nearest(city_cells(CITIES), np.array([longitude]), np.array([latitude]))
    assert [CITIES["name"][city] for city in found.city.tolist()] == ([name] if name else [])


def test_the_date_line_divides_nothing() -> None:
    far = pl.DataFrame(
        {"name": ["East"], "longitude": [179.95], "latitude": [0.5], "population": pl.Series([50_000], dtype=pl.UInt32)}
    )
    found = nearest(city_cells(far), np.array([-179.95]), np.array([0.5]))
    assert found.distance_km[0] == pytest.approx(11.1, abs=0.1)
