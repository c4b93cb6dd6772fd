"""How a Jetstream host writes what happens: the frames of both versions, the names, and the dictionary that packs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec
import zstandard

from lapwing.testing.networks.posts import Event, Post

POST = "app.bsky.feed.post"
REPOST = "app.bsky.feed.repost"
LIKE = "app.bsky.feed.like"
COLLECTIONS = {"post": POST, "repost": REPOST, "like": LIKE}
V2 = "network.bsky.jetstream.subscribeEvents"
DICTIONARY_ID = 1_612_007_021
"""The id of the one dictionary that v1 hosts know."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_CID = "bafyrei" + "a" * 52


class OddCase(NamedTuple):
    """A record that is hard to read, or that is no post."""

    text: str
    odd: str
    changes: dict[str, Any]
    """What stands in the record instead of the usual; None leaves a field out."""


def _facet(start: int, end: int, feature: dict[str, str]) -> dict[str, Any]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


_TAGGED = _facet(2, 5, {"$type": "app.bsky.richtext.facet#tag", "tag": "flood"})
_FAR = _facet(900, 20, {"$type": "app.bsky.richtext.facet#link", "uri": "https://levels.example.org/carrow"})
_IMAGE = {
    "$type": "app.bsky.embed.images",
    "images": [{"alt": "water in a street", "image": {"$type": "blob", "ref": {"$link": "bafkrei"}, "size": 8}}],
}

ODD: tuple[OddCase, ...] = (
    OddCase("🌊🌊 a facet that begins in the middle of a wave", "", {"facets": [_TAGGED, _FAR]}),
    OddCase("", "", {"embed": _IMAGE}),
    OddCase("clock is broken", "createdAt is in 1970", {"createdAt": "1970-01-01T00:00:00Z"}),
    OddCase("clock runs ahead", "createdAt is in 2099", {"createdAt": "2099-01-01T00:00:00.000Z"}),
    OddCase("one line\u2028and the same line", "", {"langs": None}),
    OddCase("", "no text", {"text": None}),
    OddCase("", "text is a number", {"text": 7}),
    OddCase("", "createdAt is no date", {"createdAt": "yesterday"}),
)
"""Each in its turn; those with `odd` are no sound posts."""


@lru_cache(4096)
def did(author: int) -> str:
    """Give the DID of somebody: 24 letters, the last ones tell who."""
    return "did:plc:" + _in_letters(author, 24)


def tid(at_us: int, clock: int) -> str:
    """Write a time as a TID: 53 bits of microseconds, 10 bits of a clock's number, 13 letters that sort as the times."""
    return _in_letters(at_us << 10 | clock & 1023, 13)


def _in_letters(number: int, length: int) -> str:
    pairs = [_PAIRS[number >> shift & 1023] for shift in range((length - 1) // 2 * 10, -1, -10)]
    return "".join(pairs)[-length:]


def time_of(at_us: int, digits: int = 6) -> str:
    """Write a time as ``2026-11-22T03:00:00.123456Z``."""
    text = (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text[: len(text) - 6 + digits] + "Z"


def record(post: Post, text: str) -> dict[str, Any]:
    """Write what the author wrote."""
    said = time_of(post.at_us, digits=3)
    if post.kind != "post":
        subject = {"cid": _CID, "uri": post.notes["about"]}
        return {"$type": COLLECTIONS[post.kind], "createdAt": said, "subject": subject}
    plain: dict[str, Any] = {"$type": POST, "createdAt": said, "langs": [post.lang], "text": text}
    changes = post.notes.get("record")
    if isinstance(changes, dict):
        plain |= changes
    return {name: value for name, value in plain.items() if value is not None}


def commit(event: Event, post: Post) -> dict[str, Any]:
    """Write what was done to a record; what is deleted has neither record nor cid."""
    operation = {"create": "create", "edit": "update", "delete": "delete"}[event.kind]
    _, _, _, collection, key = post.uid.split("/")
    written: dict[str, Any] = {
        "rev": tid(event.at_us, 0),
        "operation": operation,
        "collection": collection,
        "rkey": key,
    }
    if operation != "delete":
        written |= {"record": record(post, event.text), "cid": _CID}
    return written


def frame_v1(event: Event, seq: int, at_us: int) -> bytes:
    """Write an event as ``/subscribe`` gives it; empty where v1 has no such event."""
    about = dict(event.about)
    about.pop("edited_us", None)
    if event.kind == "sync":
        return b""
    who = did(event.post.author) if event.post else about.get("did")
    whole: dict[str, Any] = {"did": who, "time_us": at_us, "cursor": seq}
    if event.post is not None:
        return msgspec.json.encode(whole | {"kind": "commit", "commit": commit(event, event.post)})
    return msgspec.json.encode(whole | {"kind": event.kind, event.kind: about})


def frame_v2(event: Event, seq: int, at_us: int) -> bytes:
    """Write an event as ``subscribeEvents`` gives it."""
    kind = "commit" if event.post is not None else event.kind
    payload: dict[str, Any] = {"$type": f"{V2}#{kind}", "seq": seq}
    payload["did"] = did(event.post.author) if event.post else event.about.get("did")
    payload["time"] = time_of(at_us)
    payload |= commit(event, event.post) if event.post else {event.kind: event.about}
    return msgspec.json.encode({"$type": "message", "payload": payload})


def info(name: str, message: str) -> bytes:
    """Write a word about the stream itself, which has no seq."""
    return msgspec.json.encode(
        {"$type": "message", "payload": {"$type": f"{V2}#info", "name": name, "message": message}}
    )


def error(name: str, message: str) -> bytes:
    """Write what ends a stream of v2."""
    return msgspec.json.encode({"$type": "error", "error": name, "message": message})


@cache
def dictionary() -> bytes:
    """Train a dictionary on invented frames; it takes some tenths of a second, once."""
    samples: list[bytes | bytearray | memoryview] = []
    for number in range(2000):
        words = f"Water over the road {number} behind the school, the bridge is closed #flood"
        post = Post(
            f"at://{did(number)}/{POST}/{tid(number * 999_999, 0)}", "", number, number, words, "en", number, ""
        )
        event = Event(number, "create", post, words, number * 1_000_003)
        samples += [frame_v1(event, number, event.at_us), frame_v2(event, number, event.at_us)]
    return zstandard.train_dictionary(8192, samples, dict_id=DICTIONARY_ID).as_bytes()


@cache
def packer() -> zstandard.ZstdCompressor:
    """Give what packs a frame with the dictionary; only for the server's own thread."""
    return zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(dictionary()), write_content_size=False)
