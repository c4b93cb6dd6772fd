"""The demo's evening, for ever and now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Any

import pytest

from lapwing import catalog
from lapwing.hearing import SourceChunk
from lapwing.model import Records
from lapwing.sources import synthetic
from sources.hearing import HurriedTime
from sources.held import chunks_until, values_of

SOURCE = catalog.load("sources", "synthetic")
NOON_US = 1_795_348_800_000_000
"""2026-11-22T12:00:00Z, when an evening begins."""
HOUR_US = 3_600_000_000


def read(time: HurriedTime, count: int, after: str = "", **words: Any) -> list[SourceChunk]:
    made = SOURCE.options(**({"per_second": 0.1} | words))
    return chunks_until(
        SOURCE, made, after, time, lambda chunks: len(values_of(chunks)) >= count and bool(chunks[-1].cursor)
    )


@pytest.fixture(scope="module")
def heard() -> tuple[list[SourceChunk], int]:
    """What is said from one o'clock on, and until when; to make an evening takes a while."""
    time = HurriedTime(3000.0, NOON_US + HOUR_US)
    chunks = read(time, 150, json.dumps({"at_us": NOON_US + HOUR_US, "lines": 0}))
    return chunks, time.now_us()


def test_four_networks_speak_at_the_present_time(heard: tuple[list[SourceChunk], int]) -> None:
    chunks, now_us = heard
    spoken = [chunk for chunk in chunks if chunk.values]
    assert {(chunk.network, chunk.format) for chunk in spoken} == {
        ("x", "x_v2"), ("x", "x_v1"), ("bluesky", "jetstream"), ("mastodon", "mastodon"),
    }  # fmt: skip
    posts = 0
    for chunk in spoken:
        assert all(NOON_US + HOUR_US <= at_us <= now_us for at_us in chunk.received_at_us or ())
        records = Records(
            source="s", network=str(chunk.network), format=str(chunk.format), values=list(chunk.values),
            received_at_us=list(chunk.received_at_us or ()),
        )  # fmt: skip
        posts += catalog.load("formats", str(chunk.format)).decode(records).posts.height
    assert posts > 80


def test_from_every_cursor_the_same_goes_on(heard: tuple[list[SourceChunk], int]) -> None:
    whole, (chunks, _) = [line for _, line in _first(2000)], heard
    cursors = [chunk for chunk in chunks if chunk.cursor]
    for chunk in cursors[:: max(1, len(cursors) // 2)]:
        upto = chunks[: chunks.index(chunk) + 1]
        before = len(values_of(upto))
        then = HurriedTime(3000.0, json.loads(str(chunk.cursor))["at_us"])
        again = read(then, 20, str(chunk.cursor))
        expected = sorted(_records(whole[before : before + len(values_of(again))]))
        assert sorted(values_of(again)) == expected
        first = next(each for each in again if each.covered_to_us)
        assert first.covered_from_us is not None
        assert first.covered_from_us <= (chunk.covered_to_us or 0) + 1


def _first(count: int) -> list[tuple[int, bytes]]:
    made = SOURCE.options(per_second=0.1)
    return list(islice(synthetic.lines(made, NOON_US + HOUR_US), count))


def _records(lines: list[bytes]) -> list[bytes]:
    from lapwing.containers import recordings

    return [value for records in recordings.decode(lines).records for value in records.values]


def test_lines_of_the_same_time_are_told_apart_by_their_number() -> None:
    told = [(5, b"a"), (7, b"b"), (7, b"c"), (7, b"d"), (9, b"e")]
    rest = {n: [line for _, line in synthetic.behind(iter(told), synthetic.Cursor(7, n))] for n in (0, 1, 3)}
    assert rest == {0: [b"b", b"c", b"d", b"e"], 1: [b"c", b"d", b"e"], 3: [b"e"]}


def test_evenings_follow_one_another_and_the_late_ones_come_in_between() -> None:
    made = SOURCE.options(per_second=0.1)
    end_us = NOON_US + 6 * HOUR_US
    whole = _upto(synthetic.lines(made, end_us - HOUR_US), end_us + HOUR_US)
    times = [at_us for at_us, _ in whole]
    assert [line for line in whole if line[0] >= end_us] == _upto(synthetic.lines(made, end_us), end_us + HOUR_US)
    assert times == sorted(times)
    assert min(times) >= end_us - HOUR_US
    assert sum(at_us < end_us for at_us in times) > 100
    assert sum(at_us > end_us for at_us in times) > 100


def _upto(lines: Iterator[synthetic.Line], end_us: int) -> list[synthetic.Line]:
    return list(takewhile(lambda line: line[0] <= end_us, lines))


def test_after_a_longer_stop_it_goes_on_now_and_what_was_said_meanwhile_is_not_claimed() -> None:
    time = HurriedTime(3000.0, NOON_US + HOUR_US)
    old = json.dumps({"at_us": NOON_US - 24 * HOUR_US, "lines": 1})
    chunks = read(time, 5, old)
    assert chunks[-1].covered_to_us is not None
    first = next(each for each in chunks if each.covered_to_us)
    assert first.covered_from_us is not None
    assert first.covered_from_us >= NOON_US + HOUR_US


def test_another_seed_makes_other_evenings(heard: tuple[list[SourceChunk], int]) -> None:
    other = values_of(read(HurriedTime(3000.0, NOON_US + HOUR_US), 20, seed=8))
    assert not set(other) & set(values_of(heard[0]))
