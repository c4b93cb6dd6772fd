"""X and who listens to it, for the stories in `test_x*.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lapwing import catalog
from lapwing.model import Records
from lapwing.testing.networks import XFake
from sources.hearing import Room

SOURCE = catalog.load("sources", "x")
NAME = "x.town"
SPEED = 60.0
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
