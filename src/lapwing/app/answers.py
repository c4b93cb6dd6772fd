"""Answers in the shape that is promised to programs, from the columns that the ledger gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import polars as pl

from lapwing.app import cursors
from lapwing.app.opening import AsOf
from lapwing.app.times import all_written, written
from lapwing.errors import UsageError
from lapwing.ledger.sqlite import counting, listened, reading
from lapwing.ledger.sqlite.listened import Gap
from lapwing.ledger.sqlite.reading import NEWEST, Cursor
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import EVIDENCE, KINDS, WINDOW_US
from lapwing.text.query import Node
from lapwing.windows.areas import COUNTRY_AREAS, country_of_area
from lapwing.windows.completeness import Times, complete

Whole = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
"""A number that the ledger can compare with."""

ALL_US = 1 << 61
"""A window so wide that everything is in one, which begins in 1970."""


def posts(store: Store, filters: Filters, query: Node | None, limit: int, after: str | None = None) -> dict[str, Any]:
    """``{"posts": […], "next": cursor or None}``, newest first."""
    with store.snapshot():
        found = reading.posts(store, filters, query, limit + 1, read_cursor(after))
        last = found[limit - 1] if len(found) > limit else None
        return {
            "posts": shown(store, found[:limit]),
            "next": cursors.write((last["created_at_us"], last["seq"])) if last else None,
        }


def shown(store: Store, found: list[reading.Row]) -> list[dict[str, Any]]:
    """Posts with all columns, as they are given out, in their order."""
    if not found:
        return []
    places = described(store, list({row["area"] for row in found}))
    sources, networks = _names(store, "sources"), _names(store, "networks")
    more = reading.sightings(store, [row["seq"] for row in found])
    times = all_written([row["created_at_us"] for row in found])
    posts = []
    for row, created_at in zip(found, times, strict=True):
        source = sources[row["source"]]
        post = _post(places[row["area"]], row, (source, networks[row["network"]]), created_at)
        post["sightings"] = [source, *(name for name in more.get(row["seq"], []) if name != source)]
        posts.append(post)
    return posts


def _names(store: Store, table: str) -> dict[int, str]:
    return dict(store.connection.execute(f"SELECT id, name FROM {table}"))


def _post(place: dict[str, Any] | None, row: reading.Row, heard: tuple[str, str], created_at: str) -> dict[str, Any]:
    area, (source, network) = row["area"], heard
    if place is not None:
        place = place | {
            "by": EVIDENCE[row["place_by"]],
            "confidence": row["confidence_percent"] / 100,
            "evidence": row["place_evidence"],
        }
    return {
        "uid": row["uid"],
        "network": network,
        "source": source,
        "kind": KINDS[row["kind"]],
        "author": row["author"],
        "author_name": row["author_name"],
        "text": row["text"],
        "lang": row["lang"],
        "created_at": created_at,
        "received_at": None if row["received_at_us"] is None else written(row["received_at_us"]),
        "url": row["url"] or url_of(row["uid"]),
        "about": row["about"],
        "place": place,
        "country": country_of_area(area) if area >= COUNTRY_AREAS else (place or {}).get("country"),
        "edited": row["version"] > 0 and not row["uid"].startswith("at://"),
    }


def url_of(uid: str) -> str | None:
    """The public page of a post, where it follows from its uid."""
    if uid.startswith("x:"):
        return f"https://x.com/i/status/{uid[2:]}"
    if uid.startswith("at://") and "/app.bsky.feed.post/" in uid:
        did, _, rkey = uid.removeprefix("at://").partition("/app.bsky.feed.post/")
        return f"https://bsky.app/profile/{did}/post/{rkey}"
    return uid if uid.startswith("http") else None


def described(store: Store, areas: list[int]) -> dict[int, dict[str, Any] | None]:
    """Id, name and country of each city; None for anything else."""
    cities = [area for area in areas if 0 < area < COUNTRY_AREAS]
    names = store.select("SELECT id, name, country FROM places WHERE id IN ({})", cities)
    known = {area: {"id": area, "name": name, "country": country} for area, name, country in names}
    unnamed = {area: {"id": area, "name": str(area), "country": ""} for area in cities}
    return dict.fromkeys(areas) | unnamed | known


def read_cursor(text: str | None) -> Cursor:
    """The cursor of a page, or the newest; raises `UsageError` for what is none of ours."""
    if text is None:
        return NEWEST
    end = cursors.read(text, tuple[Whole, Whole])
    if end is None:
        raise UsageError(f"cursor {text!r} is not one that we gave", "start without one")
    return Cursor(*end)


class Wanted(msgspec.Struct, frozen=True):
    """Which windows to count, by what, and which places to give: the first `top` and the last `bottom` by `sort`.

    With `top` and `bottom` both 0, all of them.
    """

    window_us: int
    by: counting.By = "place"
    top: int = 0
    bottom: int = 0
    sort: str = "posts"


def counts(store: Store, filters: Filters, wanted: Wanted, as_of: AsOf) -> list[dict[str, Any]]:
    """Rows of window, place or country, posts, reposts, people and how complete they are."""
    rows = ranked(store, filters, counting.counts(store, filters, wanted.window_us, wanted.by), wanted)
    return counted_rows(store, filters, wanted, rows, as_of)


def counted_rows(
    store: Store, filters: Filters, wanted: Wanted, rows: pl.DataFrame, as_of: AsOf
) -> list[dict[str, Any]]:
    """Rows of `counting.counts`, perhaps some of them, as they are given out."""
    columns = [rows[name].to_list() for name in ("window_us", "posts", "reposts", "people")]
    span_of = _spans(store, filters, wanted.window_us, list(dict.fromkeys(columns[0])))
    window_of = {start: written(span[0]) for start, span in span_of.items()}
    heard_of = dict(zip(span_of, _heard(store, filters, list(span_of.values()), as_of), strict=True))
    return [
        {"window": window_of[start], **where, "posts": posts, "reposts": reposts, "people": people, **heard_of[start]}
        for start, posts, reposts, people, where in zip(*columns, _where(store, rows, wanted.by), strict=True)
    ]


def _spans(store: Store, filters: Filters, window_us: int, starts: list[int]) -> dict[int, tuple[int, int]]:
    """From when to when each window goes; the one of `all` from where the range, or what was heard in it, begins."""
    if window_us != ALL_US or not starts:
        return {start: (start, start + window_us) for start in starts}
    low, high = store.connection.execute("SELECT min(from_us), max(to_us) FROM facts").fetchone()
    begin = filters.since_us or low // WINDOW_US * WINDOW_US
    end = (high // WINDOW_US + 1) * WINDOW_US if filters.until_us == TIME_MAX else filters.until_us
    return dict.fromkeys(starts, (begin, max(end, begin + WINDOW_US)))


def ranked(store: Store, filters: Filters, rows: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The rows of the places that rank first or last over the whole range."""
    if wanted.by == "none" or not (wanted.top or wanted.bottom) or rows.is_empty():
        return rows
    return in_order(rows, ranking(store, filters, wanted), wanted.by)


def in_order(rows: pl.DataFrame, order: Sequence[int | str], by: counting.By) -> pl.DataFrame:
    """The rows of some places or countries, in their order within each window."""
    rank_of = {key: rank for rank, key in enumerate(order)}
    keys = rows["area" if by == "place" else "country"].to_list()
    ranks = np.array([rank_of.get(key, -1) for key in keys], dtype=np.int64)
    sequence = np.lexsort((ranks, rows["window_us"].to_numpy()))
    return rows[sequence[ranks[sequence] >= 0]]


def ranking(store: Store, filters: Filters, wanted: Wanted) -> list[int | str]:
    """The places or countries that rank first or last over the whole range, those with the most before the others;
    people are counted once over all of it.
    """
    dimension, unknown = {"place": ("area", 0), "country": ("country", "")}[wanted.by]
    whole = counting.counts(store, filters, ALL_US, wanted.by)
    keys, values, posts = (np.array(whole[name].to_list()) for name in (dimension, wanted.sort, "posts"))
    most = np.lexsort((keys, -values)) if len(keys) else np.empty(0, np.int64)
    known = most[keys[most] != unknown]
    least = np.lexsort((keys, values)) if len(keys) else most
    spoken = least[(keys[least] != unknown) & (posts[least] > 0)]
    chosen = {*known[: wanted.top].tolist(), *spoken[: wanted.bottom].tolist()}
    return [keys[place].item() for place in known.tolist() if place in chosen]


def _where(store: Store, rows: pl.DataFrame, by: counting.By) -> list[dict[str, Any]]:
    """The place or country of each row."""
    if by == "place":
        areas = rows["area"].to_list()
        places = {area: {"place": place} for area, place in described(store, list(set(areas))).items()}
        return [places[area] for area in areas]
    return (
        [{"country": country or None} for country in rows["country"].to_list()]
        if by == "country"
        else [{}] * rows.height
    )


def _heard(store: Store, filters: Filters, spans_us: list[tuple[int, int]], as_of: AsOf) -> list[dict[str, Any]]:
    """How complete each window is. One that still goes on is judged up to now, and is not yet processed."""
    if not spans_us:
        return []
    starts, ends = np.array(spans_us, dtype=np.int64).T
    sources = listened.sources(store, filters, (int(starts.min()), int(ends.max())), as_of.now_us)
    shares = complete([source.listening for source in sources], starts, ends)
    gaps = _gaps_in([*(gap for source in sources for gap in source.gaps), *listened.losses(store)], starts, ends)
    return [
        {"people_exact": True, "complete": share, "processed": end <= as_of.processed_until_us, "gaps": inside}
        for share, (_, end), inside in zip(shares, spans_us, gaps, strict=True)
    ]


def _gaps_in(gaps: list[Gap], starts_us: Times, ends_us: Times) -> list[list[dict[str, str]]]:
    """The gaps of each window, as they are given out, by when they begin."""
    if not gaps:
        return [[] for _ in starts_us]
    gaps = sorted(gaps, key=lambda gap: (gap.from_us, gap.to_us, gap.source))
    shown = [shown_gap(gap) for gap in gaps]
    # One that has no length is in the window in which it lies, as one of a microsecond is.
    low_us, high_us = np.array([(gap.from_us, max(gap.to_us, gap.from_us + 1)) for gap in gaps], dtype=np.int64).T
    first = np.searchsorted(np.maximum.accumulate(high_us), starts_us, side="right")
    last = np.searchsorted(low_us, ends_us, side="left")
    return [
        [shown[low + place] for place in np.flatnonzero(high_us[low:high] > start)] if low < high else []
        for low, high, start in zip(first.tolist(), last.tolist(), starts_us.tolist(), strict=True)
    ]


def shown_gap(gap: Gap) -> dict[str, str]:
    """A gap as it is given out."""
    return {"source": gap.source, "from": written(gap.from_us), "to": written(gap.to_us), "reason": gap.reason}
