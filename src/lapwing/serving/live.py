"""The live stream: server-sent events, one update a second for all listeners, made once and told to everybody.

The last event of an update has the ledger's commit number as its id, so a listener that comes back with `Last-Event-ID`
hears what it missed, and all of an update of which it heard a part.
Values are absolute. Who reads more slowly than the stream for a minute is let go, and may come back.
Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Set
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import StreamingResponse

from lapwing.errors import UnknownName
from lapwing.serving.problems import problems
from lapwing.serving.security import requires

TOPICS = ("commits", "counts", "posts", "incidents", "status")
"""`commits` says no more than that something changed: for those who ask for what they show."""
PERIOD_S = 1.0
HEARTBEAT_S = 15.0
WAITING_MAX = 60
"""So many updates may wait for a slow listener."""
LISTENERS_MAX = 1_000
TOLD_AT_ONCE = 5
BREATH_S = 0.002
GIVE_WAY_S = 0.5
"""So long, of each second, those who are told of changes give way to those who wait for an answer."""
DIGITS_MAX = 18
NEVER = 1 << 62
"""A commit that there never is."""
HEARTBEAT = b": still here\n\n"


class Changes(Protocol):
    """What is told; called in a thread."""

    def last(self) -> int:
        """The number of the newest commit."""

    def since(self, commit: int, topics: Set[str]) -> dict[str, Any] | None:
        """`commit`, `reset`, and a value for each of these topics; None if nothing changed."""


def event(name: str, value: object) -> bytes:
    """One event as it goes over the line, without an id."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(value))


def events(change: dict[str, Any]) -> dict[str, bytes]:
    """A change as events, by topic; a reset concerns every topic."""
    number = change["commit"]
    if change["reset"]:
        return dict.fromkeys(TOPICS, event("reset", {"commit": number}))
    about = {"commit": number, "generation": change["generation"], "partly": change["partly"]}
    values: dict[str, dict[str, Any]] = {"commits": {}}
    values |= {topic: {topic: change[topic]} for topic in TOPICS if change.get(topic)}
    if removed := change.get("removed"):
        values["posts"] = {"posts": change["posts"], "removed": removed}
    return {topic: event(topic, about | value) for topic, value in values.items()}


def joined(number: int, told: dict[str, bytes], topics: tuple[str, ...]) -> bytes:
    """What who listens to these topics is told of a commit; a reset, once."""
    parts = list(dict.fromkeys(told[topic] for topic in topics if topic in told))
    return b"".join([*parts[:-1], b"id: %d\n" % number, parts[-1]]) if parts else b""


class Listener:
    """One who listens: what waits for them, and the task that tells them."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = tuple(topics)
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(WAITING_MAX)
        self.task = asyncio.current_task()

    def tell(self, said: bytes) -> bool:
        """Put an update in line; False when the line is full."""
        try:
            if said:
                self.waiting.put_nowait(said)
        except asyncio.QueueFull:
            return False
        return True

    def let_go(self) -> None:
        """End the stream of one who is too slow."""
        if self.task is not None:
            self.task.cancel()


class Broadcast:
    """Looks once a second, as long as anybody listens, and tells all of them; while `busy`, it can wait a moment."""

    def __init__(self, changes: Changes, period_s: float = PERIOD_S, busy: Callable[[], bool] = lambda: False) -> None:
        self._changes, self._busy = changes, busy
        self._period_s = period_s
        self._listeners: set[Listener] = set()
        self._watch: asyncio.Task[None] | None = None
        self._told = 0

    @property
    def listeners(self) -> int:
        """How many listen at the moment."""
        return len(self._listeners)

    async def stream(self, after: int | None, topics: Iterable[str]) -> AsyncIterator[bytes]:
        """What one listener hears, from a commit on, or from now."""
        listener = Listener(topics)
        self._listeners.add(listener)
        try:
            if self._watch is None:
                self._watch = asyncio.create_task(self._tell())
                self._told = await asyncio.to_thread(self._changes.last)
            begun = self._told if after is None else min(after, self._told)
            yield b"retry: 2000\nid: %d\n" % begun + event("hello", {"commit": self._told})
            if after is not None and (missed := await asyncio.to_thread(self._changes.since, after, set(topics))):
                listener.tell(joined(missed["commit"], events(missed), listener.topics))
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):  # `wait_for` would make a task of each wait
                        piece = await listener.waiting.get()
                except TimeoutError:
                    piece = HEARTBEAT
                yield piece
        finally:
            self._listeners.discard(listener)

    async def _tell(self) -> None:
        """Looks at the same moments whatever a look takes; ends with the last listener."""
        clock = asyncio.get_running_loop().time
        due = clock()
        try:
            while self._listeners:
                due = max(due + self._period_s, clock())
                await asyncio.sleep(due - clock())
                with contextlib.suppress(Exception):  # a look that fails is made again at the next moment
                    await self._look()
        finally:
            self._watch = None

    async def _look(self) -> None:
        clock = asyncio.get_running_loop().time
        change = await self._change()
        if change is None:
            return
        self._told = change["commit"]
        everybody = list(self._listeners)
        told = events(change)  # made once for all who listen to the same
        said = {topics: joined(self._told, told, topics) for topics in {listener.topics for listener in everybody}}
        until = clock() + GIVE_WAY_S
        for start in range(0, len(everybody), TOLD_AT_ONCE):
            await asyncio.sleep(BREATH_S)  # two hundred answers written at a stretch keep questions waiting
            while self._busy() and clock() < until:  # noqa: ASYNC110 - answers are made in threads
                await asyncio.sleep(BREATH_S)
            for listener in everybody[start : start + TOLD_AT_ONCE]:
                if not listener.tell(said[listener.topics]):
                    listener.let_go()

    async def _change(self) -> dict[str, Any] | None:
        """What anybody listens to and nobody was told of; who came meanwhile and wants more makes us look again."""
        wanted: set[str] = set()
        while True:
            wanted |= self._wanted()
            change = await asyncio.to_thread(self._changes.since, self._told, wanted)
            if self._wanted() <= wanted:
                return change

    def _wanted(self) -> set[str]:
        return {topic for listener in self._listeners for topic in listener.topics}


ANSWERS: dict[int | str, dict[str, Any]] = problems() | {
    200: {"description": "Events, without end.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def router(broadcast: Broadcast) -> APIRouter:
    """`GET /api/v1/stream`."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/stream", dependencies=[requires("read")], response_class=StreamingResponse, responses=ANSWERS)
    async def stream(
        topics: Annotated[
            str, Query(description="Those of commits, counts, posts, incidents and status that you want.")
        ] = ",".join(TOPICS),
        after: Annotated[
            int | None, Query(ge=0, le=1 << 62, description="Tell what changed since this commit.")
        ] = None,
        last_event_id: Annotated[str | None, Header(description="As `after`; browsers send it.")] = None,
    ) -> StreamingResponse:
        """What changes, told at most once a second: counts, the newest posts, incidents, how things stand."""
        if broadcast.listeners >= LISTENERS_MAX:
            raise HTTPException(503, "too many listen already; ask again later, or ask /api/v1/counts now and then")
        if last_event_id is not None:  # one that is none of ours is answered with a reset
            ours = last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= DIGITS_MAX
            after = int(last_event_id) if ours else NEVER
        asked = [topic.strip() for topic in topics.split(",")]
        for topic in asked:
            if topic not in TOPICS:
                raise UnknownName("topic of the stream", topic[:100], TOPICS)
        wanted = [topic for topic in TOPICS if topic in asked]
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(broadcast.stream(after, wanted), media_type="text/event-stream", headers=headers)

    return routes
