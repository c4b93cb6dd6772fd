"""Activity: who was heard where and when, as signed rows that add up.

One row says that an author, in a five-minute window, at a place and on a network, made so many posts and reposts. A
post that is withdrawn adds a row with minus signs. People are the authors whose sums are not zero, so every number is
exact, may be taken back, and does not depend on the order in which anything arrived.
"""

from __future__ import annotations

from typing import TypeVar

import polars as pl

from lapwing.model import KINDS, WINDOW_US

REPOST = KINDS.index("repost")

ACTIVITY = pl.Schema(
    {
        "key": pl.Int64(),  # the window: created_at_us // WINDOW_US
        "area": pl.UInt32(),  # GeoNames id, or a country without a city (see areas.py), or 0
        "network": pl.UInt8(),
        "author": pl.UInt64(),  # 64-bit hash of the author's id; two of a million share one with probability 3e-8
        "posts": pl.Int32(),
        "reposts": pl.Int32(),
    }
)
_DIMENSIONS = ["key", "area", "network", "author"]

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
"""Steps that stand between others are lazy: one question to the columns instead of several."""


def activity_of(facts: pl.DataFrame, sign: int = 1) -> pl.DataFrame:
    """The activity of posts; needs columns created_at_us, area, network, author_hash, kind."""
    repost = pl.col("kind") == REPOST
    rows = facts.select(
        (pl.col("created_at_us") // WINDOW_US).alias("key"),
        "area",
        "network",
        pl.col("author_hash").alias("author"),
        pl.when(repost).then(0).otherwise(sign).cast(pl.Int32).alias("posts"),
        pl.when(repost).then(sign).otherwise(0).cast(pl.Int32).alias("reposts"),
    )
    return summed(rows)


def summed(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each window, area, network and author, sorted by window; what cancels out is dropped."""
    totals = rows.group_by(_DIMENSIONS).agg(pl.col("posts").sum(), pl.col("reposts").sum())
    return totals.filter((pl.col("posts") != 0) | (pl.col("reposts") != 0)).sort("key", "area")


def counted(rows: Frame, by: list[str]) -> Frame:
    """posts, reposts and people for each combination of the columns `by`; combinations with nothing are absent."""
    authors = rows.group_by([*by, "author"]).agg(pl.col("posts").sum(), pl.col("reposts").sum())
    authors = authors.filter((pl.col("posts") != 0) | (pl.col("reposts") != 0))
    return authors.group_by(by).agg(
        pl.col("posts").sum().cast(pl.Int64),
        pl.col("reposts").sum().cast(pl.Int64),
        pl.len().cast(pl.Int64).alias("people"),
    )
