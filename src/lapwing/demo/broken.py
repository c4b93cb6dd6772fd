"""Records that nothing can be made of: one of each kind of trouble that streams have been seen to cause."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lapwing.demo.identifiers import instants, snowflakes, tids
from lapwing.demo.people import FORMATS, JETSTREAM, MASTODON, X_V1, X_V2

BROKEN = 0.001
"""How many, for each post; at least one of each kind."""

SOME_TIME = "2026-01-05T09:00:00.000Z"


class Trouble(NamedTuple):
    """One kind of broken record."""

    name: str
    format: int
    make: Callable[[int, int], bytes]
    """From a number that is different for each, and the moment."""


def _x_v2(number: int, at_us: int) -> dict[str, Any]:
    key = str(int(snowflakes(np.array([at_us]), np.array([number]))[0]))
    user = {"id": f"77{number}", "name": "Test", "username": f"test_{number}", "location": "the moon"}
    post = {
        "author_id": user["id"], "created_at": instants(np.array([at_us]), "s")[0] + ".000Z",
        "edit_history_tweet_ids": [key], "id": key, "lang": "en", "text": f"Something is wrong with this one, {number}.",
    }  # fmt: skip
    return {"data": post, "includes": {"users": [user]}}


def _x_v1(number: int, at_us: int) -> dict[str, Any]:
    key = int(snowflakes(np.array([at_us]), np.array([number]))[0])
    user = {
        "id": 77000 + number,
        "id_str": str(77000 + number),
        "name": "Test",
        "screen_name": f"test_{number}",
        "location": None,
    }
    return {
        "created_at": "Mon Jan 05 09:00:00 +0000 2026", "id": key, "id_str": str(key), "text": f"Something is wrong here, {number}.",
        "user": user, "lang": "en", "truncated": False, "timestamp_ms": str(at_us // 1000),
    }  # fmt: skip


def _jetstream(number: int, at_us: int, created: str) -> dict[str, Any]:
    key = tids(np.array([at_us]), np.array([number])).astype(str)[0]
    record = {
        "$type": "app.bsky.feed.post",
        "createdAt": created,
        "langs": ["en"],
        "text": f"My clock is wrong, {number}.",
    }
    commit = {
        "rev": key, "operation": "create", "collection": "app.bsky.feed.post", "rkey": key, "record": record,
        "cid": "bafyrei" + "a" * 52,
    }  # fmt: skip
    return {"did": "did:plc:" + "brokenclock" + "a" * 13, "time_us": at_us, "kind": "commit", "commit": commit}


def _mastodon(number: int, created: str) -> str:
    status = {
        "id": f"11582{number:013d}", "created_at": created, "in_reply_to_id": None, "visibility": "public", "language": "en",
        "uri": f"https://harbour.example/users/test/statuses/11582{number:013d}", "edited_at": None, "spoiler_text": "",
        "url": f"https://harbour.example/@test/11582{number:013d}", "content": f"<p>A strange date, {number}.</p>", "reblog": None,
        "account": {"id": "1", "username": "test", "acct": "test", "url": "https://harbour.example/@test",
                    "uri": "https://harbour.example/users/test", "note": "", "fields": []},
    }  # fmt: skip
    return json.dumps(status)


def _event(payload: str) -> bytes:
    return json.dumps({"stream": ["public"], "event": "update", "payload": payload}).encode()


def _without(record: dict[str, Any], *path: str) -> bytes:
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return json.dumps(record).encode()


def _with(record: dict[str, Any], value: Any, *path: str) -> bytes:
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(record).encode()


def _cut_short(number: int, at_us: int) -> bytes:
    return json.dumps(_x_v2(number, at_us)).encode()[: 150 + number % 60]


def _error_page(number: int, at_us: int) -> bytes:
    return (
        f"<html><head><title>503</title></head><body>No server is available ({number}, {at_us})</body></html>".encode()
    )


def _not_utf(number: int, at_us: int) -> bytes:
    return json.dumps(_x_v2(number, at_us)).encode().replace(b"Something", b"Some\xff\xfething")


def _lone_surrogate(number: int, at_us: int) -> bytes:
    return json.dumps(_x_v1(number, at_us)).encode().replace(b"Something", b"Some\\ud83dthing")


TROUBLES = (
    Trouble("cut short", X_V2, _cut_short),
    Trouble("error page", X_V2, _error_page),
    Trouble("not UTF-8", X_V2, _not_utf),
    Trouble("lone surrogate", X_V1, _lone_surrogate),
    Trouble("no id", X_V2, lambda number, at_us: _without(_x_v2(number, at_us), "data", "id")),
    Trouble("no author", MASTODON, lambda number, _: _event(_without(json.loads(_mastodon(number, SOME_TIME)), "account").decode())),
    Trouble("wrong type", X_V1, lambda number, at_us: _with(_x_v1(number, at_us), number, "text")),
    Trouble(
        "not on Earth", X_V2,
        lambda number, at_us: _with(
            _x_v2(number, at_us), {"coordinates": {"type": "Point", "coordinates": [512.0, 95.0]}}, "data", "geo"
        ),
    ),
    Trouble("before 2006", JETSTREAM, lambda number, at_us: json.dumps(_jetstream(number, at_us, "1970-01-01T00:00:00Z")).encode()),
    Trouble("after tomorrow", JETSTREAM, lambda number, at_us: json.dumps(_jetstream(number, at_us, "2099-12-31T23:59:59Z")).encode()),
    Trouble("no date", MASTODON, lambda number, _: _event(_mastodon(number, "yesterday"))),
    Trouble("payload not JSON", MASTODON, lambda number, _: _event(_mastodon(number, SOME_TIME)[:200])),
)  # fmt: skip


class Broken(NamedTuple):
    """One broken record."""

    trouble: str
    format: str
    record: bytes
    received_us: int
    again_us: int
    """When it is heard once more, or -1."""


def broken(random: np.random.Generator, posts: int, start_us: int, end_us: int) -> list[Broken]:
    """Make broken records, all different, spread over the evening; every tenth comes twice."""
    made = []
    for number in range(max(len(TROUBLES), round(BROKEN * posts))):
        trouble = TROUBLES[number % len(TROUBLES)]
        at_us = int(random.integers(start_us, end_us))
        again_us = at_us + int(random.integers(60_000_000, 600_000_000)) if number % 10 == 0 else -1
        made.append(Broken(trouble.name, FORMATS[trouble.format], trouble.make(number, at_us), at_us, again_us))
    return made
