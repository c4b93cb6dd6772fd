"""Notes about listening, told to a ledger, and what it answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from house import House

from cli.running import status
from lapwing.app import answers
from lapwing.app.opening import AsOf
from lapwing.ledger.sqlite import listened
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.model import COVERAGE, WINDOW_US, Covered, Records

TEN_US = 1_717_236_000_000_000  # 2024-06-01T10:00:00Z
SECOND_US = 1_000_000
LATER_US = TEN_US + 86_400 * SECOND_US

Kind = Literal["heard", "gap", "began", "ended"]


def at(second: float) -> int:
    """So many seconds after ten."""
    return TEN_US + int(second * SECOND_US)


def note(
    kind: Kind, source: str, low: float, high: float | None = None, reason: str = "", live: bool = True
) -> Covered:
    return Covered(source, "mastodon", at(low), at(low if high is None else high), kind, reason, live)


def tell(house: House, *notes: Covered, at_once: int = 2) -> None:
    """Put notes into the log, a few at a time, and let a worker save them."""
    append(house, notes, at_once)
    house.work()


def append(house: House, notes: tuple[Covered, ...] | list[Covered], at_once: int) -> None:
    now_us = house.clock.now_us()
    for start in range(0, len(notes), at_once):
        some = notes[start : start + at_once]
        values = [msgspec.json.encode(each) for each in some]
        records = Records(
            source=some[0].source, network="mastodon", format="", values=values, received_at_us=[now_us] * len(values)
        )
        house.log.append(COVERAGE, records, now_us=now_us - 10 * SECOND_US)


def post(house: House, source: str, *seconds: int) -> None:
    """Posts of a source, made so many seconds after ten."""
    append_posts(house, source, seconds, house.clock.now_us() - 10 * SECOND_US)
    house.work()


def append_posts(house: House, source: str, seconds: tuple[int, ...], appended_us: int) -> None:
    values = [status(second, uri=f"https://a.example/{source}/{second}") for second in seconds]
    records = Records(
        source=source,
        network="mastodon",
        format="mastodon",
        values=values,
        received_at_us=[at(each) for each in seconds],
    )
    house.log.append("raw.mastodon", records, now_us=appended_us)


def windows(house: House, now_us: int = LATER_US, *, filters: Filters = Filters()) -> list[dict[str, Any]]:  # noqa: B008
    wanted = answers.Wanted(WINDOW_US, "none")
    return answers.counts(house.ledger.store, filters, wanted, AsOf(now_us, now_us))


def shares(house: House, now_us: int = LATER_US) -> dict[str, float | None]:
    return {row["window"][11:16]: row["complete"] for row in windows(house, now_us)}


def gaps(row: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(gap["source"], gap["from"][11:19], gap["to"][11:19], gap["reason"]) for gap in row["gaps"]]


def heard_spans(house: House, source: str) -> list[tuple[int, int]]:
    return house.ledger.store.connection.execute(
        "SELECT from_us, to_us FROM coverage WHERE source = (SELECT id FROM sources WHERE name = ?) ORDER BY 1",
        (source,),
    ).fetchall()


def known(house: House, source: str, now_us: int = LATER_US) -> listened.Source:
    (found,) = listened.sources(house.ledger.store, Filters(sources=(source,)), (0, LATER_US), now_us)
    return found
