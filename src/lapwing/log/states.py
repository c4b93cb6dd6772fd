"""What functions, timers and programs say of themselves, kept in the log for `status`."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from lapwing.contracts import FunctionNote
from lapwing.hearing import SourceNote

_NOTE = """INSERT INTO function_states VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state,
lag = excluded.lag, calls = calls + excluded.calls, failures = failures + excluded.failures,
last_error = CASE excluded.last_error WHEN '' THEN last_error ELSE excluded.last_error END, noted_us = excluded.noted_us"""


def note_function(connection: sqlite3.Connection, note: FunctionNote, now_us: int) -> None:
    """Keep a function's state; calls and failures are added to those before."""
    connection.execute(_NOTE, (note.name, note.state, note.lag, note.calls, note.failures, note.last_error, now_us))


_SOURCE = """INSERT INTO listening VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
type = excluded.type, network = excluded.network, state = excluded.state, reason = excluded.reason,
since_us = excluded.since_us, heard_until_us = coalesce(excluded.heard_until_us, heard_until_us),
last_record_us = coalesce(excluded.last_record_us, last_record_us), records = records + excluded.records,
disconnects = disconnects + excluded.disconnects, details = excluded.details, noted_us = excluded.noted_us"""


def note_source(connection: sqlite3.Connection, note: SourceNote, now_us: int) -> None:
    """Keep how a source is; records and disconnects are added to those before."""
    connection.execute(
        _SOURCE,
        (
            *(note.name, note.type, note.network, note.state, note.reason, note.since_us, note.heard_until_us),
            *(note.last_record_us, note.records, note.disconnects, msgspec.json.encode(note.details), now_us),
        ),
    )


def count_received(connection: sqlite3.Connection, source: str, records: int, now_us: int) -> None:
    """Add records that came by another way than the process that says how the source is."""
    connection.execute(
        "UPDATE listening SET records = records + ?, last_record_us = ? WHERE name = ?", (records, now_us, source)
    )


def sources(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """How every source is, by name; `owner` is the process that holds its lease, or None."""
    columns = (
        "name type network state reason since_us heard_until_us last_record_us records disconnects details noted_us"
    )
    found = rows(connection, "listening", columns)
    held = {
        name: (cursor, owner) for name, cursor, owner in connection.execute("SELECT name, cursor, owner FROM sources")
    }
    return [
        row
        | {"details": msgspec.json.decode(row["details"])}
        | dict(zip(("cursor", "owner"), held.get(row["name"], ("", None)), strict=True))
        for row in found
    ]


def report(connection: sqlite3.Connection, name: str, counts: tuple[int, int], now_us: int) -> None:
    """Add what a program consumed and produced to what it said before."""
    connection.execute(
        "INSERT INTO reports VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET consumed = consumed + excluded.consumed, "
        "produced = produced + excluded.produced, noted_us = excluded.noted_us",
        (name, *counts, now_us),
    )


def rows(connection: sqlite3.Connection, table: str, columns: str) -> list[dict[str, Any]]:
    """All that is known in one of our tables, by name."""
    names = columns.split()
    found = connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY name")
    return [dict(zip(names, row, strict=True)) for row in found]
