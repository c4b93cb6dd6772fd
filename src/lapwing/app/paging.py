"""Counts and places a page at a time: of a long range no more is counted than the page shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
import polars as pl

from lapwing.app import answers, cursors
from lapwing.app.answers import ALL_US, Wanted, Whole
from lapwing.app.opening import AsOf
from lapwing.app.times import micros, read_duration
from lapwing.contracts import Counting, Page
from lapwing.errors import UsageError
from lapwing.ledger.sqlite import counting
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import WINDOW_US

STEP_US = 86_400_000_000
"""So much time is counted at once to begin with; more, as long as it is not enough for a page."""
STEP_US_MAX = 64 * STEP_US

Key = Annotated[int, msgspec.Meta(ge=0, le=1 << 32)] | Annotated[str, msgspec.Meta(max_length=2)]
"""The place's id, 0 for nowhere; or the country's letters."""


class End(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of counts ended, and in which order the places come, if they are ranked.

    The ranking goes with the cursor, so that what arrives meanwhile neither repeats a row nor leaves one out.
    """

    window_us: Whole
    key: Key
    ranking: tuple[Key, ...] | None = None


def wanted_of(asked: Counting) -> Wanted:
    """What to count; raises `UsageError` for a width that is none."""
    width_us = ALL_US if asked.window == "all" else width_of(asked.window)
    return Wanted(width_us, asked.by, asked.top, asked.bottom, asked.sort)


def width_of(text: str) -> int:
    """The microseconds of a multiple of five minutes; raises `UsageError`."""
    width_us = read_duration(text, "--window")
    if width_us == 0 or width_us % WINDOW_US:
        raise UsageError(f"--window: {text} is not a multiple of 5m", "write 5m, 15m, 1h, 1d or all")
    return width_us


def counts(about: tuple[Store, Filters, Wanted], as_of: AsOf, limit: int, after: str | None) -> Page:
    """At most `limit` rows of counts, by window, and in it by rank, or by the place's number or country."""
    store, filters, wanted = about
    end = _read_end(after)
    with store.snapshot():
        ranking = end.ranking if end else _ranking(about)
        if ranking is not None:
            filters = _among(filters, wanted, ranking)
        plain = Wanted(wanted.window_us, wanted.by)
        rows: list[dict[str, Any]] = []
        for part_of in _parts(store, filters, wanted.window_us, end.window_us if end else None):
            if ranking != ():
                part = counting.counts(store, part_of, wanted.window_us, wanted.by)
                part = part if ranking is None else answers.in_order(part, ranking, wanted.by)
                rows += _following(answers.counted_rows(store, part_of, plain, part, as_of), end, wanted.window_us)
            if len(rows) > limit:
                break
    if len(rows) <= limit:
        return Page(rows)
    last = rows[limit - 1]
    return Page(rows[:limit], cursors.write(End(_start_us(last, wanted.window_us), key_of(last), ranking)))


def key_of(row: dict[str, Any]) -> int | str:
    """What a row is about: the place's number, or the country."""
    if "country" in row:
        return row["country"] or ""
    place = row.get("place")
    return place["id"] if place else 0


def _start_us(row: dict[str, Any], width_us: int) -> int:
    return 0 if width_us == ALL_US else micros(datetime.fromisoformat(row["window"]))


def _ranking(about: tuple[Store, Filters, Wanted]) -> tuple[int | str, ...] | None:
    """The places that were asked for, in their order over the whole range; None where all were."""
    store, filters, wanted = about
    if wanted.by == "none" or not (wanted.top or wanted.bottom):
        return None
    return tuple(answers.ranking(store, filters, wanted))


def _among(filters: Filters, wanted: Wanted, ranking: tuple[int | str, ...]) -> Filters:
    """The filters for these places, which are among those of the filters."""
    if wanted.by != "place":
        return filters
    return msgspec.structs.replace(filters, places=tuple(int(key) for key in ranking), countries=())


def _following(rows: list[dict[str, Any]], end: End | None, width_us: int) -> list[dict[str, Any]]:
    """The rows behind the end of the page before."""
    if end is None:
        return rows
    rank_of = {key: rank for rank, key in enumerate(end.ranking or ())}

    def behind(row: dict[str, Any]) -> bool:
        start_us, key = _start_us(row, width_us), key_of(row)
        if start_us != end.window_us:
            return start_us > end.window_us
        if end.ranking is not None:
            return rank_of[key] > rank_of.get(end.key, -1)
        return str(key) > end.key if isinstance(end.key, str) else int(key or 0) > end.key

    return [row for row in rows if behind(row)]


def _parts(store: Store, filters: Filters, width_us: int, begin_us: int | None) -> Iterator[Filters]:
    """The filters for one stretch of time after another, none of which cuts a window; longer ones as it goes on."""
    if width_us == ALL_US:
        yield filters
        return
    low, high = store.connection.execute("SELECT min(from_us), max(to_us) FROM facts").fetchone()
    if low is None:
        return
    last = min(high + 1, filters.until_us)
    start = max(low, filters.since_us) // width_us * width_us
    start = start if begin_us is None else max(start, begin_us // width_us * width_us)
    step = max(width_us, STEP_US // width_us * width_us)
    while start < last:
        store.check()
        (heard,) = store.connection.execute("SELECT min(from_us) FROM facts WHERE to_us >= ?", (start,)).fetchone()
        start = max(start, heard // width_us * width_us)  # nothing was heard before
        since, until = max(start, filters.since_us), min(start + step, filters.until_us)
        yield msgspec.structs.replace(filters, since_us=since, until_us=until)
        start, step = start + step, max(step, min(step * 2, STEP_US_MAX // width_us * width_us))


def _read_end(text: str | None) -> End | None:
    end = None if text is None else cursors.read(text, End)
    if text is not None and end is None:
        raise UsageError(f"cursor {text[:80]!r} is not one that we gave", "start without one")
    return end


def places(store: Store, filters: Filters, limit: int, after: str | None) -> Page:
    """At most `limit` cities that posts are in, by number: where they are, and posts, reposts and people."""
    if after is not None and not (after.isascii() and after.isdecimal() and len(after) < 12):
        raise UsageError(f"cursor {after[:80]!r} is not one that we gave", "start without one")
    with store.snapshot():
        counted = counting.counts(store, filters, ALL_US, "place").filter(pl.col("area") > int(after or 0))
        found = counted.sort("area").head(limit + 1)
        statement = "SELECT id, name, country, latitude, longitude, population FROM places WHERE id IN ({})"
        known = {row[0]: row[1:] for row in store.select(statement, found["area"].to_list())}
    unknown = ("", "", None, None, None)
    names = ("name", "country", "latitude", "longitude", "population")
    rows = [
        {
            "id": row["area"],
            **dict(zip(names, known.get(row["area"], unknown), strict=True)),
            **{name: row[name] for name in ("posts", "reposts", "people")},
        }
        for row in found.head(limit).iter_rows(named=True)
    ]
    return Page(rows, str(rows[-1]["id"]) if found.height > limit else None)
