"""What functions, timers and programs say of themselves, kept in the log for `status`."""

from __future__ import annotations

import sqlite3
from typing import Any

from lapwing.contracts import FunctionNote

_NOTE = """INSERT INTO function_states VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state,
lag = excluded.lag, calls = calls + excluded.calls, failures = failures + excluded.failures,
last_error = CASE excluded.last_error WHEN '' THEN last_error ELSE excluded.last_error END, noted_us = excluded.noted_us"""


def note_function(connection: sqlite3.Connection, note: FunctionNote, now_us: int) -> None:
    """Keep a function's state; calls and failures are added to those before."""
    connection.execute(_NOTE, (note.name, note.state, note.lag, note.calls, note.failures, note.last_error, now_us))


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
