"""The functions of s0_backend.toml."""

from __future__ import annotations

import logging
from typing import Any

import polars as pl


def mastodonprocessor(posts: pl.DataFrame) -> pl.DataFrame:
    """Of each post that has a place: where and when, who and what."""
    located = posts.filter(posts["place"].is_not_null())
    return located.select(
        id="uid",
        kind=pl.lit("post"),
        place=pl.col("place").struct.field("name"),
        at="created_at",
        author="author",
        text="text",
    )


def incomeprocessor(record: dict[str, Any]) -> dict[str, Any]:
    """One region's income; a record without a number fails, and ends in `errors` after its retries."""
    return {"id": f"income/{record['lga_code_2021']}", "kind": "income", "median_aud": int(record["median_aud"])}


def roll_call() -> None:
    """Where the harvesters ran every five minutes; sources listen all the time."""
    logging.getLogger("lapwing.examples").info("all is well")
