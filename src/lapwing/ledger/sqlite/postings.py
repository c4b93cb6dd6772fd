"""Term → rows: an inverted index of one block of posts, in chunks of sorted codes.

A term's code is 48 bits: 16 of the hash of its first three characters, 32 of the hash of all of it. Terms that begin
alike lie together, so a prefix is a range of codes, and no dictionary of terms is kept. Codes may collide: what a
search finds here is a candidate, and every hit is verified against the text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  (registers the expression namespace `nchash`)

from lapwing.ledger.sqlite import columns

ROW_BITS = 16
ROWS_MAX = 1 << ROW_BITS
CHUNK_POSTINGS = 32_768
PREFIX_CHARS = 3


def codes_of(terms: pl.Series) -> np.ndarray:
    """The 48-bit codes of terms, as uint64."""
    frame = terms.to_frame("term").select(
        pl.col("term").nchash.xxh3_64().alias("whole"),  # type: ignore[attr-defined]
        pl.col("term").str.slice(0, PREFIX_CHARS).nchash.xxh3_64().alias("start"),  # type: ignore[attr-defined]
    )
    whole, start = frame["whole"].to_numpy(), frame["start"].to_numpy()
    return ((start & np.uint64(0xFFFF)) << np.uint64(32)) | (whole & np.uint64(0xFFFF_FFFF))


def prefix_range(prefix: str) -> tuple[int, int]:
    """The lowest and highest code of terms that begin with the first three characters of `prefix`."""
    start = int(codes_of(pl.Series([prefix[:PREFIX_CHARS]]))[0]) >> 32 << 32
    return start, start | 0xFFFF_FFFF


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
    codes = postings >> np.uint64(ROW_BITS)
    rows = (postings & np.uint64(ROWS_MAX - 1)).astype(np.uint16)
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    counts = np.diff(np.append(starts, len(codes))).astype(np.uint16 if len(codes) < ROWS_MAX else np.uint32)
    steps = np.diff(rows, prepend=np.uint16(0))
    steps[starts] = rows[starts]
    frame = columns.encode(pl.DataFrame({"code": codes[starts].astype(np.int64), "count": counts}))
    high, low = (steps >> np.uint16(8)).astype(np.uint8), steps.astype(np.uint8)
    return len(frame).to_bytes(4, "little") + frame + columns.encode(pl.DataFrame({"high": high, "low": low}))


def decoded(blob: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The codes (uint64) and rows (uint16) of a chunk, one of each per posting."""
    cut = 4 + int.from_bytes(blob[:4], "little")
    terms, bytes_ = columns.numbers(blob[4:cut]), columns.numbers(blob[cut:])
    counts = terms["count"].astype(np.int64)
    steps = (bytes_["high"].astype(np.uint16) << np.uint16(8)) | bytes_["low"]
    starts = np.cumsum(counts) - counts
    running = np.cumsum(steps, dtype=np.uint64)
    before = np.where(starts > 0, running[starts - 1], 0)
    rows = (running - np.repeat(before, counts)).astype(np.uint16)
    return np.repeat(terms["code"].astype(np.uint64), counts), rows


class Postings:
    """The index of all blocks, in the table `postings`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

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
        found = []
        for (blob,) in blobs:
            codes, rows = decoded(blob)
            start, stop = (
                np.searchsorted(codes, np.uint64(from_code), "left"),
                np.searchsorted(codes, np.uint64(to_code), "right"),
            )
            found.append(rows[start:stop])
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint16)

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
