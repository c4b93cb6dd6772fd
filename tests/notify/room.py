"""A ledger with an outbox, and channels of the test's own that send from it in the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from lapwing.engine.telling import Hands, mouths_of
from lapwing.ledger.sqlite import outbox
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.outbox import Outbox
from lapwing.telling import Alert, Channel, Notifier, Recipient, Surroundings, key_of
from notify.alerts import AT_US
from sources.hearing import HurriedTime

DEADLINE_S = 60.0
LOOK_S = 0.005


class Nothing(msgspec.Struct, frozen=True):
    """No options."""


class Ear:
    """A channel that says what it is told to, and remembers what it got."""

    def __init__(self, name: str = "ear", *, shared: bool = True, parallel: int = 1) -> None:
        self.got: list[tuple[str, str]] = []
        """Alert and address, in order."""
        self.keys: list[str] = []
        self.tried_us: list[int] = []
        self.says: Callable[[Alert, Recipient], Exception | None] = lambda *_: None
        self.busy = self.busiest = 0
        notifier = Notifier(
            options=Nothing, send=self._send, configured=lambda _: [], admitted=lambda _, address: address,
            parallel=parallel, shared=shared, example="",
        )  # fmt: skip
        self.channel = Channel(name=name, type="ear", notifier=notifier, options=Nothing())

    async def _send(self, options: Any, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
        self.tried_us.append(surroundings.time.now_us())
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        self.keys.append(key_of(alert, recipient))
        if (problem := self.says(alert, recipient)) is not None:
            raise problem
        self.got.append((alert.id, recipient.address))


class Room:
    """One ledger; the time runs `speed` times as fast as the machine's."""

    def __init__(self, folder: Path, speed: float = 1.0) -> None:
        self.folder = folder
        self.ledger = SqliteLedger(folder)
        self.time = HurriedTime(speed, AT_US)

    def add(self, alert: Alert, *recipients: Recipient, at_us: int | None = None) -> list[bool]:
        now_us = self.time.now_us() if at_us is None else at_us
        with self.ledger.store.transaction() as connection:
            return [outbox.add(connection, alert, each, now_us) for each in recipients]

    def register(self, *recipients: Recipient) -> None:
        with self.ledger.store.transaction() as connection:
            for each in recipients:
                outbox.register(connection, each, self.time.now_us())

    def state(self, channel: str = "ear") -> dict[str, Any]:
        found = {each["name"]: each for each in outbox.states(self.ledger.store.connection)}
        return found.get(channel, {"state": "unknown"})

    def failures(self) -> list[tuple[str, str, str]]:
        return [
            (each["alert"], each["state"], each["reason"]) for each in outbox.failures(self.ledger.store.connection)
        ]

    def waiting(self) -> int:
        (count,) = self.ledger.store.connection.execute(
            "SELECT count(*) FROM outbox_deliveries WHERE state = 'waiting'"
        ).fetchone()
        return int(count)

    def send(self, *channels: Channel, until: Callable[[], bool] | None = None, owner: str = "one") -> None:
        """Send until nothing waits, or until what is asked for; the engine works in a loop of its own."""
        enough = until or (lambda: self.waiting() == 0)

        async def run() -> None:
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(1) as thread:
                mouths = mouths_of(
                    Hands(
                        outbox=Outbox(self.ledger), time=self.time, chance=Random(1), owner=owner,
                        in_thread=partial(loop.run_in_executor, thread), shared={},
                    )
                )  # fmt: skip
                try:
                    async with asyncio.timeout(DEADLINE_S):
                        await mouths.want({each.name: each for each in channels})
                        while not await loop.run_in_executor(thread, enough):
                            mouths.check()
                            await asyncio.sleep(LOOK_S)  # what is waited for happens in another task
                finally:
                    await mouths.close()

        asyncio.run(run())


@contextmanager
def room(folder: Path, speed: float = 1.0) -> Iterator[Room]:
    """A ledger that is closed in the end."""
    made = Room(folder, speed)
    try:
        yield made
    finally:
        made.ledger.close()
