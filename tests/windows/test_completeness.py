"""How complete windows are, with numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lapwing.windows.completeness import (
    NEVER,
    Listening,
    Spans,
    common,
    complete,
    covered_us,
    merged,
    outside,
    pieces,
    spans_of,
    without,
)


def spans(*pairs: tuple[int, int]) -> Spans:
    return spans_of(pairs)


def shares(sources: list[Listening], *windows: tuple[int, int]) -> list[float | None]:
    return complete(sources, *spans_of(windows).T)


@pytest.mark.parametrize(
    ("given", "within_us", "expected"),
    [
        ([], 0, []),
        ([(5, 5)], 9, []),
        ([(20, 30), (0, 10)], 0, [[0, 10], [20, 30]]),
        ([(10, 20), (0, 10)], 0, [[0, 20]]),
        ([(0, 10), (2, 3), (9, 12)], 0, [[0, 12]]),
        ([(0, 10), (13, 20), (24, 30)], 3, [[0, 20], [24, 30]]),
        ([(0, 100), (10, 20), (101, 110)], 0, [[0, 100], [101, 110]]),
    ],
)
def test_spans_are_joined(given: list[tuple[int, int]], within_us: int, expected: list[list[int]]) -> None:
    assert merged(spans_of(given), within_us).tolist() == expected


def test_what_is_in_both_and_what_is_left() -> None:
    one, other = spans((0, 10), (20, 30)), spans((5, 22), (24, 26), (30, 40))
    assert common(one, other).tolist() == [[5, 10], [20, 22], [24, 26]]
    assert without(one, other).tolist() == [[0, 5], [22, 24], [26, 30]]
    assert without(one, NEVER).tolist() == [[0, 10], [20, 30]]
    assert common(NEVER, other).tolist() == common(one, NEVER).tolist() == []


def test_of_spans_that_overlap_each_is_cut_by_itself() -> None:
    rows, parts = pieces(spans((0, 10), (2, 6), (3, 5)), outside(spans((3, 5))))
    assert rows.tolist() == [0, 0, 1, 1]
    assert parts.tolist() == [[0, 3], [5, 10], [2, 3], [5, 6]]


def test_how_much_of_windows_is_covered() -> None:
    starts, ends = np.array([0, 3, 10, 12, 40]), np.array([100, 22, 20, 13, 50])
    assert covered_us(spans((0, 10), (20, 30)), starts, ends).tolist() == [20, 9, 0, 0, 0]


def test_thirty_seconds_of_five_minutes_missed_by_the_one_that_says_three_of_four() -> None:
    five_minutes = spans((0, 300))
    talker = Listening(five_minutes, spans((0, 120), (150, 300)), NEVER, 3)
    other = Listening(five_minutes, five_minutes, NEVER, 1)
    assert shares([talker, other], (0, 300)) == [0.925]  # 1 - 3/4 · 30/300
    assert shares([other], (0, 300)) == [1.0]
    assert shares([talker], (0, 300), (100, 150), (120, 150)) == [0.9, 0.4, 0.0]


def test_only_duty_counts() -> None:
    late = Listening(spans((200, 300)), spans((0, 250)), NEVER, 1)
    always = Listening(spans((0, 300)), spans((0, 150)), NEVER, 1)
    assert shares([late], (0, 200), (0, 300), (150, 225)) == [None, 0.5, 1.0]
    assert shares([late, always], (0, 300)) == [0.5]  # (50 + 150) of (100 + 300)
    assert shares([], (0, 300)) == [None]


def test_where_somebody_spoke_of_whom_nobody_knows_it_is_unknown() -> None:
    unknown = Listening(NEVER, NEVER, spans((100, 101)), 5)
    heard = Listening(spans((0, 300)), spans((0, 300)), NEVER, 1)
    assert shares([unknown, heard], (0, 100), (100, 200), (101, 300)) == [1.0, None, 1.0]


def test_one_means_that_nothing_is_missing() -> None:
    nearly = Listening(spans((0, 1_000_000)), spans((1, 1_000_000)), NEVER, 1)
    assert shares([nearly], (0, 1_000_000), (1, 1_000_000)) == [0.9999, 1.0]
