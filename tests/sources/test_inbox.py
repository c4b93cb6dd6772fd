"""Messages that are taken off connections as they come: none is lost, the order is kept, and the other side may have to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from lapwing.hearing import Disconnected
from lapwing.sources._inbox import Inbox
from lapwing.sources._rotation import Rotation
from sources.hearing import HurriedTime
from testing.stories import story

TIME = HurriedTime(1000.0)


def reader(messages: Iterator[int | Exception | None], given: list[int]) -> Callable[[], Awaitable[int | None]]:
    async def one() -> int | None:
        message = next(messages)
        if isinstance(message, Exception):
            raise message
        if message is not None:
            given.append(message)
        return message

    return one


@story
async def test_everything_is_taken_in_order_so_many_at_a_time_and_then_it_ends() -> None:
    async with Inbox(reader(iter([*range(25), None]), [])) as inbox:
        taken = [await inbox.take(TIME, 0.1, 10) for _ in range(4)]
    assert taken == [list(range(10)), list(range(10, 20)), list(range(20, 25)), []]


@story
async def test_no_more_is_read_than_may_wait() -> None:
    given: list[int] = []
    async with Inbox(reader(iter(range(1000)), given), waiting_max=7) as inbox:
        assert await inbox.take(TIME, 0.1, 5) == [0, 1, 2, 3, 4]
        assert len(given) == 7
        assert await inbox.take(TIME, 0.1, 5) == [5, 6, 7, 8, 9]


@story
async def test_what_went_wrong_is_raised_after_what_came_before() -> None:
    async with Inbox(reader(iter([1, 2, Disconnected("cut")]), [])) as inbox:
        assert await inbox.take(TIME, 0.1, 10) == [1, 2]
        with pytest.raises(Disconnected, match="cut"):
            await inbox.take(TIME, 0.1, 10)


@story
async def test_when_one_of_several_ends_all_have_ended() -> None:
    async def never() -> int | None:
        await asyncio.Event().wait()
        return None

    async with Inbox(never, reader(iter([1, None]), [])) as inbox:
        assert await inbox.take(TIME, 0.1, 10) == [1]
        assert await inbox.take(TIME, 0.1, 10) == []


def test_hosts_turn_after_three_failures_and_at_once_when_one_refuses() -> None:
    hosts = Rotation(["a", "b", "c"], "b")
    assert hosts.current == "b"
    for held_s in (0.0, 5.0):
        hosts.broke(held_s)
    assert hosts.current == "b"
    hosts.broke(0.0)
    assert hosts.current == "c"
    assert hosts.refused(), "there are others"
    assert hosts.current == "a"
    for held_s in (0.0, 0.0, 61.0, 0.0):
        hosts.broke(held_s)
    assert hosts.current == "a", "a connection that held for a minute forgives"
    assert hosts.refused()
    assert not Rotation(["a"]).refused(), "there is no other"
