"""The embedded log: topics and partitions in one SQLite file, a row for each batch of records, readable by many processes.

A batch is compressed as a whole, as Kafka does. Readers follow by offset; sources keep a lease and a cursor here, so
that what was heard and how far was listened become durable together.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from lapwing.errors import Corrupt, DiskFull, Fenced, UnknownVersion
from lapwing.model import Chunk, Records
from lapwing.values import Values

FORMAT_VERSION = 2
ZSTD_LEVEL = 1
STICKY_RECORDS = 25_000
BUSY_MS = 60_000
LEASE_US = 10_000_000
"""A source's lease that was not renewed for this long may be taken by another."""

DDL = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE partitions (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0, first_offset INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE batches (id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, base_offset INTEGER NOT NULL, records INTEGER NOT NULL,
    appended_at_us INTEGER NOT NULL, source TEXT NOT NULL, network TEXT NOT NULL, format TEXT NOT NULL,
    raw_bytes INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE UNIQUE INDEX batches_by_offset ON batches (partition, base_offset);
CREATE TABLE sources (name TEXT PRIMARY KEY, owner TEXT, epoch INTEGER NOT NULL DEFAULT 0,
    heartbeat_us INTEGER NOT NULL DEFAULT 0, cursor TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
"""

Mark = Callable[[str], None]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    tuple[bytes, bytes, bytes, list[int] | int, list[str] | None, list[str] | None]
).decode


class Retention(msgspec.Struct, frozen=True):
    """How long batches are kept, counted from when they were appended, and how much of them."""

    age_us: int = 1 << 60
    bytes_max: int | None = None


class SourceLease(msgspec.Struct, frozen=True):
    """The right to append for a source, as of an epoch, and where it had come to."""

    source: str
    epoch: int
    cursor: str


class SqliteLog:
    """The log of one data directory. One object for each process and thread."""

    def __init__(
        self,
        path: Path,
        *,
        partitions: int = 8,
        durability: str = "app-crash",
        mark: Mark = lambda _: None,
        retention: Retention | None = None,
    ) -> None:
        self.path = path
        self.partitions = partitions
        self.mark = mark
        self._retention = retention or Retention()
        _check_version(path)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000, check_same_thread=False)
        for pragma in (
            "journal_mode = WAL",
            f"busy_timeout = {BUSY_MS}",
            "cache_size = -8192",
            "wal_autocheckpoint = 4000",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
        self._create()
        self._compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress
        self._expand = zstandard.ZstdDecompressor().decompress

    def _create(self) -> None:
        if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            return
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
                for statement in DDL.split(";\n"):
                    connection.execute(statement)
                connection.execute("INSERT INTO meta VALUES ('format_version', ?)", (str(FORMAT_VERSION),))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self.mark("log.before_commit")
            self._connection.execute("COMMIT")
            self.mark("log.after_commit")
        except BaseException as problem:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(problem, sqlite3.OperationalError) and ("full" in str(problem) or "disk I/O" in str(problem)):
                raise DiskFull(
                    f"no room for the log ({problem})", "free some space; listening waits, reading goes on"
                ) from problem
            raise

    def append(
        self, topic: str, records: Records, *, now_us: int, lease: SourceLease | None = None, cursor: str | None = None
    ) -> None:
        """Make records durable, and with them the cursor of their source.

        Records with keys go to the partition of their key; batches without keys fill one partition after the other,
        `STICKY_RECORDS` at a time, so that readers find much of one kind together.
        Raises `Fenced` if the lease is no longer ours, `DiskFull` if there is no room; then nothing was appended.
        """
        with self._transaction() as connection:
            if lease is not None:
                self._advance_source(lease, cursor, now_us)
            if records.values:
                for partition, part in self._parted(topic, records):
                    self._append_part(connection, partition, part, now_us)

    def _append_part(self, connection: sqlite3.Connection, partition: int, part: Records, now_us: int) -> None:
        count = len(part.values)
        (base,) = connection.execute(
            "UPDATE partitions SET next_offset = next_offset + ? WHERE id = ? RETURNING next_offset - ?",
            (count, partition, count),
        ).fetchone()
        received = part.received_at_us
        times = received[0] if received.count(received[0]) == count else received
        raw = _encode((*Values.of(part.values).packed(), times, part.keys, part.cursors))
        connection.execute(
            "INSERT INTO batches (partition, base_offset, records, appended_at_us, source, network, format, raw_bytes, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (partition, base, count, now_us, part.source, part.network, part.format, len(raw), self._compress(raw)),
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
                ((topic, each) for each in range(self.partitions)),
            )
            ids = [row[0] for row in self._connection.execute(statement, (topic,))]
        return ids

    def read(self, topic: str, partition: int, offset: int, records_max: int) -> list[Chunk]:
        """The batches from `offset` on, whole, until they hold `records_max` records; the first may begin before it.

        Empty at the end. When retention took `offset` away, the first batch begins after it.
        """
        rows = self._connection.execute(
            "SELECT b.base_offset, b.records, b.appended_at_us, b.source, b.network, b.format, b.payload FROM batches b "
            "JOIN partitions p ON p.id = b.partition WHERE p.topic = ? AND p.partition = ? AND b.base_offset >= coalesce("
            "(SELECT max(base_offset) FROM batches WHERE partition = p.id AND base_offset <= ?), 0) ORDER BY b.base_offset",
            (topic, partition, offset),
        )
        chunks: list[Chunk] = []
        count = 0
        for base, records, appended_at_us, source, network, format_, payload in rows:
            if base + records > offset:
                chunks.append(
                    Chunk(
                        topic=topic,
                        partition=partition,
                        base_offset=base,
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

    def spans(self) -> dict[tuple[str, int], tuple[int, int]]:
        """First and next offset of every partition, by topic and number."""
        rows = self._connection.execute("SELECT topic, partition, first_offset, next_offset FROM partitions")
        return {(topic, partition): (first, end) for topic, partition, first, end in rows}

    def claim_source(self, source: str, owner: str, now_us: int) -> SourceLease | None:
        """Take a source that is free or whose lease ran out; raises the epoch; None while another holds it."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO sources (name) VALUES (?)", (source,))
            row = connection.execute(
                "UPDATE sources SET epoch = epoch + 1, owner = ?1, heartbeat_us = ?2 WHERE name = ?3 "
                "AND (owner IS NULL OR owner = ?1 OR heartbeat_us < ?4) RETURNING epoch, cursor",
                (owner, now_us, source, now_us - LEASE_US),
            ).fetchone()
        return SourceLease(source, *row) if row else None

    def release_source(self, lease: SourceLease) -> None:
        """Give the source up, so that the next one need not wait for the lease to run out."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE sources SET owner = NULL WHERE name = ? AND epoch = ?", (lease.source, lease.epoch)
            )

    def _advance_source(self, lease: SourceLease, cursor: str | None, now_us: int) -> None:
        changed = self._connection.execute(
            "UPDATE sources SET heartbeat_us = ?, cursor = coalesce(?, cursor) WHERE name = ? AND epoch = ?",
            (now_us, cursor, lease.source, lease.epoch),
        ).rowcount
        if changed != 1:
            raise Fenced(f"another process listens to {lease.source!r} now", "this one stops")

    def expire(self, now_us: int) -> int:
        """Drop batches that are older than the retention, and the oldest beyond its size; the number of records dropped."""
        before_us, bytes_max = now_us - self._retention.age_us, self._retention.bytes_max
        with self._transaction() as connection:
            old = "SELECT id, records FROM batches WHERE appended_at_us < ?"
            doomed = dict(connection.execute(old, (before_us,)))
            if bytes_max is not None:
                doomed |= dict(
                    connection.execute(
                        "SELECT id, records FROM (SELECT id, records, sum(length(payload)) OVER (ORDER BY id DESC) AS running "
                        "FROM batches) WHERE running > ?",
                        (bytes_max,),
                    )
                )
            if doomed:
                connection.executemany("DELETE FROM batches WHERE id = ?", ((batch,) for batch in doomed))
                connection.execute(
                    "UPDATE partitions SET first_offset = coalesce((SELECT min(base_offset) FROM batches WHERE partition = partitions.id), next_offset)"
                )
        return sum(doomed.values())

    def sizes(self) -> dict[str, int]:
        """Records held, their bytes as they came, and the bytes they take."""
        statement = "SELECT coalesce(sum(records), 0), coalesce(sum(raw_bytes), 0), coalesce(sum(length(payload)), 0) FROM batches"
        return dict(
            zip(("records", "raw_bytes", "stored_bytes"), self._connection.execute(statement).fetchone(), strict=True)
        )

    def back_up(self, path: Path) -> None:
        """A consistent copy, while others write."""
        self._connection.execute("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


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


def _check_version(path: Path) -> None:
    """Raise `UnknownVersion` for a file written by another version or another program, without touching it."""
    if not path.exists() or path.stat().st_size == 0:
        return
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = dict(connection.execute("SELECT key, value FROM meta")) if "meta" in tables else {}
    except sqlite3.DatabaseError as problem:
        raise UnknownVersion(
            f"{path.name} cannot be read as a log ({problem}); nothing was touched",
            "restore a backup, or choose another --data directory",
        ) from problem
    finally:
        connection.close()
    version = found.get("format_version", "none")
    if tables and version != str(FORMAT_VERSION):
        raise UnknownVersion(
            f"{path.name} has format version {version}, this Lapwing knows {FORMAT_VERSION}; nothing was touched",
            "use the version of Lapwing that wrote it, or another --data directory",
        )
