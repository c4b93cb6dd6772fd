"""The tables of one generation of the ledger, and how its file is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapwing.errors import DiskFull, UnknownVersion
from lapwing.ledger.sqlite import alerting_tables, incident_tables
from lapwing.windows.completeness import EVER_US, merged, spans_of

FORMAT_VERSION = 3
BUSY_MS = 60_000
PAGE_CACHE_KIB = 32_768
HEARD_WITHIN_US = 1_000_000
"""Spans of listening that are no further apart are one: clocks and the edges of chunks are no finer."""

DDL = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE networks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, network INTEGER NOT NULL);
CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL,
    longitude REAL NOT NULL, latitude REAL NOT NULL, population INTEGER NOT NULL);

-- how far the log was read: the fence stands beside what it fences
CREATE TABLE partitions (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0, unheard INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,
    owner TEXT, pid INTEGER, heartbeat_us INTEGER NOT NULL DEFAULT 0, watermark_us INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition));
CREATE TABLE workers (owner TEXT PRIMARY KEY, pid INTEGER NOT NULL, heartbeat_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE commits (number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, seq_low INTEGER NOT NULL, seq_high INTEGER NOT NULL);
CREATE TABLE accounting (source INTEGER PRIMARY KEY, received INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0, changes INTEGER NOT NULL DEFAULT 0, filtered INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0);
CREATE TABLE filtered (source INTEGER NOT NULL, reason TEXT NOT NULL, records INTEGER NOT NULL,
    PRIMARY KEY (source, reason)) WITHOUT ROWID;

-- posts: what never changes, by sequence number
CREATE TABLE facts (id INTEGER PRIMARY KEY AUTOINCREMENT, low INTEGER NOT NULL UNIQUE, rows INTEGER NOT NULL,
    level INTEGER NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, committed_us INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE texts (id INTEGER PRIMARY KEY AUTOINCREMENT, low INTEGER NOT NULL UNIQUE, rows INTEGER NOT NULL,
    level INTEGER NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, committed_us INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE postings (low INTEGER NOT NULL, code INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (low, code));

-- sorted runs: `keys` (name → post) and `activity` (what windows are counted from)
CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, store TEXT NOT NULL, level INTEGER NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE pages (id INTEGER PRIMARY KEY AUTOINCREMENT, store TEXT NOT NULL, run INTEGER NOT NULL,
    low INTEGER NOT NULL, high INTEGER NOT NULL, rows INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE INDEX pages_by_range ON pages (store, low, high, run, id);
CREATE INDEX pages_by_run ON pages (run);

-- posts: what changes, narrow
CREATE TABLE hidden (seq INTEGER PRIMARY KEY, reason INTEGER NOT NULL, number INTEGER NOT NULL);
CREATE TABLE versions (root INTEGER NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (root, version)) WITHOUT ROWID;
CREATE INDEX versions_by_seq ON versions (seq);
CREATE TABLE sightings (root INTEGER NOT NULL, source INTEGER NOT NULL, alias TEXT NOT NULL DEFAULT '', PRIMARY KEY (root, source, alias)) WITHOUT ROWID;
CREATE TABLE deletes (name TEXT NOT NULL, version INTEGER NOT NULL, at_us INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE author_changes (author TEXT NOT NULL, operation INTEGER NOT NULL, version INTEGER NOT NULL,
    number INTEGER NOT NULL, PRIMARY KEY (author, operation, version)) WITHOUT ROWID;
CREATE TABLE flips (number INTEGER NOT NULL, seq INTEGER NOT NULL, visible INTEGER NOT NULL,
    PRIMARY KEY (number, seq)) WITHOUT ROWID;

CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    offset INTEGER NOT NULL, source TEXT NOT NULL, network TEXT NOT NULL, format TEXT NOT NULL, reason TEXT NOT NULL,
    received_at_us INTEGER NOT NULL, refused_at_us INTEGER NOT NULL, retried INTEGER NOT NULL DEFAULT 0, record BLOB NOT NULL);
CREATE TABLE coverage (source INTEGER NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL,
    PRIMARY KEY (source, from_us, to_us)) WITHOUT ROWID;
CREATE TABLE gaps (id INTEGER PRIMARY KEY, source TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE hours (hour INTEGER NOT NULL, area INTEGER NOT NULL, network INTEGER NOT NULL, posts INTEGER NOT NULL,
    reposts INTEGER NOT NULL, people INTEGER NOT NULL, PRIMARY KEY (hour, area, network)) WITHOUT ROWID;
CREATE TABLE hours_done (hour INTEGER PRIMARY KEY, touched INTEGER NOT NULL);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, number INTEGER NOT NULL,
    channel TEXT NOT NULL, payload BLOB NOT NULL, state TEXT NOT NULL DEFAULT 'waiting');
"""

DOCUMENTS_DDL = """
-- documents that are not posts: one for each key of a collection; a removed one keeps its place, without a body
CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, key TEXT NOT NULL,
    received INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0, replaced INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0, ignored INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS documents (number INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, key TEXT NOT NULL,
    partition INTEGER NOT NULL, offset INTEGER NOT NULL, appended_at_us INTEGER NOT NULL, received_at_us INTEGER NOT NULL,
    source TEXT NOT NULL, body BLOB, UNIQUE (collection, key));
CREATE INDEX IF NOT EXISTS documents_there ON documents (collection, number) WHERE body IS NOT NULL;
CREATE TABLE IF NOT EXISTS document_terms (collection INTEGER NOT NULL, term INTEGER NOT NULL, document INTEGER NOT NULL,
    PRIMARY KEY (collection, term, document)) WITHOUT ROWID;
"""

LISTENING_DDL = """
-- when sources were listened to: `coverage` holds what was surely heard, as spans that lie apart; `gaps` what came and expired unread
CREATE TABLE IF NOT EXISTS listening (source INTEGER PRIMARY KEY, live INTEGER NOT NULL DEFAULT 0, first_us INTEGER, last_us INTEGER);
CREATE TABLE IF NOT EXISTS duties (source INTEGER NOT NULL, at_us INTEGER NOT NULL, began INTEGER NOT NULL,
    PRIMARY KEY (source, at_us, began)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS missed (source INTEGER NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (source, from_us)) WITHOUT ROWID;
"""
"""`first_us` and `last_us` are those of the posts of a source. Before there was `missed`, nobody noted them: they could
be of any time."""


OUTBOX_DDL = """
-- alerts on their way: an alert for a recipient is there once, whoever decides it again
CREATE TABLE IF NOT EXISTS outbox_alerts (id TEXT PRIMARY KEY, incident TEXT NOT NULL, kind TEXT NOT NULL, at_us INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_alerts_by_incident ON outbox_alerts (incident);
CREATE TABLE IF NOT EXISTS outbox_recipients (channel TEXT NOT NULL, address TEXT NOT NULL, registered_us INTEGER, retired_us INTEGER,
    reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (channel, address)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_channels (name TEXT PRIMARY KEY, type TEXT NOT NULL DEFAULT '', owner TEXT, pid INTEGER,
    heartbeat_us INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'live',
    reason TEXT NOT NULL DEFAULT '', since_us INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, last_sent_us INTEGER);
CREATE TABLE IF NOT EXISTS outbox_deliveries (number INTEGER PRIMARY KEY AUTOINCREMENT, alert TEXT NOT NULL, channel TEXT NOT NULL,
    address TEXT NOT NULL, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    next_us INTEGER NOT NULL DEFAULT 0, added_us INTEGER NOT NULL, ended_us INTEGER, UNIQUE (alert, channel, address));
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox_deliveries (channel, number) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_first ON outbox_deliveries (channel, address, number) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_states ON outbox_deliveries (channel, state);
"""
"""`outbox`, of the first tables, is from before anything was sent, and empty."""


def connect(path: Path, durability: str = "app-crash") -> sqlite3.Connection:
    """Open the file, in autocommit; WAL lets readers read while one writes."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
    connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection


def create(connection: sqlite3.Connection, generation: int) -> None:
    """Make the tables where there are none; two processes may try at once."""
    with _transaction(connection):
        if not has_tables(connection):
            for statement in DDL.split(";\n"):
                connection.execute(statement)
            rows = [("format_version", str(FORMAT_VERSION)), ("generation", str(generation)), ("next_seq", "0")]
            rows += [("expired_posts", "0"), ("expired_edits", "0")]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)


def complete(connection: sqlite3.Connection) -> None:
    """Add the tables of documents, of listening, of those who were forgotten, of the outbox and of incidents to an older ledger."""
    for newest, tables in (
        ("document_terms", DOCUMENTS_DDL),
        ("outbox_states", OUTBOX_DDL),
        ("decisions", incident_tables.DDL),
        ("alert_sent_by_time", alerting_tables.DDL),
    ):
        if not _has(connection, newest):
            with _transaction(connection):
                for statement in tables.split(";\n"):
                    connection.execute(statement)
    if not _has(connection, "forgotten"):
        with _transaction(connection):
            _add_forgotten(connection)
    if not _has(connection, "missed"):
        with _transaction(connection):
            for statement in LISTENING_DDL.split(";\n"):
                connection.execute(statement)
            connection.execute(
                "INSERT OR IGNORE INTO listening (source, first_us, last_us) "
                "SELECT source, 0, ? FROM accounting WHERE received > 0",
                (EVER_US,),
            )
            _join_coverage(connection)


def _add_forgotten(connection: sqlite3.Connection) -> None:
    """Those who were forgotten, by keyed hashes; and how many posts and changes went with them, for the accounting;
    until when names were taken out of posts.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS forgotten (mark BLOB PRIMARY KEY, at_us INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX IF NOT EXISTS deletes_by_commit ON deletes (number)")
    rows = [("forgotten_posts", "0"), ("forgotten_changes", "0"), ("nameless_until_us", "0")]
    connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", rows)


def _join_coverage(connection: sqlite3.Connection) -> None:
    """Declared times were kept one by one; from now on they lie apart."""
    for (source,) in connection.execute("SELECT DISTINCT source FROM coverage").fetchall():
        rows = connection.execute("SELECT from_us, to_us FROM coverage WHERE source = ?", (source,)).fetchall()
        connection.execute("DELETE FROM coverage WHERE source = ?", (source,))
        spans = merged(spans_of(rows), HEARD_WITHIN_US).tolist()
        connection.executemany("INSERT INTO coverage VALUES (?, ?, ?)", ((source, *span) for span in spans))


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside, or nothing; `DiskFull` where there is no room."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except sqlite3.OperationalError as problem:
        connection.execute("ROLLBACK")
        raise full_or(problem) from problem


def has_tables(connection: sqlite3.Connection) -> bool:
    """Whether this file is a ledger already."""
    return _has(connection, "meta")


def check_version(path: Path) -> None:
    """Raise `UnknownVersion` for a file written by another version or another program, without touching it."""
    if not path.exists() or path.stat().st_size == 0:
        return
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = dict(connection.execute("SELECT key, value FROM meta")) if "meta" in tables else {}
    except sqlite3.DatabaseError as problem:
        raise UnknownVersion(
            f"{path.name} cannot be read as a ledger ({problem}); nothing was touched",
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


def full_or(problem: sqlite3.OperationalError) -> Exception:
    """`DiskFull` when that is what SQLite means, otherwise the problem itself."""
    text = str(problem)
    if "full" in text or "disk I/O" in text:
        return DiskFull(
            f"no room on the disk ({text})", "free some space; reading goes on, and work continues by itself"
        )
    return problem
