"""Alerts that are on their way: written in the transaction that decided them, until every recipient has them or never will.

An alert for a recipient is one *delivery*: `waiting`, and in the end `sent`, `failed` (with the reason) or `retired` (nobody
is there any more). The idempotency key is a function of alert and recipient, so that whatever is decided twice, or sent
again after a crash, is the same for whoever receives it. One process sends for a channel at a time, by lease and epoch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import Any

import msgspec
import psutil

from lapwing.errors import Fenced
from lapwing.ledger.sqlite.leases import LEASE_US
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.store import Store
from lapwing.telling import Alert, ChannelNote, Due, Recipient, Settled, key_of

REASON_CHARACTERS_MAX = 300
DELIVERY = "d.channel, d.address, d.key, d.state, d.reason, d.tries, d.added_us, d.ended_us"


class Lease(msgspec.Struct, frozen=True):
    """The right to send for a channel, until another takes it."""

    channel: str
    owner: str
    epoch: int


def add(connection: Connection, alert: Alert, recipient: Recipient, now_us: int) -> bool:
    """Put an alert for a recipient into the outbox, inside the caller's transaction; False where it was there already.

    What is for a retired recipient is noted as `retired` and never sent.
    """
    connection.execute(
        "INSERT OR IGNORE INTO outbox_alerts VALUES (?, ?, ?, ?, ?)",
        (alert.id, alert.incident, alert.kind, alert.at_us, msgspec.json.encode(alert)),
    )
    gone = connection.execute(
        "SELECT reason FROM outbox_recipients WHERE channel = ? AND address = ? AND retired_us IS NOT NULL",
        (recipient.channel, recipient.address),
    ).fetchone()
    state, reason, ended_us = ("retired", gone[0], now_us) if gone else ("waiting", "", None)
    changed = connection.execute(
        "INSERT OR IGNORE INTO outbox_deliveries (alert, channel, address, key, state, reason, added_us, ended_us) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (alert.id, recipient.channel, recipient.address, key_of(alert, recipient), state, reason, now_us, ended_us),
    )
    return changed.rowcount == 1


def register(connection: Connection, recipient: Recipient, now_us: int) -> None:
    """Keep a recipient, inside the caller's transaction; one that was retired is tried again from now on."""
    connection.execute(
        "INSERT INTO outbox_recipients (channel, address, registered_us) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
        "registered_us = coalesce(registered_us, excluded.registered_us), retired_us = NULL, reason = ''",
        (recipient.channel, recipient.address, now_us),
    )


def unregister(connection: Connection, recipient: Recipient, now_us: int) -> bool:
    """Forget a recipient and what waits for it, inside the caller's transaction; False where nobody knew it."""
    _end_waiting(connection, recipient, "it was taken off", now_us)
    return (
        connection.execute(
            "DELETE FROM outbox_recipients WHERE channel = ? AND address = ?", (recipient.channel, recipient.address)
        ).rowcount
        == 1
    )


def recipients(connection: Connection, channel: str, configured: Sequence[Recipient] = ()) -> list[Recipient]:
    """To whom a channel sends: those of the configuration and those that registered, without the retired ones."""
    rows = connection.execute(
        "SELECT address, retired_us IS NOT NULL FROM outbox_recipients WHERE channel = ? ORDER BY registered_us, address",
        (channel,),
    ).fetchall()
    retired = {address for address, gone in rows if gone}
    known = [*configured, *(Recipient(channel, address) for address, _ in rows)]
    return [each for each in dict.fromkeys(known) if each.address not in retired]


def awaits(connection: Connection, recipient: Recipient) -> bool:
    """Whether anything waits for a recipient."""
    row = connection.execute(
        "SELECT 1 FROM outbox_deliveries WHERE channel = ? AND address = ? AND state = 'waiting' LIMIT 1",
        (recipient.channel, recipient.address),
    ).fetchone()
    return row is not None


def fetched(connection: Connection, recipient: Recipient, now_us: int) -> None:
    """Note that what waited for a recipient arrived, who came for it, inside the caller's transaction."""
    connection.execute(
        "UPDATE outbox_deliveries SET state = 'sent', ended_us = ? WHERE channel = ? AND address = ? AND state = 'waiting'",
        (now_us, recipient.channel, recipient.address),
    )


class Outbox:
    """The outbox as whoever sends sees it. One object for each thread."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    @property
    def _store(self) -> Store:
        return self._ledger.store  # another one after a rebuild

    def mark(self, name: str) -> None:
        """A point at which a crash would be interesting."""
        self._store.mark(name)

    def claim(self, channel: str, owner: str, now_us: int) -> Lease | None:
        """Take a channel that is free, or whose owner is dead or fell silent; None while another sends for it."""
        with self._store.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO outbox_channels (name) VALUES (?)", (channel,))
            held, pid = connection.execute(
                "SELECT owner, pid FROM outbox_channels WHERE name = ?", (channel,)
            ).fetchone()
            dead = held is not None and not psutil.pid_exists(pid)
            row = connection.execute(
                "UPDATE outbox_channels SET epoch = epoch + 1, owner = ?1, pid = ?2, heartbeat_us = ?3 WHERE name = ?4 "
                "AND (owner IS NULL OR owner = ?1 OR heartbeat_us < ?5 OR ?6) RETURNING epoch",
                (owner, os.getpid(), now_us, channel, now_us - LEASE_US, dead),
            ).fetchone()
        return Lease(channel, owner, row[0]) if row else None

    def release(self, lease: Lease) -> None:
        """Give a channel up, so that others need not wait for the lease to run out."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE outbox_channels SET owner = NULL, pid = NULL WHERE name = ? AND epoch = ?",
                (lease.channel, lease.epoch),
            )

    def due(self, channel: str, now_us: int, limit: int, but: Sequence[str] = ()) -> list[Due]:
        """What is to be sent now, in the order in which it was decided: of each recipient the first that waits.

        `but` are addresses to which something is on its way at this moment.
        """
        rows = self._store.connection.execute(
            "SELECT d.number, a.body, d.address, d.tries, d.added_us FROM outbox_deliveries d "
            "JOIN outbox_alerts a ON a.id = d.alert WHERE d.channel = ?1 AND d.state = 'waiting' AND d.next_us <= ?2 "
            "AND NOT EXISTS (SELECT 1 FROM outbox_deliveries e WHERE e.channel = ?1 AND e.address = d.address "
            "AND e.state = 'waiting' AND e.number < d.number) ORDER BY d.number LIMIT ?3",
            (channel, now_us, limit + len(but)),
        ).fetchall()
        busy = set(but)
        return [
            Due(number, msgspec.json.decode(body, type=Alert), Recipient(channel, address), tries, added_us)
            for number, body, address, tries, added_us in rows
            if address not in busy
        ][:limit]

    def settle(self, lease: Lease, settled: Sequence[Settled], note: ChannelNote, now_us: int) -> None:
        """Note what became of attempts and how the channel is, and keep the lease, in one transaction.

        Raises `Fenced` where another sends for the channel by now; then nothing was noted.
        """
        with self._store.transaction() as connection:
            sent = sum(each.outcome == "sent" for each in settled)
            changed = connection.execute(
                "UPDATE outbox_channels SET heartbeat_us = ?1, pid = ?2, type = ?3, state = ?4, reason = ?5, since_us = ?6, "
                "sent = sent + ?7, last_sent_us = CASE WHEN ?7 THEN ?1 ELSE last_sent_us END WHERE name = ?8 AND epoch = ?9",
                (now_us, os.getpid(), note.type, note.state, note.reason[:REASON_CHARACTERS_MAX], note.since_us, sent,
                 lease.channel, lease.epoch),
            ).rowcount  # fmt: skip
            if changed != 1:
                raise Fenced(f"the channel {lease.channel} is served by another process now", "it sends what is due")
            for each in settled:
                _settle(connection, each, now_us)

    def give_up(self, lease: Lease, added_before_us: int, now_us: int) -> int:
        """End what waits for longer than it may; how many that were."""
        with self._store.transaction() as connection:
            return connection.execute(
                "UPDATE outbox_deliveries SET state = 'failed', ended_us = ?, reason = CASE WHEN tries THEN "
                "'it was tried for a day: ' || reason ELSE 'it waited for a day, and nothing could be sent' END "
                "WHERE channel = ? AND state = 'waiting' AND added_us < ? "
                "AND EXISTS (SELECT 1 FROM outbox_channels WHERE name = ? AND epoch = ?)",
                (now_us, lease.channel, added_before_us, lease.channel, lease.epoch),
            ).rowcount

    def waits(self, channel: str, added_before_us: int) -> bool:
        """Whether anything waits that is older."""
        row = self._store.connection.execute(
            "SELECT added_us FROM outbox_deliveries WHERE channel = ? AND state = 'waiting' ORDER BY number LIMIT 1",
            (channel,),
        ).fetchone()
        return row is not None and row[0] < added_before_us


def _settle(connection: Connection, each: Settled, now_us: int) -> None:
    """One attempt; what was ended meanwhile, because its recipient left, stays ended."""
    ended_us = None if each.outcome == "waiting" else now_us
    connection.execute(
        "UPDATE outbox_deliveries SET state = ?, reason = ?, next_us = ?, ended_us = ?, tries = tries + 1 "
        "WHERE number = ? AND (state = 'waiting' OR ? = 'sent')",
        (each.outcome, each.reason[:REASON_CHARACTERS_MAX], each.next_us, ended_us, each.number, each.outcome),
    )
    if each.outcome == "retired":
        connection.execute(
            "INSERT INTO outbox_recipients (channel, address, retired_us, reason) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET retired_us = excluded.retired_us, reason = excluded.reason",
            (each.recipient.channel, each.recipient.address, now_us, each.reason[:REASON_CHARACTERS_MAX]),
        )
        _end_waiting(connection, each.recipient, each.reason, now_us)


def _end_waiting(connection: Connection, recipient: Recipient, reason: str, now_us: int) -> None:
    connection.execute(
        "UPDATE outbox_deliveries SET state = 'retired', reason = ?, ended_us = ? "
        "WHERE channel = ? AND address = ? AND state = 'waiting'",
        (reason[:REASON_CHARACTERS_MAX], now_us, recipient.channel, recipient.address),
    )


def states(connection: Connection) -> list[dict[str, Any]]:
    """How every channel is that ever had anything to send: what is waiting, what was sent, what never will be."""
    found = []
    for name, type_, state, reason, since_us, noted_us, owner, sent, last_sent_us in connection.execute(
        "SELECT name, type, state, reason, since_us, heartbeat_us, owner, sent, last_sent_us FROM outbox_channels ORDER BY name"
    ).fetchall():
        counts = dict(
            connection.execute(
                "SELECT state, count(*) FROM outbox_deliveries WHERE channel = ? GROUP BY state", (name,)
            ).fetchall()
        )
        (oldest_us,) = connection.execute(
            "SELECT min(added_us) FROM outbox_deliveries WHERE channel = ? AND state = 'waiting'", (name,)
        ).fetchone()
        found.append(
            {"name": name, "type": type_, "state": state if owner else "not running", "reason": reason,
             "since_us": since_us, "noted_us": noted_us, "waiting": counts.get("waiting", 0), "oldest_waiting_us": oldest_us,
             "sent": sent, "failed": counts.get("failed", 0), "retired": counts.get("retired", 0),
             "last_sent_us": last_sent_us}
        )  # fmt: skip
    return found


def deliveries(connection: Connection, incident: str | None = None, limit: int = 1000) -> Iterator[dict[str, Any]]:
    """Yield what became of alerts, the newest first, of one incident or of all; recipients by their mark, not their address."""
    for alert, title, at_us, channel, address, key, state, reason, tries, added_us, ended_us in connection.execute(
        f"SELECT a.id, json_extract(a.body, '$.title'), a.at_us, {DELIVERY} FROM outbox_deliveries d "
        "JOIN outbox_alerts a ON a.id = d.alert WHERE (?1 IS NULL OR a.incident = ?1) ORDER BY d.number DESC LIMIT ?2",
        (incident, limit),
    ).fetchall():
        yield {
            "alert": alert, "title": title, "at_us": at_us, "channel": channel, "key": key, "state": state,
            "recipient": Recipient(channel, address).mark, "reason": reason, "tries": tries, "added_us": added_us,
            "ended_us": ended_us,
        }  # fmt: skip


def failures(connection: Connection, limit: int = 1000) -> Iterator[dict[str, Any]]:
    """Yield the alerts that did not arrive, with the reason, the newest first."""
    for each in connection.execute(
        f"SELECT a.id, json_extract(a.body, '$.title'), {DELIVERY} FROM outbox_deliveries d "
        "JOIN outbox_alerts a ON a.id = d.alert WHERE d.state IN ('failed', 'retired') ORDER BY d.number DESC LIMIT ?",
        (limit,),
    ).fetchall():
        alert, title, channel, address, _, state, reason, tries, added_us, ended_us = each
        yield {
            "alert": alert, "title": title, "channel": channel, "recipient": Recipient(channel, address).mark,
            "state": state, "reason": reason, "tries": tries, "added_us": added_us, "ended_us": ended_us,
        }  # fmt: skip


def expire(store: Store, before_us: int) -> int:
    """Forget deliveries that ended before then, and alerts that no delivery needs; how many deliveries that were."""
    with store.transaction() as connection:
        gone = connection.execute("DELETE FROM outbox_deliveries WHERE ended_us < ?", (before_us,)).rowcount
        connection.execute(
            "DELETE FROM outbox_alerts WHERE at_us < ? AND id NOT IN (SELECT alert FROM outbox_deliveries)",
            (before_us,),
        )
    return gone
