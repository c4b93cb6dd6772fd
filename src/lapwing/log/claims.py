"""Who may read for a group, listen for a source, run a timer: leases and epochs, inside transactions of the caller.

A lease that was not renewed for `LEASE_US` may be taken by another, and so may one whose process is gone. Each claim
raises the epoch, and what comes with an older one is `Fenced`.
"""

from __future__ import annotations

import os
import sqlite3

import msgspec
import psutil

from lapwing.contracts import Claimed, TimerLease
from lapwing.errors import Fenced

LEASE_US = 10_000_000
"""A lease that was not renewed for this long may be taken by another."""


class SourceLease(msgspec.Struct, frozen=True):
    """The right to append for a source, as of an epoch, and where it had come to."""

    source: str
    epoch: int
    cursor: str


def claim_source(connection: sqlite3.Connection, source: str, owner: str, now_us: int) -> SourceLease | None:
    """Take a source that is free or whose lease ran out; None while another holds it."""
    connection.execute("INSERT OR IGNORE INTO sources (name) VALUES (?)", (source,))
    row = connection.execute(
        "UPDATE sources SET epoch = epoch + 1, owner = ?1, heartbeat_us = ?2 WHERE name = ?3 "
        "AND (owner IS NULL OR owner = ?1 OR heartbeat_us < ?4) RETURNING epoch, cursor",
        (owner, now_us, source, now_us - LEASE_US),
    ).fetchone()
    return SourceLease(source, *row) if row else None


def advance_source(connection: sqlite3.Connection, lease: SourceLease, cursor: str | None, now_us: int) -> None:
    """Move a source's cursor, if the lease is still ours."""
    changed = connection.execute(
        "UPDATE sources SET heartbeat_us = ?, cursor = coalesce(?, cursor) WHERE name = ? AND epoch = ?",
        (now_us, cursor, lease.source, lease.epoch),
    ).rowcount
    if changed != 1:
        raise Fenced(f"another process listens to {lease.source!r} now", "this one stops")


def begin_group(connection: sqlite3.Connection, group: str, topic: str) -> None:
    """Let a group begin at the present end of every partition where it has no offset yet."""
    connection.execute(
        "INSERT OR IGNORE INTO groups (name, topic, partition, next_offset) "
        "SELECT ?, topic, partition, next_offset FROM partitions WHERE topic = ?",
        (group, topic),
    )


def claim_group(
    connection: sqlite3.Connection, group: str, key: tuple[str, int], owner: str, now_us: int
) -> Claimed | None:
    """Take a partition (topic and number) for a group; None while another holds it."""
    connection.execute("INSERT OR IGNORE INTO groups (name, topic, partition) VALUES (?, ?, ?)", (group, *key))
    held = connection.execute(
        "SELECT pid FROM groups WHERE name = ? AND topic = ? AND partition = ? AND owner IS NOT NULL", (group, *key)
    ).fetchone()
    gone = held is not None and not psutil.pid_exists(held[0])
    row = connection.execute(
        "UPDATE groups SET epoch = epoch + 1, owner = ?1, pid = ?2, heartbeat_us = ?3 WHERE name = ?4 AND topic = ?5 "
        "AND partition = ?6 AND (owner IS NULL OR owner = ?1 OR heartbeat_us < ?7 OR ?8) RETURNING id, epoch, next_offset",
        (owner, os.getpid(), now_us, group, *key, now_us - LEASE_US, gone),
    ).fetchone()
    return Claimed(row[0], *key, row[1], row[2]) if row else None


def heartbeat_group(connection: sqlite3.Connection, group: str, owner: str, now_us: int) -> int:
    """Say that a member lives and keeps its partitions; how many members live."""
    rows = connection.execute("SELECT owner, pid, heartbeat_us FROM members WHERE name = ?", (group,)).fetchall()
    for other, pid, seen_us in rows:
        if seen_us < now_us - LEASE_US or not psutil.pid_exists(pid):
            connection.execute("DELETE FROM members WHERE name = ? AND owner = ?", (group, other))
    connection.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", (group, owner, os.getpid(), now_us))
    connection.execute("UPDATE groups SET heartbeat_us = ? WHERE name = ? AND owner = ?", (now_us, group, owner))
    (living,) = connection.execute("SELECT count(*) FROM members WHERE name = ?", (group,)).fetchone()
    return int(living)


def release_group(connection: sqlite3.Connection, group: str, owner: str, claim: Claimed | None) -> None:
    """Give up one partition of a group, or with None everything that `owner` holds of it."""
    connection.execute(
        "UPDATE groups SET owner = NULL, pid = NULL WHERE name = ?1 AND owner = ?2 AND (?3 IS NULL OR id = ?3)",
        (group, owner, claim.id if claim else None),
    )
    if claim is None:
        connection.execute("DELETE FROM members WHERE name = ? AND owner = ?", (group, owner))


def advance_group(connection: sqlite3.Connection, claim: Claimed, to_offset: int, now_us: int) -> None:
    """Move a group's offset, if it and the epoch are what the claim says; otherwise `Fenced`."""
    changed = connection.execute(
        "UPDATE groups SET next_offset = ?, heartbeat_us = max(heartbeat_us, ?) WHERE id = ? AND epoch = ? AND next_offset = ?",
        (to_offset, now_us, claim.id, claim.epoch, claim.next_offset),
    ).rowcount
    if changed != 1:
        raise Fenced(
            f"partition {claim.partition} of {claim.topic!r} was taken over by another of its group",
            "what was made of it here is dropped; the other makes it again",
        )


def claim_timer(connection: sqlite3.Connection, name: str, owner: str, now_us: int) -> TimerLease | None:
    """Take a timer; None while another holds it."""
    connection.execute("INSERT OR IGNORE INTO timers (name) VALUES (?)", (name,))
    held = connection.execute("SELECT pid FROM timers WHERE name = ? AND owner IS NOT NULL", (name,)).fetchone()
    gone = held is not None and not psutil.pid_exists(held[0])
    row = connection.execute(
        "UPDATE timers SET epoch = epoch + 1, owner = ?1, pid = ?2, heartbeat_us = ?3 WHERE name = ?4 "
        "AND (owner IS NULL OR owner = ?1 OR heartbeat_us < ?5 OR ?6) RETURNING epoch, last_us",
        (owner, os.getpid(), now_us, name, now_us - LEASE_US, gone),
    ).fetchone()
    return TimerLease(name, *row) if row else None


def keep_timer(
    connection: sqlite3.Connection, lease: TimerLease, now_us: int, last_us: int | None, failure: str | None
) -> None:
    """Renew a timer's lease; with `last_us` count a run that starts, with `failure` one that went wrong."""
    changed = connection.execute(
        "UPDATE timers SET heartbeat_us = ?, last_us = coalesce(?, last_us), runs = runs + ?, failures = failures + ?, "
        "last_error = coalesce(?, last_error) WHERE name = ? AND epoch = ?",
        (now_us, last_us, last_us is not None, bool(failure), failure, lease.name, lease.epoch),
    ).rowcount
    if changed != 1:
        raise Fenced(f"another process runs the timer {lease.name!r} now", "this one leaves it alone")
