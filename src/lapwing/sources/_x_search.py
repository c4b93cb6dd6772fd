"""Recent search: what was said while nobody listened, as far as X still gives it and the budget allows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec

from lapwing.hearing import Disconnected, RateLimited, RefusedBySource, Timekeeper
from lapwing.sources._x_answers import SERVER, Capped
from lapwing.sources._x_budget import Budget
from lapwing.sources._x_client import FIELDS, Client
from lapwing.sources._x_options import PAGE_POSTS_MIN

RECENT = "/2/tweets/search/recent"
PAGE_POSTS_MAX = 100
REACH_US = 7 * 86_400_000_000 - 60_000_000
"""So far back goes recent search, with a minute to spare."""
OVERLAP_US = 10_000_000
"""Posts come to the stream some seconds after they were written (the slowest in a hundred after 7 s)."""
SETTLE_S = 20.0
"""A post is found by search some seconds after it was written; X refuses an end less than 10 s ago."""
AGAIN_S_MAX = 320.0
PAGES_MAX = 10_000

Made = TypeVar("Made")


class Page(msgspec.Struct):
    """Posts as records; without any, only the budget changed."""

    values: list[bytes] = []
    keys: list[str] = []
    ids: list[str] = []


class Spent(Exception):
    """The budget does not allow another page."""


class Meta(msgspec.Struct):
    next_token: str = ""


class Found(msgspec.Struct):
    """What search answers; posts as they came."""

    data: list[msgspec.Raw] = []
    includes: dict[str, list[msgspec.Raw]] = {}
    meta: Meta = msgspec.field(default_factory=Meta)


class Named(msgspec.Struct, gc=False):
    id: str = ""


class Placed(msgspec.Struct, gc=False):
    place_id: str | None = None


class Referring(msgspec.Struct, gc=False):
    """What a post names."""

    id: str = ""
    author_id: str = ""
    geo: Placed | None = None
    referenced_tweets: list[Named] = []
    referenced_posts: list[Named] = []


_named = msgspec.json.Decoder(Named).decode
_referring = msgspec.json.Decoder(Referring).decode


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How to search."""

    client: Client
    budget: Budget
    time: Timekeeper
    patient: bool
    """Whether trouble is waited out here, while something else goes on."""


async def pages(search: Search, query: str, hole_us: tuple[int, int], kept: int) -> AsyncGenerator[Page, None]:
    """All that one rule finds between two times, the newest first, and before each page an empty one.

    Leaves `kept` posts of the budget alone. Raises `Spent` where the budget ends, and whatever X refuses.
    """
    token = ""
    earliest_us = search.time.now_us() - REACH_US
    span = (max(hole_us[0] - OVERLAP_US, earliest_us), hole_us[1])
    if span[1] <= span[0]:
        return
    for _ in range(PAGES_MAX):
        left = search.budget.left(search.time.now_us())
        count = PAGE_POSTS_MAX if left is None else min(PAGE_POSTS_MAX, left - kept)
        if count < PAGE_POSTS_MIN:
            raise Spent
        asked = [
            ("query", query), ("max_results", str(count)), ("start_time", _text(span[0])), ("end_time", _text(span[1])),
            ("sort_order", "recency"), *FIELDS, *([("next_token", token)] if token else []),
        ]  # fmt: skip
        search.budget.hold(count)
        try:
            yield Page()  # what may be read from now on is in the cursor before it is read
            found = await _tried(search, partial(_ask, search, asked, count, kept))
        finally:
            search.budget.release(count)
        yield split(found)
        token = found.meta.next_token
        if not token:
            return
    raise Disconnected("X gives page after page of posts", SERVER)


async def _ask(search: Search, query: Sequence[tuple[str, str]], count: int, kept: int) -> Found:
    paid = count  # a page that was sent is paid for, even if the connection broke, or we did, before it was here
    try:
        found = (await search.client.ask(RECENT, query)).json(Found)
        paid = len(found.data)
    except (RateLimited, RefusedBySource, Capped):
        paid = 0
        raise
    except Disconnected as problem:
        paid = 0 if problem.back_off is SERVER else count
        left = search.budget.left(search.time.now_us())
        if left is not None and left - paid < kept:
            raise Spent from None
        raise
    finally:
        search.budget.write_off(paid, search.time.now_us())
    return found


async def _tried(search: Search, work: Callable[[], Awaitable[Made]]) -> Made:
    """What `work` gives; where search is patient, after as many attempts as it takes."""
    wait_s = SERVER.first_s
    while True:
        try:
            return await work()
        except RateLimited as problem:
            if not search.patient:
                raise
            now_us = search.time.now_us()
            await search.time.sleep((problem.until_us - now_us) / 1e6 if problem.until_us else AGAIN_S_MAX)
        except Disconnected:
            if not search.patient:
                raise
            await search.time.sleep(wait_s)
            wait_s = min(wait_s * SERVER.factor, AGAIN_S_MAX)


def split(found: Found) -> Page:
    """One record for each post of a page, with those included objects that it names."""
    included = {part: {_id_of(each): each for each in objects} for part, objects in found.includes.items()}
    page = Page([], [], [])
    for post in found.data:
        try:
            names = _referring(post)
        except (msgspec.DecodeError, UnicodeDecodeError):
            names = Referring()  # decoding will say what is wrong with it
        page.values.append(_record(post, names, included))
        page.keys.append(f"x:{names.author_id}" if names.author_id else "")
        page.ids.append(names.id)
    return page


def _record(post: msgspec.Raw, names: Referring, included: Mapping[str, Mapping[str, msgspec.Raw]]) -> bytes:
    references = [each.id for each in (*names.referenced_tweets, *names.referenced_posts)]
    wanted = {
        "users": [names.author_id],
        "places": [names.geo.place_id] if names.geo is not None and names.geo.place_id else [],
        "tweets": references,
        "posts": references,
    }
    parts = {
        part: there
        for part, ids in wanted.items()
        if (there := [included[part][each] for each in ids if each in included.get(part, {})])
    }
    return msgspec.json.encode({"data": post, "includes": parts} if parts else {"data": post})


def _id_of(thing: msgspec.Raw) -> str:
    try:
        return _named(thing).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _text(at_us: int) -> str:
    """A time as X wants it: whole seconds, upwards."""
    return datetime.fromtimestamp(-(-at_us // 1_000_000), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
