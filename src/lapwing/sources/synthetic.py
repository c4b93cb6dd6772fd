"""The evening of the demo, for ever and now: people who do not exist say what never happened, on four networks.

Time is cut into evenings of six hours, each made from the seed and the time at which it begins. So everybody who has the
seed hears the same, and after a stop it goes on exactly where it was, as far back as the evening lasts.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lapwing.hearing import Source, SourceChunk, Surroundings

EVENING_HOURS = 6
EVENING_US = EVENING_HOURS * 3_600_000_000
LINES_AT_ONCE = 500
MADE_AT_ONCE = 2_000
WAIT_S = 5.0
SILENT_S = 900.0
"""An evening takes a while to make."""
HEARD_AT = b'"received_at":"'


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which people, and how much they say."""

    per_second: Annotated[
        float,
        Meta(
            ge=0.1,
            le=10,
            description="Posts a second, on average; there are more by day than by night, and edits besides.",
        ),
    ] = 1.0
    seed: Annotated[int, Meta(ge=0, le=1 << 30, description="Another seed makes other people and other evenings.")] = 7


class Cursor(msgspec.Struct, frozen=True):
    """The time of the last line, and how many lines of that very time were heard."""

    at_us: int
    lines: int


Line = tuple[int, bytes]


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Say every line when its time has come."""
    from lapwing.containers import recordings

    time = surroundings.time
    now_us = time.now_us()
    cursor = msgspec.json.decode(after, type=Cursor) if after else Cursor(now_us, 0)
    oldest_us = now_us - EVENING_US
    if cursor.at_us < oldest_us:
        cursor = Cursor(now_us, 0)
    coming, from_us = behind(lines(options, cursor.at_us), cursor), cursor.at_us
    waiting: list[Line] = []
    begun = False
    while True:
        if not waiting:
            waiting = await asyncio.to_thread(lambda: list(islice(coming, MADE_AT_ONCE)))
        now_us = time.now_us()
        due = next((row for row, (at_us, _) in enumerate(waiting) if at_us > now_us), len(waiting))
        some, waiting = waiting[: min(due, LINES_AT_ONCE)], waiting[min(due, LINES_AT_ONCE) :]
        for at_us, _ in some:
            cursor = Cursor(at_us, cursor.lines + 1 if at_us == cursor.at_us else 1)
        state: Literal["live", "back-filling"] = "back-filling" if due >= LINES_AT_ONCE else "live"
        all_said = bool(waiting) and waiting[0][0] > now_us
        to_us = now_us if all_said else cursor.at_us
        for records in recordings.decode([line for _, line in some]).records:
            yield SourceChunk(
                values=list(records.values), format=records.format, network=records.network,
                received_at_us=records.received_at_us, state=state,
            )  # fmt: skip
        yield SourceChunk(
            cursor=msgspec.json.encode(cursor).decode(), covered_from_us=None if begun else from_us, covered_to_us=to_us,
            state=state,
        )  # fmt: skip
        begun = True
        if all_said:
            await time.sleep(min((waiting[0][0] - now_us) / 1e6 + 0.05, WAIT_S))


def lines(options: Options, from_us: int) -> Iterator[Line]:
    """Every line from a time on, by the time at which it is heard; the last of an evening come while the next goes on."""
    begin_us = from_us // EVENING_US * EVENING_US
    before = _evening(options, begin_us - EVENING_US)
    while True:
        now = _evening(options, begin_us)
        end_us = begin_us + EVENING_US
        late: list[Line] = []
        for line in heapq.merge(before, now, key=lambda each: each[0]):
            if line[0] >= end_us:
                late.append(line)
            elif line[0] >= from_us:
                yield line
        before, begin_us = iter(late), end_us


def _evening(options: Options, begin_us: int) -> Iterator[Line]:
    """The lines of one evening, made while they are asked for."""
    from lapwing.demo import Options as Size
    from lapwing.demo import generate
    from lapwing.demo.scene import POSTS

    scale = options.per_second * EVENING_US / 1e6 / POSTS
    size = Size(scale=min(10.0, max(0.01, scale)), start_us=begin_us, hours=EVENING_HOURS)
    seed = options.seed * 1_000_003 + begin_us // EVENING_US
    for line in generate(seed, size).lines:
        yield _heard_us(line), line


def _heard_us(line: bytes) -> int:
    at = line.index(HEARD_AT) + len(HEARD_AT)
    return round(datetime.fromisoformat(line[at : line.index(b'"', at)].decode()).timestamp() * 1e6)


def behind(all_lines: Iterator[Line], cursor: Cursor) -> Iterator[Line]:
    """The lines after a cursor; several may be heard at the same time."""
    same = 0
    for line in all_lines:
        same += line[0] == cursor.at_us
        if line[0] > cursor.at_us or same > cursor.lines:
            yield line


SOURCE = Source(
    network="synthetic",
    format="recording",
    options=Options,
    read=read,
    resume="exact",
    silence_s=lambda _: SILENT_S,
    example="""
[[source]]
type = "synthetic"
per_second = 2.0
""",
)
