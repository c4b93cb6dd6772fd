"""A Mastodon server and who listens to it, for the stories in `test_mastodon*.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lapwing import catalog
from lapwing.testing.networks import MastodonFake
from sources.hearing import HurriedTime, Room
from sources.held import held, values_of

SOURCE = catalog.load("sources", "mastodon")
SPEED = 60.0
MINUTE_US = 60_000_000
PUBLIC = "/api/v1/timelines/public"


def options(fake: MastodonFake, **words: Any) -> Any:
    return SOURCE.options(**({"url": fake.url} | words))


@contextmanager
def network(speed: float = SPEED, **words: Any) -> Iterator[tuple[HurriedTime, MastodonFake]]:
    """A server whose clock is the listener's."""
    time = HurriedTime(speed)
    with MastodonFake(seed=1, now_us=time.now_us, **words) as fake:
        fake.thump_s = 15.0 / speed
        yield time, fake


@contextmanager
def room_and_network(tmp_path: Path, speed: float = SPEED, **words: Any) -> Iterator[tuple[Room, MastodonFake]]:
    room = Room(tmp_path, speed)
    with MastodonFake(**({"seed": 1, "now_us": room.time.now_us} | words)) as fake:
        fake.thump_s = 15.0 / speed
        yield room, fake


def heard(*uids: str) -> Any:
    return lambda chunks: set(uids) <= set(uids_of(values_of(chunks)))


def uids_of(values: list[bytes]) -> list[str]:
    found = []
    for value in values:
        event = json.loads(value)
        payload = event["payload"] if event["event"] == "delete" else json.loads(event["payload"])
        found.append(payload if event["event"] == "delete" else payload["uri"])
    return found


def holds(room: Room, *uids: str) -> Any:
    return lambda: set(uids) <= set(held(SOURCE, room.values()).posts)


def asked(fake: MastodonFake, path: str = PUBLIC) -> list[dict[str, list[str]]]:
    return [each.query for each in fake.requests if each.path == path]
