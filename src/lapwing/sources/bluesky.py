"""What is said on Bluesky, from its public Jetstream hosts; no account is needed.

Two generations of Jetstream are understood. v2 goes on from a number of its own, v1 from a time. No cursor is ever
carried to another host: there, listening goes on from the time of the last event and some seconds before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from lapwing.hearing import Disconnected, Lost, RateLimited, RefusedBySource, Source, SourceChunk, Surroundings, Unfit

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from lapwing.sources._http import Http
    from lapwing.sources._jetstream import Endpoint, Generation, Heard, Position, Unpacker
    from lapwing.sources._rotation import Rotation

V2_HOSTS = ("jetstream.us-east.bsky.network", "jetstream.us-west.bsky.network")
V1_HOSTS = (
    "jetstream1.us-east.bsky.network",
    "jetstream2.us-east.bsky.network",
    "jetstream1.us-west.bsky.network",
    "jetstream2.us-west.bsky.network",
)
GATHER_S = 0.1
EVENTS_MAX = 500
BEHIND_US = 10_000_000
"""Further behind than this is catching up."""
FIRST_S = 60.0
"""A connection on which nothing comes at first for so long is none."""
DICTIONARY_BYTES_MAX = 1 << 20
ALWAYS_HEARD = ("post", "repost", "like", "app.bsky.feed.post", "app.bsky.feed.repost", "app.bsky.feed.like")
"""Somebody somewhere does one of these at any time."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which hosts, and what of all that happens."""

    protocol: Annotated[
        Literal["auto", "v1", "v2"], Meta(description="Jetstream's generation; `auto` tries v2 first, then v1.")
    ] = "auto"
    hosts: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(description="Which hosts, in the order in which they are tried; Bluesky's own if none is named."),
    ] = []
    collections: Annotated[
        list[
            Annotated[
                str,
                Meta(
                    pattern=r"^(post|repost|like|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(\.\*)?)$",
                    extra={"words": "`post`, `repost`, `like` or a collection's full name, as in 'app.bsky.feed.post'"},
                ),
            ]
        ],
        Meta(min_length=1, max_length=100, description="`post`, `repost`, `like`, or the full name of a collection."),
    ] = field(default_factory=lambda: ["post", "repost"])
    compress: Annotated[bool, Meta(description="Whether events come packed, at a third of the size.")] = True


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Yield events from the cursor on, from one host at a time; the next connection asks another where this one fails."""
    from asyncio import CancelledError  # the options stand in this file, and are read by every command

    from lapwing.sources._jetstream import Position

    position = msgspec.json.decode(after, type=Position) if after else None
    rotation = _rotation(options, position, surroundings)
    began_s = surroundings.time.monotonic_s()
    try:
        async with aclosing(_listen(rotation.current, options, position, surroundings)) as chunks:
            async for chunk in chunks:
                yield chunk
    except RefusedBySource as problem:
        if rotation.refused():
            raise Disconnected(f"{problem}; another host is tried") from None
        raise
    except (Disconnected, RateLimited, GeneratorExit, CancelledError):
        rotation.broke(surroundings.time.monotonic_s() - began_s)
        raise


def _rotation(options: Options, position: Position | None, surroundings: Surroundings) -> Rotation[Endpoint]:
    """The hosts of these options; which of them is asked now is remembered from one connection to the next."""
    from lapwing.sources._jetstream import endpoints
    from lapwing.sources._rotation import Rotation

    if options.hosts:
        hosts = endpoints(options.hosts, options.protocol)
    else:
        generations: list[tuple[Generation, tuple[str, ...]]] = [("v2", V2_HOSTS), ("v1", V1_HOSTS)]
        wanted = [each for each in generations if options.protocol in ("auto", each[0])]
        hosts = [endpoint for generation, names in wanted for endpoint in endpoints(names, generation)]
    if not hosts:
        raise RefusedBySource("none of the hosts speaks the protocol that is asked for", "look at hosts and protocol")
    key = f"bluesky {surroundings.name}"
    known: Rotation[Endpoint] | None = surroundings.shared.get(key)
    if known is None or known.hosts != tuple(hosts):
        before = next((host for host in hosts if position is not None and host.url == position.url), None)
        known = surroundings.shared[key] = Rotation(hosts, before)
    return known


async def _listen(
    endpoint: Endpoint, options: Options, position: Position | None, surroundings: Surroundings
) -> AsyncGenerator[SourceChunk, None]:
    """Yield what one host says."""
    from lapwing.sources._http import http_of, trouble
    from lapwing.sources._inbox import Inbox
    from lapwing.sources._jetstream import question

    time, stream = surroundings.time, _Stream(endpoint, position)
    http = http_of(surroundings)
    unpacker = await _unpacker(http, endpoint) if options.compress else None
    async with AsyncExitStack() as stack:
        stack.enter_context(trouble(endpoint.url))
        wanted = question(endpoint, options.collections, unpacker.id if unpacker else None)
        socket = await _opened(stack, http, stream, wanted)
        inbox = await stack.enter_async_context(Inbox(partial(_next, socket)))
        never_silent = any(name in ALWAYS_HEARD for name in options.collections)
        if not never_silent:
            yield SourceChunk(details={"host": stream.host, "protocol": endpoint.generation})
        async with time.within(FIRST_S if never_silent else None):
            frames = await inbox.take(time, GATHER_S, EVENTS_MAX)
        while frames:
            heard = stream.looked_at(unpacker.unpacked(frames) if unpacker else frames)
            chunk = stream.chunk(heard, time.now_us())
            if chunk is not None:
                yield chunk
            if heard.error:
                raise Disconnected(f"{stream.host} ended the stream: {heard.error}")
            frames = await inbox.take(time, GATHER_S, EVENTS_MAX)
    raise Disconnected(f"{stream.host} closed the stream ({socket.close_code})")


async def _next(socket: ClientWebSocketResponse[bool]) -> bytes | None:
    from aiohttp import WSMsgType

    message = await socket.receive()
    if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
        data: bytes = message.data
        return data
    return None


async def _opened(
    stack: AsyncExitStack, http: Http, stream: _Stream, wanted: list[tuple[str, str]]
) -> ClientWebSocketResponse[bool]:
    """Open the stream; where the host no longer has what came after the cursor, from the oldest that it has."""
    from lapwing.sources._http import Question
    from lapwing.sources._jetstream import EVENT_BYTES_MAX

    while True:
        cursor = stream.begin()
        query = wanted if cursor is None else [*wanted, ("cursor", str(cursor))]
        asked = Question(url=stream.endpoint.url, query=query, bytes_max=2 * EVENT_BYTES_MAX)
        try:
            return await stack.enter_async_context(http.socket(asked))
        except RefusedBySource as problem:
            if "CursorTooOld" not in problem.what or stream.too_old:
                raise
            stream.too_old = True


async def _unpacker(http: Http, endpoint: Endpoint) -> Unpacker | None:
    """What unpacks this host's frames; None where it has no dictionary, and frames come as they are."""
    from lapwing.sources._http import Question
    from lapwing.sources._jetstream import DICTIONARY_OF_V1, Unpacker, dictionary_url

    first = endpoint.generation == "v1"
    query = [("id", str(DICTIONARY_OF_V1))] if first else []
    asked = Question(url=dictionary_url(endpoint), query=query, bytes_max=DICTIONARY_BYTES_MAX)
    try:
        found = Unpacker((await http.ask(asked)).body)
    except (RefusedBySource, ValueError):
        return None
    return None if first and found.id != DICTIONARY_OF_V1 else found


class _Stream:
    """One connection: where it began, and how far it is."""

    def __init__(self, endpoint: Endpoint, position: Position | None) -> None:
        from lapwing.sources._addresses import host_of

        self.endpoint, self.host = endpoint, host_of(endpoint.url)
        self._position = position
        self.too_old = False
        """Whether the host said that it no longer has what comes after the cursor."""
        self._begun = self._anew = self._by_number = False
        self._first_said: tuple[int | None, tuple[Lost, ...]] = (None, ())
        self._to_us = 0
        self.last_seq = 0

    def begin(self) -> int | None:
        """Where to ask the host to begin."""
        from lapwing.sources._jetstream import begin

        cursor = begin(self.endpoint, self._position, by_time=self.too_old)
        self._by_number = cursor is not None and self._position is not None and cursor == self._position.seq
        self.last_seq = cursor if self._by_number and cursor is not None else 0
        return cursor

    def looked_at(self, values: Sequence[bytes]) -> Heard:
        """What these say; a number lower than the cursor at a later time means that the host numbers anew."""
        from lapwing.sources._jetstream import READ

        look = READ[self.endpoint.generation]
        heard = look(values, self.last_seq)
        if not self._begun and self.last_seq and self._position is not None and heard.first_us is not None:
            self._anew = (heard.first_seq or 0) < self.last_seq and heard.first_us > self._position.time_us
            if self._anew:
                self.last_seq = 0
                return look(values, 0)
        return heard

    def chunk(self, heard: Heard, now_us: int) -> SourceChunk | None:
        """What was heard, with its place in time; None for a word about the stream itself."""
        from lapwing.sources._jetstream import Position

        if not self._begun:
            self._first_said = self._first(heard, now_us)
        if heard.last_seq is not None:
            self.last_seq = heard.last_seq
        if heard.last_us is not None:
            self._to_us = max(self._to_us, min(heard.last_us, now_us))
        if not heard.values or not self._to_us:
            return SourceChunk(values=heard.values, keys=heard.keys) if heard.values else None
        # What comes first may be the witness alone, with nothing to hand on; then the next chunk says it.
        (from_us, lost), self._first_said = self._first_said, (None, ())
        lag_us = now_us - self._to_us
        place = Position(self.endpoint.url, self._to_us, self.last_seq or None)
        details: dict[str, Any] = {"host": self.host, "protocol": self.endpoint.generation, "lag_s": lag_us // 1e5 / 10}
        return SourceChunk(
            values=heard.values, keys=heard.keys, cursor=msgspec.json.encode(place).decode(), covered_from_us=from_us,
            covered_to_us=self._to_us, lost=lost, state="back-filling" if lag_us > BEHIND_US else "live",
            reason=heard.info, details=details,
        )  # fmt: skip

    def _first(self, heard: Heard, now_us: int) -> tuple[int | None, tuple[Lost, ...]]:
        """From when on nothing is missing: from the cursor, if the host has still what came after it.

        The event at the cursor is the witness. v2 begins with its number, or says that it is too old; v1 begins in
        silence with the oldest that it has, and then the first event is later than the one that must have come.
        """
        from lapwing.sources._jetstream import OVERLAP_US

        if heard.first_us is None:
            return None, ()
        self._begun = True
        first_us, before = min(heard.first_us, now_us), self._position
        if before is None:
            return first_us, ()
        if self._by_number and not self._anew:
            return before.time_us, ()
        if not self._anew and first_us <= before.time_us + OVERLAP_US:
            return min(first_us, before.time_us), ()
        if first_us <= before.time_us:
            return first_us, ()
        why = "numbers its events anew" if self._anew else "no longer has what came before"
        return first_us, (Lost(before.time_us, first_us, f"{self.host} {why}"),)


def check(options: Options) -> Unfit | None:
    """A host that would be asked without encryption."""
    from lapwing.sources._addresses import unfit

    named = [host if "://" in host else f"wss://{host}" for host in options.hosts]
    return unfit(msgspec.structs.replace(options, hosts=named), "hosts")


SOURCE = Source(
    network="bluesky",
    format="jetstream",
    options=Options,
    read=read,
    check=check,
    resume="overlap",
    example="""
[[source]]
type = "bluesky"
collections = ["post", "repost"]
""",
)
