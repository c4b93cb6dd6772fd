"""Alerts to be told, good ones and hostile ones, and what a notifier is handed where no engine runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from lapwing import catalog
from lapwing.notify._fetch import sessions_of
from lapwing.telling import Alert, Channel, Place, Recipient, Surroundings
from sources.hearing import HurriedTime

AT_US = 1_795_316_405_000_000
"""2026-11-22T03:00:05Z."""

HOSTILE = (
    "Flood\r\nBcc: all@example.org\r\n\r\n@everyone <@123> **x** [a](http://evil.example) www.evil.example "
    "\u202egnp.exe\u2066 e" + "\u0301" * 1000 + " \x00\x1b[31m\u2028`code` 'quote' \"double\" </script>"
)


def alert(id: str = "a1", incident: str = "i1", **changes: Any) -> Alert:
    """Twelve people say that it is under water."""
    return Alert(
        **{
            "id": id, "incident": incident, "kind": "confirmed", "title": "Flood in Perth", "body": "12 reports in 10 min",
            "category": "flood", "severity": "severe", "at_us": AT_US, "url": f"https://alerts.example.org/i/{incident}",
            "place": Place(id=2063523, name="Perth", country="AU", longitude=115.8614, latitude=-31.95224),
            "evidence": ("The road is under water",), "people": 12, "completeness": 0.8,
        }
        | changes
    )  # fmt: skip


def hostile(**changes: Any) -> Alert:
    """All that a stranger can put into a post, in every text of an alert."""
    texts = {
        "id": "a\n2", "incident": "i\r\nX-Evil: yes", "title": HOSTILE, "body": HOSTILE * 20, "evidence": (HOSTILE,) * 3,
        "category": HOSTILE, "place": Place(id=1, name=HOSTILE, country="AU"), "url": "javascript:alert(1)",
    }  # fmt: skip
    return alert(**(texts | changes))


def channel(kind: str, options: Any, name: str = "") -> Channel:
    """A channel with its secrets in place."""
    return Channel(name=name or kind, type=kind, notifier=catalog.load("notify", kind), options=options)


class Mouth:
    """One notifier, its options, and a way to send by it."""

    def __init__(self, kind: str, options: Any, surroundings: Surroundings) -> None:
        self.channel, self.surroundings = channel(kind, options), surroundings

    async def send(self, what: Alert, address: str = "") -> None:
        """To an address, or to the only one that is configured."""
        notifier, options = self.channel.notifier, self.channel.options
        to = notifier.admitted(options, address) if address else self.channel.recipients()[0].address
        await notifier.send(options, what, Recipient(self.channel.name, to), self.surroundings)


@asynccontextmanager
async def mouth(kind: str, options: Any, now_us: int | None = None) -> AsyncIterator[Mouth]:
    """A notifier that can send, and whose connections end."""
    surroundings = Surroundings(name=kind, time=HurriedTime(now_us=now_us), chance=Random(1), shared={})
    try:
        yield Mouth(kind, options, surroundings)
    finally:
        await sessions_of(surroundings).close()
