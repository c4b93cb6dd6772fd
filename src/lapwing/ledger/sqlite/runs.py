"""Sorted runs: a log-structured merge tree of column pages inside SQLite.

Each commit adds one small sorted run; `FAN_IN` runs of a level are merged into one of the next, up to `MERGED_ROWS_MAX`
rows. Runs and pages never change once written, so any process may cache a page by its id for ever. A page carries the
range of its keys, so a time range, or a batch that is nearly in order, reads few of them.
Source of the method: O'Neil et al., "The Log-Structured Merge-Tree", 1996, with tiers instead of levels.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec
import polars as pl

from lapwing.ledger.sqlite import columns
from lapwing.ledger.sqlite.cache import Cache

PAGE_ROWS = 16_384
FAN_IN = 6
MERGED_ROWS_MAX = 2_000_000
MERGED_AT_ONCE = 1 << 18
CACHE_BYTES_MAX = 96 << 20
_BELOW = -(1 << 63)
"""Below every key."""


class Page(msgspec.Struct, frozen=True):
    """Where a page is and which keys it spans, both ends included."""

    id: int
    run: int
    low: int
    high: int


class Runs:
    """One store of sorted runs. Frames have an Int64 column `key` and are handed in sorted by it."""

    def __init__(self, connection: sqlite3.Connection, store: str, file: str = "") -> None:
        self.connection = connection
        self.store = store
        self.memory = Cache(CACHE_BYTES_MAX)
        """What was decoded; threads that read the same file may share it."""
        self._file = file

    def append(self, frame: pl.DataFrame, level: int = 0) -> int | None:
        """Write one run, inside the caller's transaction; the run's id, or None for an empty frame."""
        if frame.is_empty():
            return None
        run = self._begin(level)
        self._write(run, frame)
        return run

    def _begin(self, level: int) -> int:
        statement = "INSERT INTO runs (store, level, rows) VALUES (?, ?, 0) RETURNING id"
        (run,) = self.connection.execute(statement, (self.store, level)).fetchone()
        return int(run)

    def _write(self, run: int, frame: pl.DataFrame) -> None:
        """Write the next rows of a run, in pages."""
        self.connection.execute("UPDATE runs SET rows = rows + ? WHERE id = ?", (frame.height, run))
        pages = (frame[start : start + PAGE_ROWS] for start in range(0, frame.height, PAGE_ROWS))
        self.connection.executemany(
            "INSERT INTO pages (store, run, low, high, rows, blob) VALUES (?, ?, ?, ?, ?, ?)",
            ((self.store, run, page["key"][0], page["key"][-1], page.height, columns.encode(page)) for page in pages),
        )

    def pages(self, low: int, high: int, after_run: int = 0) -> list[Page]:
        """The pages that may hold keys from `low` to `high`, of runs younger than `after_run`."""
        found = self.connection.execute(
            "SELECT id, run, low, high FROM pages WHERE store = ? AND low <= ? AND high >= ? AND run > ? ORDER BY id",
            (self.store, high, low, after_run),
        )
        return [Page(*row) for row in found]

    def read(self, page: Page, *names: str) -> pl.DataFrame:
        """The columns of a page; kept in memory up to `CACHE_BYTES_MAX`."""
        label = (self._file, "pages", page.id, names)
        return self.memory.get(
            label, lambda: columns.decode(self._blob(page), names or None), lambda frame: int(frame.estimated_size())
        )

    def _blob(self, page: Page) -> bytes:
        (blob,) = self.connection.execute("SELECT blob FROM pages WHERE id = ?", (page.id,)).fetchone()
        return bytes(blob)

    def range(self, low: int, high: int, *names: str) -> Iterator[pl.DataFrame]:
        """The rows with `low <= key <= high`, page by page, in no order between pages."""
        yield from self.inside(self.pages(low, high), low, high, *names)

    def inside(self, pages: list[Page], low: int, high: int, *names: str) -> Iterator[pl.DataFrame]:
        """As `range`, of these pages."""
        for page in pages:
            frame = self.read(page, "key", *names)
            inside = page.low >= low and page.high <= high
            yield frame if inside else frame.filter(pl.col("key").is_between(low, high))

    def forget(self) -> None:
        """Empty the cache: a transaction that gave out ids was rolled back."""
        self.memory.forget()

    def newest_run(self) -> int:
        """The highest run id ever given; what is written later is higher."""
        (run,) = self.connection.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()
        return int(run)

    def due(self) -> list[int] | None:
        """The runs that should be merged now, oldest level first; None when there are not enough."""
        rows = self.connection.execute(
            "SELECT id, level, rows FROM runs WHERE store = ? ORDER BY level, id", (self.store,)
        ).fetchall()
        by_level: dict[int, list[tuple[int, int]]] = {}
        for run, level, count in rows:
            by_level.setdefault(level, []).append((run, count))
        for runs in by_level.values():
            oldest = runs[:FAN_IN]
            if len(oldest) == FAN_IN and sum(count for _, count in oldest) <= MERGED_ROWS_MAX:
                return [run for run, _ in oldest]
        return None

    def merge(self, runs: list[int], combine: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Replace runs by one, inside the caller's transaction, a range of keys after the other, so that memory does not
        grow with the runs; `combine` takes all rows of a range and returns them sorted.
        """
        marks = ",".join("?" * len(runs))
        (level,) = self.connection.execute(f"SELECT max(level) FROM runs WHERE id IN ({marks})", runs).fetchone()
        found = self.connection.execute(
            f"SELECT id, run, low, high, rows FROM pages WHERE run IN ({marks}) ORDER BY high", runs
        )
        sizes = {Page(*row[:4]): int(row[4]) for row in found}
        run = self._begin(level + 1)
        for above, to in pairwise([_BELOW, *_cuts(sizes)]):
            parts = (columns.decode(self._blob(page)) for page in sizes if page.high > above and page.low <= to)
            rows = pl.concat(list(parts)).filter((pl.col("key") > above) & (pl.col("key") <= to))
            self._write(run, combine(rows))
        self.connection.execute(f"DELETE FROM pages WHERE run IN ({marks})", runs)
        self.connection.execute(f"DELETE FROM runs WHERE id IN ({marks}) OR (id = ? AND rows = 0)", (*runs, run))


def _cuts(sizes: dict[Page, int]) -> list[int]:
    """Keys up to which to merge at a time, so that pages of about `MERGED_AT_ONCE` rows end before each."""
    cuts, rows = [], 0
    for page, size in sizes.items():
        rows += size
        if rows >= MERGED_AT_ONCE:
            cuts.append(page.high)
            rows = 0
    last = max((page.high for page in sizes), default=_BELOW)
    return sorted({*cuts, last})
