"""What those who alert keep: how far they read, what each reader knows, what was sent, and the scene of each change.

It is written in the transaction that adds to the outbox, and copied by a rebuild, so that nothing is sent twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from sqlite3 import Connection
from typing import Any, NamedTuple

from lapwing.ledger.sqlite.incidents import COLUMNS
from lapwing.ledger.sqlite.store import Store
from lapwing.telling import Recipient


class Place(NamedTuple):
    """How far was read."""

    number: int = 0
    commit_number: int = 0
    clock_us: int = 0


def place(connection: Connection) -> Place:
    """How far changes of incidents were read."""
    row = connection.execute("SELECT number, commit_number, clock_us FROM alert_place").fetchone()
    return Place(*row) if row else Place()


def set_place(connection: Connection, to: Place) -> None:
    """Note how far changes were read, inside the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO alert_place VALUES (1, ?, ?, ?)", to)


_CHANGE = "c.number, c.key, c.incident, c.commit_number, c.at_us, c.decided_us, c.kind, c.state, c.severity, c.voices, c.muted"
_NAMES = ("number", "key", "incident", "commit_number", "at_us", "decided_us", "kind", "state", "severity", "voices", "muted",
          "clock_us", "renewed", "category", "country", "longitude", "latitude", "into")  # fmt: skip
_SELECT = f"""SELECT {_CHANGE}, s.clock_us, s.renewed, coalesce(s.category, i.category, 0), coalesce(s.country, i.country, ''),
    CASE WHEN s.number IS NULL THEN i.longitude ELSE s.longitude END,
    CASE WHEN s.number IS NULL THEN i.latitude ELSE s.latitude END, coalesce(s.merged_into, i.merged_into, '')
    FROM incident_changes c LEFT JOIN alert_scenes s USING (number) LEFT JOIN incidents i ON i.mark = c.incident"""


def changes(connection: Connection, after: int, rows_max: int) -> list[dict[str, Any]]:
    """Changes of incidents after a number, in order, each with its scene: as it was when it was read, or as it is now."""
    rows = connection.execute(f"{_SELECT} WHERE c.number > ? ORDER BY c.number LIMIT ?", (after, rows_max))
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


def changes_in(connection: Connection, span: tuple[int, int], rows_max: int) -> list[dict[str, Any]]:
    """Changes that were taken up, or happened, in a time (the end exclusive), as `changes` gives them."""
    from_us, to_us = span
    rows = connection.execute(
        f"{_SELECT} WHERE max(coalesce(s.clock_us, 0), c.decided_us, c.at_us) >= ? AND c.at_us < ? ORDER BY c.number LIMIT ?",
        (from_us, to_us, rows_max),
    )
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


def incident(connection: Connection, mark: str) -> dict[str, Any] | None:
    """An incident as it is now, by `incidents.COLUMNS`; None where it is known no longer."""
    row = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM incidents WHERE mark = ? AND state > 0", (mark,)
    ).fetchone()
    return dict(zip(COLUMNS, row, strict=True)) if row else None


def last_change(connection: Connection) -> int:
    """The number of the latest change."""
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM incident_changes").fetchone()
    return int(number)


def keep_scene(connection: Connection, row: dict[str, Any]) -> None:
    """Note a change as rules saw it, inside the caller's transaction."""
    names = ("number", "clock_us", "renewed", "category", "country", "longitude", "latitude", "into")
    connection.execute(
        "INSERT OR IGNORE INTO alert_scenes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tuple(row[name] for name in names)
    )


def evidence(store: Store, incident: str, commit_number: int, limit: int) -> list[int]:
    """The independent posts of an incident that stand and had come with a commit, the first ones."""
    rows = store.connection.execute(
        "SELECT e.seq FROM incidents i JOIN evidence e ON e.founder = i.founder JOIN flagged f ON f.seq = e.seq "
        "WHERE i.mark = ? AND e.voice AND e.standing AND f.number <= ? ORDER BY e.seq LIMIT ?",
        (incident, commit_number, limit),
    )
    return [seq for (seq,) in rows]


def readers(connection: Connection) -> dict[Recipient, bytes]:
    """What is kept of each reader."""
    rows = connection.execute("SELECT channel, address, body FROM alert_readers").fetchall()
    return {Recipient(channel, address): body for channel, address, body in rows}


def keep_readers(connection: Connection, bodies: Iterable[tuple[Recipient, bytes]]) -> None:
    """Keep what readers know, inside the caller's transaction."""
    connection.executemany(
        "INSERT OR REPLACE INTO alert_readers VALUES (?, ?, ?)",
        ((reader.channel, reader.address, body) for reader, body in bodies),
    )


def forget_reader(connection: Connection, reader: Recipient) -> None:
    """Forget what a reader knows and was told, inside the caller's transaction."""
    for table in ("alert_readers", "alert_sent"):
        connection.execute(f"DELETE FROM {table} WHERE channel = ? AND address = ?", (reader.channel, reader.address))


def note_sent(connection: Connection, reader: Recipient, row: tuple[str, str, str, bool, int, str]) -> None:
    """Note what a reader was told (alert, rule, kind, counts, time, incidents), inside the caller's transaction."""
    alert, rule, kind, counts, at_us, incidents = row
    connection.execute(
        "INSERT OR IGNORE INTO alert_sent (alert, channel, address, rule, kind, counts, at_us, incidents) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (alert, reader.channel, reader.address, rule, kind, int(counts), at_us, incidents),
    )


def sent(
    connection: Connection, since_us: int, before: int, limit: int, readers: Sequence[Recipient] = ()
) -> Iterator[dict[str, Any]]:
    """Yield what was told since a time and before a number, to these readers or to all, the newest first, with what became
    of its delivery.
    """
    names = ("number", "alert", "channel", "address", "rule", "kind", "counts", "at_us", "incidents", "body", "state",
             "reason", "tries", "ended_us")  # fmt: skip
    rows = connection.execute(
        "SELECT s.number, s.alert, s.channel, s.address, s.rule, s.kind, s.counts, s.at_us, s.incidents, a.body, d.state, "
        "d.reason, d.tries, d.ended_us FROM alert_sent s LEFT JOIN outbox_alerts a ON a.id = s.alert "
        "LEFT JOIN outbox_deliveries d ON d.alert = s.alert AND d.channel = s.channel AND d.address = s.address "
        "WHERE s.at_us >= ?1 AND s.number < ?2 AND (?4 = '[]' OR (s.channel, s.address) IN (SELECT "
        "json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?4))) ORDER BY s.number DESC LIMIT ?3",
        (since_us, before, limit, json.dumps([[each.channel, each.address] for each in readers])),
    )
    for row in rows.fetchall():
        yield dict(zip(names, row, strict=True))


class Told(NamedTuple):
    """One reader's share of an alert."""

    recipient: Recipient
    rule: str
    incidents: list[str]


def told_of(connection: Connection, alert: str) -> list[Told]:
    """Who was told by an alert."""
    rows = connection.execute("SELECT channel, address, rule, incidents FROM alert_sent WHERE alert = ?", (alert,))
    return [Told(Recipient(channel, address), rule, incidents.split()) for channel, address, rule, incidents in rows]


def courses(connection: Connection, since_us: int, until_us: int) -> list[dict[str, Any]]:
    """Incidents with evidence in a time, by their beginning, and when each was detected and confirmed; None where it was not."""
    names = ("incident", "category", "area", "country", "longitude", "latitude", "first_us", "last_us", "reason",
             "detected_us", "confirmed_us")  # fmt: skip
    rows = connection.execute(
        "SELECT i.mark, i.category, i.area, i.country, i.longitude, i.latitude, i.first_us, i.last_us, i.reason, "
        "(SELECT min(at_us) FROM incident_changes c WHERE c.incident = i.mark AND c.state IN (1, 2)), "
        "(SELECT min(at_us) FROM incident_changes c WHERE c.incident = i.mark AND c.state = 2) "
        "FROM incidents i WHERE i.state > 0 AND i.reason != 'merged' AND i.last_us >= ? AND i.first_us < ? "
        "ORDER BY i.first_us, i.mark",
        (since_us, until_us),
    )
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def first_told(connection: Connection, since_us: int) -> dict[str, tuple[int, int | None]]:
    """By incident: when the first reader was told since a time, and when the first delivery had arrived (None: not yet)."""
    rows = connection.execute(
        "SELECT s.incidents, s.at_us, CASE WHEN d.state = 'sent' THEN d.ended_us END FROM alert_sent s "
        "LEFT JOIN outbox_deliveries d ON d.alert = s.alert AND d.channel = s.channel AND d.address = s.address "
        "WHERE s.at_us >= ? AND s.kind != 'all-clear' ORDER BY s.at_us",
        (since_us,),
    )
    found: dict[str, tuple[int, int | None]] = {}
    for incidents, at_us, ended_us in rows:
        for incident in incidents.split():
            sent_us, before_us = found.get(incident, (at_us, None))
            ends = [each for each in (before_us, ended_us) if each is not None]
            found[incident] = (sent_us, min(ends, default=None))
    return found


def official_posts(connection: Connection, since_us: int, until_us: int) -> list[tuple[int, int, int]]:
    """Sequence number, time and category of what official feeds said in a time and is not taken back."""
    return connection.execute(
        "SELECT seq, at_us, category FROM flagged WHERE official AND verdict > 0 AND at_us >= ? AND at_us < ? "
        "AND seq NOT IN (SELECT seq FROM hidden) ORDER BY at_us, seq",
        (since_us, until_us),
    ).fetchall()
