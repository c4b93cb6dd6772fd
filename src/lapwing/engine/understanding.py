"""Records in, a batch for the ledger out: decode, refuse the bad, run the stages. Nothing here waits or remembers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import msgspec
import numpy as np
import polars as pl

from lapwing.contracts import Format, Transform
from lapwing.engine.keeping import FORGOTTEN, Keeping
from lapwing.model import (
    CHANGES,
    COVERAGE,
    POSTS,
    RETRIES,
    Batch,
    Chunk,
    Covered,
    DeadLetter,
    Decoded,
    Heard,
    Read,
    Records,
    Refused,
)
from lapwing.values import Values

DECODED_AT_ONCE = 8_192
"""So many records are decoded together: what they are on the way to columns still fits the processor's cache."""
WATERMARK_AHEAD_US = 300_000_000
"""A post may say that it was made later than it was received; time is not moved on by more than this."""


class Understanding(msgspec.Struct, frozen=True):
    """How records are read (by the name of their format) and what is then done to posts, in order."""

    formats: Mapping[str, Format]
    transforms: list[Transform]
    keeps: Mapping[str, Keeping] = {}
    """By source what is kept of it; all, where it is not named."""
    secret: Callable[[], bytes] = bytes
    """The key of the marks of those who were forgotten."""


class Part(msgspec.Struct, frozen=True):
    """Records of one source and format, with the partition (the ledger's number) and offset of each."""

    topic: str
    partition: int
    records: Records
    origins: list[int]
    offsets: list[int]


class Understood(msgspec.Struct, frozen=True):
    """What a batch will hold, before it is known how far it reaches."""

    posts: pl.DataFrame
    changes: pl.DataFrame
    heard: list[Heard]
    refused: list[DeadLetter]


def parts_of(chunk: Chunk, origin: int, offsets: tuple[int, int]) -> Part:
    """The records of a chunk that lie between two offsets, the second exclusive."""
    records, base = chunk.records, chunk.base_offset
    rows = slice(max(0, offsets[0] - base), min(len(records.values), offsets[1] - base))
    inside = list(range(base, base + len(records.values)))[rows]
    return Part(chunk.topic, chunk.partition, _cut(records, rows), [origin] * len(inside), inside)


def gathered(parts: list[Part]) -> list[Part]:
    """The same records, joined by source and format, so that each format is called once."""
    by_kind: dict[tuple[str, str, str, str], list[Part]] = defaultdict(list)
    for part in parts:
        by_kind[part.topic, part.records.source, part.records.network, part.records.format].append(part)
    return [_joined(same) for same in by_kind.values()]


def _cut(records: Records, rows: slice) -> Records:
    return msgspec.structs.replace(
        records,
        values=records.values[rows],
        received_at_us=records.received_at_us[rows],
        keys=None,
        cursors=records.cursors[rows] if records.cursors else None,
    )


def _joined(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    records = msgspec.structs.replace(
        parts[0].records,
        values=Values.joined([part.records.values for part in parts]),
        received_at_us=[time for part in parts for time in part.records.received_at_us],
        cursors=None,
    )
    origins = [origin for part in parts for origin in part.origins]
    return Part(
        parts[0].topic, parts[0].partition, records, origins, [offset for part in parts for offset in part.offsets]
    )


def understand(parts: list[Part], how: Understanding) -> Understood:
    """Posts with everything the stages add, changes, and what was filtered or refused."""
    some = (_sliced(part, slice(start, start + DECODED_AT_ONCE)) for part in parts for start in _starts(part))
    pieces = [_read(part, how.formats) for part in some] or [_nothing()]
    posts = pl.concat([piece.posts for piece in pieces], rechunk=True)
    for transform in how.transforms:
        posts = transform(posts)
    return Understood(
        posts,
        pl.concat([piece.changes for piece in pieces]),
        [heard for piece in pieces for heard in piece.heard],
        [letter for piece in pieces for letter in piece.refused],
    )


def _starts(part: Part) -> range:
    return range(0, max(1, len(part.offsets)), DECODED_AT_ONCE)


def _read(part: Part, formats: Mapping[str, Format]) -> Understood:
    part, emptied = _there(part)
    records = part.records
    offsets = pl.Series("offset", part.offsets, dtype=pl.Int64)
    origins = pl.Series("origin", part.origins, dtype=pl.UInt32)
    received = pl.Series("received_at_us", records.received_at_us, dtype=pl.Int64)
    decoded = _decoded(records, formats)
    named = [pl.lit(records.source).alias("source"), pl.lit(records.network).alias("network")]
    posts = decoded.posts.with_columns(
        *named, *(column.gather(decoded.posts["record"]) for column in (origins, offsets, received))
    ).drop("record")
    refused = [letter(part, refusal.record, refusal.reason) for refusal in decoded.refused]
    filtered = decoded.filtered | ({FORGOTTEN: emptied} if emptied else {})
    heard = Heard(records.source, records.network, len(records.values) + emptied, filtered)
    return Understood(posts, decoded.changes.with_columns(named[0]).drop("record"), [heard], refused)


def _there(part: Part) -> tuple[Part, int]:
    """The records that are there still, and how many were emptied, since whoever wrote them was forgotten."""
    values = part.records.values
    if isinstance(values, Values):
        there = np.flatnonzero(values.ends > values.starts).tolist()
    else:
        there = [row for row, value in enumerate(values) if value]
    emptied = len(values) - len(there)
    return (picked(part, there), emptied) if emptied else (part, 0)


def picked(part: Part, rows: list[int]) -> Part:
    """Some of the records."""
    records = part.records
    cursors = [records.cursors[row] for row in rows] if records.cursors else None
    some = msgspec.structs.replace(
        records,
        values=[records.values[row] for row in rows],
        received_at_us=[records.received_at_us[row] for row in rows],
        keys=None,
        cursors=cursors,
    )
    origins, offsets = [part.origins[row] for row in rows], [part.offsets[row] for row in rows]
    return Part(part.topic, part.partition, some, origins, offsets)


def _nothing() -> Understood:
    posts = (
        POSTS.to_frame(eager=True)
        .drop("record")
        .with_columns(
            pl.lit("").alias("source"),
            pl.lit("").alias("network"),
            pl.lit(0, pl.UInt32).alias("origin"),
            pl.lit(0, pl.Int64).alias("offset"),
            pl.lit(0, pl.Int64).alias("received_at_us"),
        )
    )
    return Understood(
        posts, CHANGES.to_frame(eager=True).with_columns(pl.lit("").alias("source")).drop("record"), [], []
    )


def _decoded(records: Records, formats: Mapping[str, Format]) -> Decoded:
    if records.format in formats:
        return formats[records.format].decode(records)
    reason = f"no format is called {records.format!r} in this version"
    return Decoded(
        posts=POSTS.to_frame(eager=True),
        changes=CHANGES.to_frame(eager=True),
        filtered={},
        refused=[Refused(row, reason) for row in range(len(records.values))],
    )


def letter(part: Part, row: int, reason: str) -> DeadLetter:
    """The dead letter of one record."""
    records = part.records
    return DeadLetter(
        topic=part.topic,
        partition=part.partition,
        offset=part.offsets[row],
        source=records.source,
        network=records.network,
        format=records.format,
        reason=reason,
        received_at_us=records.received_at_us[row],
        record=records.values[row],
    )


def understand_or_bisect(parts: list[Part], how: Understanding) -> Understood:
    """As `understand`, but a record that makes our own code fail becomes a dead letter and its neighbours live."""
    try:
        return understand(parts, how)
    except Exception as problem:  # noqa: BLE001  (whatever a stage raises, it must not stop the stream)
        rows = sum(len(part.offsets) for part in parts)
        if rows == 1:
            return _refuse_all(parts, f"a stage failed on it: {type(problem).__name__}: {problem}"[:500], how)
        halves = [understand_or_bisect(half, how) for half in _halved(parts, rows)]
        return Understood(
            pl.concat([half.posts for half in halves], how="vertical_relaxed"),
            pl.concat([half.changes for half in halves]),
            [heard for half in halves for heard in half.heard],
            [letter for half in halves for letter in half.refused],
        )


def _halved(parts: list[Part], rows: int) -> list[list[Part]]:
    first: list[Part] = []
    second: list[Part] = []
    left = rows // 2
    for part in parts:
        cut = min(left, len(part.offsets))
        left -= cut
        for half, span in ((first, slice(0, cut)), (second, slice(cut, None))):
            if part.offsets[span]:
                half.append(_sliced(part, span))
    return [first, second]


def _sliced(part: Part, rows: slice) -> Part:
    return Part(part.topic, part.partition, _cut(part.records, rows), part.origins[rows], part.offsets[rows])


def _refuse_all(parts: list[Part], reason: str, how: Understanding) -> Understood:
    empty = understand([_sliced(part, slice(0, 0)) for part in parts], how)
    heard = [Heard(part.records.source, part.records.network, len(part.offsets), {}) for part in parts]
    return Understood(
        empty.posts,
        empty.changes,
        heard,
        [letter(part, row, reason) for part in parts for row in range(len(part.offsets))],
    )


def own_records(parts: list[Part]) -> tuple[list[int], list[Covered]]:
    """What records of our own topics say: the dead letters that are tried again, and what was covered."""
    retried = [int(cursor) for part in parts if part.topic == RETRIES for cursor in part.records.cursors or []]
    covered = [
        msgspec.json.decode(value, type=Covered)
        for part in parts
        if part.topic == COVERAGE
        for value in part.records.values
    ]
    return retried, covered


def batch_of(parts: list[Part], reads: list[Read], how: Understanding) -> Batch:
    """What the ledger saves of some records."""
    retried, covered = own_records(parts)
    understood = understand_or_bisect(gathered([part for part in parts if part.topic != COVERAGE]), how)
    posts = understood.posts
    seen = pl.min_horizontal("created_at_us", pl.col("received_at_us") + WATERMARK_AHEAD_US).max()
    watermarks = dict(posts.group_by("origin").agg(seen.alias("seen")).iter_rows())
    return Batch(
        reads=[msgspec.structs.replace(read, watermark_us=watermarks.get(read.origin, 0)) for read in reads],
        posts=posts,
        changes=understood.changes,
        heard=understood.heard,
        refused=understood.refused,
        retried=retried,
        covered=covered,
    )
