"""Reference tables as people have them: CSV, JSON or GeoJSON in, rows of values out. Pure: bytes in, rows out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from lapwing.errors import UnreadableInput
from lapwing.places.joining import Region, Ring

ROWS_MAX = 200_000
MISSING = {"", "..", "null", "none", "nan", "na", "n/a", "#n/a", "-", "np"}
"""What stands in tables where there is no value, in small letters; `..` and `np` are the ABS's."""
DELIMITERS = ",;\t|"
LONGITUDES = ("longitude", "lon", "lng", "long", "x")
LATITUDES = ("latitude", "lat", "y")

Value = str | int | float | bool | None


class Row(msgspec.Struct, frozen=True):
    """A row of a table; what a GeoJSON says of its shape is not among the values."""

    values: dict[str, Value]
    geometry: dict[str, Any] | None = None


def read_rows(data: bytes, name: str) -> list[Row]:
    """The rows of a table, whose content says what it is; missing values are None, columns of numbers are numbers.

    Raises `UnreadableInput` that names the file and the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UnreadableInput(f"{name} is not UTF-8 (byte {problem.start})", "save it as UTF-8") from None
    rows = _json_rows(text, name) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text, name)
    if not rows:
        raise UnreadableInput(f"{name} has no rows", "a table has a heading, and a row for each region")
    if len(rows) > ROWS_MAX:
        raise UnreadableInput(f"{name} has more than {ROWS_MAX:,} rows", "take the regions that you need")
    return _typed(rows)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The names of all columns, in the order in which they occur."""
    return list(dict.fromkeys(column for row in rows for column in row.values))


def _csv_rows(text: str, name: str) -> list[Row]:
    heading = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[Row] = []
    try:
        columns = [column.strip() for column in next(reader, [])]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(columns):
                raise UnreadableInput(
                    f"{name}:{reader.line_num} has {len(cells)} cells under {len(columns)} headings",
                    "put a cell with a comma in it between quotation marks",
                )
            padded = [*cells, *[""] * (len(columns) - len(cells))]
            rows.append(Row(dict(zip(columns, (cell.strip() for cell in padded), strict=True))))
    except csv.Error as problem:
        raise UnreadableInput(f"{name}:{reader.line_num} cannot be read ({problem})", "save it as CSV again") from None
    return rows


def _json_rows(text: str, name: str) -> list[Row]:
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError) as problem:
        raise UnreadableInput(f"{name} is not JSON ({problem})", "save it as JSON again") from None
    if isinstance(value, dict) and isinstance(value.get("features"), list):
        features = [each for each in value["features"] if isinstance(each, dict)]
        return [Row(_flat(each.get("properties") or {}), each.get("geometry")) for each in features]
    if isinstance(value, dict):
        lists = [each for each in value.values() if isinstance(each, list)]
        value = lists[0] if len(lists) == 1 else list(value.values())
    rows = [each for each in value if isinstance(each, dict)]
    if len(rows) < len(value):
        raise UnreadableInput(
            f"{name} has {len(value) - len(rows)} rows that are no objects", "write each row as an object"
        )
    return [Row(_flat(each)) for each in rows]


def _flat(values: dict[str, Any]) -> dict[str, Value]:
    """Plain values; what is nested stands as JSON."""
    return {
        name: value if isinstance(value, Value) else msgspec.json.encode(value).decode()
        for name, value in values.items()
    }


def _typed(rows: list[Row]) -> list[Row]:
    """Missing values as None, and texts as numbers in columns where all are."""
    codes = {name for name in columns_of(rows) if _are_countries(row.values.get(name) for row in rows)}
    known = [
        {name: value if name in codes and value else _or_missing(value) for name, value in row.values.items()}
        for row in rows
    ]
    texts: dict[str, bool] = {}
    for values in known:
        for name, value in values.items():
            if value is not None:
                texts[name] = texts.get(name, False) or number_of(value) is None
    return [
        Row(
            {name: value if texts.get(name, True) else number_of(value) for name, value in values.items()}, row.geometry
        )
        for values, row in zip(known, rows, strict=True)
    ]


def _are_countries(values: Iterable[Value]) -> bool:
    """Whether a column holds two letters everywhere, so that NA is Namibia."""
    found = {value for value in values if value is not None and value != ""}
    return found != {"NA"} and all(isinstance(value, str) and re.fullmatch("[A-Z]{2}", value) for value in found)


def _or_missing(value: Value) -> Value:
    return None if isinstance(value, str) and value.strip().casefold() in MISSING else value


def number_of(value: Value) -> int | float | None:
    """A number, also one written as ``1,234.5``; None for what is none. A code such as 0815 is none."""
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else value
    text = (value or "").strip()
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?(0|[1-9]\d*)?\.\d+|-?\d+(\.\d+)?[eE][-+]?\d{1,2}", text) else None


def code_of(value: Value) -> str:
    """A code or a name as text; the same for 10050, 10050.0 and "10050"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def region_of(row: Row, key: str, name_column: str | None) -> Region:
    """Where a row is: its code, name, point and area, as far as it says."""
    code = code_of(row.values.get(key))
    name = code_of(row.values.get(name_column)) if name_column else code
    point, rings = _shape(row.geometry or {})
    return Region(code, name or None, point or _position(row.values), rings)


def _shape(geometry: dict[str, Any]) -> tuple[tuple[float, float] | None, list[Ring]]:
    """A point, or the rings of polygons; nothing for other shapes and for what is broken."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    try:
        if kind == "Point":
            longitude, latitude = coordinates[:2]  # type: ignore[index]
            return (float(longitude), float(latitude)), []
        polygons = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
        return None, [
            [(float(x), float(y)) for x, y, *_ in ring] for polygon in polygons or [] for ring in polygon or []
        ]
    except (TypeError, ValueError):
        return None, []


def _position(values: dict[str, Value]) -> tuple[float, float] | None:
    """A point from columns that are called longitude and latitude, or as people shorten them."""
    by_name = {name.casefold(): value for name, value in values.items()}
    found = [next((by_name[name] for name in names if name in by_name), None) for names in (LONGITUDES, LATITUDES)]
    longitude, latitude = (number_of(value) for value in found)
    if longitude is None or latitude is None or abs(longitude) > 180 or abs(latitude) > 90:
        return None
    return float(longitude), float(latitude)
