"""What a group reads of a partition: records of JSON, or posts, each with its offset, its key and its own bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import msgspec
import polars as pl

from lapwing.engine.posts import Describe, posts_frame, posts_of
from lapwing.engine.returned import Given
from lapwing.engine.understanding import Part, Understanding, parts_of
from lapwing.model import Chunk

POSTS_BEGIN = "raw."
"""Topics that begin like this hold what networks sent; readers of them get posts."""

BYTES_MAX = 16 << 20
"""Records are taken until they have so many bytes, so that large ones do not fill the memory."""

Understand = Callable[[], tuple[Understanding, Describe]]
"""How posts are read; called when the first post comes, since it loads what stages need."""


class Item(msgspec.Struct, frozen=True):
    """One record as a function gets it."""

    offset: int
    key: str | None
    record: bytes
    """Its own bytes, for the errors topic."""


class Taken(msgspec.Struct, frozen=True):
    """Some of a partition, up to `to_offset`: its items, and what a call of some of them is given."""

    topic: str
    partition: int
    to_offset: int
    items: list[Item]
    frame: pl.DataFrame | None
    """Of a post topic: a row for each item."""

    def given(self, rows: list[int], each: bool) -> Given:
        """What the function gets for some items; with `each` there is one."""
        if self.frame is None:
            return Given(self.items[rows[0]].record if each else [self.items[row].record for row in rows])
        frame = self.frame[rows]
        return Given(next(posts_of(frame))[1] if each else frame.drop("offset"))


def taken(chunks: list[Chunk], offset: int, records_max: int, understand: Understand, changes: bool) -> Taken:
    """What some chunks of one partition hold from `offset` on, at most `records_max` records of it."""
    last = chunks[-1]
    end = min(last.base_offset + len(last.records.values), max(offset, chunks[0].base_offset) + records_max)
    items = [item for chunk in chunks for item in _items(chunk, offset, end)]
    room = next((row for row, size in enumerate(accumulate(len(item.record) for item in items)) if size > BYTES_MAX), 0)
    if room:
        items, end = items[:room], items[room].offset
    if not last.topic.startswith(POSTS_BEGIN):
        return Taken(last.topic, last.partition, end, items, None)
    parts: list[Part] = [parts_of(chunk, 0, (offset, end)) for chunk in chunks]
    frame = posts_frame(parts, *understand(), changes)
    frame = frame if changes else frame.drop("operation")
    by_offset = {item.offset: item for item in items}
    return Taken(last.topic, last.partition, end, [by_offset[each] for each in frame["offset"].to_list()], frame)


def _items(chunk: Chunk, offset: int, end: int) -> list[Item]:
    records, first = chunk.records, chunk.base_offset
    rows = range(max(0, offset - first), min(len(records.values), end - first))
    return [Item(first + row, records.keys[row] if records.keys else None, records.values[row]) for row in rows]
