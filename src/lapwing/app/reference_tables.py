"""Reference tables beside the counts: loaded, joined to places, and what of them found no place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from lapwing.app.answers import ALL_US, described
from lapwing.app.opening import Directory
from lapwing.errors import UnknownName, UnreadableInput, UsageError
from lapwing.ledger.sqlite import counting
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.places.joining import Join, Region, join
from lapwing.places.reference import Row, code_of, columns_of, number_of, read_rows, region_of
from lapwing.settings import Table
from lapwing.windows.areas import COUNTRY_AREAS

FILE_BYTES_MAX = 64 << 20
PLACES_SHOWN_MAX = 20
COLUMNS_SHOWN_MAX = 6


class Joined(msgspec.Struct, frozen=True):
    """A table, and which of its rows belongs to which place."""

    table: Table
    rows: list[Row]
    regions: list[Region]
    joins: list[Join]

    @property
    def columns(self) -> list[str]:
        """What people see beside counts: the first values, not what tells rows apart; `per_1000` where it is known."""
        known = columns_of(self.rows)
        values = [name for name in known if name not in (self.table.key, self.table.name_column)]
        return [*values[:COLUMNS_SHOWN_MAX], *(["per_1000"] if self.table.population else [])]

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Every value that `beside` gives."""
        return (*columns_of(self.rows), *(["per_1000"] if self.table.population else []))


class JoinedTables:
    """The tables that were asked for, each joined once for as long as its files are what they were."""

    def __init__(self) -> None:
        self._joined: dict[str, tuple[tuple[object, ...], Joined]] = {}

    def of(self, directory: Directory, name: str) -> Joined:
        """As `joined`; may be asked by several threads."""
        files = _files_of(directory, name)
        if name not in self._joined or self._joined[name][0] != files:
            self._joined[name] = (files, joined(directory, name))
        return self._joined[name][1]


def _files_of(directory: Directory, name: str) -> tuple[object, ...]:
    """What a file of a table looks like from outside: when it was written, and how long it is."""
    tables = [table for table in directory.configuration.tables if table.name == name]
    paths = [Path(directory.configuration.folder) / file for each in tables for file in (each.file, each.names) if file]
    return tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.exists())


def joined(directory: Directory, name: str) -> Joined:
    """The configured table of this name, joined to places; raises `UnknownName`, `UnreadableInput` or `UsageError`."""
    tables = {table.name: number for number, table in enumerate(directory.configuration.tables)}
    if name not in tables:
        raise UnknownName("table", name, tables)
    table = directory.configuration.tables[tables[name]]
    rows = _rows(table, Path(directory.configuration.folder))
    name_column = table.name_column if table.names or table.name_column else None
    regions = [region_of(row, table.key, name_column) for row in rows]
    cities = directory.resources["gazetteer"].cities
    return Joined(table, rows, regions, join(regions, cities, table.country))


def _rows(table: Table, folder: Path) -> list[Row]:
    """The rows of the table's file, with the values that the file of names has for their codes."""
    rows = _read(folder / table.file, table.file)
    _must_have(table, table.file, rows, table.key)
    if table.names is None:
        _must_have(table, table.file, rows, table.name_column, table.population)
        return rows
    if table.name_column is None:
        raise UsageError(f"table {table.name!r}: names is said without name_column", "say which of its columns it is")
    more, code_column = _read(folder / table.names, table.names), table.code_column or table.key
    _must_have(table, table.names, more, code_column, table.name_column)
    by_code: dict[str, Row] = {}
    for row in more:
        by_code.setdefault(code_of(row.values.get(code_column)), row)
    whole = [_with_names(row, by_code.get(code_of(row.values.get(table.key))), more[0]) for row in rows]
    _must_have(table, f"{table.file} and {table.names}", whole, table.population)
    return whole


def _with_names(row: Row, names: Row | None, heading: Row) -> Row:
    more = names.values if names else dict.fromkeys(heading.values)
    return Row(more | row.values, row.geometry or (names.geometry if names else None))


def _must_have(table: Table, file: str, rows: list[Row], *columns: str | None) -> None:
    known = columns_of(rows)
    for column in columns:
        if column is not None and column not in known:
            raise UnknownName(f"column of {file} (table {table.name!r})", column, known)


def _read(path: Path, name: str) -> list[Row]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise UnreadableInput(f"{name} is larger than {FILE_BYTES_MAX >> 20} MiB", "take the regions that you need")
        return read_rows(path.read_bytes(), name)
    except OSError as problem:
        raise UnreadableInput(
            f"{name} cannot be read ({problem.strerror})", "a relative path begins at the configuration file"
        ) from None


def beside(found: Joined, counts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `answers.counts` with the table's values as `with`; null where no row of the table has the place."""
    row_of = {each.place: each for each in found.joins}
    return [each | {"with": _values(found, row_of.get(_place(each) or 0), each["posts"])} for each in counts]


def _place(counted: dict[str, Any]) -> int | str | None:
    """The GeoNames id or the country that a row of counts is about."""
    if counted.get("place"):
        return int(counted["place"]["id"])
    country = counted.get("country")
    return country if isinstance(country, str) else None


def _values(found: Joined, joined_by: Join | None, posts: int) -> dict[str, Any] | None:
    if joined_by is None:
        return None
    values: dict[str, Any] = dict(found.rows[joined_by.row].values)
    if found.table.population:
        inhabitants = number_of(values.get(found.table.population)) or 0
        values["per_1000"] = round(posts / inhabitants * 1000, 3) if inhabitants > 0 else None
    return values


def report(directory: Directory, found: Joined) -> dict[str, Any]:
    """How the rows were joined, which were not and why, and how many people post where no row is."""
    how = Counter("distance" if each.how.endswith("km away") else each.how for each in found.joins)
    rows = {each.row for each in found.joins}
    left = [row for row in range(len(found.rows)) if row not in rows]
    return {
        "name": found.table.name,
        "file": found.table.file,
        "rows": len(found.rows),
        "joined_rows": len(rows),
        "joined_places": len(found.joins),
        "how": dict(how.most_common()),
        "unmatched_rows": [
            {"key": found.regions[row].code, "name": found.regions[row].name, "why": _why(found, row)} for row in left
        ],
        "unmatched_inhabitants": _share_of_inhabitants(found, left),
        "people": _people(directory, found),
    }


def joins_of(directory: Directory, found: Joined) -> list[dict[str, Any]]:
    """Every join: the row's key and name, the place, and how."""
    ids = [each.place for each in found.joins if isinstance(each.place, int)]
    cities = directory.resources["gazetteer"].cities
    names = dict(cities.filter(cities["id"].is_in(ids)).select("id", "name").iter_rows())
    return [
        {
            "key": found.regions[each.row].code,
            "name": found.regions[each.row].name,
            "place": each.place,
            "place_name": names.get(each.place, each.place),
            "how": each.how,
        }
        for each in found.joins
    ]


def _why(found: Joined, row: int) -> str:
    region = found.regions[row]
    same = [number for number, each in enumerate(found.regions) if each.code == region.code and number < row]
    if same:
        return "a row before has the same key"
    if not region.name and not region.point and not region.rings:
        return "it has no name and no position"
    return "no city of 15,000 inhabitants is called so, or another row has it" if region.name else "no city is near"


def _share_of_inhabitants(found: Joined, left: list[int]) -> float | None:
    """The share of the table's inhabitants who live in rows that were not joined."""
    if not found.table.population:
        return None
    inhabitants = [number_of(row.values.get(found.table.population)) or 0 for row in found.rows]
    return round(sum(inhabitants[row] for row in left) / sum(inhabitants), 4) if sum(inhabitants) else None


def _people(directory: Directory, found: Joined) -> dict[str, Any]:
    """People by place: all who have one, and the share of those in places without a row, with the largest of these."""
    store = directory.ledger.store
    by_place: dict[int, int] = {}
    if any(isinstance(each.place, str) for each in found.joins):
        return {"located": None, "share_unmatched": None, "places": []}
    for area, people in counting.counts(store, Filters(), ALL_US, "place").select("area", "people").iter_rows():
        if 0 < area < COUNTRY_AREAS:
            by_place[area] = by_place.get(area, 0) + people
    if found.table.country:
        here = {
            area
            for area, place in described(store, list(by_place)).items()
            if place and place["country"] == found.table.country
        }
        by_place = {area: people for area, people in by_place.items() if area in here}
    joined_places = {each.place for each in found.joins}
    left = sorted((area for area in by_place if area not in joined_places), key=lambda area: -by_place[area])
    total = sum(by_place.values())
    places = described(store, left[:PLACES_SHOWN_MAX])
    return {
        "located": total,
        "share_unmatched": round(sum(by_place[area] for area in left) / total, 4) if total else None,
        "places": [{"place": places[area], "people": by_place[area]} for area in left[:PLACES_SHOWN_MAX]],
    }
