"""Incidents as they are kept: what is worked on, what became of it, and how far flagged posts were read.

The reader's place among the commits stands beside the offsets of partitions, and is fenced as they are. What is worked on
is an opaque body for each happening; whoever groups posts makes and reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sqlite3 import Connection
from typing import Any

import msgspec

from lapwing.contracts import Claimed
from lapwing.ledger.sqlite import leases
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Read

READER = "_lapwing.flagged@incidents"
"""Under which name the place of the reader of commits stands among the partitions."""
DECISIONS_READER = "_lapwing.decisions@incidents"

COLUMNS = (
    "founder", "mark", "state", "reason", "category", "severity", "first_us", "last_us", "since_us", "voices", "posts",
    "reposts", "taken_back", "area", "country", "longitude", "latitude", "radius_km", "merged_into", "muted",
    "confirmed_by", "official",
)  # fmt: skip
CHANGE_COLUMNS = ("key", "incident", "at_us", "kind", "state", "severity", "voices", "muted")
CANDIDATE, CLOSED = 0, 4
WITHDRAWN = "withdrawn"


class Kept(msgspec.Struct, frozen=True):
    """What is worked on."""

    now_us: int
    """How far the time of posts had come."""
    bodies: list[bytes]
    rhythms: dict[int, bytes]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some commits, or of a decision; saved whole or not at all."""

    now_us: int
    rows: list[tuple[Any, ...]] = []
    """`COLUMNS` of happenings that are not as they were, and the body, None where they are worked on no longer."""
    nothing: list[int] = []
    """Founders of candidates that came to nothing."""
    rhythms: dict[int, bytes | None] = {}
    joined: dict[int, tuple[int, bool]] = {}
    """Flagged posts by sequence number: the founder of their happening, and whether each is a voice."""
    merged: list[tuple[int, int]] = []
    """Founders of happenings that went into another, and of that one, in order."""
    withdrawn: list[int] = []
    changes: list[tuple[Any, ...]] = []
    """`CHANGE_COLUMNS`, in order."""
    then: Callable[[Connection], object] | None = None
    """Called at the end of the transaction: what is decided of these changes is durable with them, or not at all."""


def load(store: Store) -> Kept:
    """What is worked on, as it was saved last."""
    with store.snapshot():
        bodies = store.connection.execute("SELECT body FROM incidents WHERE body IS NOT NULL ORDER BY founder")
        rhythms = store.connection.execute("SELECT area, body FROM rhythms ORDER BY area")
        row = store.connection.execute("SELECT watermark_us FROM partitions WHERE topic = ?", (READER,)).fetchone()
        return Kept(row[0] if row else 0, [body for (body,) in bodies], dict(rhythms.fetchall()))


def evidence_of(store: Store, founders: Iterable[int]) -> list[int]:
    """The sequence numbers of posts of happenings that stand, in order."""
    rows = store.select("SELECT seq FROM evidence WHERE standing AND founder IN ({})", sorted(founders))
    return sorted(seq for (seq,) in rows)


def founders_of(store: Store, seqs: list[int]) -> dict[int, int]:
    """To which happening posts belong; those that belong to none are absent."""
    return dict(store.select("SELECT seq, founder FROM evidence WHERE standing AND seq IN ({})", seqs))


def save(store: Store, claimed: Claimed, number: int, progress: Progress, decided_us: int) -> Claimed:
    """Make what became of the commits up to `number` durable, and the place of the reader with it.

    Raises `Fenced` if somebody else reads by now, `DiskFull`; then nothing was changed.
    """
    with store.transaction():
        read = Read(
            origin=claimed.id, epoch=claimed.epoch, from_offset=claimed.next_offset, to_offset=number, records=0,
            watermark_us=progress.now_us,
        )  # fmt: skip
        leases.advance(store.connection, read)
        store.mark("incidents.fenced")
        _write(store, number, progress, decided_us)
        store.mark("incidents.written")
    return msgspec.structs.replace(claimed, next_offset=number)


def decide(store: Store, claims: tuple[Claimed, Claimed], to_offset: int, body: bytes, progress: Progress) -> Claimed:
    """Make a decision durable with what became of it; `claims` are those of commits and of the partition it was read from."""
    commits, read_from = claims
    with store.transaction() as connection:
        for claimed, end, time_us in ((commits, commits.next_offset, progress.now_us), (read_from, to_offset, 0)):
            leases.advance(
                connection,
                Read(
                    origin=claimed.id, epoch=claimed.epoch, from_offset=claimed.next_offset, to_offset=end, records=0,
                    watermark_us=time_us,
                ),
            )  # fmt: skip
        connection.execute("INSERT INTO decisions (at_commit, body) VALUES (?, ?)", (commits.next_offset, body))
        _write(store, commits.next_offset, progress, 0)
        store.mark("incidents.decided")
    return msgspec.structs.replace(read_from, next_offset=to_offset)


def decisions(store: Store, after: int, until: int) -> dict[int, list[bytes]]:
    """Decisions that were taken up behind the commits `after` to `until`, by commit, in order."""
    found: dict[int, list[bytes]] = {}
    rows = store.connection.execute(
        "SELECT at_commit, body FROM decisions WHERE at_commit >= ? AND at_commit <= ? ORDER BY number", (after, until)
    )
    for number, body in rows:
        found.setdefault(number, []).append(body)
    return found


def _write(store: Store, number: int, progress: Progress, decided_us: int) -> None:
    run = store.connection.executemany
    marks = ", ".join("?" * (len(COLUMNS) + 2))
    names = ", ".join((*COLUMNS, "body", "number"))
    run(f"INSERT OR REPLACE INTO incidents ({names}) VALUES ({marks})", ((*row, number) for row in progress.rows))
    run(
        "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, 1)",
        ((seq, founder, int(voice)) for seq, (founder, voice) in progress.joined.items()),
    )
    for younger, older in progress.merged:
        store.connection.execute("UPDATE evidence SET founder = ? WHERE founder = ?", (older, younger))
    run("DELETE FROM evidence WHERE founder = ?", ((founder,) for founder in progress.nothing))
    run("DELETE FROM incidents WHERE founder = ? AND state = 0", ((founder,) for founder in progress.nothing))
    run("DELETE FROM rhythms WHERE area = ?", ((area,) for area, body in progress.rhythms.items() if body is None))
    run(
        "INSERT OR REPLACE INTO rhythms VALUES (?, ?)",
        ((area, body) for area, body in progress.rhythms.items() if body is not None),
    )
    changes = [*progress.changes, *_taken_from_closed(store, progress)]
    names = ", ".join((*CHANGE_COLUMNS, "commit_number", "decided_us"))
    run(
        f"INSERT OR IGNORE INTO incident_changes ({names}) VALUES ({', '.join('?' * (len(CHANGE_COLUMNS) + 2))})",
        ((*change, number, decided_us) for change in changes),
    )
    if progress.then is not None:
        progress.then(store.connection)


def _taken_from_closed(store: Store, progress: Progress) -> list[tuple[Any, ...]]:
    """Posts that stand no longer: the changes of incidents that are over and of whose evidence nothing is left."""
    affected = set(founders_of(store, progress.withdrawn).values())
    store.connection.executemany(
        "UPDATE evidence SET standing = 0, voice = 0 WHERE seq = ?", ((seq,) for seq in progress.withdrawn)
    )
    changes = []
    for founder in sorted(affected):
        if store.connection.execute("SELECT 1 FROM evidence WHERE founder = ? AND standing", (founder,)).fetchone():
            continue
        row = store.connection.execute(
            "UPDATE incidents SET reason = ?, voices = 0, posts = 0 WHERE founder = ? AND state = ? AND reason != ? "
            "AND body IS NULL RETURNING mark, severity, muted",
            (WITHDRAWN, founder, CLOSED, WITHDRAWN),
        ).fetchone()
        if row is not None:
            mark, severity, muted = row
            key = f"{mark}/{WITHDRAWN}"
            changes.append((key, mark, progress.now_us, WITHDRAWN, CLOSED, severity, 0, muted))
    return changes


def changes_after(store: Store, number: int, rows_max: int) -> list[dict[str, Any]]:
    """What became of incidents after a change's number, in order: for those who alert. A rebuild adds none a second time."""
    names = ("number", *CHANGE_COLUMNS, "commit_number", "decided_us")
    rows = store.connection.execute(
        f"SELECT {', '.join(names)} FROM incident_changes WHERE number > ? ORDER BY number LIMIT ?", (number, rows_max)
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def begin_again(store: Store) -> None:
    """Forget what was made of flagged posts, and read them once more from the first commit, inside the caller's transaction."""
    for table in ("incidents", "evidence", "rhythms"):
        store.connection.execute(f"DELETE FROM {table}")
    store.connection.execute(
        "UPDATE partitions SET next_offset = 0, watermark_us = 0, epoch = epoch + 1, owner = NULL WHERE topic = ?",
        (READER,),
    )
