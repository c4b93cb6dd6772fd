"""Batches of records in their partitions: appended, read and dropped, inside transactions of the caller.

A batch is compressed as a whole, as Kafka does.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import zstandard

from lapwing.errors import Corrupt
from lapwing.model import DECISIONS, FEEDBACK, FORGETS, RULES, Chunk, Records
from lapwing.values import Values

ZSTD_LEVEL = 1
STICKY_RECORDS = 25_000
PLAIN_DIGITS = 10
"""A number of fewer digits is no id of a person or a post."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    tuple[bytes, bytes, bytes, list[int] | int, list[str] | None, list[str] | None]
).decode


class Retention(msgspec.Struct, frozen=True):
    """How long batches are kept, counted from when they were appended, and how much of them."""

    age_us: int = 1 << 60
    bytes_max: int | None = None


class Batches:
    """The batches of one log, through one connection."""

    def __init__(self, connection: sqlite3.Connection, partitions: int) -> None:
        self._connection = connection
        self._partitions = partitions
        self._compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress
        self._expand = zstandard.ZstdDecompressor().decompress

    def append(self, topic: str, records: Records, now_us: int) -> None:
        """Put records behind what is there.

        Records with keys go to the partition of their key; batches without keys fill one partition after the other,
        `STICKY_RECORDS` at a time, so that readers find much of one kind together.
        """
        if records.values:
            for partition, part in self._parted(topic, records):
                self._append_part(partition, part, now_us)

    def _append_part(self, partition: int, part: Records, now_us: int) -> None:
        count = len(part.values)
        (first,) = self._connection.execute(
            "UPDATE partitions SET next_offset = next_offset + ? WHERE id = ? RETURNING next_offset - ?",
            (count, partition, count),
        ).fetchone()
        received = part.received_at_us
        times = received[0] if received.count(received[0]) == count else received
        raw = _encode((*Values.of(part.values).packed(), times, part.keys, part.cursors))
        self._connection.execute(
            "INSERT INTO batches (partition, base_offset, records, appended_at_us, source, network, format, raw_bytes, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (partition, first, count, now_us, part.source, part.network, part.format, len(raw), self._compress(raw)),
        )

    def _parted(self, topic: str, records: Records) -> Iterator[tuple[int, Records]]:
        ids = self._partition_ids(topic)
        if records.keys is None:
            (total,) = self._connection.execute(
                "SELECT sum(next_offset) FROM partitions WHERE topic = ?", (topic,)
            ).fetchone()
            yield ids[total // STICKY_RECORDS % len(ids)], records
            return
        rows_of: dict[int, list[int]] = {}
        for row, key in enumerate(records.keys):
            rows_of.setdefault(ids[zlib.crc32(key.encode()) % len(ids)], []).append(row)
        for partition, rows in sorted(rows_of.items()):
            yield partition, _picked(records, rows)

    def _partition_ids(self, topic: str) -> list[int]:
        statement = "SELECT id FROM partitions WHERE topic = ? ORDER BY partition"
        ids = [row[0] for row in self._connection.execute(statement, (topic,))]
        if not ids:
            self._connection.executemany(
                "INSERT OR IGNORE INTO partitions (topic, partition) VALUES (?, ?)",
                ((topic, each) for each in range(self._partitions)),
            )
            ids = [row[0] for row in self._connection.execute(statement, (topic,))]
        return ids

    def read(self, topic: str, partition: int, offset: int, records_max: int) -> list[Chunk]:
        """The batches from `offset` on, whole, until they hold `records_max` records; the first may begin before it."""
        rows = self._connection.execute(
            "SELECT b.base_offset, b.records, b.appended_at_us, b.source, b.network, b.format, b.payload FROM batches b "
            "JOIN partitions p ON p.id = b.partition WHERE p.topic = ? AND p.partition = ? AND b.base_offset >= coalesce("
            "(SELECT max(base_offset) FROM batches WHERE partition = p.id AND base_offset <= ?), 0) ORDER BY b.base_offset",
            (topic, partition, offset),
        )
        chunks: list[Chunk] = []
        count = 0
        for first, records, appended_at_us, source, network, format_, payload in rows:
            if first + records > offset:
                chunks.append(
                    Chunk(
                        topic=topic,
                        partition=partition,
                        base_offset=first,
                        appended_at_us=appended_at_us,
                        records=self._records(payload, source, network, format_, records),
                    )
                )
                count += records
                if count >= records_max:
                    break
        return chunks

    def _records(self, payload: bytes, source: str, network: str, format_: str, count: int) -> Records:
        try:
            buffer, gaps, sizes, times, keys, cursors = _decode(self._expand(payload))
            values = Values.unpacked(buffer, gaps, sizes)
        except (msgspec.DecodeError, zstandard.ZstdError, ValueError) as problem:
            raise Corrupt(
                f"a batch of the log cannot be read ({problem})", "restore a backup of the data directory"
            ) from problem
        received_at_us = [times] * count if isinstance(times, int) else times
        return Records(
            source=source,
            network=network,
            format=format_,
            values=values,
            received_at_us=received_at_us,
            keys=keys,
            cursors=cursors,
        )

    def listed(self) -> list[int]:
        """The number of every batch, the oldest first."""
        return [batch for (batch,) in self._connection.execute("SELECT id FROM batches ORDER BY id")]

    def one(self, batch: int) -> Chunk | None:
        """One batch by its number; None once it expired."""
        row = self._connection.execute(
            "SELECT p.topic, p.partition, b.base_offset, b.appended_at_us, b.payload, b.source, b.network, b.format, "
            "b.records FROM batches b JOIN partitions p ON p.id = b.partition WHERE b.id = ?",
            (batch,),
        ).fetchone()
        if row is None:
            return None
        topic, partition, first, appended_at_us = row[:4]
        records = self._records(*row[4:])
        return Chunk(
            topic=topic, partition=partition, base_offset=first, appended_at_us=appended_at_us, records=records
        )

    def empty(self, batch: int, rows: Sequence[int], instead: bytes) -> None:
        """Put something else in the place of some records of a batch, which keep their offsets and lose their keys."""
        found = self.one(batch)
        if found is None:
            return
        records, gone = found.records, set(rows)
        values = [instead if row in gone else value for row, value in enumerate(records.values)]
        keys, cursors = (
            None if each is None else [_plain(text) if row in gone else text for row, text in enumerate(each)]
            for each in (records.keys, records.cursors)
        )
        raw = _encode((*Values.of(values).packed(), records.received_at_us, keys, cursors))
        self._connection.execute(
            "UPDATE batches SET raw_bytes = ?, payload = ? WHERE id = ?", (len(raw), self._compress(raw), batch)
        )

    def expire(self, retention: Retention, now_us: int) -> int:
        """Drop what is older than the retention, and the oldest beyond its size; the number of records dropped."""
        ours = ", ".join(f"'{topic}'" for topic in (FORGETS, DECISIONS, RULES, FEEDBACK))
        kept = f"partition NOT IN (SELECT id FROM partitions WHERE topic IN ({ours}))"
        old = f"SELECT id, records FROM batches WHERE appended_at_us < ? AND {kept}"
        doomed = dict(self._connection.execute(old, (now_us - retention.age_us,)))
        if retention.bytes_max is not None:
            doomed |= dict(
                self._connection.execute(
                    "SELECT id, records FROM (SELECT id, records, sum(length(payload)) OVER (ORDER BY id DESC) AS running "
                    f"FROM batches WHERE {kept}) WHERE running > ?",
                    (retention.bytes_max,),
                )
            )
        if doomed:
            self._connection.executemany("DELETE FROM batches WHERE id = ?", ((batch,) for batch in doomed))
            self._connection.execute(
                "UPDATE partitions SET first_offset = coalesce((SELECT min(base_offset) FROM batches WHERE partition = partitions.id), next_offset)"
            )
        return sum(doomed.values())


def _plain(text: str) -> str:
    """A cursor that is a number, as that of a retried dead letter; keys and other cursors may name somebody."""
    return text if text.isascii() and text.isdigit() and len(text) < PLAIN_DIGITS else ""


def _picked(records: Records, rows: list[int]) -> Records:
    def pick(values: Sequence[Any]) -> list[Any]:
        return [values[row] for row in rows]

    return Records(
        source=records.source,
        network=records.network,
        format=records.format,
        values=pick(records.values),
        received_at_us=pick(records.received_at_us),
        keys=pick(records.keys or []),
        cursors=pick(records.cursors) if records.cursors else None,
    )
