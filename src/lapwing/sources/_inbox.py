"""Takes messages off connections as they come, so that they can be handed on many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from lapwing.hearing import Timekeeper

Message = TypeVar("Message")


class Inbox(Generic[Message]):
    """What came and was not taken yet. Each reader gives one message at a time, or None at its end; it may raise.

    When one reader ends, the whole has ended. When `waiting_max` messages wait, no more are read, so that the network
    itself makes the other side wait.
    """

    def __init__(self, *readers: Callable[[], Awaitable[Message | None]], waiting_max: int = 5_000) -> None:
        self._readers, self._waiting_max = readers, waiting_max
        self._messages: list[Message] = []
        self._there, self._room = asyncio.Event(), asyncio.Event()
        self._ended = False
        self._problem: BaseException | None = None

    async def __aenter__(self) -> Inbox[Message]:
        """Begin to read."""
        self._tasks = [asyncio.create_task(self._read(reader)) for reader in self._readers]
        return self

    async def __aexit__(self, *_: Any) -> None:
        """Read no more."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def take(self, time: Timekeeper, gather_s: float, messages_max: int) -> list[Message]:
        """At least one message, and what comes within `gather_s` after it; an empty list at the end.

        Raises what went wrong with reading, after everything that came before was taken.
        """
        while not self._messages and not self._ended:
            self._there.clear()
            await self._there.wait()
        if gather_s and not self._ended and len(self._messages) < messages_max:
            await time.sleep(gather_s)
        taken, self._messages = self._messages[:messages_max], self._messages[messages_max:]
        self._room.set()
        if not taken and self._problem is not None:
            raise self._problem
        return taken

    async def _read(self, reader: Callable[[], Awaitable[Message | None]]) -> None:
        try:
            while (message := await reader()) is not None:
                self._messages.append(message)
                if len(self._messages) == 1:
                    self._there.set()
                while len(self._messages) >= self._waiting_max:
                    self._room.clear()
                    await self._room.wait()
        except Exception as problem:  # noqa: BLE001 - it is raised where the messages are taken
            self._problem = self._problem or problem
        finally:
            self._ended = True
            self._there.set()
