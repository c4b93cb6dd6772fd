"""Who may do what: partitions by lease and epoch, writing by a lock that dies with its holder."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from pathlib import Path
from types import TracebackType

import psutil

from lapwing.contracts import Claimed
from lapwing.errors import Fenced
from lapwing.model import Read

LEASE_US = 10_000_000
"""A lease that was not renewed for this long may be taken by another."""
HOLDER_BYTES = 24


class WriterLock:
    """At most one process writes. The kernel frees the lock when its holder dies; a frozen one keeps it, and is named.

    The file holds the process id of the last one that took it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Not "a+": what is appended to stays where it is, and the file would grow with each commit.
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+")
        self._depth = 0

    def __enter__(self) -> None:
        if self._depth == 0:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.pwrite(self._file.fileno(), json.dumps({"pid": os.getpid()}).ljust(HOLDER_BYTES).encode(), 0)
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file, and of the lock if it is held."""
        self._file.close()

    def holder(self) -> int | None:
        """The process that is writing at this moment, or None; in the moment of a change perhaps the one before."""
        with self.path.open("r") as probe:
            try:
                fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                said = probe.read(HOLDER_BYTES).strip()
                return int(json.loads(said)["pid"]) if said else None
            return None


def claim(
    connection: sqlite3.Connection, topic: str, partition: int, owner: tuple[str, int], now_us: int
) -> Claimed | None:
    """Take a partition that is free or whose lease ran out, inside the caller's transaction; each claim raises the epoch."""
    name, pid = owner
    connection.execute("INSERT OR IGNORE INTO partitions (topic, partition) VALUES (?, ?)", (topic, partition))
    _free_if_dead(connection, topic, partition)
    row = connection.execute(
        "UPDATE partitions SET epoch = epoch + 1, owner = ?, pid = ?, heartbeat_us = ? WHERE topic = ? AND partition = ? "
        "AND (owner IS NULL OR owner = ? OR heartbeat_us < ?) RETURNING id, epoch, next_offset",
        (name, pid, now_us, topic, partition, name, now_us - LEASE_US),
    ).fetchone()
    return Claimed(row[0], topic, partition, row[1], row[2]) if row else None


def _free_if_dead(connection: sqlite3.Connection, topic: str, partition: int) -> None:
    """A lease whose process is gone need not run out. If the process only seems gone, the epoch still fences it."""
    row = connection.execute(
        "SELECT pid FROM partitions WHERE topic = ? AND partition = ? AND owner IS NOT NULL", (topic, partition)
    ).fetchone()
    if row is not None and not psutil.pid_exists(row[0]):
        connection.execute(
            "UPDATE partitions SET owner = NULL, pid = NULL WHERE topic = ? AND partition = ?", (topic, partition)
        )


def heartbeat(connection: sqlite3.Connection, owner: str, pid: int, now_us: int) -> int:
    """Say that a worker lives and keeps its partitions; returns how many workers live."""
    for other, other_pid, seen_us in connection.execute("SELECT owner, pid, heartbeat_us FROM workers").fetchall():
        if seen_us < now_us - LEASE_US or not psutil.pid_exists(other_pid):
            connection.execute("DELETE FROM workers WHERE owner = ?", (other,))
    connection.execute("INSERT OR REPLACE INTO workers VALUES (?, ?, ?)", (owner, pid, now_us))
    connection.execute("UPDATE partitions SET heartbeat_us = ? WHERE owner = ?", (now_us, owner))
    (living,) = connection.execute("SELECT count(*) FROM workers").fetchone()
    return int(living)


def release(connection: sqlite3.Connection, owner: str, partition_id: int | None = None) -> None:
    """Give up one partition, or all of this owner's, so that others need not wait for the leases to run out."""
    connection.execute(
        "UPDATE partitions SET owner = NULL, pid = NULL WHERE owner = ?1 AND (?2 IS NULL OR id = ?2)",
        (owner, partition_id),
    )
    if partition_id is None:
        connection.execute("DELETE FROM workers WHERE owner = ?", (owner,))


def advance(connection: sqlite3.Connection, read: Read) -> None:
    """Move the offset, if it and the epoch are still what we believe; otherwise somebody took over, and we are `Fenced`."""
    changed = connection.execute(
        "UPDATE partitions SET next_offset = ?, watermark_us = max(watermark_us, ?) WHERE id = ? AND epoch = ? AND next_offset = ?",
        (read.to_offset, read.watermark_us, read.origin, read.epoch, read.from_offset),
    ).rowcount
    if changed != 1:
        raise Fenced(
            f"partition {read.origin} was taken over at offset {read.from_offset}", "its new owner does the work again"
        )
