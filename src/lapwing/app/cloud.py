"""The words that matching posts say most, and how often: what a word cloud shows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec
import polars as pl

from lapwing.app.resources import RESOURCES
from lapwing.ledger.sqlite import reading
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.text.cloud import readable
from lapwing.text.query import Node, matches

POSTS_MAX = 200_000
"""Words are counted in the newest so many matching posts."""
POSTS_AT_ONCE = 20_000


class Counted(msgspec.Struct, frozen=True):
    """What was counted in so many posts."""

    posts: int
    words: pl.DataFrame
    """word, count."""


def words(store: Store, filters: Filters, query: Node | None, limit: int) -> list[dict[str, Any]]:
    """The most frequent readable words of the newest matching posts, each counted once for a post."""
    parts = [part.words for part in counted(store, filters, query)]
    if not parts:
        return []
    every = pl.concat(parts).group_by("word").agg(pl.col("count").sum())
    return every.sort("count", "word", descending=[True, False]).head(limit).to_dicts()


def counted(store: Store, filters: Filters, query: Node | None) -> Iterator[Counted]:
    """The words of some posts after others, newest first; another thread counts them while this one reads the next."""
    left = POSTS_MAX
    running: Future[Counted] | None = None
    with store.snapshot(), ThreadPoolExecutor(1) as aside:
        for texts in _gathered(reading.texts_of(store, filters, query)):
            if running is not None:
                yield (done := running.result())
                left -= done.posts
                if left <= 0:
                    return
            running = aside.submit(_count, texts, query, left)
        if running is not None:
            yield running.result()


def _count(texts: pl.DataFrame, query: Node | None, posts_max: int) -> Counted:
    if query is not None:
        texts = texts.filter(matches(query, texts["text"]))
    texts = texts.head(posts_max)
    words = readable(texts["text"], texts["lang"], RESOURCES["cutters"])
    return Counted(texts.height, words.group_by("word").agg(pl.col("row").n_unique().cast(pl.Int64).alias("count")))


def _gathered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames, small ones put together: a word is met once in each."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(each.height for each in waiting) >= POSTS_AT_ONCE:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)
