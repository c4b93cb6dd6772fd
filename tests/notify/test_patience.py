"""How long a channel waits after each failure: what was planned, in a time that passes as it is planned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any

from lapwing.engine.telling import Hands, Sender
from lapwing.hearing import BackOff, Disconnected, RateLimited
from lapwing.telling import ChannelNote, ChannelRefused, Due, Recipient, Settled
from notify.alerts import AT_US, alert
from notify.room import Ear
from testing.stories import story

JITTER = 0.2


class PlannedTime:
    """Stands still until somebody winds it."""

    def __init__(self) -> None:
        self.at_us = AT_US

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_us / 1e6

    async def sleep(self, seconds: float) -> None:
        """Nobody sleeps long."""
        del seconds
        await asyncio.sleep(0)

    def within(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(seconds)


class Box:
    """An outbox in which the same alerts wait for ever; when all that was tried is noted, it is the time of the next attempt."""

    def __init__(self, time: PlannedTime, recipients: int, attempts: int) -> None:
        self.time, self.recipients, self.attempts = time, recipients, attempts
        self.waits_s: list[float] = []
        self.tries = 0
        self.done = asyncio.Event()

    def mark(self, name: str) -> None:
        """Nothing crashes here."""

    def claim(self, channel: str, owner: str, now_us: int) -> str:
        return channel

    def release(self, lease: Any) -> None:
        """Nobody else wants it."""

    def due(self, channel: str, now_us: int, limit: int, but: Sequence[str]) -> list[Due]:
        names = [str(number) for number in range(self.recipients) if str(number) not in but]
        return [Due(1, alert(), Recipient(channel, name), self.tries, AT_US) for name in names][:limit]

    def settle(self, lease: Any, settled: Sequence[Settled], note: ChannelNote, now_us: int) -> None:
        self.waits_s += [(each.next_us - now_us) / 1e6 for each in settled]
        self.tries += bool(settled)
        self.time.at_us = max([now_us, *(each.next_us for each in settled)])
        if len(self.waits_s) >= self.attempts:
            self.done.set()

    def waits(self, channel: str, added_before_us: int) -> bool:
        return False

    def give_up(self, lease: Any, added_before_us: int, now_us: int) -> int:
        return 0


async def planned(problem: Exception, attempts: int, recipients: int = 1, *, shared: bool = True) -> list[float]:
    """The seconds that are waited after each attempt."""

    async def here(work: Callable[[], Any]) -> Any:
        return work()

    time = PlannedTime()
    box = Box(time, recipients, attempts)
    ear = Ear(shared=shared, parallel=4)
    ear.says = lambda *_: problem
    hands = Hands(outbox=box, time=time, chance=Random(1), owner="one", in_thread=here, shared={})
    task = asyncio.create_task(Sender(ear.channel, hands).run())
    await box.done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return box.waits_s[:attempts]


def about(waits_s: list[float], *expected_s: float) -> bool:
    pairs = zip(waits_s, expected_s, strict=True)
    return all((1 - JITTER) * each <= wait <= min((1 + JITTER) * each, 3_600) for wait, each in pairs)


@story
async def test_each_failure_doubles_the_wait_up_to_an_hour() -> None:
    for shared in (True, False):
        waits_s = await planned(Disconnected("it is down"), 13, shared=shared)
        assert about(waits_s, 5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600), waits_s
        assert len(set(waits_s)) >= 12, "never quite the same for all who wait"


@story
async def test_four_that_fail_at_once_are_one_failure_and_one_looks_whether_it_is_over() -> None:
    waits_s = await planned(Disconnected("it is down"), 6, recipients=4)
    assert about(waits_s, 5, 5, 5, 5, 10, 20), waits_s


@story
async def test_a_network_may_want_another_pace_but_no_longer_than_an_hour() -> None:
    assert about(await planned(RateLimited("slow down"), 3), 30, 60, 120)
    assert about(await planned(ChannelRefused("no"), 3), 60, 120, 240)
    waits_s = await planned(Disconnected("later", BackOff(first_s=86_400.0, max_s=864_000.0)), 2)
    assert waits_s == [3_600.0, 3_600.0]
    assert await planned(RateLimited("later", AT_US + 90_000_000), 1) == [90.0]
