"""One connection to a stream of X: bytes in, posts out, and everything that may go wrong with it said in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from lapwing.containers.lines import LineCutter, plain_lines
from lapwing.hearing import Disconnected, Timekeeper
from lapwing.model import RECORD_BYTES_MAX
from lapwing.sources._x_answers import CONNECTION, Problem, raise_ending
from lapwing.sources._x_client import Client
from lapwing.sources._x_rules import Standing

SILENCE_S = 25.0
"""X sends a sign of life at least every 20 s."""
INBOX_MAX = 64


class Post(msgspec.Struct, gc=False):
    id: str | None = None
    author_id: str | None = None


class Match(msgspec.Struct, gc=False):
    id: str = ""
    tag: str | None = None


class Line(msgspec.Struct, gc=False):
    """What has to be known of a line to hand it on."""

    data: Post | None = None
    matching_rules: list[Match] | None = None
    errors: list[Problem] | None = None


class Connected(msgspec.Struct, frozen=True):
    """The stream is open; from now on nothing is missed."""

    at_us: int


class Heard(msgspec.Struct, kw_only=True):
    """What came at once; nothing, where it was only a sign of life."""

    at_us: int
    values: list[bytes] = []
    keys: list[str] = []
    ids: list[str] = []
    oversized: list[bytes] = []
    posts: int = 0
    """So many were delivered, wanted or not: they are paid for."""
    not_ours: int = 0
    ending: Problem | None = None
    """X says why it ends the stream."""


_line = msgspec.json.Decoder(Line).decode


class Lines:
    """Cuts bytes at line ends, and sorts what the lines are. A line that has not ended is no record."""

    def __init__(self) -> None:
        self._cutter = LineCutter(0, RECORD_BYTES_MAX, plain_lines)

    def sort(self, data: bytes, standing: Standing, at_us: int) -> Heard:
        """What the lines that end in `data` are."""
        heard = Heard(at_us=at_us)
        for batch in self._cutter.feed(data):
            for value in batch.records:
                _sort(bytes(value), standing, heard)
            if batch.oversized is not None:
                heard.oversized.append(batch.oversized.record())
                heard.posts += 1
        return heard


def _sort(value: bytes, standing: Standing, heard: Heard) -> None:
    try:
        line = _line(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        line = Line()  # decoding will say what is wrong with it
    post = line.data
    if post is None or post.id is None:
        if post is None and line.errors:
            heard.ending = heard.ending or line.errors[0]
            return
        heard.values.append(value)
        heard.keys.append(_author_of_event(value) if post is not None else "")
        return
    heard.posts += 1
    if not _is_ours(line.matching_rules, standing):
        heard.not_ours += 1
        return
    heard.values.append(value)
    heard.keys.append(f"x:{post.author_id}" if post.author_id else "")
    heard.ids.append(post.id)


def _is_ours(matches: Sequence[Match] | None, standing: Standing) -> bool:
    """Whether one of our rules asked for it; one that was just taken away did, too."""
    if not matches or not standing.prefix:
        return True
    return any((match.tag or "").startswith(standing.prefix) or match.id in standing.ids for match in matches)


def _author_of_event(value: bytes) -> str:
    """Whom a compliance event is about, so that it stays in order with the posts of the same author."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError, TypeError):
        for event in msgspec.json.decode(value)["data"].values():
            author = (event.get("user") or {}).get("id")
            author = author or (event.get("tweet") or event.get("post") or {}).get("author_id")
            if author:
                return f"x:{author}"
    return ""


class Wiretap(msgspec.Struct, kw_only=True):
    """How a connection is listened to."""

    client: Client
    time: Timekeeper
    path: str
    query: list[tuple[str, str]]
    standing: Callable[[], Standing]
    count: Callable[[int], bool]
    """Takes how many posts came, and says whether to go on."""


Inbox = asyncio.Queue[object]


async def listen(tap: Wiretap, inbox: Inbox) -> None:
    """Put what comes into the inbox, until the stream ends (then raises why) or `count` says that it is enough."""
    lines = Lines()
    async with tap.client.stream(tap.path, tap.query) as content:
        await inbox.put(Connected(tap.time.now_us()))
        while True:
            try:
                async with tap.time.within(SILENCE_S):
                    data = await content.readany()
            except TimeoutError:
                raise Disconnected(f"X was silent for {SILENCE_S:.0f} s, without a sign of life", CONNECTION) from None
            if not data:
                raise Disconnected("X closed the stream", CONNECTION)
            heard = lines.sort(data, tap.standing(), tap.time.now_us())
            enough = not tap.count(heard.posts)
            if enough:
                # What is here was paid for; what is still under way is what the reserve is for.
                await inbox.put(heard)
                heard = lines.sort(content.read_nowait(), tap.standing(), tap.time.now_us())
                tap.count(heard.posts)
            await inbox.put(heard)
            if heard.ending is not None:
                raise_ending(heard.ending)
            if enough:
                return
