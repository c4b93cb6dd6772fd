"""Evenings as texts, through gate, classifier, incidents, rules and budget: a few of those that the benchmark measures."""

from __future__ import annotations

import sys

import pytest

from source_code import ROOT

sys.path.append(str(ROOT / "bench"))  # for these two alone: a folder of the tests is called as one of its files

from _evenings import BUILDING, MINUTE_US, START_US, Settings, evening
from evenings import measure, outcome, poisson_interval

sys.path.remove(str(ROOT / "bench"))

QUIET = Settings(places=6, happenings=(2, 2), decoys=(0, 0), pool=400)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_nobody_is_told_twice_or_more_often_than_the_budget_allows() -> None:
    found = measure(range(7_000, 7_012), BUILDING)
    for rule in found.values():
        assert (rule["twice"], rule["over_budget"]) == (0, 0)
    assert found["possible"]["events"] >= 20
    assert found["possible"]["ever"] >= found["possible"]["events"] * 0.7
    assert found["possible"]["false"] <= 6


@pytest.mark.full
def test_an_evening_is_the_same_for_the_same_seed_and_two_things_happen_in_it() -> None:
    one, again = evening(7_100, QUIET), evening(7_100, QUIET)
    assert one == again
    assert len(one.events) == 2
    assert all(START_US + 60 * MINUTE_US <= event.start_us <= START_US + 290 * MINUTE_US for event in one.events)
    assert [each.heard_us for each in one.heard] == sorted(each.heard_us for each in one.heard)
    assert outcome(one)["possible"].events <= 2


def test_the_interval_of_a_count_is_that_of_the_tables() -> None:
    low, high = poisson_interval(2)
    assert (round(low, 3), round(high, 3)) == (0.242, 7.225)  # Garwood, 1936
    assert poisson_interval(0)[0] == 0.0
    assert round(poisson_interval(0)[1], 3) == 3.689
