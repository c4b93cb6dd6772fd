"""A data directory whose incidents are made by hand, and the stage of alerts over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lapwing import config
from lapwing.app.alerting import Teller
from lapwing.app.opening import Directory
from lapwing.incidents.happening import SEVERITIES, STATES
from lapwing.ledger.sqlite import alerting
from rules.stories import FLOOD, PERTH

CHANNEL = """
[[channel]]
type = "ntfy"
name = "desk"
topics = ["duty"]
"""
RULE = """
[[rule]]
name = "floods"
channels = ["desk"]
budget = 3
digests = ["18:00"]
"""


class Hand:
    """A clock that is set by hand."""

    def __init__(self, now_us: int) -> None:
        self.us = now_us

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.us / 1e6


class House:
    """One data directory."""

    def __init__(self, path: Path, text: str = CHANNEL + RULE, now_us: int = 0) -> None:
        self.directory = Directory(path, config.parse(text, environment={}))
        self.clock = Hand(now_us)
        self.directory.clock = self.clock  # type: ignore[assignment]
        self.directory.log.spans()
        self.teller = Teller(self.directory)
        self.incidents: dict[str, int] = {}

    def change(self, mark: str, at_us: int, state: int, severity: int = 1, **more: Any) -> None:
        """An incident becomes this, as the stage of incidents writes it."""
        said = {"decided_us": at_us, "commit": 1, "voices": 5, "into": "", "kind": STATES[state], "muted": 0} | more
        with self.directory.ledger.store.transaction() as connection:
            founder = self.incidents.setdefault(mark, len(self.incidents) + 1)
            connection.execute(
                "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?, ?, coalesce((SELECT first_us FROM incidents WHERE "
                "founder = ?1), ?), ?, ?, ?, ?, 0, 0, 0, 'AU', ?, ?, 1.0, ?, ?, '', 0, ?, NULL)",
                (founder, mark, state, said.get("reason", ""), said.get("category", FLOOD), severity, at_us, at_us, at_us,
                 said["voices"], said["voices"], *said.get("point", PERTH), said["into"], said["muted"], said["commit"]),
            )  # fmt: skip
            (ordinal,) = connection.execute(
                "SELECT count(*) FROM incident_changes WHERE incident = ?", (mark,)
            ).fetchone()
            connection.execute(
                "INSERT OR IGNORE INTO incident_changes (key, incident, commit_number, at_us, decided_us, kind, state, "
                "severity, voices, muted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (f"{mark}/{ordinal + 1}/{STATES[state]}/{SEVERITIES[severity]}", mark, said["commit"], at_us,
                 said["decided_us"], said["kind"], state, severity, said["voices"], said["muted"]),
            )  # fmt: skip

    def turn(self, now_us: int) -> bool:
        self.clock.us = now_us
        return self.teller.turn(now_us)

    def sent(self) -> list[tuple[int, str, str]]:
        """Time, kind and incidents of everything that was told, in order."""
        rows = list(alerting.sent(self.directory.ledger.store.connection, 0, 1 << 62, 10_000))
        return [(row["at_us"], row["kind"], row["incidents"]) for row in reversed(rows)]

    def outbox(self) -> list[tuple[str, str]]:
        """Channel and title of what is in the outbox."""
        rows = self.directory.ledger.store.connection.execute(
            "SELECT d.channel, json_extract(a.body, '$.title') FROM outbox_deliveries d JOIN outbox_alerts a ON a.id = d.alert "
            "ORDER BY d.number"
        )
        return [(channel, title) for channel, title in rows]
