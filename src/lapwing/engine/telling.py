"""Empties the outbox: each channel by itself, in order, at least once, and no longer than a day.

An alert that was sent, and not yet noted as sent when the process died, is sent again under the same key. A recipient gets
its alerts one after the other; other recipients are served meanwhile. What fails waits longer each time, an hour at most:
the whole channel where all its recipients are behind one service, otherwise the recipient alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, NamedTuple

import msgspec

from lapwing.engine.attention import back_off_s
from lapwing.engine.clock import Clock
from lapwing.engine.driving import AsyncTime, Crew, InThread, Look, Work, drive
from lapwing.errors import DiskFull, Fenced, MissingDependency
from lapwing.hearing import BackOff, Disconnected, RateLimited, Timekeeper
from lapwing.telling import (
    Channel,
    ChannelNote,
    ChannelRefused,
    Due,
    Gone,
    Outcome,
    SenderOutbox,
    Settled,
    Surroundings,
    Undeliverable,
)

said = logging.getLogger("lapwing.channels")

LOOK_S = 0.25
CLAIM_AGAIN_S = 2.0
NOTE_US = 2_000_000
"""So often a channel that has nothing to do says that it lives."""
SEND_S = 120.0
"""No attempt takes longer."""
GRACE_S = 5.0
"""So long may attempts that are on their way go on when we are to end; what they did would otherwise be done again."""
WAIT_S_MAX = 3_600.0
KEEP_US = 86_400_000_000
"""So long is an alert tried; after a day it is news no longer."""
BROKEN = BackOff(first_s=5.0, max_s=WAIT_S_MAX)
LIMITED = BackOff(first_s=30.0, max_s=WAIT_S_MAX)
REFUSED = BackOff(first_s=60.0, max_s=WAIT_S_MAX)
DISK_FULL_WAIT_S = 2.0


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """What all channels of a process share."""

    outbox: SenderOutbox
    time: Timekeeper
    chance: Random
    owner: str
    in_thread: InThread
    shared: dict[str, Any]


class _Attempt(NamedTuple):
    """What came of one attempt: the outcome, why, and for how long to wait before the next."""

    outcome: Outcome
    reason: str = ""
    wait_us: int = 0
    whole: bool = False
    """Whether the wait is the channel's and not the recipient's alone."""
    state: str = "live"


class Sender:
    """One channel: its lease, what is on its way, and how patient it is."""

    def __init__(self, channel: Channel, hands: Hands) -> None:
        self.channel, self._hands, self._time = channel, hands, hands.time
        self._surroundings = Surroundings(name=channel.name, time=hands.time, chance=hands.chance, shared=hands.shared)
        self._tasks: dict[asyncio.Task[_Attempt], Due] = {}
        self._settled: list[Settled] = []
        self._failures = 0
        self._until_us = 0
        self._noted_us = 0
        self._state, self._reason, self._since_us = "live", "", hands.time.now_us()

    async def run(self) -> None:
        """Send until cancelled; then let what is on its way arrive, and give the lease up."""
        while True:
            claim = partial(self._hands.outbox.claim, self.channel.name, self._hands.owner, self._time.now_us())
            try:
                lease = await self._hands.in_thread(claim)
            except (Fenced, DiskFull) as problem:
                said.warning("%s: %s", self.channel.name, problem)
                lease = None
            if lease is None:
                await self._time.sleep(CLAIM_AGAIN_S)
                continue
            try:
                await self._serve(lease)
            except Fenced as taken:
                said.warning("%s: %s", self.channel.name, taken)
                self._drop()

    async def _serve(self, lease: Any) -> None:
        try:
            while True:
                await self._begin(lease)
                await self._arrivals(LOOK_S)
                await self._note(lease)
        except asyncio.CancelledError:
            await asyncio.shield(self._end(lease))
            raise

    async def _end(self, lease: Any) -> None:
        """Wait a little for what is on its way, note it, and let go."""
        with suppress(TimeoutError):
            async with self._time.within(GRACE_S):
                while self._tasks:
                    await self._arrivals(None)
        self._drop(keep_settled=True)
        with suppress(Fenced, DiskFull):
            await self._note(lease, last=True)
            await self._hands.in_thread(partial(self._hands.outbox.release, lease))

    def _drop(self, *, keep_settled: bool = False) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        if not keep_settled:
            self._settled.clear()

    async def _begin(self, lease: Any) -> None:
        """Send what is due, as far as there is room and patience; first end what waited too long."""
        now_us, name, outbox = self._time.now_us(), self.channel.name, self._hands.outbox
        if await self._hands.in_thread(partial(outbox.waits, name, now_us - KEEP_US)):
            ended = await self._hands.in_thread(partial(outbox.give_up, lease, now_us - KEEP_US, now_us))
            said.error("%s: %d alerts waited for a day and are given up", name, ended)
        room = self.channel.notifier.parallel - len(self._tasks)
        if now_us < self._until_us <= now_us + KEEP_US or room <= 0 or self._settled:
            return
        if self._failures:  # one attempt tells whether the service is back
            room = 1 if not self._tasks else 0
        busy = [each.recipient.address for each in self._tasks.values()]
        for due in await self._hands.in_thread(partial(outbox.due, name, now_us, room, busy)):
            self._tasks[asyncio.create_task(self._attempt(due))] = due

    async def _arrivals(self, seconds: float | None) -> None:
        """Take in what has come to an end; at most wait so long for something to."""
        if not self._tasks:
            await self._time.sleep(seconds or 0.0)
            return
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._take(self._tasks.pop(task), task.result())

    def _take(self, due: Due, attempt: _Attempt) -> None:
        now_us, recipient = self._time.now_us(), due.recipient
        if not attempt.whole:
            self._failures = 0
        elif now_us >= self._until_us:  # those that were on their way beside it say nothing new
            self._failures += 1
            self._until_us = now_us + attempt.wait_us
        if attempt.outcome in ("failed", "retired"):
            said.warning("%s: not sent to %s: %s", self.channel.name, recipient.mark, attempt.reason)
        if attempt.outcome in ("sent", "waiting"):
            self._say(attempt.state, attempt.reason)
        self._settled.append(
            Settled(
                number=due.number, recipient=recipient, outcome=attempt.outcome, reason=attempt.reason,
                next_us=now_us + attempt.wait_us,
            )
        )  # fmt: skip

    async def _attempt(self, due: Due) -> _Attempt:
        """Try once; whatever goes wrong is an outcome."""
        try:
            async with self._time.within(SEND_S):
                await self.channel.notifier.send(self.channel.options, due.alert, due.recipient, self._surroundings)
        except Exception as problem:  # noqa: BLE001  (one alert that fails harms no other)
            return self._meaning(problem, due)
        return _Attempt("sent")

    def _meaning(self, problem: Exception, due: Due) -> _Attempt:
        """What is to be done after an attempt that failed."""
        why, shared = str(problem) or type(problem).__name__, self.channel.notifier.shared
        if isinstance(problem, Gone | Undeliverable):
            return _Attempt("retired" if isinstance(problem, Gone) else "failed", why)
        if isinstance(problem, ChannelRefused | MissingDependency):
            return _Attempt("waiting", why, self._wait_us(REFUSED, self._failures), True, "refused")
        if not isinstance(problem, Disconnected | RateLimited | OSError):  # a time that ran out is an `OSError` too
            said.error("%s: an error of ours", self.channel.name, exc_info=problem)
            why, shared = f"an error of ours: {type(problem).__name__}", False
        usual = LIMITED if isinstance(problem, RateLimited) else BROKEN
        back_off = getattr(problem, "back_off", None) or usual
        wait_us = self._wait_us(back_off, self._failures if shared else due.tries)
        until_us = getattr(problem, "until_us", None)
        if until_us is not None:
            wait_us = min(max(0, until_us - self._time.now_us()), KEEP_US)
        return _Attempt("waiting", why, wait_us, shared, "broken")

    def _wait_us(self, back_off: BackOff, failures: int) -> int:
        """Longer with each failure, and an hour at most."""
        return round(min(back_off_s(back_off, failures, self._hands.chance), WAIT_S_MAX) * 1e6)

    def _say(self, state: str, reason: str) -> None:
        if state == self._state:
            self._reason = reason
            return
        if state == "live":
            said.warning("%s is back", self.channel.name)
        elif self._state == "live":
            said.warning("%s is down: %s", self.channel.name, reason)
        self._state, self._reason, self._since_us = state, reason, self._time.now_us()

    async def _note(self, lease: Any, *, last: bool = False) -> None:
        """Note what came of attempts, however long it takes until there is room, and how the channel is."""
        now_us = self._time.now_us()
        if not self._settled and not last and 0 <= now_us - self._noted_us < NOTE_US:
            return
        if self._settled:
            await self._hands.in_thread(partial(self._hands.outbox.mark, "outbox.sent"))
        note = ChannelNote(self.channel.type, self._state, self._reason, self._since_us)
        settled = list(self._settled)
        settle = partial(self._hands.outbox.settle, lease, settled, note, now_us)
        try:
            await self._hands.in_thread(settle)
        except DiskFull as full:
            if last:
                raise
            said.error("%s: %s", self.channel.name, full)
            await self._time.sleep(DISK_FULL_WAIT_S)
            return
        self._settled = self._settled[len(settled) :]
        self._noted_us = now_us


def mouths_of(hands: Hands) -> Crew[Channel]:
    """Sends through channels; one that is wanted otherwise begins anew."""

    def begin(channel: Channel) -> Work[Channel]:
        return Work([Sender(channel, hands).run()], lambda wanted: wanted == channel)

    return Crew(begin, hands.shared)


class Means(NamedTuple):
    """What is needed to send."""

    outbox: SenderOutbox
    clock: Clock
    chance: Random
    owner: str


def tell(means: Means, look: Look[Channel], stop: Callable[[], bool]) -> None:
    """Send until `stop`, through the channels that are wanted."""

    def mouths(in_thread: InThread) -> Crew[Channel]:
        hands = Hands(
            outbox=means.outbox, time=AsyncTime(means.clock), chance=means.chance, owner=means.owner,
            in_thread=in_thread, shared={},
        )  # fmt: skip
        return mouths_of(hands)

    drive("outbox", mouths, look, stop)
