"""Rows of a reference table joined to cities: by code, by position, or by name; each join says how it was made.

Pure: rows and cities in, joins out. Names are compared folded, without what offices put around them: ``Albury (C)``,
``City of Albury`` and ``Albury City`` are all Albury, and ``Campbelltown (NSW)`` is the one in New South Wales.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from lapwing.places.distance import REACH_KM, distance_km
from lapwing.places.regions import REGIONS

CODES_SHARE_MIN = 0.5
"""A key column holds GeoNames ids, or codes of countries, if so many of its values are such."""

BEFORE = "city of|shire of|town of|municipality of|district of|county of|borough of|rural city of|greater|the"
BEHIND = (
    "city|regional|shire|council|county|municipality|district|region|metropolitan|borough|rural city|city council|"
    "regional council|shire council"
)
"""What offices put before and behind a name."""

_BRACKETS = re.compile(r"\s*\(([^()]*)\)")
_BEFORE = re.compile(rf"^(?:{BEFORE}) (?=.)")
_BEHIND = re.compile(rf"(?<=.) (?:{BEHIND})$")

Ring = list[tuple[float, float]]
"""Longitude and latitude of the corners of an area, or of a hole in it."""


class Region(msgspec.Struct, frozen=True):
    """What a row of a table says of where it is."""

    code: str
    name: str | None = None
    point: tuple[float, float] | None = None
    """Longitude and latitude."""
    rings: list[Ring] = []


class Join(msgspec.Struct, frozen=True):
    """That a row of the table belongs to a city (its GeoNames id) or to a country, and how that is known."""

    row: int
    place: int | str
    how: str


def join(regions: list[Region], cities: pl.DataFrame, country: str | None = None) -> list[Join]:
    """Each city or country at most once. `cities`: those of the gazetteer; `country`: two letters, to look nowhere else."""
    if country:
        cities = cities.filter(pl.col("country") == country)
    if (joins := list(_by_country(regions, cities))) or (joins := list(_by_id(regions, cities))):
        return _first(joins)
    return _first([*_by_area(regions, cities), *_by_name(regions, cities), *_by_point(regions, cities)])


def _first(joins: list[Join]) -> list[Join]:
    """Of several rows for a place, the first."""
    kept: dict[int | str, Join] = {}
    for each in joins:
        kept.setdefault(each.place, each)
    return list(kept.values())


def _by_country(regions: list[Region], cities: pl.DataFrame) -> Iterator[Join]:
    known = set(cities["country"])
    found = [Join(row, each.code.upper(), "code of the country") for row, each in enumerate(regions)]
    found = [each for each in found if each.place in known]
    if len(found) >= CODES_SHARE_MIN * len(regions):
        yield from found


def _by_id(regions: list[Region], cities: pl.DataFrame) -> Iterator[Join]:
    known = set(cities["id"].to_list())
    numbers = [int(each.code) if re.fullmatch(r"[0-9]{1,9}", each.code) else 0 for each in regions]
    found = [Join(row, number, "GeoNames id") for row, number in enumerate(numbers) if number in known]
    if len(found) >= CODES_SHARE_MIN * len(regions):
        yield from found


def _by_area(regions: list[Region], cities: pl.DataFrame) -> Iterator[Join]:
    longitude, latitude = cities["longitude"].to_numpy(), cities["latitude"].to_numpy()
    ids = cities["id"].to_list()
    for row, region in enumerate(regions):
        if region.rings:
            inside = _inside(region.rings, longitude, latitude)
            yield from (Join(row, ids[place], "lies in the area") for place in np.flatnonzero(inside).tolist())


def _inside(rings: list[Ring], longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Which points lie in an area: those from which a ray to the east crosses its borders an odd number of times."""
    inside = np.zeros(len(longitude), dtype=np.bool_)
    for ring in rings:
        x, y = np.array(ring, dtype=np.float64).T
        corners = np.stack([x, y, np.roll(x, -1), np.roll(y, -1)], axis=1)
        near = np.flatnonzero((latitude >= y.min()) & (latitude <= y.max()) & (longitude <= x.max()))
        for x1, y1, x2, y2 in corners[corners[:, 1] != corners[:, 3]].tolist():
            spans = (latitude[near] < y1) != (latitude[near] < y2)
            crossing = x1 + (latitude[near] - y1) / (y2 - y1) * (x2 - x1)
            inside[near] ^= spans & (longitude[near] < crossing)
    return inside


def _by_point(regions: list[Region], cities: pl.DataFrame) -> Iterator[Join]:
    """Each city takes the nearest point, if it is not too far."""
    points = [(row, each.point) for row, each in enumerate(regions) if each.point]
    if not points:
        return
    east, north = np.array([point for _, point in points], dtype=np.float64).T
    columns = ("id", "longitude", "latitude")
    for place, longitude, latitude in cities.select(columns).iter_rows():
        far = distance_km(np.array(longitude), np.array(latitude), east, north)
        nearest = int(np.argmin(far))
        if far[nearest] <= REACH_KM:
            yield Join(points[nearest][0], place, f"{far[nearest]:.0f} km away")


def _by_name(regions: list[Region], cities: pl.DataFrame) -> Iterator[Join]:
    """Whole names come before names without what offices add, and those before parts of names; each row has one."""
    whole, bare = _city_names(cities)
    left = {row: region.name for row, region in enumerate(regions) if region.name}
    for how in (_whole_name, _bare_name, _part_of_name):
        for row, name in list(left.items()):
            if found := how(name, whole, bare):
                yield Join(row, *found)
                del left[row]


Places = dict[str, list[tuple[int, str, str]]]
"""Name → GeoNames id, country and region of the cities that are called so, the largest first."""


def _city_names(cities: pl.DataFrame) -> tuple[Places, Places]:
    """The cities by whole names, and by names without what offices add."""
    whole: Places = {}
    bare: Places = {}
    rows = cities.sort("population", descending=True).select("id", "name", "country", "region").iter_rows()
    for place, name, country, region in rows:
        folded = fold_name(name)
        whole.setdefault(folded, []).append((place, country, region))
        bare.setdefault(bare_name(folded), []).append((place, country, region))
    return whole, bare


def _whole_name(name: str, whole: Places, _: Places) -> tuple[int, str] | None:
    found = _in_its_region(name, whole.get(fold_name(name), []))
    return (found, "name") if found else None


def _bare_name(name: str, _: Places, bare: Places) -> tuple[int, str] | None:
    folded = fold_name(name)
    found = _in_its_region(name, bare.get(bare_name(folded), []))
    return (found, "name without additions") if found else None


def _part_of_name(name: str, _: Places, bare: Places) -> tuple[int, str] | None:
    for part in re.split(r"\s*[-–/]\s*", _BRACKETS.sub("", name)):
        if found := _in_its_region(name, bare.get(bare_name(fold_name(part)), [])):
            return found, "part of the name"
    return None


def _in_its_region(name: str, places: list[tuple[int, str, str]]) -> int | None:
    """The largest of the places that lie in the state that the name says in brackets, if it says any."""
    said = {fold_name(text) for text in _BRACKETS.findall(name)} & _STATES.keys()
    for place, country, region in places:
        if not said or any((country, region) in _STATES[state] for state in said):
            return place
    return None


def _states() -> dict[str, set[tuple[str, str]]]:
    """Country and region of each state, by its folded name and abbreviations."""
    found: dict[str, set[tuple[str, str]]] = {}
    for country, regions in REGIONS.items():
        for region, names in regions.items():
            for name in names:
                found.setdefault(fold_name(name), set()).add((country, region))
    return found


def fold_name(name: str) -> str:
    """A name without brackets, accents, signs and capitals; of ``(Vic.)`` alone, what is in the brackets."""
    text = _BRACKETS.sub("", name) or name
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w]+", " ", plain.replace("'", "").replace("`", "").replace("’", "")).split())


def bare_name(folded: str) -> str:
    """A folded name without what offices put before and behind it; never nothing."""
    return _BEHIND.sub("", _BEFORE.sub("", folded))


_STATES = _states()
