"""Posts, reposts and people by window and place, from the activity; and from facts where a question needs more."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Literal

import polars as pl

from lapwing.ledger.sqlite.names import author_hash
from lapwing.ledger.sqlite.rollups import HOUR_US, city, rolled_up
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters, Selection
from lapwing.ledger.sqlite.store import Store
from lapwing.model import WINDOW_US
from lapwing.windows.activity import activity_of, counted
from lapwing.windows.areas import COUNTRY_AREAS, country_of_area

By = Literal["place", "country", "none"]
CELL = 1 << 32
"""A window times this, and an area, are one number."""
SLICE_US = 7 * 86_400_000_000
"""A long range is counted a week at a time, so that memory holds the people of a week."""


def counts(store: Store, filters: Filters, window_us: int, by: By) -> pl.DataFrame:
    """One row for each window and place (or country) that has anything.

    Columns: `window_us` (its start), `area` (UInt32; with `by="country"` `country` instead), posts, reposts, people.
    Windows are cut from 1970 on; a range that cuts a window counts the part that is inside.
    """
    with store.snapshot():
        return _all_counts(store, filters, window_us, by)


def _all_counts(store: Store, filters: Filters, window_us: int, by: By) -> pl.DataFrame:
    dimension = {"place": ["area"], "country": ["country"], "none": []}[by]
    if window_us == HOUR_US and by == "place" and not filters.countries and not _needs_facts(filters):
        return _hourly(store, filters)
    parts = list(_slices(Selection(store, filters), window_us, dimension))
    if len(parts) == 1:
        return parts[0]
    schema = (
        {"window_us": pl.Int64}
        | {"area": pl.UInt32, "country": pl.String}
        | dict.fromkeys(("posts", "reposts", "people"), pl.Int64)
    )
    if not parts:
        return pl.DataFrame(schema=schema).select("window_us", *dimension, "posts", "reposts", "people")
    return pl.concat(parts).sort("window_us", *dimension)


def _hourly(store: Store, filters: Filters) -> pl.DataFrame:
    """Hours by place: rolled up where they are, counted where they are not."""
    first, last = _extent(store, filters)
    selection = Selection(store, filters)
    rows, done = rolled_up(store, -(-first // HOUR_US) * HOUR_US, last // HOUR_US * HOUR_US)
    if filters.places:
        rows = rows.filter(pl.col("area").is_in(filters.places))
    if filters.networks:
        rows = rows.filter(pl.col("network").is_in(selection.networks))
    # An author belongs to one network, so people of networks may be added up.
    totals = rows.group_by("window_us", "area").agg(pl.col("posts", "reposts", "people").sum())
    parts = [totals.select("window_us", "area", "posts", "reposts", "people")]
    for start, end in _stretches(first, last, done):
        parts.append(_from_activity(selection, (max(start, first), min(end, last)), HOUR_US, ["area"]))
    return pl.concat(parts).sort("window_us", "area")


def _stretches(first: int, last: int, done: Container[int]) -> Iterator[tuple[int, int]]:
    """Hours side by side that are not rolled up, a week of them at most."""
    begin = None
    for start in range(first // HOUR_US * HOUR_US, last, HOUR_US):
        ready = start // HOUR_US in done
        if begin is not None and (ready or start - begin >= SLICE_US):
            yield begin, start
            begin = None
        if begin is None and not ready:
            begin = start
    if begin is not None:
        yield begin, last


def _needs_facts(filters: Filters) -> bool:
    aligned = filters.since_us % WINDOW_US == 0 and (filters.until_us % WINDOW_US == 0 or filters.until_us == TIME_MAX)
    return bool(filters.sources or filters.languages or filters.kinds) or not aligned


def _counted(store: Store, rows: pl.LazyFrame, window_us: int, dimension: list[str]) -> pl.DataFrame:
    """Counts of activity, sorted by window and place or country."""
    window = pl.col("key") * WINDOW_US // window_us
    if dimension == ["area"]:  # a country without a city is no place; two numbers in one are grouped in half the time
        cells = counted(rows.with_columns(city()).with_columns(cell=window * CELL + pl.col("area")), ["cell"])
        area = (pl.col("cell") % CELL).cast(pl.UInt32).alias("area")
        start = (pl.col("cell") // CELL * window_us).alias("window_us")
        return cells.sort("cell").select(start, area, "posts", "reposts", "people").collect()
    if dimension == ["country"]:
        areas = rows.select("area").unique().collect()["area"]
        names = countries(store, areas) or {0: ""}  # nothing at all would leave the type as it was
        rows = rows.with_columns(pl.col("area").replace_strict(names, return_dtype=pl.String).alias("country"))
    rows = rows.with_columns((window * window_us).alias("window_us"))
    found = counted(rows, ["window_us", *dimension]).select("window_us", *dimension, "posts", "reposts", "people")
    return found.sort("window_us", *dimension).collect()


def countries(store: Store, areas: pl.Series) -> dict[int, str]:
    """The country of each area that occurs, "" where it is not known."""
    cities = dict(store.connection.execute("SELECT id, country FROM places"))
    return {area: country_of_area(area) if area >= COUNTRY_AREAS else cities.get(area, "") for area in areas.unique()}


def _slices(selection: Selection, window_us: int, dimension: list[str]) -> Iterator[pl.DataFrame]:
    """The counts of the range, in slices that no window crosses, each by window and place or country."""
    first, last = _extent(selection.store, selection.filters)
    step = max(window_us, SLICE_US // window_us * window_us)
    count = _from_facts if _needs_facts(selection.filters) else _from_activity
    for start in range(first // window_us * window_us, last, step):
        yield count(selection, (max(start, first), min(start + step, last)), window_us, dimension)


def _extent(store: Store, filters: Filters) -> tuple[int, int]:
    """The range asked for, narrowed to where there are posts, in whole windows on the open sides."""
    low, high = store.connection.execute("SELECT min(from_us), max(to_us) FROM facts").fetchone()
    if low is None:
        return 0, 0
    low, high = low // WINDOW_US * WINDOW_US, (high // WINDOW_US + 1) * WINDOW_US
    return max(low, filters.since_us), min(high, filters.until_us)


def _from_activity(
    selection: Selection, span_us: tuple[int, int], window_us: int, dimension: list[str]
) -> pl.DataFrame:
    """What the activity of a span comes to; kept in memory, since the pages that it lies in never change."""
    store = selection.store
    store.check()
    low, high = span_us[0] // WINDOW_US, span_us[1] // WINDOW_US - 1
    pages = store.activity.pages(low, high)
    areas = None if selection.areas is None else tuple(selection.areas)
    networks = tuple(selection.networks) if selection.filters.networks else None
    ids = tuple(page.id for page in pages)
    chosen = areas, networks, window_us, *dimension

    def count() -> pl.DataFrame:
        frames = list(store.activity.inside(pages, low, high, "area", "network", "author", "posts", "reposts"))
        rows = (pl.concat(frames) if frames else activity_of(_no_facts())).lazy()
        if areas is not None:
            rows = rows.filter(pl.col("area").is_in(areas))
        if networks is not None:
            rows = rows.filter(pl.col("network").is_in(networks))
        return _counted(store, rows, window_us, dimension)

    label = (str(store.path), "counts", ids, low, high, chosen)
    return store.memory.get(label, count, lambda rows: int(rows.estimated_size()) + 32 * len(ids + (areas or ())))


def _from_facts(selection: Selection, span_us: tuple[int, int], window_us: int, dimension: list[str]) -> pl.DataFrame:
    low_us, high_us = span_us
    frames = []
    for block in selection.blocks():
        if block.to_us < low_us or block.from_us >= high_us:
            continue
        rows = selection.rows(block.seqs, "area", "network", "author", "kind")
        rows = rows.filter(pl.col("created_at_us").is_between(low_us, high_us, closed="left"))
        frames.append(activity_of(rows.with_columns(author_hash())))
    activity = (pl.concat(frames) if frames else activity_of(_no_facts())).lazy()
    return _counted(selection.store, activity, window_us, dimension)


def _no_facts() -> pl.DataFrame:
    schema = {
        "created_at_us": pl.Int64,
        "area": pl.UInt32,
        "network": pl.UInt8,
        "author_hash": pl.UInt64,
        "kind": pl.UInt8,
    }
    return pl.DataFrame(schema=schema)
