"""A name → the post it belongs to: decides whether a post is new or known.

The key of a name is the ten-minute slice of the time *inside* the name, then 40 bits of its hash, so that what arrives
together lies together and memory holds recent slices only. A name that carries no time gets one of 64 slices of 1970.
Two names may share a key: what a key finds is a candidate, and the caller compares the names themselves.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  (registers the expression namespace `nchash`)

from lapwing.ledger.sqlite.runs import Runs

SLICE_US = 600_000_000
HASH_BITS = 40
TIMELESS_SLICES = 64
WAITING = -1
"""Stands where a post's sequence number would: a delete waits for a post of this name."""


def key_of(name: str, time_us: str) -> pl.Expr:
    """The Int64 key of the names in one column, with their times (0: none) in another."""
    hashed = pl.col(name).nchash.xxh3_64()  # type: ignore[attr-defined]
    sliced = (
        pl.when(pl.col(time_us) > 0)
        .then(pl.col(time_us) // SLICE_US)
        .otherwise((hashed % TIMELESS_SLICES).cast(pl.Int64))
    )
    key: pl.Expr = sliced * (1 << HASH_BITS) + (hashed % (1 << HASH_BITS)).cast(pl.Int64)
    return key


class Keys:
    """The sorted runs of (key, post), where post is a sequence number or `WAITING`."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    def find(self, keys: pl.Series, after_run: int = 0) -> pl.DataFrame:
        """Candidates: columns `at` (position in `keys`, Int64) and `post`, one row for each match."""
        order = np.argsort(keys.to_numpy(), kind="stable")
        wanted = keys.to_numpy()[order]
        found_at, found_post = [], []
        pages = self.runs.pages(int(wanted[0]), int(wanted[-1]), after_run) if len(wanted) else []
        for page in pages:
            start, stop = np.searchsorted(wanted, page.low, "left"), np.searchsorted(wanted, page.high, "right")
            if start == stop:
                continue
            known = self.runs.read(page, "key")["key"].to_numpy()
            asked = wanted[start:stop]
            left = np.searchsorted(known, asked, "left")
            hits = np.flatnonzero(known[np.minimum(left, len(known) - 1)] == asked)
            if len(hits):
                posts = self.runs.read(page, "post")["post"].to_numpy()
                repeats = np.searchsorted(known, asked[hits], "right") - left[hits]
                found_at.append(np.repeat(order[start:stop][hits], repeats))
                steps = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
                found_post.append(posts[np.repeat(left[hits], repeats) + steps])
        joined = [np.concatenate(each) if each else np.empty(0, np.int64) for each in (found_at, found_post)]
        return pl.DataFrame({"at": joined[0], "post": joined[1]}, schema={"at": pl.Int64, "post": pl.Int64})

    def add(self, rows: pl.DataFrame) -> None:
        """Remember rows of (key, post), inside the caller's transaction."""
        self.runs.append(rows.select("key", "post").sort("key"))
