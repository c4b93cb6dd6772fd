"""Facts and texts of posts: immutable blocks of columns, found by sequence number.

A post's sequence number is its place in commit order and never changes. Small blocks are merged with their neighbours;
facts (which live as long as the counts) and texts (which live as long as `posts_retention`) are kept apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import columns
from lapwing.ledger.sqlite.cache import Cache
from lapwing.ledger.sqlite.opened import Opened

FACTS_ROWS_MAX = 65_536
TEXTS_ROWS_MAX = 4_096
FAN_IN = 6
FEW = 4
"""One row in so many of a block is few."""
NEIGHBOURS = 32
"""So many blocks are looked up at once."""
MEMORY_BYTES_MAX = 128 << 20
"""So much of what was decoded is kept in memory by those who share it."""

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


Part = tuple[Block, np.ndarray]
"""A block, and which sequence numbers of it."""


class _Unopened:
    """The blob of a block, opened when it is first read: what is remembered of it needs no look at the disk."""

    def __init__(self, open_: Callable[[], sqlite3.Blob]) -> None:
        self._open = open_
        self._blob: sqlite3.Blob | None = None

    def seek(self, offset: int) -> None:
        if self._blob is None:
            self._blob = self._open()
        self._blob.seek(offset)

    def read(self, length: int) -> bytes:
        assert self._blob is not None  # who reads has said where
        return self._blob.read(length)

    def close(self) -> None:
        if self._blob is not None:
            self._blob.close()


class Blocks:
    """One table of blocks, `facts` or `texts`."""

    def __init__(self, connection: sqlite3.Connection, table: str, rows_max: int, file: str = "") -> None:
        self.connection = connection
        self.table = table
        self.rows_max = rows_max
        self.memory = Cache(MEMORY_BYTES_MAX)
        """What was decoded; threads that read the same file may share it."""
        self._file = file

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
        """The columns of a block; kept in memory."""
        label = (self._file, self.table, block.id, names)
        return self.memory.get(
            label, lambda: self._decoded(block, names or None), lambda frame: int(frame.estimated_size())
        )

    def _decoded(self, block: Block, names: tuple[str, ...] | None = None) -> pl.DataFrame:
        with self._open(block) as blob:
            return columns.whole(blob, names)

    def _open(self, block: Block) -> sqlite3.Blob:
        return self.connection.blobopen(self.table, "blob", block.id, readonly=True)

    @contextmanager
    def _opened(self, block: Block) -> Iterator[Opened]:
        """The blob of a block, to be read in part; its segments are kept in memory."""
        blob = _Unopened(lambda: self._open(block))

        def remember(name: str | int, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
            return self.memory.get((self._file, self.table, block.id, name), make, size)

        try:
            yield Opened(blob, remember)
        finally:
            blob.close()

    def at(self, seqs: np.ndarray, *names: str) -> pl.DataFrame:
        """The rows of sorted sequence numbers, with a column `seq`; those whose block is gone are absent."""
        parts = self.parts(seqs)
        if not parts:
            return pl.DataFrame(schema={**{name: SCHEMA[name] for name in names}, "seq": pl.Int64()})
        if _are_many(parts):
            found = pl.concat([self.read(block, *names)[inside - block.low] for block, inside in parts])
        else:
            picked = self._few(parts, names)
            found = pl.DataFrame([columns.joined(name, values) for name, values in picked.items()])
        return found.with_columns(pl.Series("seq", _seqs(parts), dtype=pl.Int64))

    def lists(self, seqs: np.ndarray, *names: str) -> tuple[list[int], dict[str, list[Any]]]:
        """As `at`, as lists of Python's: the sequence numbers that are there, and each column. For no more than a page:
        a frame of so few rows takes longer to be made than to be read.
        """
        parts = self.parts(seqs)
        if not parts:
            return [], {name: [] for name in names}
        if _are_many(parts):
            frames = [(self.read(block, *names), inside - block.low) for block, inside in parts]
            columns_ = {name: [each for frame, rows in frames for each in frame[name][rows]] for name in names}
        else:
            columns_ = {name: columns.listed(values) for name, values in self._few(parts, names).items()}
        return _seqs(parts).tolist(), columns_

    def numbers(self, seqs: np.ndarray, *names: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The sequence numbers that are there, and columns of numbers or codes (as objects) as arrays."""
        parts = self.parts(seqs)
        if not parts:
            return seqs[:0], {name: np.empty(0, np.int64) for name in names}
        found = {
            name: np.concatenate([self._number(block, name).at(inside - block.low) for block, inside in parts])
            for name in names
        }
        return _seqs(parts), found

    def parts(self, seqs: np.ndarray) -> list[Part]:
        """The blocks that hold any of some sorted sequence numbers, and which of these."""
        blocks = list(self._holding(seqs))
        edges = np.searchsorted(seqs, [(block.low, block.low + block.rows) for block in blocks] or [(0, 0)]).tolist()
        return [(block, seqs[low:high]) for block, (low, high) in zip(blocks, edges, strict=False) if low < high]

    def _few(self, parts: list[Part], names: tuple[str, ...]) -> dict[str, list[Any]]:
        """Columns of a few rows of blocks, in parts: numbers and codes from memory, of strings the segments that hold any."""
        strings = [name for name in names if SCHEMA[name] == pl.String() and name not in LAYOUT.coded]
        numbers = [name for name in names if name not in strings]
        picked: dict[str, list[Any]] = {name: [] for name in names}
        for block, inside in parts:
            rows = inside - block.low
            for name in numbers:
                picked[name].append(self._number(block, name).at(rows))
            if strings:
                with self._opened(block) as opened:
                    for name, values in columns.strings(opened, strings, rows.tolist()).items():
                        picked[name].append(values)
        return picked

    def _number(self, block: Block, name: str) -> columns.Numbers:
        def decode() -> columns.Numbers:
            with self._opened(block) as opened:
                return columns.numbers(opened, name)

        label = (self._file, self.table, block.id, f"{name} as numbers")
        return self.memory.get(label, decode, lambda numbers: numbers.bytes)

    def _holding(self, seqs: np.ndarray) -> Iterator[Block]:
        """Blocks that may hold any of the sequence numbers: neighbours are looked up together, what is far off anew."""
        position = 0
        while position < len(seqs):
            found = self.listed(
                f"low >= coalesce((SELECT max(low) FROM {self.table} WHERE low <= ?1), ?1) AND low <= ?2",
                (int(seqs[position]), int(seqs[-1])), f"low LIMIT {NEIGHBOURS}",
            )  # fmt: skip
            yield from found
            if len(found) < NEIGHBOURS:
                return
            position = int(np.searchsorted(seqs, found[-1].low + found[-1].rows))

    def forget(self) -> None:
        """Empty the cache: a transaction that gave out ids was rolled back."""
        self.memory.forget()

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


def _are_many(parts: list[Part]) -> bool:
    """Whether whole blocks are sooner read than some of their rows."""
    return sum(len(inside) for _, inside in parts) * FEW > sum(block.rows for block, _ in parts)


def _seqs(parts: list[Part]) -> np.ndarray:
    return np.concatenate([inside for _, inside in parts])
