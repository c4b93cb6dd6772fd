"""A Jetstream host: what happens on Bluesky, first what was missed since a cursor, then what is new.

Sources: bluesky-social/jetstream of August 2026 (docs, `internal/subscribe`, lexicons) for both versions.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from lapwing.testing.networks import jetstream_frames as frames
from lapwing.testing.networks.fake import SYSTEM_US, Fake, refused_plainly
from lapwing.testing.networks.posts import Event, Post, Stock, Truth
from lapwing.testing.networks.serving import Route
from lapwing.testing.networks.streams import Listener, converse, framed

LOOKBACK_US = 36 * 3600 * 1_000_000
TIME_FROM = 1_000_000_000_000_000
"""From here on a number is a time in microseconds; below it is a seq."""
KINDS = {"commit", "identity", "account", "sync"}
PATH_V2 = f"/xrpc/{frames.V2}"
PATH_DICTIONARY = "/xrpc/network.bsky.jetstream.getZstdDictionary"


class Wish(NamedTuple):
    """What one listener wants to hear."""

    collections: tuple[str, ...] = ()
    dids: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset(KINDS)
    bytes_max: int = 0

    def wants(self, event: Event) -> bool:
        """Tell whether an event is among them."""
        if event.post is None:
            return event.kind in self.kinds or event.kind not in KINDS
        if "commit" not in self.kinds or (self.dids and frames.did(event.post.author) not in self.dids):
            return False
        collection = event.post.uid.split("/")[3]
        return not self.collections or any(_matches(collection, wanted) for wanted in self.collections)


class Refused(Exception):
    """A parameter that is wrong, before the stream begins."""


class JetstreamFake(Fake):
    """One host. `of` makes it a second host of the same network: the same events, other seqs, its own clock.

    A uid is the at-uri. `identity`, `account`, `sync` and `noise` send what is not of a post.
    """

    def __init__(
        self,
        *,
        of: JetstreamFake | None = None,
        first_seq: int = 1000,
        seed: int = 0,
        now_us: Callable[[], int] = SYSTEM_US,
        odd_every: int = 0,
    ) -> None:
        """Nothing has happened yet; what is older than 36 h is forgotten."""
        routes = [
            Route("GET", "/subscribe", self._subscribe_v1, streams=True),
            Route("GET", PATH_V2, self._subscribe_v2, streams=True),
            Route("GET", PATH_DICTIONARY, self._dictionary),
        ]
        stock = Stock(seed, now_us, self._name) if of is None else of.stock
        super().__init__(routes, stock, refused_plainly)
        self.odd_every = odd_every
        self.first_seq = first_seq
        self.shift_us = 0 if of is None else 1_500
        """How much later than the first host this one saw everything."""
        self.lookback_us = LOOKBACK_US
        self._mirrors: list[JetstreamFake] = []
        self._forgotten_us = 0
        if of is not None:
            of._mirrors.append(self)  # noqa: SLF001 - one of our own kind

    @property
    def url_v1(self) -> str:
        """Where v1 is listened to."""
        return f"{self.ws_url}/subscribe"

    @property
    def url_v2(self) -> str:
        """Where v2 is listened to."""
        return self.ws_url + PATH_V2

    @property
    def dictionary(self) -> bytes:
        """What frames are packed with."""
        return frames.dictionary()

    @property
    def next_seq(self) -> int:
        """The number that this host gives to what happens next."""
        return self.first_seq + len(self.stock.events)

    def tell(self) -> None:
        """Wake the streams of this host and of those that mirror it."""
        super().tell()
        for mirror in self._mirrors:
            mirror.tell()

    def repost(self, uid: str, author: int = 0) -> str:
        """Pass a post on; the uid of the repost."""
        return self._interact("repost", uid, author)

    def like(self, uid: str, author: int = 0) -> str:
        """Like a post; the uid of the like, of which no listener keeps anything."""
        return self._interact("like", uid, author)

    def identity(self, author: int, handle: str) -> None:
        """Give somebody another handle."""
        self._tell_of("identity", author, handle=handle)

    def account(self, author: int, status: str = "") -> None:
        """Say that an account is ``deleted``, ``takendown``, ``deactivated`` …; without a status, that it is active again.

        Of who is deleted or taken down, nothing is true any more.
        """
        with self.stock.lock:
            for post in self.stock.posts.values():
                if post.author == author and status in ("deleted", "takendown"):
                    post.deleted = True
        self._tell_of("account", author, active=not status, **({"status": status} if status else {}))

    def sync(self, author: int) -> None:
        """Say that what is held of somebody may be stale; only v2 tells."""
        self._tell_of("sync", author, rev=frames.tid(self.stock.last_us, 0), blocks={"$bytes": "AA"})

    def noise(self) -> None:
        """Send an event of a kind that nobody knows."""
        self._tell_of("weather", 0, rain=True)

    def forget_before(self, at_us: int) -> None:
        """Keep nothing that is older than this; a cursor from before is too old."""
        self._forgotten_us = at_us

    def too_slow(self) -> None:
        """Tell everybody that they read too slowly, and end it; on v1 it just ends."""
        words = frames.error("ConsumerTooSlow", "consumer fell too far behind")
        self.end_streams(lambda listener: _in_form(words, listener) if "v2" in listener.form else None, code=1008)

    def leave(self) -> None:
        """End all streams as a host does that is shut down."""
        self.end_streams()

    def truth(self) -> Truth:
        """Tell what a listener to posts and reposts holds in the end."""
        return self.stock.truth(lambda post: post.kind != "like")

    def say_odd(self, which: int) -> Post:
        """Say a hard case: see `jetstream_frames.ODD`."""
        case = frames.ODD[which % len(frames.ODD)]
        return self.stock.add(case.text, odd=case.odd, notes={"record": case.changes})

    def _interact(self, kind: str, uid: str, author: int) -> str:
        made = self.stock.add("", author, notes={"kind": kind, "about": uid}).uid
        self.tell()
        return made

    def _tell_of(self, kind: str, author: int, **about: Any) -> None:
        who = frames.did(author)
        with self.stock.lock:
            seq = 9_000_000 + len(self.stock.events)
            self.stock.note(kind, None, did=who, seq=seq, time=frames.time_of(self.stock.last_us, 3), **about)
        self.tell()

    def _name(self, at_us: int, number: int, author: int, kind: str) -> tuple[str, str]:
        del at_us  # The key tells when it was written; what the author's clock said stands in the record.
        key = frames.tid(self.stock.last_us, number)
        return key, f"at://{frames.did(author)}/{frames.COLLECTIONS[kind]}/{key}"

    def _oldest_us(self) -> int:
        return max(self._forgotten_us, self.stock.now_us() - self.lookback_us)

    def _index_at(self, at_us: int) -> int:
        return bisect.bisect_left(self.stock.events, at_us, key=lambda event: event.at_us + self.shift_us)

    async def _subscribe_v1(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        packed = query.get("compress") == "true" or request.headers.get("Socket-Encoding") == "zstd"
        if packed and "permessage-deflate" in request.headers.get("Sec-WebSocket-Extensions", ""):
            return web.Response(status=400, text="zstd and permessage-deflate exclude each other")
        try:
            wish = _wish(query.getall("wantedCollections", []), query.getall("wantedDids", []))
            cursor = _whole("cursor", query.get("cursor"))
        except Refused as refusal:
            return web.Response(status=400, text=str(refusal))
        wish = wish._replace(bytes_max=_lenient(query.get("maxMessageSizeBytes")))
        begin = len(self.stock.events)
        if cursor is not None:
            begin = cursor - self.first_seq if cursor < TIME_FROM else self._index_at(cursor)
            begin = min(max(begin, self._index_at(self._oldest_us())), len(self.stock.events))
        socket = web.WebSocketResponse(compress=False, timeout=1.0)
        await socket.prepare(request)
        with self.listening(framed(request, socket, binary=packed)) as listener:
            listener.form = "v1 zstd" if packed else "v1"
            await self._serve_v1(socket, listener, wish, begin, query.get("requireHello") == "true")
        return socket

    async def _serve_v1(
        self, socket: web.WebSocketResponse, listener: Listener, wish: Wish, begin: int, hello: bool
    ) -> None:
        wishes = [wish]

        async def options(text: str) -> None:
            try:
                told = msgspec.json.decode(text, type=_Options).payload
                wishes.append(
                    _wish(told.wantedCollections, told.wantedDids)._replace(bytes_max=told.maxMessageSizeBytes)
                )
            except (msgspec.MsgspecError, Refused):
                await socket.close(code=1008)
            listener.wake.set()

        async def speak() -> None:
            while hello and len(wishes) == 1:
                await listener.wake.wait()
                listener.wake.clear()
            await listener.follow(self.stock.events, begin, lambda event: self._written(event, listener, wishes[-1]))

        await converse(socket, speak(), options)

    async def _subscribe_v2(self, request: web.Request) -> web.StreamResponse:
        try:
            wish, cursor = _asked_v2(request)
        except Refused as refusal:
            return _problem("InvalidRequest", str(refusal))
        dictionary = request.query.get("zstdDictionary")
        if dictionary is not None and dictionary != str(frames.DICTIONARY_ID):
            return _problem("UnknownZstdDictionary", f"there is no dictionary {dictionary}")
        begin, outdated = len(self.stock.events), False
        if cursor is not None:
            oldest = self._index_at(self._oldest_us())
            begin = cursor - self.first_seq if cursor < TIME_FROM else self._index_at(cursor)
            if cursor < TIME_FROM and begin < oldest:
                return _problem("CursorTooOld", f"the oldest seq is {self.first_seq + oldest}")
            outdated = cursor >= TIME_FROM and cursor < self._oldest_us()
            begin = min(max(begin, oldest), len(self.stock.events))
        socket = web.WebSocketResponse(compress=False, timeout=1.0, protocols=("xrpc.v1.json",))
        await socket.prepare(request)
        with self.listening(framed(request, socket, binary=dictionary is not None)) as listener:
            listener.form = "v2" if dictionary is None else "v2 zstd"
            if outdated:
                words = f"cursor is older than the lookback window; resuming from seq {self.first_seq + begin}"
                listener.last_words.append(_in_form(frames.info("OutdatedCursor", words), listener))
            await converse(
                socket,
                listener.follow(self.stock.events, begin, lambda event: self._written(event, listener, wish)),
            )
        return socket

    def _written(self, event: Event, listener: Listener, wish: Wish) -> bytes | None:
        if not wish.wants(event):
            return None
        plain = f"{listener.form[:2]} {self.first_seq}"
        if plain not in event.written:
            write = frames.frame_v1 if plain.startswith("v1") else frames.frame_v2
            event.written[plain] = write(event, self.first_seq + event.index, event.at_us + self.shift_us)
        written = event.written[plain]
        if not written or (wish.bytes_max and len(written) > wish.bytes_max):
            return None
        if "zstd" not in listener.form:
            return written
        packed = f"{plain} zstd"
        if packed not in event.written:
            event.written[packed] = frames.packer().compress(written)
        return event.written[packed]

    async def _dictionary(self, request: web.Request) -> web.Response:
        if request.query.get("id", str(frames.DICTIONARY_ID)) != str(frames.DICTIONARY_ID):
            return _problem("UnknownZstdDictionary", "there is no such dictionary")
        return web.Response(body=frames.dictionary(), content_type="application/octet-stream")


class _Payload(msgspec.Struct):
    wantedCollections: list[str] = []  # noqa: N815 - the protocol's name
    wantedDids: list[str] = []  # noqa: N815
    maxMessageSizeBytes: int = 0  # noqa: N815


class _Options(msgspec.Struct, tag="options_update"):
    payload: _Payload


def _asked_v2(request: web.Request) -> tuple[Wish, int | None]:
    query = request.query
    if {"wantedCollections", "wantedDids"} & set(query):
        raise Refused("the parameters are named collections and dids")
    kinds = frozenset(query.getall("kinds", []))
    if kinds - KINDS:
        raise Refused(f"there is no kind {min(kinds - KINDS)}")
    wish = _wish(query.getall("collections", []), query.getall("dids", []))._replace(kinds=kinds or frozenset(KINDS))
    if wish.collections and "commit" not in wish.kinds:
        raise Refused("collections need the kind commit")
    bytes_max = _whole("maxMessageSizeBytes", query.get("maxMessageSizeBytes"))
    return wish._replace(bytes_max=bytes_max or 0), _whole("cursor", query.get("cursor"))


def _wish(collections: list[str], dids: list[str]) -> Wish:
    if len(collections) > 100:
        raise Refused("at most 100 collections")
    if len(dids) > 10_000:
        raise Refused("at most 10000 dids")
    if any("." not in each for each in collections):
        raise Refused("a collection is an NSID")
    return Wish(tuple(collections), frozenset(dids))


def _matches(collection: str, wanted: str) -> bool:
    return collection.startswith(wanted[:-1]) if wanted.endswith(".*") else collection == wanted


def _whole(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{name} is not a number")
    return int(text)


def _lenient(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _problem(name: str, message: str) -> web.Response:
    body = msgspec.json.encode({"error": name, "message": message})
    return web.Response(status=400, body=body, content_type="application/json")


def _in_form(words: bytes, listener: Listener) -> bytes:
    return frames.packer().compress(words) if "zstd" in listener.form else words
