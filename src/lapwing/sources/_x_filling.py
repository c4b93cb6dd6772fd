"""Fills the times in which nothing was heard: by what the stream gives again, and by recent search for each rule."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from lapwing.hearing import RefusedBySource, Timekeeper
from lapwing.sources._x_budget import Budget
from lapwing.sources._x_client import Client
from lapwing.sources._x_search import REACH_US, SETTLE_S, Page, Search, Spent, pages
from lapwing.sources._x_stream import Inbox

LATE_US = 5_000_000
"""Search reads a little into the time of the new connection, which may have begun behind some late posts."""
BACKFILL_SETTLE_S = 30.0
"""X does not say when it has given everything again."""


class Filled(msgspec.Struct, frozen=True):
    """Everything that was said between these times is here."""

    from_us: int
    to_us: int


class GivenUp(msgspec.Struct, frozen=True):
    """What was said between these times cannot be had."""

    from_us: int
    to_us: int
    reason: str


Message = Page | Filled | GivenUp


class Filler(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be filled, and how."""

    client: Client
    budget: Budget
    time: Timekeeper
    patient: bool
    """Whether it runs beside a stream, and waits until search has caught up with it."""
    queries: Sequence[str]
    holes_us: Sequence[tuple[int, int]]
    connected_us: int | None
    backfilled_us: int
    """So much before `connected_us` is given again by the stream."""
    kept: int
    """So many posts of the budget are for others."""

    async def fill(self, inbox: Inbox) -> None:
        """Put everything into an inbox."""
        async with aclosing(self.messages()) as messages:
            async for message in messages:
                await inbox.put(message)

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Pages, and after those of a hole whether it is filled; the latest hole comes first, as most is read there."""
        holes_us = list(self.holes_us)
        if self.backfilled_us and self.connected_us is not None:
            await self.time.sleep(BACKFILL_SETTLE_S)
            begin_us = self.connected_us - self.backfilled_us
            yield Filled(max(begin_us, holes_us[0][0]), self.connected_us)
            holes_us = [(low, min(high, begin_us)) for low, high in holes_us if low < begin_us]
        elif self.patient:
            await self.time.sleep(SETTLE_S)
        for hole_us in reversed(holes_us):
            async with aclosing(self._search(hole_us)) as messages:
                async for message in messages:
                    yield message

    async def _search(self, hole_us: tuple[int, int]) -> AsyncGenerator[Message, None]:
        search = Search(client=self.client, budget=self.budget, time=self.time, patient=self.patient)
        reached_us = self.time.now_us() - REACH_US
        if not self.queries:
            yield GivenUp(*hole_us, "search is not used")
            return
        late_us = LATE_US if self.patient else 0
        try:
            for query in self.queries:
                async with aclosing(pages(search, query, (hole_us[0], hole_us[1] + late_us), self.kept)) as found:
                    async for page in found:
                        yield page
        except Spent:
            yield GivenUp(*hole_us, "the read budget did not allow it")
        except RefusedBySource as refused:
            if not self.patient:
                raise
            yield GivenUp(*hole_us, str(refused))
        else:
            if hole_us[0] < reached_us:
                yield GivenUp(hole_us[0], min(reached_us, hole_us[1]), "it is longer ago than X's search reaches")
            if hole_us[1] > reached_us:
                yield Filled(max(hole_us[0], reached_us), hole_us[1])
