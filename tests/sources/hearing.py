"""Sources in their engine: a real log, a clock that may run faster, and what was heard read back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import msgspec

from lapwing.engine.heard import Plan
from lapwing.engine.listening import Hands, Listener
from lapwing.hearing import Source
from lapwing.log.sqlite import SqliteLog
from lapwing.model import COVERAGE, Covered

DEADLINE_S = 240.0
LOOK_S = 0.01


class HurriedTime:
    """A clock that runs `speed` times as fast as the machine's, for whatever waits in an event loop."""

    def __init__(self, speed: float = 1.0, now_us: int | None = None) -> None:
        self.speed = speed
        self.patience_s = 0.0
        """No time limit ends sooner by the machine's own clock: for stories that are not about silence."""
        self._began_s = time.monotonic()
        self._began_us = now_us if now_us is not None else time.time_ns() // 1000

    def now_us(self) -> int:
        """UTC microseconds, hurried."""
        return self._began_us + int(self.monotonic_s() * 1e6)

    def monotonic_s(self) -> float:
        """Hurried seconds since it was made."""
        return (time.monotonic() - self._began_s) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait so many hurried seconds."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)

    def within(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """Raises `TimeoutError` after so many hurried seconds."""
        return asyncio.timeout(None if seconds is None else max(self.patience_s, seconds / self.speed))


class Room:
    """One log in a folder, in which sources are heard."""

    def __init__(self, folder: Path, speed: float = 1.0, seed: int = 1) -> None:
        self.path = folder / "log.sqlite"
        self.time = HurriedTime(speed)
        self.log = SqliteLog(self.path)
        self._chance = Random(seed)

    @contextmanager
    def listening(self, name: str, source: Source, options: Any, topic: str = "") -> Iterator[Listener]:
        """A source that is listened to in a thread while the block runs; then it is ended as `up` ends it."""
        plan = Plan(name=name, type=name, topic=topic or f"raw.{source.network}", source=source, options=options)
        done, made, began = Event(), [], Event()

        async def run() -> None:
            with ThreadPoolExecutor(1) as thread:
                log = await asyncio.get_running_loop().run_in_executor(thread, SqliteLog, self.path)
                hands = Hands(
                    log=log, time=self.time, chance=self._chance, owner="test",
                    in_thread=partial(asyncio.get_running_loop().run_in_executor, thread), shared={},
                )  # fmt: skip
                listener = Listener(plan, hands)
                made.append(listener)
                began.set()
                task = asyncio.create_task(listener.run())
                while not done.is_set() and not task.done():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_S)  # the test is in another thread, and says when it has seen enough
                task.cancel()
                for shared in hands.shared.values():
                    await shared.close()
                with suppress(asyncio.CancelledError):
                    await task

        thread = Thread(target=asyncio.run, args=(run(),), daemon=True)
        thread.start()
        assert began.wait(DEADLINE_S)
        try:
            yield made[0]
        finally:
            done.set()
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), "the source did not end"

    def wait_until(self, holds: Callable[[], bool], what: str = "what was waited for") -> None:
        """Look until it is so."""
        deadline_s = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline_s, f"{what} did not come about: {self.states()}"
            time.sleep(LOOK_S)  # another thread listens; only the log says how far it is

    def values(self, topics: str = "raw.") -> list[bytes]:
        """Every record of the post topics that begin so, partition by partition."""
        found = []
        for (topic, partition), (first, end) in sorted(self.log.spans().items()):
            if topic.startswith(topics) and end > first:
                for chunk in self.log.read(topic, partition, first, 1 << 30):
                    found += [bytes(value) for value in chunk.records.values]
        return found

    def notes(self) -> list[Covered]:
        """What was said about listening, in the order in which it was said within each partition."""
        found = []
        for (topic, partition), (first, end) in sorted(self.log.spans().items()):
            if topic == COVERAGE and end > first:
                for chunk in self.log.read(topic, partition, first, 1 << 30):
                    found += [msgspec.json.decode(value, type=Covered) for value in chunk.records.values]
        return found

    def heard_us(self) -> list[tuple[int, int]]:
        """What was surely heard, as spans that do not touch."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted((note.from_us, note.to_us) for note in self.notes() if note.kind == "heard"):
            if merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return merged

    def states(self) -> dict[str, dict[str, Any]]:
        """How every source is, by name."""
        return {state["name"]: state for state in self.log.source_states()}
