"""Measures, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lapwing.learning.measuring import (
    Answers,
    best_threshold,
    calibrated,
    calibration_error,
    macro_f_score,
    measure,
    precision,
    recall,
    reliability,
)

LABELS = np.array([1, 1, 1, 0, 0], dtype=np.int8)
SAID = np.array([True, True, False, True, False])


def test_the_three_measures_of_five_posts() -> None:
    assert precision(LABELS, SAID) == pytest.approx(2 / 3)
    assert recall(LABELS, SAID) == pytest.approx(2 / 3)
    assert macro_f_score(LABELS, SAID) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert precision(LABELS, np.zeros(5, dtype=np.bool_)) == 0.0


def test_calibration_error_weighs_each_tenth_by_its_posts() -> None:
    probability = np.array([0.95, 0.95, 0.95, 0.95, 0.05])
    assert calibration_error(LABELS, probability) == pytest.approx(0.8 * abs(0.95 - 0.75) + 0.2 * 0.05)
    assert [(row["from"], row["posts"], row["was"]) for row in reliability(LABELS, probability)] == [
        (0.0, 1, 0.0),
        (0.9, 4, 0.75),
    ]


def test_the_interval_is_wide_where_events_differ_and_closed_where_they_are_alike() -> None:
    labels = np.array([1, 0] * 20, dtype=np.int8)
    events = np.repeat(np.arange(4), 10)
    right = labels == 1
    alike = measure(Answers(labels, right.astype(float), right, events), 7)
    assert alike["macro_f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    mixed = np.where(events == 0, ~right, right)
    torn = measure(Answers(labels, mixed.astype(float), mixed, events), 7)
    assert torn["macro_f1"]["value"] == pytest.approx(0.75)
    assert torn["macro_f1"]["low"] <= 0.5
    assert torn["macro_f1"]["high"] == 1.0
    assert torn == measure(Answers(labels, mixed.astype(float), mixed, events), 7)


def test_sums_become_the_shares_that_were_true() -> None:
    sums = np.repeat([-1.0, 1.0], 1000)
    labels = np.concatenate([np.arange(1000) < 250, np.arange(1000) < 750]).astype(np.int8)
    slope, shift = calibrated(sums, labels)
    assert slope == pytest.approx(np.log(3), abs=0.01)
    assert shift == pytest.approx(0.0, abs=0.01)


def test_the_threshold_is_the_lowest_of_the_best() -> None:
    assert best_threshold(LABELS, np.array([0.9, 0.8, 0.6, 0.4, 0.3])) == 0.41
