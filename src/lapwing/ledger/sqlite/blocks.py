"""Facts and texts of posts: immutable blocks of columns, found by sequence number.

A post's sequence number is its place in commit order and never changes. Small blocks are merged with their neighbours;
facts (which live as long as the counts) and texts (which live as long as `posts_retention`) are kept apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import columns
from lapwing.ledger.sqlite.cache import Cache

FACTS_ROWS_MAX = 65_536
TEXTS_ROWS_MAX = 4_096
FAN_IN = 6
FEW = 4
"""One row in so many of a block is few."""
CACHE_BYTES_MAX = 64 << 20


FACTS: dict[str, pl.DataType] = {
    "uid": pl.String(),
    "uid_form": pl.UInt8(),
    "alias": pl.String(),
    "author": pl.String(),
    "version": pl.Int64(),
    "kind": pl.UInt8(),
    "created_at_us": pl.Int64(),
    "area": pl.UInt32(),
    "place_by": pl.UInt8(),
    "confidence_percent": pl.UInt8(),
    "network": pl.UInt8(),
    "source": pl.UInt32(),
    "lang": pl.String(),
    "origin": pl.UInt32(),
    "offset": pl.Int64(),
}
"""The columns of facts, as they lie in a block."""

TEXTS: dict[str, pl.DataType] = {
    "text": pl.String(),
    "author_name": pl.String(),
    "profile": pl.String(),
    "url": pl.String(),
    "about": pl.String(),
    "received_at_us": pl.Int64(),
    "place_evidence": pl.String(),
}
"""The columns of texts."""

SCHEMA = FACTS | TEXTS

LAYOUT = columns.Layout(
    together=(("uid", "alias", "author"), ("author_name", "profile", "url", "about", "place_evidence")), coded=("lang",)
)
"""Texts stay apart: they are what is read most, and compress far better in long segments."""


def encode(frame: pl.DataFrame) -> bytes:
    """Facts or texts as they lie in a block."""
    return columns.encode(frame, LAYOUT)


class Block(msgspec.Struct, frozen=True):
    """Where a block is: the sequence numbers `low` to `low + rows - 1`, and the times of its posts."""

    id: int
    low: int
    rows: int
    from_us: int
    to_us: int

    @property
    def seqs(self) -> np.ndarray:
        """The sequence numbers of all its posts."""
        return np.arange(self.low, self.low + self.rows)


class Blocks:
    """One table of blocks, `facts` or `texts`."""

    def __init__(self, connection: sqlite3.Connection, table: str, rows_max: int) -> None:
        self.connection = connection
        self.table = table
        self.rows_max = rows_max
        self._kept: Cache[pl.DataFrame] = Cache(CACHE_BYTES_MAX, lambda frame: int(frame.estimated_size()))
        self._numbers: Cache[columns.Numbers] = Cache(CACHE_BYTES_MAX, lambda numbers: numbers.values.nbytes)

    def add(self, block: Block, blob: bytes, committed_us: int, level: int = 0) -> None:
        """Write one encoded block, inside the caller's transaction; its `id` is ignored."""
        self.connection.execute(
            f"INSERT INTO {self.table} (low, rows, level, from_us, to_us, committed_us, blob) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (block.low, block.rows, level, block.from_us, block.to_us, committed_us, blob),
        )

    def rewrite(self, block: Block, blob: bytes) -> None:
        """Put another blob in the place of a block, inside the caller's transaction; under a new id, since blocks are cached."""
        level, committed_us = self.connection.execute(
            f"SELECT level, committed_us FROM {self.table} WHERE id = ?", (block.id,)
        ).fetchone()
        self.connection.execute(f"DELETE FROM {self.table} WHERE id = ?", (block.id,))
        self.add(block, blob, committed_us, level)

    def listed(self, where: str = "1", values: tuple[int, ...] = (), order: str = "low") -> list[Block]:
        """The blocks that an SQL condition names."""
        rows = self.connection.execute(
            f"SELECT id, low, rows, from_us, to_us FROM {self.table} WHERE {where} ORDER BY {order}", values
        )
        return [Block(*row) for row in rows]

    def read(self, block: Block, *names: str) -> pl.DataFrame:
        """The columns of a block; kept in memory up to `CACHE_BYTES_MAX`."""
        return self._kept.get((block.id, ",".join(names)), lambda: self._decoded(block, names or None))

    def _decoded(self, block: Block, names: tuple[str, ...] | None = None) -> pl.DataFrame:
        with self._open(block) as blob:
            return columns.whole(blob, names)

    def _open(self, block: Block) -> sqlite3.Blob:
        return self.connection.blobopen(self.table, "blob", block.id, readonly=True)

    def at(self, seqs: np.ndarray, *names: str) -> pl.DataFrame:
        """The rows of sorted sequence numbers, with a column `seq`; those whose block is gone are absent."""
        parts = [
            (block, inside)
            for block in self._holding(seqs)
            if len(inside := seqs[slice(*np.searchsorted(seqs, [block.low, block.low + block.rows]))])
        ]
        if not parts:
            return pl.DataFrame(schema={**{name: SCHEMA[name] for name in names}, "seq": pl.Int64()})
        if len(seqs) * FEW > sum(block.rows for block, _ in parts):
            found = pl.concat([self.read(block, *names)[inside - block.low] for block, inside in parts])
        else:
            found = self._few(parts, names)
        there = np.concatenate([inside for _, inside in parts])
        return found.with_columns(pl.Series("seq", there, dtype=pl.Int64))

    def _few(self, parts: list[tuple[Block, np.ndarray]], names: tuple[str, ...]) -> pl.DataFrame:
        """Columns of a few rows of blocks: numbers and codes from memory, of strings the segments that hold any."""
        strings = [name for name in names if SCHEMA[name] == pl.String() and name not in LAYOUT.coded]
        numbers = [name for name in names if name not in strings]
        picked: dict[str, list[Any]] = {name: [] for name in names}
        for block, inside in parts:
            rows = inside - block.low
            for name in numbers:
                picked[name].append(self._number(block, name).at(rows))
            if strings:
                with self._open(block) as blob:
                    for name, values in columns.strings(blob, strings, rows.tolist()).items():
                        picked[name].append(values)
        return pl.DataFrame([columns.joined(name, values) for name, values in picked.items()])

    def _number(self, block: Block, name: str) -> columns.Numbers:
        def decode() -> columns.Numbers:
            with self._open(block) as blob:
                return columns.numbers(blob, name)

        return self._numbers.get((block.id, name), decode)

    def _holding(self, seqs: np.ndarray) -> Iterator[Block]:
        """The blocks that hold any of the sequence numbers; few numbers are looked up one by one."""
        if len(seqs) == 0:
            return
        position = 0
        while position < len(seqs):
            row = self.connection.execute(
                f"SELECT id, low, rows, from_us, to_us FROM {self.table} WHERE low <= ? ORDER BY low DESC LIMIT 1",
                (int(seqs[position]),),
            ).fetchone()
            end = int(seqs[position]) + 1
            if row is not None and row[1] + row[2] >= end:
                yield Block(*row)
                end = row[1] + row[2]
            position = int(np.searchsorted(seqs, end))

    def forget(self) -> None:
        """Empty the cache: a transaction that gave out ids was rolled back."""
        self._kept.forget()
        self._numbers.forget()

    def due(self) -> list[Block] | None:
        """Neighbours of one level that should be merged now; None when there are not enough."""
        rows = self.connection.execute(
            f"SELECT id, low, rows, from_us, to_us, level FROM {self.table} WHERE rows < ? ORDER BY low DESC LIMIT 256",
            (self.rows_max // 2,),
        ).fetchall()
        row_of = [(Block(*row[:5]), row[5]) for row in reversed(rows)]
        for start in range(len(row_of) - FAN_IN, -1, -1):
            group = row_of[start : start + FAN_IN]
            blocks, levels = [block for block, _ in group], {level for _, level in group}
            adjacent = all(one.low + one.rows == other.low for one, other in pairwise(blocks))
            if len(levels) == 1 and adjacent and sum(block.rows for block in blocks) <= self.rows_max:
                return blocks
        return None

    def merge(self, blocks: list[Block]) -> Block:
        """Replace neighbours by one block, inside the caller's transaction."""
        marks = ",".join(str(block.id) for block in blocks)
        level, committed_us = self.connection.execute(
            f"SELECT max(level), max(committed_us) FROM {self.table} WHERE id IN ({marks})"
        ).fetchone()
        frame = pl.concat([self._decoded(block) for block in blocks])  # soon gone, so not kept
        self.connection.execute(f"DELETE FROM {self.table} WHERE id IN ({marks})")
        merged = Block(0, blocks[0].low, frame.height, min(b.from_us for b in blocks), max(b.to_us for b in blocks))
        self.add(merged, encode(frame), committed_us, level + 1)
        return merged
