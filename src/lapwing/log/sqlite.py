"""The embedded log: topics and partitions in one SQLite file, a row for each batch of records, readable by many processes.

Readers follow by offset. Sources keep a lease and a cursor here, functions and other groups of readers their claims and
offsets, so that what was heard or made, and how far was read for it, become durable together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from lapwing.contracts import Claimed, FunctionNote, TimerLease
from lapwing.errors import DiskFull
from lapwing.hearing import SourceNote
from lapwing.log import claims, keys, schema, states
from lapwing.log.batches import Batches, Retention
from lapwing.log.claims import LEASE_US, SourceLease
from lapwing.log.schema import FORMAT_VERSION
from lapwing.model import COVERAGE, Chunk, Records

__all__ = ["FORMAT_VERSION", "LEASE_US", "Retention", "SourceLease", "SqliteLog"]

BUSY_MS = 60_000

Mark = Callable[[str], None]


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
        schema.check_version(path)
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
        self._batches = Batches(self._connection, partitions)

    def _create(self) -> None:
        exists = "SELECT 1 FROM sqlite_master WHERE name = 'meta'"
        if self._connection.execute(exists).fetchone():
            schema.add_what_is_new(self._connection)
            return
        with self._transaction() as connection:
            if connection.execute(exists).fetchone() is None:
                schema.create(connection)

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

        Records with keys go to the partition of their key; batches without keys fill one partition after the other.
        Raises `Fenced` if the lease is no longer ours, `DiskFull` if there is no room; then nothing was appended.
        """
        with self._transaction() as connection:
            if lease is not None:
                claims.advance_source(connection, lease, cursor, now_us)
            self._batches.append(topic, records, now_us)

    def append_once(self, topic: str, records: Records, *, now_us: int, key: str) -> bool:
        """As `append`, unless this idempotency key of the topic was seen within the last day: then False, and nothing is appended.

        The key is remembered in the same transaction, until `expire` drops it after a day. Raises `KeyReused` if it came
        with another body.
        """
        with self._transaction() as connection:
            new = keys.remember(connection, topic, key, records, now_us)
            if new:
                self._batches.append(topic, records, now_us)
        return new

    def append_received(self, topic: str, records: Records, *, now_us: int) -> None:
        """As `append`, and counted under the source, to which another process listens. Raises `DiskFull`."""
        with self._transaction() as connection:
            self._batches.append(topic, records, now_us)
            states.count_received(connection, records.source, len(records.values), now_us)

    def append_and_advance(
        self, claim: Claimed, to_offset: int, outputs: Sequence[tuple[str, Records]], *, now_us: int
    ) -> Claimed:
        """What a group made of the records up to `to_offset`, each with its topic, and its offset, durable together.

        Returns the claim as it now is. Raises `Fenced` if the partition is no longer ours, `DiskFull` if there is no
        room; then nothing was changed.
        """
        with self._transaction() as connection:
            claims.advance_group(connection, claim, to_offset, now_us)
            self.mark("log.advanced")
            for topic, records in outputs:
                self._batches.append(topic, records, now_us)
                self.mark("log.output_appended")
        return msgspec.structs.replace(claim, next_offset=to_offset)

    def read(self, topic: str, partition: int, offset: int, records_max: int) -> list[Chunk]:
        """The batches from `offset` on, whole, until they hold `records_max` records; the first may begin before it.

        Empty at the end. When retention took `offset` away, the first batch begins after it.
        """
        return self._batches.read(topic, partition, offset, records_max)

    def spans(self) -> dict[tuple[str, int], tuple[int, int]]:
        """First and next offset of every partition, by topic and number."""
        rows = self._connection.execute("SELECT topic, partition, first_offset, next_offset FROM partitions")
        return {(topic, partition): (first, end) for topic, partition, first, end in rows}

    def claim_source(self, source: str, owner: str, now_us: int) -> SourceLease | None:
        """Take a source that is free or whose lease ran out; raises the epoch; None while another holds it."""
        with self._transaction() as connection:
            return claims.claim_source(connection, source, owner, now_us)

    def release_source(self, lease: SourceLease) -> None:
        """Give the source up, so that the next one need not wait for the lease to run out."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE sources SET owner = NULL WHERE name = ? AND epoch = ?", (lease.source, lease.epoch)
            )

    def release_dead(self, owners: Sequence[str]) -> None:
        """Give up every source of processes that are known to be dead, so that nobody waits for their leases to run out."""
        with self._transaction() as connection:
            connection.executemany("UPDATE sources SET owner = NULL WHERE owner = ?", [(owner,) for owner in owners])

    def append_heard(
        self,
        lease: SourceLease,
        outputs: Sequence[tuple[str, Records]],
        note: SourceNote,
        *,
        now_us: int,
        cursor: str | None = None,
    ) -> None:
        """What a source heard, each with its topic, the cursor behind it and how the source is, durable together.

        Raises `Fenced` if the lease is no longer ours, `DiskFull` if there is no room; then nothing was changed.
        """
        with self._transaction() as connection:
            claims.advance_source(connection, lease, cursor, now_us)
            self.mark("log.source_advanced")
            for topic, records in outputs:
                self._batches.append(topic, records, now_us)
            states.note_source(connection, note, now_us)

    def source_memory(self, source: str) -> tuple[int | None, bool]:
        """Until when a source was surely heard, and whether it was ever listened to."""
        row = self._connection.execute("SELECT heard_until_us FROM listening WHERE name = ?", (source,)).fetchone()
        return (None, False) if row is None else (row[0], True)

    def source_states(self) -> list[dict[str, Any]]:
        """How every source is that was ever listened to: the fields of `SourceNote`, with sums, and noted_us, cursor and owner."""
        return states.sources(self._connection)

    def end_source(self, source: str, ended: Records, now_us: int) -> None:
        """Forget how a source is that is no longer configured, and say in our own topic that it ended; its cursor stays."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM listening WHERE name = ?", (source,))
            self._batches.append(COVERAGE, ended, now_us)

    def begin_group(self, group: str, topic: str) -> None:
        """Let a group begin at the present end of the topic, wherever it has no offset yet."""
        with self._transaction() as connection:
            claims.begin_group(connection, group, topic)

    def claim_group(self, group: str, topic: str, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition for a group of readers, from offset 0 the first time; raises the epoch; None while another holds it."""
        with self._transaction() as connection:
            return claims.claim_group(connection, group, (topic, partition), owner, now_us)

    def heartbeat_group(self, group: str, owner: str, now_us: int) -> int:
        """Say that a member of a group lives and keeps its partitions; how many members live."""
        with self._transaction() as connection:
            return claims.heartbeat_group(connection, group, owner, now_us)

    def release_group(self, group: str, owner: str, claim: Claimed | None = None) -> None:
        """Give up one partition of a group, or everything that `owner` holds of it."""
        with self._transaction() as connection:
            claims.release_group(connection, group, owner, claim)

    def group_lag(self, group: str, topic: str) -> int:
        """Records of a topic that a group has still to read."""
        (lag,) = self._connection.execute(
            "SELECT coalesce(sum(p.next_offset - max(p.first_offset, coalesce(g.next_offset, 0))), 0) FROM partitions p "
            "LEFT JOIN groups g ON g.name = ? AND g.topic = p.topic AND g.partition = p.partition WHERE p.topic = ?",
            (group, topic),
        ).fetchone()
        return int(lag)

    def claim_timer(self, name: str, owner: str, now_us: int) -> TimerLease | None:
        """Take a timer that is free or whose lease ran out; raises the epoch; None while another holds it."""
        with self._transaction() as connection:
            return claims.claim_timer(connection, name, owner, now_us)

    def keep_timer(
        self, lease: TimerLease, now_us: int, *, last_us: int | None = None, failure: str | None = None
    ) -> None:
        """Renew a timer's lease; with `last_us` a run starts that was due then, with `failure` one went wrong ("": well).

        Raises `Fenced` if the lease is no longer ours.
        """
        with self._transaction() as connection:
            claims.keep_timer(connection, lease, now_us, last_us, failure)

    def release_timer(self, lease: TimerLease) -> None:
        """Give a timer up, so that the next process need not wait for the lease to run out."""
        with self._transaction() as connection:
            connection.execute("UPDATE timers SET owner = NULL WHERE name = ? AND epoch = ?", (lease.name, lease.epoch))

    def note_function(self, note: FunctionNote, now_us: int) -> None:
        """Keep what a function says of itself; its calls and failures are added to those before."""
        with self._transaction() as connection:
            states.note_function(connection, note, now_us)

    def report(self, name: str, consumed: int, produced: int, now_us: int) -> None:
        """Add what a program of the user's consumed and produced to what it reported before."""
        with self._transaction() as connection:
            states.report(connection, name, (consumed, produced), now_us)

    def function_states(self) -> list[dict[str, Any]]:
        """Name, state, lag, calls, failures, last_error and noted_us of every function that ever ran here."""
        columns = "name state lag calls failures last_error noted_us"
        return states.rows(self._connection, "function_states", columns)

    def group_read(self, group: str) -> int:
        """Records that a group has read since it began, over all of its topics."""
        found = self._connection.execute("SELECT coalesce(sum(next_offset), 0) FROM groups WHERE name = ?", (group,))
        return int(found.fetchone()[0])

    def timer_states(self) -> list[dict[str, Any]]:
        """Name, owner, last_us (of the last start), runs, failures and last_error of every timer that ever ran here."""
        return states.rows(self._connection, "timers", "name owner last_us runs failures last_error")

    def reports(self) -> list[dict[str, Any]]:
        """Name, consumed, produced and noted_us of every program that reported."""
        return states.rows(self._connection, "reports", "name consumed produced noted_us")

    def expire(self, now_us: int) -> int:
        """Drop batches that are older than the retention, and the oldest beyond its size; the number of records dropped."""
        with self._transaction() as connection:
            keys.forget(connection, now_us)
            return self._batches.expire(self._retention, now_us)

    def empty(self, choose: Callable[[Chunk], Sequence[int]], instead: Callable[[str], bytes]) -> int:
        """Put `instead` of its topic in the place of each record that `choose` names in a batch (positions in its
        records), a batch in a transaction; how many there were. Offsets stay, keys go. Others may read and append meanwhile.
        """
        count = 0
        for batch in self._batches.listed():
            chunk = self._batches.one(batch)
            rows = choose(chunk) if chunk is not None else ()
            if chunk is not None and rows:
                with self._transaction():
                    self._batches.empty(batch, rows, instead(chunk.topic))
                count += len(rows)
        return count

    def scrub(self) -> bool:
        """Write the file anew and cut its write-ahead log off, so that nothing that was dropped is left in it.

        False where a reader still holds the old state: then ask `cut_off` again. Raises `DiskFull`.
        """
        try:
            self._connection.execute("VACUUM")
        except sqlite3.OperationalError as problem:
            if "full" in str(problem) or "disk I/O" in str(problem):
                raise DiskFull(
                    f"no room to write the log anew ({problem})", "free some space, and ask again"
                ) from problem
            raise
        return self.cut_off()

    def cut_off(self) -> bool:
        """Empty the write-ahead log; False where a reader still needs it."""
        busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

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
