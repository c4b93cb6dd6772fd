"""Listens to one app of X: by its stream, by search where the budget is nearly spent, or not at all until there is more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any

from lapwing.hearing import Disconnected, Lost, RateLimited, RefusedBySource, SourceChunk, Surroundings
from lapwing.sources._x_answers import LIMITED, SERVER, Capped, Crowded
from lapwing.sources._x_budget import Budget, date_text, next_period_us
from lapwing.sources._x_client import FIELDS, Client
from lapwing.sources._x_filling import Filled, Filler, GivenUp
from lapwing.sources._x_options import PAGE_POSTS_MIN, Options, unfit_budget
from lapwing.sources._x_position import cursor_of, position_of
from lapwing.sources._x_rules import Standing, reconcile, wanted_rules
from lapwing.sources._x_search import SETTLE_S, Page
from lapwing.sources._x_stream import INBOX_MAX, Connected, Heard, Inbox, Wiretap, listen

said = logging.getLogger("lapwing.sources")

STREAMS = {"filtered": "/2/tweets/search/stream", "sample": "/2/tweets/sample/stream"}
CONNECTIONS = "/2/connections/all"
DELIVERY_US = 8_000_000
"""A post may take so long from X to us (its 99th percentile is 7 s); what a break cuts off in that time is not heard."""
UNDER_WAY_MIN = 5
"""So many posts count as read after a break, at least, since they may have been sent and never came."""
PAUSE_STEP_S = 10.0
SEARCH_EVERY_S = 30.0
RULES_AGAIN_S_MAX = 60.0
FEW_LEFT = "few reads are left, so the stream is closed and search reads them"


class Listening:
    """One call of `read`: what is known of the rules, the budget and the times that are still to be filled."""

    def __init__(self, options: Options, after: str, surroundings: Surroundings) -> None:
        self._options, self._surroundings, self._time = options, surroundings, surroundings.time
        self._position = position_of(after)
        now_us = self._time.now_us()
        self._budget = Budget(options.reads_per_day, options.reads_per_month, self._position.counted, now_us)
        self._client = Client(options.url, options.token, surroundings)
        self._standing = Standing()
        self._connected_us: int | None = None
        self._tell_from = False
        self._not_ours = 0
        self._not_filled = ""

    async def chunks(self) -> AsyncGenerator[SourceChunk, None]:
        """Everything, one way after the other, as the budget allows."""
        self._check()
        while True:
            way = {"stream": self._by_stream, "search": self._by_search, "nothing": self._pause_for_budget}[self._way()]
            try:
                async with aclosing(way()) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except Capped as capped:
                until_us = next_period_us(self._time.now_us(), capped.monthly)
                async with aclosing(self._pause(until_us, str(capped))) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except Crowded as crowded:
                await self._make_room(str(crowded))

    def _check(self) -> None:
        if (unfit := unfit_budget(self._options)) is not None:
            raise RefusedBySource(unfit.what, unfit.next_step)

    def _way(self) -> str:
        """What the budget allows."""
        left = self._budget.left(self._time.now_us())
        if left is None or left > self._reserve():
            return "stream"
        return "search" if self._options.searches and left >= PAGE_POSTS_MIN else "nothing"

    def _reserve(self) -> int:
        """So many posts may come after the stream was told to end."""
        return max(self._options.stream_reserve, 2 * self._budget.busiest)

    async def _by_stream(self) -> AsyncGenerator[SourceChunk, None]:
        """One connection; ends when the budget allows no more of it."""
        await self._reconcile()
        inbox: Inbox = asyncio.Queue(INBOX_MAX)
        self._connected_us = None
        works = [listen(self._wiretap(), inbox), self._follow_rules(inbox)]
        tasks = [asyncio.create_task(_guarded(work, inbox)) for work in works]
        try:
            while True:
                message = await inbox.get()
                if message is None:
                    self._connected_us = None
                    self._budget.write_off(self._under_way(), self._time.now_us())
                    yield self._chunk()
                    return
                if isinstance(message, Exception):
                    raise message
                if isinstance(message, Connected):
                    yield self._begin(message)
                    if self._position.holes_us:
                        filling = self._filler(patient=True).fill(inbox)
                        tasks.append(asyncio.create_task(_guarded(filling, inbox, ends=False)))
                for chunk in self._heard(message):
                    yield chunk
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _wiretap(self) -> Wiretap:
        query = list(FIELDS)
        if self._options.backfill_minutes and self._position.until_us is not None:
            query.append(("backfill_minutes", str(self._options.backfill_minutes)))
        return Wiretap(
            client=self._client, time=self._time, path=STREAMS[self._options.stream], query=query,
            standing=lambda: self._standing, count=self._count,
        )  # fmt: skip

    def _count(self, posts: int) -> bool:
        now_us = self._time.now_us()
        self._budget.count(posts, now_us)
        left = self._budget.left(now_us)
        return left is None or left > self._reserve()

    def _begin(self, connected: Connected) -> SourceChunk:
        """The first chunk of a connection: what lies before it is a hole, to be filled where that can be."""
        position, at_us = self._position, connected.at_us
        position.break_until(at_us)
        if not self._options.backfill_minutes and not self._options.searches:
            position.holes_us = []
        position.until_us = self._connected_us = at_us
        return self._chunk(covered=(at_us, at_us))

    def _filler(self, *, patient: bool) -> Filler:
        options = self._options
        backfilled_us = 0
        if patient and options.backfill_minutes and self._connected_us is not None:
            backfilled_us = options.backfill_minutes * 60_000_000
        return Filler(
            client=self._client, budget=self._budget, time=self._time, patient=patient,
            queries=self._standing.values if self._options.searches else (), holes_us=list(self._position.holes_us),
            connected_us=self._connected_us, backfilled_us=backfilled_us, kept=2 * self._reserve() if patient else 0,
        )  # fmt: skip

    def _heard(self, message: object) -> list[SourceChunk]:
        """The chunks of one message."""
        if isinstance(message, Heard):
            self._position.heard(message.ids)
            self._not_ours += message.not_ours
            sure_us = max(message.at_us - DELIVERY_US, self._connected_us or 0)
            self._position.until_us = sure_us
            chunks = [self._chunk(values=message.values, keys=message.keys, covered=(None, sure_us))]
            if message.oversized:
                chunks.append(self._chunk(values=message.oversized, format="oversize"))
            if message.ending is not None:
                chunks.append(self._chunk(under_way=0))
            return chunks
        if isinstance(message, Page):
            return [self._chunk(values=message.values, keys=message.keys)]
        if isinstance(message, Filled):
            self._position.fill(message.from_us, message.to_us)
            self._tell_from = True
            return [self._chunk(covered=(message.from_us, message.to_us))]
        if isinstance(message, GivenUp):
            self._position.fill(message.from_us, message.to_us)
            self._not_filled = message.reason
        return [self._chunk()]

    def _chunk(
        self,
        *,
        values: list[bytes] | None = None,
        keys: list[str] | None = None,
        covered: tuple[int | None, int] | None = None,
        format: str | None = None,
        under_way: int | None = None,
    ) -> SourceChunk:
        """A chunk with everything that is known now; `under_way` posts may be on their way, by default as many as usual."""
        if under_way is None:
            under_way = self._under_way() if self._connected_us is not None else 0
        from_us, to_us = covered or (None, None)
        if to_us is not None and from_us is None and self._tell_from:
            from_us, self._tell_from = self._connected_us, False
        filling = bool(self._position.holes_us)
        return SourceChunk(
            values=values or (), keys=keys if values and keys is not None else None, format=format,
            cursor=cursor_of(self._position, self._budget.counted(under_way)),
            covered_from_us=from_us, covered_to_us=to_us, state="back-filling" if filling else "live",
            reason=self._standing.problem or ("" if self._connected_us is not None else FEW_LEFT), details=self._details(),
        )  # fmt: skip

    def _under_way(self) -> int:
        """So many posts may have been sent and not come, or came and are not yet on the disk."""
        return max(2 * self._budget.busiest, UNDER_WAY_MIN) if self._budget.limited else 0

    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = self._budget.details(self._time.now_us())
        if self._options.stream == "filtered":
            details |= {"rules": len(self._standing.ids), "rules_of_others": self._standing.others}
        told = {"rules_problem": self._standing.problem, "not_ours": self._not_ours, "not_filled": self._not_filled}
        return details | {name: value for name, value in told.items() if value}

    async def _reconcile(self) -> None:
        """Make the rules on the server ours; a list that X does not take leaves the old ones."""
        if self._options.stream != "filtered":
            return
        name, before = self._surroundings.name, self._standing
        self._standing = await reconcile(self._client, wanted_rules(self._surroundings.options.rules, name), name)
        problem = self._standing.problem
        if problem and not self._standing.ids:
            raise RefusedBySource(problem, "mend `rules`")
        told = self._surroundings.shared.setdefault("x rules", _Told()).problems
        if problem and told.get(name) != problem:
            said.warning("%s keeps its old rules: %s", name, problem)
        if self._standing.others and self._standing.others != before.others and name not in told:
            said.info("%s: %d rules of this app are not ours and stay as they are", name, self._standing.others)
        told[name] = problem

    async def _follow_rules(self, inbox: Inbox) -> None:
        """Take over rules that change while we listen; trouble is waited out, as the stream goes on."""
        while True:
            await self._surroundings.changed.wait()
            self._surroundings.changed.clear()
            wait_s = 1.0
            while True:
                try:
                    await self._reconcile()
                    break
                except RateLimited as problem:
                    now_us = self._time.now_us()
                    await self._time.sleep((problem.until_us - now_us) / 1e6 if problem.until_us else LIMITED.first_s)
                except Disconnected:
                    await self._time.sleep(wait_s)
                    wait_s = min(2 * wait_s, RULES_AGAIN_S_MAX)
            await inbox.put(self._standing)

    async def _by_search(self) -> AsyncGenerator[SourceChunk, None]:
        """What is left of the budget, read page by page: search never gives more than it is asked for."""
        self._connected_us, position = None, self._position
        await self._reconcile()
        if position.until_us is None:
            position.until_us = self._time.now_us()
        while self._way() == "search":
            if self._surroundings.changed.is_set():
                self._surroundings.changed.clear()
                await self._reconcile()
            position.break_until(max(position.until_us, self._time.now_us() - round(SETTLE_S * 1e6)))
            async with aclosing(self._filler(patient=False).messages()) as messages:
                async for message in messages:
                    for chunk in self._heard(message):
                        yield chunk
            yield self._chunk()
            await self._time.sleep(SEARCH_EVERY_S)

    async def _pause_for_budget(self) -> AsyncGenerator[SourceChunk, None]:
        now_us = self._time.now_us()
        again_us = self._budget.again_us(now_us, PAGE_POSTS_MIN if self._options.searches else self._reserve() + 1)
        reason = f"the read budget is spent; it goes on at {date_text(again_us)}"
        async with aclosing(self._pause(again_us, reason)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _pause(self, until_us: int, reason: str) -> AsyncGenerator[SourceChunk, None]:
        """Nothing until then. What is said meanwhile is not asked for later: it would be paid for then."""
        began_us = self._position.until_us or self._time.now_us()
        self._position.forget_the_past()
        self._connected_us = None
        said.warning("%s pauses: %s", self._surroundings.name, reason)
        while (now_us := self._time.now_us()) < until_us:
            lost = (Lost(began_us, now_us, reason),) if now_us > began_us else ()
            cursor = cursor_of(self._position, self._budget.counted(0))
            yield SourceChunk(state="paused", reason=reason, cursor=cursor, details=self._details(), lost=lost)
            await self._time.sleep(min(PAUSE_STEP_S, (until_us - now_us) / 1e6))

    async def _make_room(self, problem: str) -> None:
        """Another connection has our place: end it where that is wished, otherwise say what to do."""
        if not self._options.end_stuck_connections:
            step = "end the other one, or set end_stuck_connections = true to have it ended"
            raise RateLimited(f"{problem}; {step}", None, LIMITED)
        await self._client.ask(CONNECTIONS, method="DELETE")
        raise Disconnected(f"{problem}; the app's other connections were ended", SERVER)


class _Told:
    """What was said in the log, so that it is said once."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}

    async def close(self) -> None:
        """Nothing to end."""


async def _guarded(work: Coroutine[Any, Any, None], inbox: Inbox, *, ends: bool = True) -> None:
    """Run, and put into the inbox how it ended: None, if that `ends` the connection, or what was raised."""
    try:
        await work
    except Exception as problem:  # noqa: BLE001  (it is raised where the inbox is read)
        await inbox.put(problem)
    else:
        if ends:
            await inbox.put(None)
