"""Works that wait for a network, each in a task of its own: begun, watched, and ended as the configuration wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from lapwing.engine.clock import Clock

LOOK_S = 0.2

Wanted = TypeVar("Wanted")

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs what blocks, one after the other, in a thread of its own."""

Look = Callable[[], Mapping[str, Wanted] | None]
"""Asked again and again for what is wanted, by name; None: as before."""


class AsyncTime:
    """A clock for what waits in the event loop."""

    def __init__(self, clock: Clock) -> None:
        self.now_us = clock.now_us
        self.monotonic_s = clock.monotonic_s

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds))

    def within(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """A context that raises `TimeoutError` when it takes longer."""
        return asyncio.timeout(seconds)


ASKED_AGAIN_S = 3.0
"""A work that has not ended by then is asked once more."""


class Work(NamedTuple, Generic[Wanted]):
    """What is done for one name."""

    runs: list[Coroutine[Any, Any, None]]
    """None of them ends by itself."""
    goes_on: Callable[[Wanted], bool]
    """Whether it may go on when this is wanted of it; if so it was told."""


class Crew(Generic[Wanted]):
    """All works of one process, by name."""

    def __init__(self, begin: Callable[[Wanted], Work[Wanted]], shared: dict[str, Any]) -> None:
        """`shared` is what all works have in common; what of it has a `close` is closed with them."""
        self._begin, self._shared = begin, shared
        self._running: dict[str, tuple[Work[Wanted], list[asyncio.Task[None]]]] = {}

    async def want(self, wanted: Mapping[str, Wanted]) -> None:
        """Do exactly this: what is gone, or cannot go on as it is wanted, ends first."""
        kept = {name for name, (work, _) in self._running.items() if name in wanted and work.goes_on(wanted[name])}
        await self._end([name for name in self._running if name not in kept])
        for name, each in wanted.items():
            if name not in kept:
                work = self._begin(each)
                self._running[name] = work, [asyncio.create_task(run, name=name) for run in work.runs]

    def check(self) -> None:
        """Raise what ended a work that should not have ended."""
        for _, tasks in self._running.values():
            for task in tasks:
                if task.done():
                    task.result()

    async def close(self) -> None:
        """End all, each of which finishes what it has in hand; then close what they shared."""
        await self._end(list(self._running))
        for shared in self._shared.values():
            if hasattr(shared, "close"):
                await shared.close()

    async def _end(self, names: list[str]) -> None:
        tasks = [task for name in names for task in self._running.pop(name)[1]]
        left = set(tasks)
        while left:  # a library beneath may lose the request to end, once
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=ASKED_AGAIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)


def drive(
    thread: str, gathered: Callable[[InThread], Crew[Wanted]], look: Look[Wanted], stop: Callable[[], bool]
) -> None:
    """Run a crew until `stop`, as `look` wants it; `thread` names the thread in which it does what blocks."""

    async def run() -> None:
        with ThreadPoolExecutor(1, thread) as blocking:
            crew = gathered(partial(asyncio.get_running_loop().run_in_executor, blocking))
            try:
                while not stop():
                    if (wanted := look()) is not None:
                        await crew.want(wanted)
                    crew.check()
                    await asyncio.sleep(LOOK_S)
            finally:
                await crew.close()

    asyncio.run(run())
