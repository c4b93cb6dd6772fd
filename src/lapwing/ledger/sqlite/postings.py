"""Term → rows: an inverted index of one block of posts, in chunks of sorted codes.

A term's code is 48 bits of its hash: 16 of that of its first three characters, 32 of that of all of it. Terms that begin
alike lie together, so a prefix is a range of codes, and no dictionary of terms is kept. Codes may collide: what a
search finds here is a candidate, and every hit is verified against the text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import polars as pl
import zstandard

from lapwing.ledger.sqlite import columns
from lapwing.ledger.sqlite.blocks import MEMORY_BYTES_MAX, Block
from lapwing.ledger.sqlite.cache import Cache
from lapwing.native.postings import rows_of
from lapwing.text.words import PREFIX_CHARACTERS, flat, hash_terms

ROW_BITS = 16
ROWS_MAX = 1 << ROW_BITS
CHUNK_POSTINGS = 4_096
COUNT_BYTES = 4
CODE_MAX = (1 << 48) - 1
ENTRY_BYTES = 300
"""About so much does it take in memory to keep that nothing was found."""


def codes_of(hashes: np.ndarray) -> np.ndarray:
    """The 48-bit codes of terms, as uint64, from their hashes (`text.words.hash_terms`)."""
    return ((hashes & np.uint64(0xFFFF)) << np.uint64(32)) | (hashes >> np.uint64(32))


@lru_cache(maxsize=1_000)
def code_of(term: str) -> int:
    """The code of one term; a query asks for it in every block."""
    return int(codes_of(hash_terms(pl.Series([term])).to_numpy())[0])


def prefix_range(prefix: str) -> tuple[int, int]:
    """The lowest and highest code of terms that begin with the first three characters of `prefix`."""
    start = code_of(prefix[:PREFIX_CHARACTERS]) >> 32 << 32
    return start, start | 0xFFFF_FFFF


def postings_of(hashes: pl.Series) -> np.ndarray:
    """The sorted distinct postings of texts, whose terms have these hashes (List(UInt64), a row for each text)."""
    rows = np.repeat(np.arange(len(hashes), dtype=np.uint64), hashes.list.len().to_numpy())
    return packed(rows, codes_of(flat(hashes).to_numpy()))


def packed(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sorted distinct postings, code in the high 48 bits and row in the low 16."""
    postings = (codes << np.uint64(ROW_BITS)) | rows.astype(np.uint64)
    postings.sort()
    return postings[np.append(True, postings[1:] != postings[:-1])] if len(postings) else postings


def chunks(postings: np.ndarray) -> Iterator[tuple[int, bytes]]:
    """The first code and the blob of each chunk; a code never spans two."""
    if not len(postings):
        return
    codes = postings >> np.uint64(ROW_BITS)
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    wanted = np.searchsorted(starts, np.arange(0, len(postings), CHUNK_POSTINGS))
    cuts = np.unique(starts[wanted[wanted < len(starts)]])
    for low, high in zip(cuts, [*cuts[1:], len(postings)], strict=True):
        yield int(codes[low]), _encoded(postings[low:high])


def _encoded(postings: np.ndarray) -> bytes:
    """How many codes; the codes as differences, byte planes side by side; how many rows each has, less one; the rows of
    each code as differences, high bytes before low ones. All that is compressed.
    """
    codes = postings >> np.uint64(ROW_BITS)
    rows = (postings & np.uint64(ROWS_MAX - 1)).astype("<u2")
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    counts = np.diff(np.append(starts, len(codes)))
    steps = np.diff(rows, prepend=np.uint16(0))
    steps[starts] = rows[starts]
    parts = (
        len(starts).to_bytes(COUNT_BYTES, "little"),
        columns.planes(np.diff(codes[starts].astype("<u8"), prepend=np.uint64(0))),
        columns.planes((counts - 1).astype("<u2")),
        columns.planes(steps.astype("<u2")),
    )
    return zstandard.ZstdCompressor(level=columns.ZSTD_LEVEL).compress(b"".join(parts))


def rows_in(blob: bytes, from_code: int, to_code: int) -> np.ndarray:
    """The rows (uint16) of a range of codes in a chunk, code after code."""
    with columns.or_corrupt():
        raw = zstandard.ZstdDecompressor().decompress(blob)
        rows = rows_of(raw, from_code, to_code)
        return _decoded(raw, from_code, to_code)[1] if rows is None else rows


def decoded(blob: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The codes (uint64) and rows (uint16) of a chunk, one of each per posting."""
    with columns.or_corrupt():
        return _decoded(zstandard.ZstdDecompressor().decompress(blob), 0, CODE_MAX)


def _decoded(raw: bytes, from_code: int, to_code: int) -> tuple[np.ndarray, np.ndarray]:
    size = int.from_bytes(raw[:COUNT_BYTES], "little")
    low = COUNT_BYTES + 8 * size
    high = low + 2 * size
    every = np.cumsum(columns.unplaned(raw[COUNT_BYTES:low], np.dtype("<u8")), dtype=np.uint64)
    first, last = np.searchsorted(every, np.array([from_code, to_code + 1], dtype=np.uint64)).tolist()
    if first == last:
        return np.empty(0, np.uint64), np.empty(0, np.uint16)
    counts = columns.unplaned(raw[low:high], np.dtype("<u2"))[:last].astype(np.int64) + 1
    begin, counts = int(counts[:first].sum()), counts[first:]
    ends = np.cumsum(counts)
    steps = columns.unplaned(raw[high:], np.dtype("<u2"))[begin : begin + int(ends[-1])]
    running = np.cumsum(steps, dtype=np.uint64)
    starts = ends - counts
    before = np.where(starts > 0, running[starts - 1], 0)
    return np.repeat(every[first:last], counts), (running - np.repeat(before, counts)).astype(np.uint16)


class Postings:
    """The index of all blocks, in the table `postings`."""

    def __init__(self, connection: sqlite3.Connection, file: str = "") -> None:
        self.connection = connection
        self.memory = Cache(MEMORY_BYTES_MAX)
        """What was found; threads that read the same file may share it."""
        self._file = file

    def add(self, low: int, encoded: list[tuple[int, bytes]]) -> None:
        """Write the chunks of the block that begins at sequence number `low`."""
        self.connection.executemany(
            "INSERT INTO postings (low, code, blob) VALUES (?, ?, ?)", ((low, code, blob) for code, blob in encoded)
        )

    def rows(self, low: int, from_code: int, to_code: int) -> np.ndarray:
        """The sorted rows of a block that hold a term with a code in the range, both ends included."""
        blobs = self.connection.execute(
            "SELECT blob FROM postings WHERE low = ?1 AND code <= ?3 AND code >= coalesce("
            "(SELECT max(code) FROM postings WHERE low = ?1 AND code <= ?2), 0)",
            (low, from_code, to_code),
        ).fetchall()
        found = [rows_in(blob, from_code, to_code) for (blob,) in blobs]
        if from_code == to_code and len(found) == 1:  # the rows of one code are sorted, and in one chunk
            return found[0]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint16)

    def rows_of(self, block: Block, from_code: int, to_code: int) -> np.ndarray:
        """As `rows`, kept in memory. Where texts expired meanwhile these are too many, as candidates may be."""
        label = (self._file, "postings", block.id, from_code, to_code)
        return self.memory.get(
            label,
            lambda: self.rows(block.low, from_code, to_code).astype(np.int64),
            lambda rows: rows.nbytes + ENTRY_BYTES,
        )

    def merge(self, lows: list[int], target: int) -> None:
        """Make one block's index of several adjacent ones; rows are counted from `target` afterwards."""
        parts = []
        for low in lows:
            for (blob,) in self.connection.execute(
                "SELECT blob FROM postings WHERE low = ? ORDER BY code", (low,)
            ).fetchall():
                codes, rows = decoded(blob)
                parts.append((codes << np.uint64(ROW_BITS)) | (rows.astype(np.uint64) + np.uint64(low - target)))
            self.connection.execute("DELETE FROM postings WHERE low = ?", (low,))
        if parts:
            joined = np.concatenate(parts)
            joined.sort()
            self.add(target, list(chunks(joined)))
