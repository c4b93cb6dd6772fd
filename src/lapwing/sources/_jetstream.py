"""What Jetstream sends, looked at no further than a source must: who, when, and where to go on.

The facts come from the documentation of bluesky-social/jetstream: v1 (`/subscribe`) goes on from a time, v2
(`subscribeEvents`) from a number that means something only on its host, and that grows from event to event.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import zstandard

from lapwing.sources._addresses import swapped

OVERLAP_US = 5_000_000
"""So far back a time is repeated: another host's clock differs, and v1 loses some where replay turns into live."""
NSID = {"post": "app.bsky.feed.post", "repost": "app.bsky.feed.repost", "like": "app.bsky.feed.like"}
PATHS = {"v1": "/subscribe", "v2": "/xrpc/network.bsky.jetstream.subscribeEvents"}
PATH_OF_DICTIONARY = "/xrpc/network.bsky.jetstream.getZstdDictionary"
DICTIONARY_OF_V1 = 1_612_007_021
MAGIC = b"\x37\xa4\x30\xec"
EVENT_BYTES_MAX = 1 << 20
USUAL_BYTES_MAX = 1 << 14
"""Room that is made for an event at first; nearly all are far smaller."""

Generation = Literal["v1", "v2"]


class Endpoint(msgspec.Struct, frozen=True):
    """A host, and which of the two protocols it is asked in."""

    url: str
    generation: Generation


class Position(msgspec.Struct):
    """Where to go on: behind the event of this number, or of this time."""

    url: str
    time_us: int
    seq: int | None = None


class Heard(msgspec.Struct):
    """Some events, and what they say of the stream."""

    values: list[bytes]
    keys: list[str]
    first_us: int | None = None
    last_us: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    info: str = ""
    error: str = ""


class _First(msgspec.Struct, gc=False):
    did: str = ""
    time_us: int = 0


class _Payload(msgspec.Struct, gc=False):
    did: str = ""
    seq: int = 0
    time: str = ""
    name: str = ""


class _Second(msgspec.Struct, gc=False):
    payload: _Payload | None = None
    error: str = ""
    message: str = ""


_decode_v1 = msgspec.json.Decoder(_First).decode
_decode_v2 = msgspec.json.Decoder(_Second).decode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def endpoints(hosts: Sequence[str], protocol: str) -> list[Endpoint]:
    """Every way to ask these hosts: all in v2 first, then all in v1, unless the protocol or an address says which."""
    found = []
    for generation in ("v2", "v1"):
        for host in hosts:
            url = host if "://" in host else f"wss://{host}"
            path = urlsplit(url).path.rstrip("/")
            if protocol in ("auto", generation) and path in ("", PATHS[generation]):
                found.append(Endpoint(url.rstrip("/") if path else url.rstrip("/") + PATHS[generation], generation))
    return found


def dictionary_url(endpoint: Endpoint) -> str:
    """Where a host keeps the dictionary that its frames are packed with."""
    return swapped(endpoint.url).removesuffix(PATHS[endpoint.generation]) + PATH_OF_DICTIONARY


class Unpacker:
    """Unpacks frames that were packed with a dictionary (zstd)."""

    def __init__(self, dictionary: bytes) -> None:
        """Raises ValueError for what is no dictionary."""
        if dictionary[:4] != MAGIC:
            raise ValueError("no zstd dictionary")
        self.id = int.from_bytes(dictionary[4:8], "little")
        self._unpack = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary)).decompress

    def unpacked(self, frames: Sequence[bytes]) -> list[bytes]:
        """What the frames say; one that cannot be unpacked stays as it is, so that it is refused and not lost."""
        unpack, found = self._unpack, []
        for frame in frames:
            try:
                found.append(unpack(frame, USUAL_BYTES_MAX))
            except zstandard.ZstdError:
                found.append(self._large(frame))
        return found

    def _large(self, frame: bytes) -> bytes:
        try:
            return self._unpack(frame, EVENT_BYTES_MAX)
        except zstandard.ZstdError:
            return frame


def question(endpoint: Endpoint, collections: Sequence[str], dictionary: int | None) -> list[tuple[str, str]]:
    """What is asked for, without where to begin."""
    first = endpoint.generation == "v1"
    wanted = [("wantedCollections" if first else "collections", NSID.get(each, each)) for each in collections]
    packed = [] if dictionary is None else [("compress", "true") if first else ("zstdDictionary", str(dictionary))]
    return [*wanted, ("maxMessageSizeBytes", str(EVENT_BYTES_MAX)), *packed]


def begin(endpoint: Endpoint, position: Position | None, by_time: bool = False) -> int | None:
    """Where to begin: the number on the same host, a time somewhat earlier on any other; None: now."""
    if position is None:
        return None
    if endpoint.generation == "v2" and position.url == endpoint.url and position.seq is not None and not by_time:
        return position.seq
    return position.time_us - OVERLAP_US


def read_v1(values: Sequence[bytes], _: int) -> Heard:
    """Look at events of v1; nothing is left out, as times may go back where replay turns into live."""
    heard = Heard(list(values), [])
    keys, decode = heard.keys, _decode_v1
    low, high = 1 << 62, 0
    for value in values:
        try:
            event = decode(value)
        except UNREADABLE:
            keys.append("")
            continue
        keys.append(event.did)
        at_us = event.time_us
        low = at_us if 0 < at_us < low else low
        high = max(at_us, high)
    if high:
        heard.first_us, heard.last_us = low, high
    return heard


def read_v2(values: Sequence[bytes], after: int) -> Heard:
    """Look at events of v2, and leave out those whose number is not above `after`: they were heard."""
    heard = Heard([], [])
    keep, key, decode = heard.values.append, heard.keys.append, _decode_v2
    first = last = ""
    for value in values:
        try:
            message = decode(value)
        except UNREADABLE:
            keep(value)
            key("")
            continue
        payload = message.payload
        if payload is None or (not payload.seq and not payload.did):
            heard.error = heard.error or message.error[:100]
            heard.info = heard.info or (payload.name[:100] if payload else "")
            continue
        if heard.first_seq is None:
            heard.first_seq = payload.seq
        first = first or payload.time
        if payload.seq > after:
            after = heard.last_seq = payload.seq
            keep(value)
            key(payload.did)
            last = payload.time
    heard.first_us, heard.last_us = _instant_us(first), _instant_us(last)
    return heard


READ = {"v1": read_v1, "v2": read_v2}


def _instant_us(text: str) -> int | None:
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1e6)
    except (ValueError, OverflowError):
        return None
