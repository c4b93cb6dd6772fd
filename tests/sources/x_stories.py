"""X and who listens to it, for the stories in `test_x*.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from lapwing import catalog
from lapwing.hearing import SourceChunk, Surroundings
from lapwing.model import Records
from lapwing.testing.networks import XFake
from sources.hearing import HurriedTime, Room

SOURCE = catalog.load("sources", "x")
NAME = "x.town"
SPEED = 60.0
DEADLINE_S = 30.0
STREAM, RULES, SEARCH = "/2/tweets/search/stream", "/2/tweets/search/stream/rules", "/2/tweets/search/recent"


@contextmanager
def network(tmp_path: Path, speed: float = SPEED, **words: Any) -> Iterator[tuple[Room, XFake]]:
    """A log and an X whose clocks run equally fast."""
    room = Room(tmp_path, speed)
    with XFake(now_us=room.time.now_us, **({"seed": 1} | words)) as fake:
        fake.keep_alive_s = (
            5.0 / speed
        )  # more often than the real one, so that a slow machine does not break connections
        yield room, fake


def options(fake: XFake, **words: Any) -> Any:
    """How a story listens: to what speaks of a flood."""
    return SOURCE.options(**({"token": "x-token", "url": fake.url, "rules": ["flood"]} | words))


def uids(values: list[bytes]) -> list[str]:
    """What the records are about, as the format reads them."""
    records = Records(
        source=NAME, network="x", format="x_v2", values=values, received_at_us=[4_000_000_000_000_000] * len(values)
    )
    decoded = catalog.load("formats", "x_v2").decode(records)
    return [str(uid) for uid in decoded.posts["uid"]]


def asked(fake: XFake, path: str, method: str = "GET") -> int:
    """How often something was asked for."""
    return sum(each.path == path and each.method == method for each in fake.requests)


def surroundings_of(made: Any, time: HurriedTime) -> Surroundings:
    """What `read` is handed where no engine runs."""
    return Surroundings(
        name=NAME, time=time, chance=Random(1), options=made, changed=asyncio.Event(), shared={}
    )  # fmt: skip


def chunks_until(
    made: Any, after: str, time: HurriedTime, enough: Callable[[list[SourceChunk]], bool]
) -> list[SourceChunk]:
    """What `read` yields until it is enough."""

    async def run() -> list[SourceChunk]:
        surroundings = surroundings_of(made, time)
        found: list[SourceChunk] = []
        try:
            async with asyncio.timeout(DEADLINE_S), aclosing(SOURCE.read(made, after, surroundings)) as chunks:
                async for chunk in chunks:
                    found.append(chunk)
                    if enough(found):
                        return found
        finally:
            for shared in surroundings.shared.values():
                await shared.close()
        return found

    return asyncio.run(run())


def values_of(chunks: list[SourceChunk]) -> list[bytes]:
    """All records of some chunks."""
    return [value for chunk in chunks for value in chunk.values]
