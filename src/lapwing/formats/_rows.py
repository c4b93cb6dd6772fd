"""Columns of decoded posts, checked and put into the frames that `model` promises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl

from lapwing.formats._times import UNKNOWN_US, Whole
from lapwing.model import (
    CHANGES,
    CREATED_AHEAD_US_MAX,
    CREATED_AT_US_MIN,
    OPERATIONS,
    POSTS,
    Decoded,
    Records,
    Refused,
)

Columns = dict[str, Any]
"""Columns of `model.POSTS` by name: texts as lists, numbers as lists or arrays, `created_at_us` as an array.
Those left out are null, or 0 where null is not allowed. Where a needed text is None, the record is refused."""

FILTER_REASON_CHARACTERS_MAX = 80

_NEEDED = ("uid", "author", "text")
_ZEROS = ("uid_time_us", "version", "kind", "alias_time_us")
_TEXTS = tuple(name for name, kind in POSTS.items() if kind == pl.String())
_OPERATION_CODES = {name: code for code, name in enumerate(OPERATIONS)}


class Change(NamedTuple):
    """One row of `model.CHANGES`, in its order."""

    record: int
    operation: int
    name: str | None
    name_time_us: int
    author: str | None
    version: int
    at_us: int


class Outcome(msgspec.Struct):
    """What became of the records so far, those that are posts apart."""

    refused: list[Refused] = []
    filtered: dict[str, int] = {}
    changes: list[Change] = []

    def refuse(self, record: int, reason: str) -> None:
        """Note that a record cannot become a post."""
        self.refused.append(Refused(record, reason))

    def leave(self, reason: str) -> None:
        """Note a record that is valid, but not for us."""
        reason = reason[:FILTER_REASON_CHARACTERS_MAX].replace("\0", "")
        self.filtered[reason] = self.filtered.get(reason, 0) + 1

    def delete(self, record: int, name: tuple[str, int], author: str | None, when: tuple[int, int]) -> None:
        """Note the delete of a post; `name` comes with the time in it, `when` is (version, at_us)."""
        self.changes.append(Change(record, _OPERATION_CODES["delete"], _clean(name[0]), name[1], _clean(author), *when))

    def change_author(self, record: int, operation: str, author: str, at_us: int) -> None:
        """Note that an author went or came back; the moment is the version, so that the last word wins."""
        self.changes.append(Change(record, _OPERATION_CODES[operation], None, 0, _clean(author), at_us, at_us))


def _clean(name: Any) -> Any:
    return name.replace("\0", "") if name else name


def refused_at(positions: Sequence[int], refused: Iterable[Refused]) -> list[Refused]:
    """Move refusals that count within a part of the records to where the part lies."""
    return [Refused(positions[each.record], each.reason) for each in refused]


def finish(records: Records, outcome: Outcome, columns: Columns, said: Sequence[str | None]) -> Decoded:
    """Make the frames; rows that cannot be are refused. `said` are the dates as they were written.

    Checks are made on the lists, before there is a frame: a call of polars costs as much as a hundred rows.
    """
    problems = _problems(columns, records, said)
    if problems:
        for row, reason in problems.items():
            outcome.refuse(int(columns["record"][row]), reason)
        rows = [row for row in range(len(columns["record"])) if row not in problems]
        columns = {name: _picked(values, rows) for name, values in columns.items()}
    _tidy(columns)
    posts = pl.DataFrame([_series(name, columns.get(name), len(columns["record"])) for name in POSTS])
    changes = pl.DataFrame(dict(zip(CHANGES, zip(*outcome.changes, strict=True), strict=False)), schema=CHANGES)
    refused = sorted(outcome.refused, key=lambda each: each.record)
    return Decoded(posts=posts, changes=changes, filtered=outcome.filtered, refused=refused)


def _picked(values: Any, rows: list[int]) -> Any:
    if isinstance(values, np.ndarray):
        return values[rows]
    return None if values is None else [values[row] for row in rows]


def _series(name: str, values: Any, height: int) -> pl.Series:
    kind = POSTS[name]
    if values is None or (isinstance(values, list) and values.count(None) == height):
        return pl.Series(name, [0 if name in _ZEROS else None], dtype=kind).new_from_index(0, height)
    return pl.Series(name, values, dtype=kind)


def _tidy(columns: Columns) -> None:
    """Take NUL, which databases refuse, out of texts, and write the tags of languages in lower case."""
    for name in _TEXTS:
        values = columns.get(name)
        if values is not None and "\0" in "".join(filter(None, values)):
            columns[name] = [text and text.replace("\0", "") for text in values]
    tags = columns.get("lang")
    if tags is not None and any(tag and not tag.islower() for tag in set(tags)):
        columns["lang"] = [tag and tag.lower() for tag in tags]


def _problems(columns: Columns, records: Records, said: Sequence[str | None]) -> dict[int, str]:
    """Find the rows that cannot be, and say why."""
    problems: dict[int, str] = {}
    created: Whole = columns["created_at_us"]
    received = np.array(records.received_at_us, dtype=np.int64)
    if len(created) != len(received):
        received = received[columns["record"]]
    dated = (created >= CREATED_AT_US_MIN) & (created <= received + CREATED_AHEAD_US_MAX)
    if not dated.all():
        problems.update((row, _date_problem(int(created[row]), said[row])) for row in np.flatnonzero(~dated).tolist())
    for kind in ("", "place_"):
        problems.update(_place_problems(columns.get(kind + "longitude"), columns.get(kind + "latitude")))
    for name in _NEEDED:
        if None in columns[name]:
            problems.update({row: f"no {name}" for row, value in enumerate(columns[name]) if value is None})
    return problems


def _date_problem(created_at_us: int, said: str | None) -> str:
    unknown = created_at_us == UNKNOWN_US
    if said is None:
        return "no created_at" if unknown else "no created_at, and the time in the id cannot be"
    if unknown:
        return f"created_at {said[:60]!r} is not a date"
    if created_at_us < CREATED_AT_US_MIN:
        return f"created_at {said[:60]!r} is before 2006"
    return f"created_at {said[:60]!r} is more than a day after it was received"


def _place_problems(longitudes: list[float | None] | None, latitudes: list[float | None] | None) -> dict[int, str]:
    if longitudes is None or latitudes is None:
        return {}
    east, north = np.array(longitudes, dtype=np.float64), np.array(latitudes, dtype=np.float64)  # None becomes NaN
    earthly = (abs(east) <= 180) & (abs(north) <= 90)
    absurd = np.flatnonzero(~earthly & ~(np.isnan(east) & np.isnan(north))).tolist()
    return {
        row: f"coordinates {longitudes[row]}, {latitudes[row]} are not on Earth (longitude, latitude)" for row in absurd
    }
