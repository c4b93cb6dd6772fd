"""What is kept of the listening to sources: when they should have been heard, when they surely were, what was missed.

Everything here is the same whatever the order in which notes come, and however often, so workers need not agree on one.
"""

from __future__ import annotations

from sqlite3 import Connection

import polars as pl

from lapwing.ledger.sqlite.schema import HEARD_WITHIN_US
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Batch, Covered
from lapwing.windows.completeness import merged, spans_of


def add(store: Store, batch: Batch) -> None:
    """Keep the notes of a batch, and from when to when its posts are, inside the caller's transaction."""
    _note_posts(store, batch.posts)
    by_source: dict[int, list[Covered]] = {}
    for note in batch.covered:
        by_source.setdefault(store.source_id(note.source, note.network), []).append(note)
    for source, notes in by_source.items():
        _note_source(store.connection, source, any(note.live for note in notes))
        _add_heard(store.connection, source, [note for note in notes if note.kind == "heard"])
        _add_missed(store.connection, source, [note for note in notes if note.kind == "gap"])
        duties = [(source, note.from_us, note.kind == "began") for note in notes if note.kind in ("began", "ended")]
        store.connection.executemany("INSERT OR IGNORE INTO duties VALUES (?, ?, ?)", duties)


def add_loss(store: Store, batch: Batch, origin: int, records: int) -> None:
    """Keep that records of a partition expired before they were read, inside the caller's transaction, before its
    watermark moves: from there to the first that is left they are missing for good.
    """
    topic, since_us = store.connection.execute(
        "SELECT topic, watermark_us FROM partitions WHERE id = ?", (origin,)
    ).fetchone()
    left = batch.posts.filter(pl.col("origin") == origin)
    # What is read as it comes was received when it was made; an archive was made long before.
    first_us = (
        min(left["received_at_us"].min(), left["created_at_us"].max()) if left.height else since_us  # type: ignore[type-var]
    )
    store.connection.execute(
        "INSERT INTO gaps (source, from_us, to_us, reason) VALUES (?, ?, ?, ?)",
        (
            topic,
            since_us or first_us,
            max(since_us, first_us),
            f"{records} records expired from the log before they were read",
        ),
    )


def _note_posts(store: Store, posts: pl.DataFrame) -> None:
    spoken = posts.group_by("source").agg(
        pl.col("created_at_us").min().alias("first_us"), pl.col("created_at_us").max().alias("last_us")
    )
    for name, first_us, last_us in spoken.iter_rows():
        store.connection.execute(
            "INSERT INTO listening (source, first_us, last_us) SELECT id, ?, ? FROM sources WHERE name = ? "
            "ON CONFLICT DO UPDATE SET first_us = min(coalesce(first_us, excluded.first_us), excluded.first_us), "
            "last_us = max(coalesce(last_us, excluded.last_us), excluded.last_us)",
            (first_us, last_us, name),
        )


def _note_source(connection: Connection, source: int, live: bool) -> None:
    connection.execute(
        "INSERT INTO listening (source, live) VALUES (?, ?) ON CONFLICT DO UPDATE SET live = max(live, excluded.live)",
        (source, live),
    )


def _add_heard(connection: Connection, source: int, notes: list[Covered]) -> None:
    """Join what was heard with what lies beside it, so that years of listening without a break are one row."""
    fresh = merged(spans_of((note.from_us, note.to_us) for note in notes), HEARD_WITHIN_US)
    for low, high in fresh.tolist():
        beside = _beside(connection, source, low, high)
        if len(beside) == 1 and beside[0][0] <= low and high <= beside[0][1]:
            continue
        connection.executemany(
            "DELETE FROM coverage WHERE source = ? AND from_us = ? AND to_us = ?", ((source, *span) for span in beside)
        )
        row = (source, min([low, *(span[0] for span in beside)]), max([high, *(span[1] for span in beside)]))
        connection.execute("INSERT INTO coverage VALUES (?, ?, ?)", row)


def _beside(connection: Connection, source: int, low: int, high: int) -> list[tuple[int, int]]:
    """The spans that touch this one, or nearly; since spans lie apart, those before the first that does not need no look."""
    found: list[tuple[int, int]] = []
    for from_us, to_us in connection.execute(
        "SELECT from_us, to_us FROM coverage WHERE source = ? AND from_us <= ? ORDER BY from_us DESC",
        (source, high + HEARD_WITHIN_US),
    ):
        if to_us < low - HEARD_WITHIN_US:
            break
        found.append((from_us, to_us))
    return found


def _add_missed(connection: Connection, source: int, notes: list[Covered]) -> None:
    """A gap is known by when it begins; the note that reaches furthest says why, of two that reach as far the greater."""
    connection.executemany(
        "INSERT INTO missed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET to_us = excluded.to_us, reason = excluded.reason "
        "WHERE (excluded.to_us, excluded.reason) > (to_us, reason)",
        [(source, note.from_us, note.to_us, note.reason) for note in notes if note.to_us > note.from_us],
    )
