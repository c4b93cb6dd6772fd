"""The tables of the embedded log's file, and how one that another version wrote is told apart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lapwing.errors import UnknownVersion

FORMAT_VERSION = 3

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
CREATE TABLE keys (topic TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, seen_us INTEGER NOT NULL,
    PRIMARY KEY (topic, key)) WITHOUT ROWID;
CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0, owner TEXT, pid INTEGER,
    heartbeat_us INTEGER NOT NULL DEFAULT 0, UNIQUE (name, topic, partition));
CREATE TABLE members (name TEXT NOT NULL, owner TEXT NOT NULL, pid INTEGER NOT NULL, heartbeat_us INTEGER NOT NULL,
    PRIMARY KEY (name, owner)) WITHOUT ROWID;
CREATE TABLE function_states (name TEXT PRIMARY KEY, state TEXT NOT NULL, lag INTEGER NOT NULL, calls INTEGER NOT NULL,
    failures INTEGER NOT NULL, last_error TEXT NOT NULL, noted_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE timers (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL DEFAULT 0, owner TEXT, pid INTEGER,
    heartbeat_us INTEGER NOT NULL DEFAULT 0, last_us INTEGER, runs INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, last_error TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE reports (name TEXT PRIMARY KEY, consumed INTEGER NOT NULL, produced INTEGER NOT NULL,
    noted_us INTEGER NOT NULL) WITHOUT ROWID;
"""


LISTENING = """CREATE TABLE IF NOT EXISTS listening (name TEXT PRIMARY KEY, type TEXT NOT NULL, network TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, since_us INTEGER NOT NULL, heard_until_us INTEGER, last_record_us INTEGER,
    records INTEGER NOT NULL, disconnects INTEGER NOT NULL, details BLOB NOT NULL, noted_us INTEGER NOT NULL) WITHOUT ROWID"""
"""Came after format 3; a file without it gets it, and a Lapwing that does not know it leaves it alone."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables, inside the caller's transaction."""
    for statement in DDL.split(";\n"):
        connection.execute(statement)
    connection.execute(LISTENING)
    connection.execute("INSERT INTO meta VALUES ('format_version', ?)", (str(FORMAT_VERSION),))


def add_what_is_new(connection: sqlite3.Connection) -> None:
    """Make the tables that a file of an earlier version lacks."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'listening'").fetchone() is None:
        connection.execute(LISTENING)


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
