"""Drives the sources, each by itself: connect, hear, wait and try again; what was heard goes into the log at once.

Records, cursor, what was surely heard and how the source is go into the log in one transaction. While an append runs,
chunks gather; so batches grow with the load, and a source that is faster than the disk waits.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from functools import partial
from random import Random
from typing import Any

import msgspec

from lapwing.engine.attention import Attention, Memory, Patience, Rhythm
from lapwing.engine.driving import InThread
from lapwing.engine.heard import Plan, coverage_of, outputs_of
from lapwing.errors import DiskFull, Fenced
from lapwing.hearing import (
    STOPPED,
    BackOff,
    Disconnected,
    RateLimited,
    RefusedBySource,
    SourceChunk,
    SourceLog,
    SourceNote,
    Surroundings,
    Timekeeper,
)
from lapwing.model import COVERAGE

said = logging.getLogger("lapwing.sources")

CHUNKS_WAITING_MAX = 200
RECORDS_AT_ONCE = 5_000
TICK_S = 1.0
ELSEWHERE = "another process listens to it; this one waits"
CLAIM_AGAIN_S = 2.0
REFUSED_WAIT_S = 300.0
DISK_FULL_WAIT_S = 2.0
DISCONNECTED = BackOff()
LIMITED = BackOff(first_s=5.0, max_s=300.0)


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """What all sources of a process share."""

    log: SourceLog
    """Where answers are sent, a `Log` too."""
    time: Timekeeper
    chance: Random
    owner: str
    in_thread: InThread
    shared: dict[str, Any]


class Listener:
    """One source: its lease, its connection, and what waits to be appended."""

    def __init__(self, plan: Plan, hands: Hands) -> None:
        self.plan, self._hands, self._time = plan, hands, hands.time
        self.surroundings = Surroundings(
            name=plan.name, time=hands.time, chance=hands.chance, options=plan.options, changed=asyncio.Event(),
            shared=hands.shared,
        )  # fmt: skip
        self._chunks: asyncio.Queue[SourceChunk] = asyncio.Queue(CHUNKS_WAITING_MAX)
        self._note = SourceNote(
            name=plan.name,
            type=plan.type,
            network=plan.source.network,
            state="connecting",
            since_us=hands.time.now_us(),
        )
        self._down = self._ending = False
        self._cursor = ""
        self._attention = Attention(plan.name, plan.source.network, Memory())

    def goes_on(self, plan: Plan) -> bool:
        """Whether this plan has other options only of those that may change while it reads; from now on they hold."""
        if not self.plan.differs_only_live(plan):
            return False
        if plan != self.plan:
            self.plan = plan
            self.surroundings.options = plan.options
            self.surroundings.changed.set()
        return True

    async def run(self) -> None:
        """Listen until cancelled; then append what was heard and give the lease up."""
        while True:
            now_us, owner = self._time.now_us(), self._hands.owner
            log = self._hands.log
            lease = await self._hands.in_thread(partial(log.claim_source, self.plan.name, owner, now_us))
            if lease is None:
                if self._note.reason != ELSEWHERE:
                    said.warning("%s: %s", self.plan.name, ELSEWHERE)
                    self._say("paused", ELSEWHERE)
                await self._time.sleep(CLAIM_AGAIN_S)
                continue
            try:
                await self._listen(lease)
            except Fenced as taken:
                said.warning("%s: %s", self.plan.name, taken)

    async def _listen(self, lease: Any) -> None:
        log = self._hands.log
        memory = await self._hands.in_thread(partial(log.source_memory, self.plan.name))
        self._cursor, self._chunks = lease.cursor, asyncio.Queue(CHUNKS_WAITING_MAX)
        self._attention = Attention(self.plan.name, self.plan.source.network, Memory(*memory))
        self._attention.begin(self._time.now_us())
        if self._note.reason == ELSEWHERE:
            self._say("connecting", "")
        self._ending = False
        appending: asyncio.Task[None] | None = None
        reader = asyncio.create_task(self._stay_connected())
        try:
            while True:
                appending = asyncio.create_task(self._append(lease, await self._gathered(reader)))
                await asyncio.shield(appending)
        except asyncio.CancelledError:
            self._ending = True
            reader.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await reader
            self._say("paused", STOPPED)
            await asyncio.shield(self._close(lease, appending))
            raise
        finally:
            reader.cancel()

    async def _close(self, lease: Any, appending: asyncio.Task[None] | None) -> None:
        """Append what is in hand, then what waits, and give the lease up; on a full disk it is heard again the next time."""
        log = self._hands.log
        with suppress(Fenced, DiskFull):
            if appending is not None:  # the cursor must not go past what is in hand
                await appending
            waiting = [self._chunks.get_nowait() for _ in range(self._chunks.qsize())]
            await self._append(lease, waiting)
            await self._hands.in_thread(partial(log.release_source, lease))

    async def _gathered(self, reader: asyncio.Task[None]) -> list[SourceChunk]:
        """What waits, at least one chunk if any comes within a tick."""
        chunks: list[SourceChunk] = []
        with suppress(TimeoutError):
            async with self._time.within(TICK_S):
                chunks.append(await self._chunks.get())
        if reader.done():
            reader.result()
        records = len(chunks[0].values) if chunks else 0
        while records < RECORDS_AT_ONCE and not self._chunks.empty():
            chunks.append(self._chunks.get_nowait())
            records += len(chunks[-1].values)
        return chunks

    async def _append(self, lease: Any, chunks: list[SourceChunk]) -> None:
        """Append, however long it takes until there is room; who is ending waits no longer."""
        now_us, log = self._time.now_us(), self._hands.log
        for chunk in chunks:
            self._attention.hear(chunk)
        if self._note.state in ("broken", "refused") and self._chunks.empty():
            self._attention.deaf(now_us)
        records = sum(len(chunk.values) for chunk in chunks)
        if not records and not self._ending and not self._attention.due(now_us):
            return
        outputs = outputs_of(self.plan, chunks, now_us)
        if notes := self._attention.take(now_us):
            outputs.append((COVERAGE, coverage_of(self.plan.name, self.plan.source.network, notes, now_us)))
        note = msgspec.structs.replace(
            self._note, records=records, heard_until_us=self._attention.memory.heard_until_us,
            last_record_us=now_us if records else self._note.last_record_us,
        )  # fmt: skip
        cursor = next((chunk.cursor for chunk in reversed(chunks) if chunk.cursor is not None), None)
        while True:
            try:
                await self._hands.in_thread(
                    partial(log.append_heard, lease, outputs, note, now_us=self._time.now_us(), cursor=cursor)
                )
                break
            except DiskFull as full:
                if self._ending:
                    raise
                said.error("%s: %s", self.plan.name, full)
                await self._time.sleep(DISK_FULL_WAIT_S)
        # The reader went on meanwhile: what it said since stays, and only what was noted is taken off.
        unsaid = self._note.disconnects - note.disconnects
        self._note = msgspec.structs.replace(self._note, disconnects=unsaid, last_record_us=note.last_record_us)

    def _take_note(self, chunk: SourceChunk) -> None:
        """How the source says that it is; at once, since by the time that a chunk is appended it may be down."""
        if chunk.state != self._note.state or chunk.reason != self._note.reason:
            self._say(chunk.state, chunk.reason)
        if chunk.details is not None:
            self._note = msgspec.structs.replace(self._note, details=chunk.details)

    async def _stay_connected(self) -> None:
        """Read, and after each break wait and read again from the last cursor."""
        patience = Patience(self._hands.chance)
        while True:
            began_s = self._time.monotonic_s()
            try:
                await self._read()
            except RefusedBySource as problem:
                self._fall("refused", str(problem))
                await self._wait_for_change(REFUSED_WAIT_S)
            except RateLimited as problem:
                self._fall("broken", str(problem))
                wait_s = patience.wait_s(problem.back_off or LIMITED, 0.0)
                if problem.until_us is not None:
                    wait_s = max(0.0, (problem.until_us - self._time.now_us()) / 1e6)
                await self._time.sleep(wait_s)
            except (Disconnected, OSError, TimeoutError, EOFError) as problem:
                self._fall("broken", str(problem) or type(problem).__name__)
                back_off = getattr(problem, "back_off", None) or DISCONNECTED
                await self._time.sleep(patience.wait_s(back_off, self._time.monotonic_s() - began_s))
            except Exception as problem:  # noqa: BLE001  (one source that fails harms no other)
                said.exception("%s: an error of ours", self.plan.name)
                self._fall("broken", f"{type(problem).__name__}: {problem}")
                await self._time.sleep(patience.wait_s(DISCONNECTED, 0.0))
            else:
                self._say("paused", "there is no more")
                await self._wait_for_change(None)

    async def _read(self) -> None:
        source, rhythm = self.plan.source, Rhythm()
        async with aclosing(source.read(self.surroundings.options, self._cursor, self.surroundings)) as chunks:
            while True:
                own_s = source.silence_s(self.surroundings.options)
                limit_s = own_s if own_s is not None else rhythm.silence_s()
                try:
                    async with self._time.within(limit_s):
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise Disconnected(f"it was silent for {limit_s:.0f} s, longer than it ever is") from None
                self._take_note(chunk)
                await self._chunks.put(chunk)
                self._cursor = chunk.cursor if chunk.cursor is not None else self._cursor
                if chunk.values:
                    rhythm.heard(self._time.monotonic_s())

    async def _wait_for_change(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with self._time.within(seconds):
                await self.surroundings.changed.wait()
        self.surroundings.changed.clear()

    def _fall(self, state: str, reason: str) -> None:
        """The source is down; said once until it is back."""
        self._attention.trouble = reason
        self._note = msgspec.structs.replace(self._note, disconnects=self._note.disconnects + 1)
        if not self._down or (state == "refused" and self._note.state != "refused"):
            said.warning("%s is %s: %s", self.plan.name, "refused" if state == "refused" else "down", reason)
            self._down = True
        self._say(state, reason)

    def _say(self, state: str, reason: str) -> None:
        if self._down and state in ("live", "back-filling"):
            said.warning("%s is back", self.plan.name)
            self._down = False
        since_us = self._note.since_us if state == self._note.state else self._time.now_us()
        self._note = msgspec.structs.replace(self._note, state=state, reason=reason, since_us=since_us)
