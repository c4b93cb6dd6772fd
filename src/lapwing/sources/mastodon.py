"""What is said on a Mastodon server, or any that speaks its API: polled from the public timelines, or streamed.

Polling needs no account. It reads forward from the last post, and again what was made shortly before it, since a post
of another server may arrive late; from time to time the last hour is read again, for edits and deletes. Streaming
needs a user's token; what it misses while it is not connected is polled.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from lapwing.hearing import Disconnected, RateLimited, RefusedBySource, Source, SourceChunk, Surroundings, Unfit
from lapwing.settings import UNITS_US, Secret, SpanUs

if TYPE_CHECKING:
    import aiohttp

    from lapwing.sources import _mastodon, _sse, _timeline

    Said = tuple[_timeline.Timeline, list[_sse.Event]]

S_US = UNITS_US["s"]
LATE_LOCAL_US = 10 * S_US
"""Posts of the server's own people are in its timeline as soon as they are made, give or take a transaction."""
CLOCKS_DIFFER_US = 60 * S_US
"""The server's clock and ours differ by no more than this."""
SILENT_S = 45.0
"""Streams say `:thump` every 15 s; three of them that do not come are a broken connection."""
RECHECK_EVERY_US = 300 * S_US
RECHECK_PAGE_US = 10 * S_US
"""Reading again takes at most a third of what the server allows: so long a pause for each page."""
ASKED_MAX = 20
"""So many posts that are missing are asked for by their id, each time."""
INSTANCE_US = 3600 * S_US
GATHER_S = 0.1
EVENTS_MAX = 500
WAIT_S = 20.0


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which server, which timeline, and how closely it is followed."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^/\s]+/?$",
            description="The server, as `https://mastodon.au`.",
            extra={"words": "the server with its scheme, and nothing behind it, as in 'https://mastodon.au'"},
        ),
    ]
    timeline: Annotated[
        Literal["public", "local", "remote"],
        Meta(description="Everything that the server knows, or the posts of its own people, or those of others."),
    ] = "public"
    tags: Annotated[
        list[
            Annotated[
                str, Meta(pattern=r"^[^\s#/?&%.]{1,100}$", extra={"words": "one word without '#', as in 'bushfire'"})
            ]
        ],
        Meta(max_length=20, description="Only posts with one of these hashtags, written without `#`."),
    ] = []
    every_us: Annotated[
        int, Meta(ge=5_000_000, le=86_400_000_000, description="How often it is polled, from every 5 s to once a day.")
    ] = field(name="every", default=60 * S_US)
    late_us: Annotated[
        SpanUs, Meta(description="So late may a post of another server reach this one and still be heard at once.")
    ] = field(name="late", default=120 * S_US)
    recheck_us: Annotated[
        SpanUs, Meta(description="So far back posts are read again, for edits, deletes and what came later still.")
    ] = field(name="recheck", default=UNITS_US["h"])
    backfill_us: Annotated[SpanUs, Meta(description="After a pause no longer than this, what was missed is read.")] = (
        field(name="backfill", default=UNITS_US["d"])
    )
    stream: Annotated[bool, Meta(description="Whether it is streamed; that needs a token.")] = False
    token: Annotated[Secret | None, Meta(description="A user's token, with the scope `read:statuses`.")] = None
    contact: Annotated[
        str, Meta(max_length=200, description="How the server's administrators can reach you; sent with each request.")
    ] = ""


class Cursor(msgspec.Struct):
    """How far each timeline was read, by hashtag, and until when nothing is missing."""

    last: dict[str, str]
    sure_us: int
    serial: int = 0
    """No two chunks have the same cursor, so that it tells whether all that was yielded became durable."""


STREAM_UNFIT = ("streams are for users alone, since Mastodon 4.2", "give a token with the scope read:statuses, or take out stream = true")  # fmt: skip


def check(options: Options) -> Unfit | None:
    """What cannot be listened to: an address that is not safe, a stream without a token."""
    from lapwing.sources._addresses import unfit

    if options.stream and not options.token:
        return Unfit("stream", *STREAM_UNFIT)
    return unfit(options, "url")


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Yield the posts of one server, and what becomes of them."""
    from lapwing.sources._mastodon import closed_parts

    if options.stream and not options.token:
        raise RefusedBySource(*STREAM_UNFIT)
    reader = _Reader(options, after, surroundings)
    if (until_us := reader.asker.waits_until_us) > surroundings.time.now_us() + S_US:
        raise RateLimited(f"{reader.asker.host} allows nothing more for now", until_us)
    instance = await reader.asker.instance()
    closed = closed_parts(instance, options.timeline, bool(options.tags), bool(options.token))
    if closed:
        reader.details["not_shown"] = closed[0]
    ways = _streamed(reader, instance) if options.stream else _polled(reader)
    async with aclosing(ways) as chunks:
        async for chunk in chunks:
            yield chunk


async def _polled(reader: _Reader) -> AsyncGenerator[SourceChunk, None]:
    """Yield what each poll brings, until the server's own words should be read again."""
    time, options = reader.time, reader.options
    asked_us = time.now_us()
    while True:
        due_us = time.now_us() + options.every_us
        async for chunk in reader.catch_up():
            yield chunk
        async for chunk in reader.recheck():
            yield chunk
        if time.now_us() - asked_us >= INSTANCE_US:
            from lapwing.sources._mastodon import closed_parts

            closed_parts(await reader.asker.instance(), options.timeline, bool(options.tags), bool(options.token))
            asked_us = time.now_us()
        await time.sleep(max(0.0, (due_us - time.now_us()) / 1e6))


async def _streamed(reader: _Reader, instance: _mastodon.Instance) -> AsyncGenerator[SourceChunk, None]:
    """Yield what the streams say; first what was said before they began, as they replay nothing."""
    from lapwing.sources._http import trouble
    from lapwing.sources._inbox import Inbox

    async with AsyncExitStack() as stack:
        stack.enter_context(trouble(reader.asker.url))
        readers = []
        for timeline in reader.timelines:
            question = reader.asker.stream(instance, reader.options.timeline, timeline.tag)
            content = await stack.enter_async_context(reader.asker.http.stream(question))
            readers.append(partial(_heard, reader, timeline, content, _cutter()))
        inbox = await stack.enter_async_context(Inbox(*readers))
        async for chunk in reader.catch_up():
            yield chunk
        reader.recheck_soon()
        async for chunk in reader.recheck():
            yield chunk
        while said := await inbox.take(reader.time, GATHER_S, EVENTS_MAX):
            yield reader.said(said)
    raise Disconnected(f"{reader.asker.host} closed the stream")


def _cutter() -> _sse.EventCutter:
    from lapwing.sources._sse import EventCutter

    return EventCutter()


async def _heard(
    reader: _Reader, timeline: _timeline.Timeline, content: aiohttp.StreamReader, cutter: _sse.EventCutter
) -> Said | None:
    """What came just now; None at the end. Raises `Disconnected` where not even a sign of life comes."""
    from lapwing.sources._sse import TooLong

    try:
        async with reader.time.within(SILENT_S):
            data = await content.readany()
        return (timeline, cutter.feed(data)) if data else None
    except TimeoutError:
        raise Disconnected(f"{reader.asker.host} was silent for {SILENT_S:.0f} s") from None
    except TooLong as problem:
        raise Disconnected(f"{reader.asker.host} sent {problem}") from None


class _Memory:
    """What is remembered of a server's timelines from one connection to the next."""

    def __init__(self, timelines: list[_timeline.Timeline]) -> None:
        self.timelines = timelines
        self.recheck_us = 0
        """When it is to be read again."""
        self.yielded = ""
        """The last cursor."""

    async def close(self) -> None:
        """Nothing is open."""


class _Reader:
    """Reads the timelines of one server, and knows how far it is sure to have heard everything."""

    def __init__(self, options: Options, after: str, surroundings: Surroundings) -> None:
        from lapwing.sources._mastodon import Asker

        now_us = surroundings.time.now_us()
        cursor = msgspec.json.decode(after, type=Cursor) if after else Cursor({}, now_us)
        self.options, self.time = options, surroundings.time
        self.asker = Asker(options.url, options.token, surroundings, options.contact)
        self.details: dict[str, Any] = {"host": self.asker.host}
        late_us = LATE_LOCAL_US if options.timeline == "local" else options.late_us
        self._late_us = min(late_us, options.late_us)
        self._memory = self._remembered(after, cursor, surroundings)
        self._sure_us, self._serial, self._claimed = cursor.sure_us, cursor.serial, False
        self._asked_us = self._forgot_us = now_us
        self._again = False
        """Whether it reads what it has read before."""
        self._limit_back_fill()

    @property
    def timelines(self) -> list[_timeline.Timeline]:
        """The public timeline, or one for each hashtag."""
        return self._memory.timelines

    async def catch_up(self) -> AsyncIterator[SourceChunk]:
        """Read every timeline to its end."""
        sure_us = self.time.now_us()
        for timeline in self.timelines:
            start = timeline.start(self._late_us, sure_us, self._sure_us - CLOCKS_DIFFER_US)
            async for chunk in self._walk(timeline, start, set()):
                yield chunk
                sure_us = max(sure_us, self._asked_us) if len(self.timelines) == 1 else sure_us
        self._forget()
        yield self._chunk(sure_us=sure_us)

    async def recheck(self) -> AsyncIterator[SourceChunk]:
        """Read the last hour again, if it is time: what was edited or came late is yielded, what is missing asked for."""
        from lapwing.sources._timeline import time_of

        if self.time.now_us() < self._memory.recheck_us:
            return
        pages, self._again = 0, True
        for timeline in self.timelines:
            if time_of(timeline.last) is None:
                continue
            found: set[str] = set()
            start, end = timeline.start(self.options.recheck_us, self.time.now_us()), timeline.last
            async for chunk in self._walk(timeline, start, found):
                pages += 1
                yield chunk
            missing = [id for id in timeline.between(start, end) if id not in found]
            for id in missing[:ASKED_MAX]:
                pages += 1
                if await self.asker.is_gone(id):
                    page = timeline.gone(id)
                    yield self._chunk(page)
                else:
                    del timeline.known[id]
        self._again = False
        self._memory.recheck_us = self.time.now_us() + max(RECHECK_EVERY_US, pages * RECHECK_PAGE_US)

    def recheck_soon(self) -> None:
        """What happened to known posts in the meantime is not known."""
        self._memory.recheck_us = 0

    def said(self, said: list[Said]) -> SourceChunk:
        """What streams said just now."""
        from lapwing.sources._timeline import Page

        whole = Page([], [])
        for timeline, events in said:
            for event in events:
                page = Page([], [])
                if event.name in ("update", "status.update"):
                    page = timeline.take([event.data], set())
                elif event.name == "delete":
                    page = timeline.gone(event.data.decode("utf-8", "replace").strip(' "'))
                whole.values.extend(page.values)
                whole.keys.extend(page.keys)
        if self.time.now_us() - self._forgot_us >= RECHECK_EVERY_US:
            self._forget()
        return self._chunk(whole, sure_us=self.time.now_us())

    async def _walk(self, timeline: _timeline.Timeline, start: str, found: set[str]) -> AsyncIterator[SourceChunk]:
        """Read forward from an id to the end; without one, the newest page."""
        from lapwing.sources._mastodon import ROWS
        from lapwing.sources._timeline import id_at, oldest_first, rank

        while True:
            async for chunk in self._wait_until_allowed():
                yield chunk
            self._asked_us = self.time.now_us()
            rows = await self.asker.page(timeline, self.options.timeline, start)
            ids: set[str] = set()
            page = timeline.take(oldest_first(rows), ids)
            found |= ids
            end = max(ids, key=rank, default=start)
            more = len(rows) >= ROWS and bool(start) and rank(end) > rank(start)
            timeline.last = timeline.last or id_at(self._asked_us - self._late_us)
            yield self._chunk(page, reached=end if more else "")
            if not more:
                return
            start = end

    async def _wait_until_allowed(self) -> AsyncIterator[SourceChunk]:
        """Say that the server wants a pause, for as long as it does."""
        while (wait_us := self.asker.waits_until_us - self.time.now_us()) > S_US:
            self.details["requests_left"] = "0"
            reason = f"{self.asker.host} allows nothing more for {wait_us // S_US} s"
            yield SourceChunk(state="paused", reason=reason, details=dict(self.details))
            await self.time.sleep(min(wait_us / 1e6, WAIT_S))

    def _chunk(
        self, page: _timeline.Page | None = None, *, sure_us: int | None = None, reached: str = ""
    ) -> SourceChunk:
        """A page, where to go on after it, and until when nothing is missing.

        What was made before `sure_us` less `late`, and needed no longer than that to arrive, was heard by now.
        """
        from lapwing.sources._timeline import time_of

        from_us = to_us = None
        if sure_us is not None and sure_us - self._late_us > self._sure_us:
            from_us, to_us = (None if self._claimed else self._sure_us), sure_us - self._late_us
            self._sure_us, self._claimed = to_us, True
        if self.asker.left is not None:
            self.details["requests_left"] = self.asker.left
        behind_us = self.time.now_us() - (time_of(reached) or self.time.now_us())
        new = bool(page and page.values) and not self._again
        filling = new and behind_us > self._late_us + 2 * self.options.every_us
        self._serial += 1
        last = {timeline.tag: timeline.last for timeline in self.timelines}
        self._memory.yielded = msgspec.json.encode(Cursor(last, self._sure_us, self._serial)).decode()
        return SourceChunk(
            values=page.values if page else (), keys=page.keys if page else None, cursor=self._memory.yielded,
            covered_from_us=from_us, covered_to_us=to_us, state="back-filling" if filling else "live",
            reason="what was heard lately is read again" if self._again else "", details=dict(self.details),
        )  # fmt: skip

    def _forget(self) -> None:
        """Keep no more than what is read again."""
        self._forgot_us = self.time.now_us()
        for timeline in self.timelines:
            timeline.forget_before(self.options.recheck_us + self._late_us + self.options.every_us)

    def _remembered(self, after: str, cursor: Cursor, surroundings: Surroundings) -> _Memory:
        """What was seen before, if all of it became durable: only then is the cursor the last one that was yielded."""
        from lapwing.sources._timeline import Timeline

        key, tags = f"mastodon {surroundings.name}", list(dict.fromkeys(self.options.tags)) or [""]
        memory: _Memory | None = surroundings.shared.get(key)
        wanted = [(self.asker.host, tag) for tag in tags]
        if memory is None or memory.yielded != after or [(each.host, each.tag) for each in memory.timelines] != wanted:
            memory = surroundings.shared[key] = _Memory([Timeline(*each) for each in wanted])
            memory.recheck_us = self.time.now_us() + RECHECK_EVERY_US
        for timeline in memory.timelines:
            timeline.last = cursor.last.get(timeline.tag, "")
        return memory

    def _limit_back_fill(self) -> None:
        """After too long a pause, go on from as far back as is allowed; what lies before is a gap."""
        from lapwing.sources._timeline import id_at, rank, time_of

        now_us = self.time.now_us()
        if now_us - self._sure_us <= self.options.backfill_us:
            return
        self._sure_us = now_us - self.options.backfill_us
        for timeline in self.timelines:
            if time_of(timeline.last) is None:
                timeline.last, self._sure_us = "", now_us
            else:
                timeline.last = max(timeline.last, id_at(self._sure_us), key=rank)


def _silence_s(options: Options) -> float:
    """A poll may wait for other sources that ask the same server; a stream gives signs of life."""
    return 300.0 if options.stream else 300.0 + options.every_us / 1e6


SOURCE = Source(
    network="mastodon",
    format="mastodon",
    options=Options,
    read=read,
    check=check,
    resume="overlap",
    silence_s=_silence_s,
    example="""
[[source]]
type = "mastodon"
url = "https://mastodon.au"
every = "1m"
""",
)
