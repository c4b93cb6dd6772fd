"""Counts held against a table of expected ones."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec

from lapwing.app import answers
from lapwing.app.opening import Directory
from lapwing.app.times import read_time, written
from lapwing.errors import UsageError
from lapwing.ledger.sqlite.counting import By
from lapwing.ledger.sqlite.selecting import Filters

NUMBERS = ("posts", "reposts", "people")
COLUMNS = ("window", "place_id", "place", "country", *NUMBERS)

Key = tuple[int, str]
"""When a window begins, and the place as the table writes it."""


class Table(msgspec.Struct, frozen=True):
    """What is expected."""

    by: By
    places: tuple[str, ...]
    """The columns that name a place."""
    numbers: tuple[str, ...]
    """The columns that are compared."""
    rows: dict[Key, dict[str, int]]


def compare(directory: Directory, file: str, window_us: int) -> dict[str, Any]:
    """``{"rows": how many in all, "differences": […]}``; a side that lacks the row is null."""
    table = read_table(file, directory.clock.now_us())
    found: dict[Key, dict[str, int]] = {}
    wanted = answers.Wanted(window_us, table.by)
    for row in answers.counts(directory.ledger.store, Filters(), wanted, directory.as_of()):
        key = (read_time(row["window"], 0, "window"), _place(row, table))
        if key in found:
            raise UsageError(
                f"{file}: there are several places called {key[1]!r}", "add a column country, or use place_id"
            )
        found[key] = {name: row[name] for name in table.numbers}
    keys = sorted(table.rows.keys() | found.keys())
    differences = [
        {"window": written(key[0]), "where": key[1], "expected": table.rows.get(key), "found": found.get(key)}
        for key in keys
        if table.rows.get(key) != found.get(key)
    ]
    return {"rows": len(keys), "differences": differences}


def _place(row: dict[str, Any], table: Table) -> str:
    if table.by == "none":
        return ""
    if table.by == "country":
        return row["country"] or ""
    place = row["place"] or {"id": "", "name": "", "country": ""}
    named = {"place_id": str(place["id"]), "place": place["name"], "country": place["country"]}
    return ", ".join(named[column] for column in table.places if named[column])


def read_table(file: str, now_us: int) -> Table:
    """A CSV file with a header; raises `UsageError` naming the line."""
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = tuple(reader.fieldnames or ())
            _check(file, names)
            places = (
                ("place_id",) if "place_id" in names else tuple(name for name in ("place", "country") if name in names)
            )
            numbers = tuple(name for name in NUMBERS if name in names)
            rows: dict[Key, dict[str, int]] = {}
            for row in reader:
                where = f"{file}, line {reader.line_num}"
                place = ", ".join(text for name in places if (text := (row[name] or "").strip()))
                key = (read_time(row["window"] or "", now_us, f"{where}: window"), place)
                if key in rows:
                    raise UsageError(f"{where}: this window and place stood there before", "leave one of them away")
                rows[key] = {name: _number(row[name], f"{where}: {name}") for name in numbers}
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise UsageError(f"{file} cannot be read ({problem})", "name a CSV table in UTF-8") from None
    by: By = "place" if {"place", "place_id"} & set(names) else "country" if "country" in names else "none"
    return Table(by, places, numbers, rows)


def _check(file: str, names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "window" not in names or not set(names) & set(NUMBERS):
        what = f"column {unknown[0]!r} is not known" if unknown else "a column is missing"
        raise UsageError(
            f"{file}: {what}", "the columns are window, place_id or place and country, and posts, reposts, people"
        )


def _number(text: str | None, where: str) -> int:
    if text is None or not text.strip().isdecimal():
        raise UsageError(f"{where}: {text!r} is not a number", "write a whole number")
    return int(text)
