"""All sources of one process: listened to, answered for, changed when the configuration changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

from lapwing.engine.answering import FAILED, Answering
from lapwing.engine.clock import Clock
from lapwing.engine.heard import Plan
from lapwing.engine.listening import AsyncTime, Hands, Listener

said = logging.getLogger("lapwing.sources")

LOOK_S = 0.2

Stop = Callable[[], bool]


class Ears:
    """All sources of one process, each in a task of its own."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._running: dict[str, tuple[Listener, list[asyncio.Task[None]]]] = {}

    async def want(self, plans: Mapping[str, Plan]) -> None:
        """Listen to exactly these: what is gone or changed ends first; options that may change while it reads are told."""
        leaving = []
        for name, (listener, _) in self._running.items():
            wanted = plans.get(name)
            if wanted is None or not listener.plan.differs_only_live(wanted):
                leaving.append(name)
            elif wanted != listener.plan:
                listener.change(wanted)
        await self._end(leaving)
        for name, plan in plans.items():
            if name not in self._running:
                listener = Listener(plan, self._hands)
                works = [listener.run()]
                if plan.answers is not None and _can_answer(plan):
                    works.append(Answering(listener, self._hands, plan.answers).run())
                self._running[name] = (listener, [asyncio.create_task(work, name=name) for work in works])

    async def close(self) -> None:
        """End all, and append what was heard first; then close what they shared."""
        await self._end(list(self._running))
        for shared in self._hands.shared.values():
            if hasattr(shared, "close"):
                await shared.close()

    def check(self) -> None:
        """Raise what ended a source that should not have ended."""
        for _, tasks in self._running.values():
            for task in tasks:
                if task.done():
                    task.result()

    async def _end(self, names: list[str]) -> None:
        tasks = [task for name in names for task in self._running.pop(name)[1]]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _can_answer(plan: Plan) -> bool:
    """Whether answers of that topic can be sent; says why not."""
    if plan.source.respond is None:
        said.error("%s: nobody can be answered through %s, so take `answers` out", plan.name, plan.type)
        return False
    if plan.answers == FAILED or str(plan.answers).startswith(("raw.", "_lapwing")):
        said.error("%s: answers cannot stand in %s; name a topic of their own", plan.name, plan.answers)
        return False
    return True


def listen(
    log: Any, clock: Clock, owner: tuple[str, Random], look: Callable[[], Mapping[str, Plan] | None], stop: Stop
) -> None:
    """Listen until `stop`, on a `Log` that is a `SourceLog`; `look` is asked again and again for the sources that are wanted, None: as before.

    `owner` is a name for the leases, and chance.
    """

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "log") as thread:
            ears = Ears(
                Hands(
                    log=log, time=AsyncTime(clock), chance=owner[1], owner=owner[0],
                    in_thread=partial(loop.run_in_executor, thread), shared={},
                )
            )  # fmt: skip
            try:
                while not stop():
                    if (wanted := look()) is not None:
                        await ears.want(wanted)
                    ears.check()
                    await asyncio.sleep(LOOK_S)
            finally:
                await ears.close()

    asyncio.run(run())
