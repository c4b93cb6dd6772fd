"""The tables of one generation of the ledger, and how its file is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapwing.errors import DiskFull, UnknownVersion

FORMAT_VERSION = 3
BUSY_MS = 60_000
PAGE_CACHE_KIB = 32_768

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
CREATE TABLE sightings (root INTEGER NOT NULL, source INTEGER NOT NULL, alias TEXT, PRIMARY KEY (root, source)) WITHOUT ROWID;
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
    """Add the tables of documents to a ledger that was made before there were any."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'document_terms'").fetchone():
        return
    with _transaction(connection):
        for statement in DOCUMENTS_DDL.split(";\n"):
            connection.execute(statement)


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
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is not None


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
