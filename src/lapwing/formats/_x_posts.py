"""What X v1.1 and v2 share: ids that hold the time, escaped texts, retired language tags, boxes around places."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from lapwing.formats import _rows
from lapwing.formats._rows import Columns, Outcome
from lapwing.formats._times import UNKNOWN_US, Texts, Whole
from lapwing.model import KINDS, Decoded, Records

POST, REPLY, QUOTE, REPOST = (KINDS.index(kind) for kind in ("post", "reply", "quote", "repost"))

_LANGUAGES = {"in": "id", "iw": "he", "ji": "yi"}
"""Tags that ISO 639 withdrew in 1989 and X still sends."""


class Ids(msgspec.Struct):
    """The ids of some posts: as texts, as numbers, and what is wrong by row."""

    names: list[str]
    numbers: Whole
    problems: dict[int, str]


def identify(ids: list[str | int | None]) -> Ids:
    """Read ids, which are numbers written as texts, or in old archives as numbers."""
    names = as_texts(ids)
    numbers = pl.Series(names, dtype=pl.String).cast(pl.Int64, strict=False)
    known: Whole = (numbers.fill_null(0) if numbers.null_count() else numbers).to_numpy()
    problems = {row: _problem(names[row]) for row in np.flatnonzero(known <= 0).tolist()}
    return Ids([name or "" for name in names] if problems else names, known, problems)  # type: ignore[arg-type]


def without_problems(ids: Ids) -> tuple[list[int], Ids]:
    """Give the rows that are well, and their ids."""
    rows = [row for row in range(len(ids.names)) if row not in ids.problems]
    return rows, Ids([ids.names[row] for row in rows], ids.numbers[rows], {})


def as_texts(ids: list[str | int | None]) -> list[str | None]:
    """Write ids as texts; most batches have nothing else."""
    if set(map(type, ids)) == {str}:
        return ids  # type: ignore[return-value]  # the line above has looked
    return [None if each is None else str(each) for each in ids]


def _problem(name: str | None) -> str:
    return "no id" if name is None else f"id {name[:40]!r} is not a number"


def finish(records: Records, outcome: Outcome, columns: Columns, said: Texts, *, sound: bool = False) -> Decoded:
    """Make the frames of X's posts; `columns` has bare ids in uid, author, alias and about, and texts as X writes them."""
    columns["text"] = _unescaped(pl.Series(columns["text"], dtype=pl.String))
    columns["uid"] = "x:" + pl.Series(columns["uid"], dtype=pl.String)
    columns["author"] = _authors(pl.Series(columns["author"], dtype=pl.String))
    for name in ("alias", "about"):
        if name in columns:
            columns[name] = "x:" + pl.Series(columns[name], dtype=pl.String).replace("", None)
    columns["lang"] = pl.Series(columns["lang"], dtype=pl.String).replace(_LANGUAGES)
    _date_by_ids(columns, said)
    return _rows.finish(records, outcome, columns, said, sound=sound)


def _authors(names: pl.Series) -> pl.Series:
    """Give the global ids; not every stream names authors."""
    if names.null_count() or (names == "").any():
        names = names.fill_null("")
        return pl.Series(["x:" + name if name else "" for name in names.to_list()], dtype=pl.String)
    return "x:" + names


def _unescaped(texts: pl.Series) -> pl.Series:
    """Resolve X's three entities, once: ``&amp;lt;`` is the text ``&lt;``."""
    if texts.str.contains("&", literal=True).any():
        for entity, meant in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
            texts = texts.str.replace_all(entity, meant, literal=True)
    return texts


def _date_by_ids(columns: Columns, said: Texts) -> None:
    """Where no date is given, that of the post's own id is as good."""
    created: Whole = columns["created_at_us"]
    own = columns.get("alias_time_us")
    for row in np.flatnonzero(created == UNKNOWN_US).tolist():
        time_us = int((own and own[row]) or columns["uid_time_us"][row])
        if said[row] is None and time_us:
            created[row] = time_us


def set_place(columns: Columns, row: int, name: str | None, country: str | None) -> None:
    """Write the platform's place of one row."""
    columns["place_name"][row] = name or None
    columns["place_country"][row] = country.upper() if country else None


def set_point(columns: Columns, row: int, prefix: str, point: Sequence[float] | None) -> None:
    """Write [longitude, latitude] of one row; `prefix` is "" for the post's own, "place_" for the place's middle."""
    if point is not None and len(point) >= 2:
        columns[prefix + "longitude"][row], columns[prefix + "latitude"][row] = point[0], point[1]


def middle(box: Sequence[float] | None) -> tuple[float, float] | None:
    """Give the middle of [west, south, east, north] as (longitude, latitude); a box may cross the date line."""
    if box is None or len(box) != 4:
        return None
    west, south, east, north = box
    if west > east:
        east += 360
    longitude = (west + east) / 2
    return (longitude - 360 if longitude > 180 else longitude), (south + north) / 2


def blank(height: int, names: Sequence[str]) -> Columns:
    """Columns of nothing yet, to be filled row by row where there is something."""
    return {name: [None] * height for name in names}
