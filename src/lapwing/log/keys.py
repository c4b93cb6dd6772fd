"""Idempotency keys: a request that is sent again within a day appends nothing."""

from __future__ import annotations

import hashlib
import sqlite3

from lapwing.errors import KeyReused
from lapwing.model import Records

KEPT_US = 86_400_000_000
"""A key is remembered for a day."""


def remember(connection: sqlite3.Connection, topic: str, key: str, records: Records, now_us: int) -> bool:
    """Whether the key is new; remembers it, inside the caller's transaction. Raises `KeyReused` for another body."""
    body = _hash(records)
    row = connection.execute("SELECT body, seen_us FROM keys WHERE topic = ? AND key = ?", (topic, key)).fetchone()
    if row is not None and row[1] >= now_us - KEPT_US:
        if row[0] != body:
            raise KeyReused(
                f"the idempotency key {key[:80]!r} was used for another body within the last day",
                "give every request its own key, and send the same body when it is sent again",
            )
        return False
    connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", (topic, key, body, now_us))
    return True


def forget(connection: sqlite3.Connection, now_us: int) -> None:
    """Drop keys that are older than a day."""
    connection.execute("DELETE FROM keys WHERE seen_us < ?", (now_us - KEPT_US,))


def _hash(records: Records) -> bytes:
    """Of what was said, not of when: each record with its length and its key."""
    digest = hashlib.sha256()
    for position, value in enumerate(records.values):
        key = records.keys[position].encode("utf-8", "surrogatepass") if records.keys else b""
        digest.update(b"%d %d " % (len(key), len(value)) + key + value)
    return digest.digest()
