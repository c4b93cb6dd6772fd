"""Columns of decoded posts, checked and put into the frames that `model` promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl

from lapwing.formats._times import UNKNOWN_US, Texts, Whole
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
"""Columns of `model.POSTS` by name: texts as lists or series, numbers as lists or arrays, `created_at_us` as an array.
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

    def leave(self, reason: str, count: int = 1) -> None:
        """Note records that are valid, but not for us."""
        reason = reason[:FILTER_REASON_CHARACTERS_MAX].replace("\0", "")
        self.filtered[reason] = self.filtered.get(reason, 0) + count

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


def finish(records: Records, outcome: Outcome, columns: Columns, said: Texts, *, sound: bool = False) -> Decoded:
    """Make the frames; rows that cannot be are refused. `said` are the dates as they were written; `sound` texts are known
    to have no NUL.
    """
    height = len(columns["record"])
    if "lang" in columns:
        columns["lang"] = pl.Series(columns["lang"], dtype=pl.String).str.to_lowercase()
    made = {name: _series(name, columns.get(name), height) for name in POSTS}
    if not sound:
        made |= {name: _without_nul(made[name]) for name in _TEXTS if columns.get(name) is not None}
    posts = pl.DataFrame(list(made.values()))
    problems = _problems(columns, made, (records, said))
    if problems:
        for row, reason in problems.items():
            outcome.refuse(int(columns["record"][row]), reason)
        posts = posts[[row for row in range(height) if row not in problems]]
    changes = pl.DataFrame(dict(zip(CHANGES, zip(*outcome.changes, strict=True), strict=False)), schema=CHANGES)
    refused = sorted(outcome.refused, key=lambda each: each.record)
    return Decoded(posts=posts, changes=changes, filtered=outcome.filtered, refused=refused)


def completed(whole: Decoded, records: Records, rows: Sequence[int], decode: Callable[[Records], Decoded]) -> Decoded:
    """What was read at once, and with it the records at `rows`, which were left, as `decode` reads them."""
    if not rows:
        return whole
    rest = decode(_some_of(records, rows))
    places = pl.Series(rows, dtype=pl.UInt32)
    posts, changes = (
        frame.with_columns(places.gather(frame["record"]).alias("record")) for frame in (rest.posts, rest.changes)
    )
    filtered = Counter(whole.filtered) + Counter(rest.filtered)
    return Decoded(
        posts=pl.concat([whole.posts, posts]).sort("record"),
        changes=changes,
        filtered=dict(filtered),
        refused=sorted(whole.refused + refused_at(rows, rest.refused), key=lambda each: each.record),
    )


def _some_of(records: Records, rows: Sequence[int]) -> Records:
    return msgspec.structs.replace(
        records,
        values=[records.values[row] for row in rows],
        received_at_us=[records.received_at_us[row] for row in rows],
        keys=None,
        cursors=None,
    )


def _series(name: str, values: Any, height: int) -> pl.Series:
    kind = POSTS[name]
    if values is None:
        return pl.Series(name, [0 if name in _ZEROS else None], dtype=kind).new_from_index(0, height)
    return values.alias(name) if isinstance(values, pl.Series) else pl.Series(name, values, dtype=kind)


def _without_nul(texts: pl.Series) -> pl.Series:
    """Take NUL, which databases refuse, out of texts."""
    if texts.null_count() < len(texts) and texts.str.contains("\0", literal=True).any():
        return texts.str.replace_all("\0", "", literal=True)
    return texts


def _problems(columns: Columns, made: dict[str, pl.Series], heard: tuple[Records, Texts]) -> dict[int, str]:
    """Find the rows that cannot be, and say why."""
    records, said = heard
    problems: dict[int, str] = {}
    created: Whole = columns["created_at_us"]
    received = np.array(records.received_at_us, dtype=np.int64)
    if len(created) != len(received):
        received = received[columns["record"]]
    dated = (created >= CREATED_AT_US_MIN) & (created <= received + CREATED_AHEAD_US_MAX)
    if not dated.all():
        problems.update((row, _date_problem(int(created[row]), said[row])) for row in np.flatnonzero(~dated).tolist())
    for kind in ("", "place_"):
        names = kind + "longitude", kind + "latitude"
        for row in _absurd(made[names[0]], made[names[1]]):
            longitude, latitude = (columns[name][row] for name in names)
            problems[row] = f"coordinates {longitude}, {latitude} are not on Earth (longitude, latitude)"
    for name in _NEEDED:
        if made[name].null_count():
            problems.update(dict.fromkeys(made[name].is_null().arg_true().to_list(), f"no {name}"))
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


def _absurd(longitudes: pl.Series, latitudes: pl.Series) -> list[int]:
    """Find the points that are not on Earth."""
    if longitudes.null_count() == latitudes.null_count() == len(longitudes):
        return []
    east, north = longitudes.to_numpy(), latitudes.to_numpy()  # null becomes NaN
    earthly = (abs(east) <= 180) & (abs(north) <= 90)
    absurd: list[int] = np.flatnonzero(~earthly & ~(np.isnan(east) & np.isnan(north))).tolist()
    return absurd
