"""How good answers are, with intervals: posts of one event resemble each other, so that events are drawn, not posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

BOOTSTRAPS = 1_000
BINS = 10

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Answers(msgspec.Struct, frozen=True):
    """What is true of posts, and what was said."""

    labels: NDArray[np.int8]
    probability: Numbers
    said: Flags
    """Whether they count as emergencies."""
    events: NDArray[np.int64]
    """What is drawn; posts of their own where there are no events."""


def macro_f_score(labels: NDArray[np.int8], said: Flags) -> float:
    """The mean of the F1 of both classes."""
    yes = labels == 1
    return float(np.mean([_f_score(yes, said), _f_score(~yes, ~said)]))


def _f_score(true: Flags, said: Flags) -> float:
    both = int((true & said).sum())
    return 2 * both / max(int(true.sum()) + int(said.sum()), 1)


def precision(labels: NDArray[np.int8], said: Flags) -> float:
    """The share of emergencies among what was called one; 0 where nothing was."""
    return float((labels[said] == 1).mean()) if said.any() else 0.0


def recall(labels: NDArray[np.int8], said: Flags) -> float:
    """The share of emergencies that were called so; 0 where there are none."""
    return float(said[labels == 1].mean()) if (labels == 1).any() else 0.0


def calibration_error(labels: NDArray[np.int8], probability: Numbers) -> float:
    """Expected calibration error over ten bins of equal width (Guo et al. 2017)."""
    return float(
        sum(row["posts"] * abs(row["said"] - row["was"]) for row in reliability(labels, probability)) / len(labels)
    )


def reliability(labels: NDArray[np.int8], probability: Numbers) -> list[dict[str, Any]]:
    """For each tenth of probability that has posts: how many, what was said on average, and what was true."""
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "from": number / BINS,
            "posts": int((bins == number).sum()),
            "said": float(probability[bins == number].mean()),
            "was": float((labels[bins == number] == 1).mean()),
        }
        for number in np.unique(bins).tolist()
    ]


MEASURES: dict[str, Callable[[NDArray[np.int8], Flags], float]] = {
    "macro_f1": macro_f_score,
    "precision": precision,
    "recall": recall,
}


def measure(answers: Answers, seed: int) -> dict[str, Any]:
    """Macro-F1, precision and recall with 95 % intervals, calibration error, and how many posts and events."""
    result: dict[str, Any] = {"posts": len(answers.labels), "events": len(np.unique(answers.events))}
    drawn = _drawn(answers.events, np.random.default_rng(seed))
    for name, function in MEASURES.items():
        values = [function(answers.labels[rows], answers.said[rows]) for rows in drawn]
        low, high = np.quantile(values, [0.025, 0.975]).tolist()
        result[name] = {"value": function(answers.labels, answers.said), "low": low, "high": high}
    result["calibration_error"] = calibration_error(answers.labels, answers.probability)
    result["reliability"] = reliability(answers.labels, answers.probability)
    return result


def _drawn(events: NDArray[np.int64], chance: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of samples of events, drawn with replacement; of posts where there is one event."""
    names, place = np.unique(events, return_inverse=True)
    if len(names) == 1:
        return [chance.integers(0, len(events), len(events)) for _ in range(BOOTSTRAPS)]
    order = np.argsort(place, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(place))[:-1])
    return [
        np.concatenate([members[each] for each in chance.integers(0, len(names), len(names))])
        for _ in range(BOOTSTRAPS)
    ]


def calibrated(totals: Numbers, labels: NDArray[np.int8]) -> tuple[float, float]:
    """Slope and shift that turn sums into probabilities (Platt, 1999), by Newton's method."""
    slope, shift = 1.0, 0.0
    yes, no = int((labels == 1).sum()), int((labels != 1).sum())
    target = np.where(labels == 1, (yes + 1) / (yes + 2), 1 / (no + 2))
    ones = np.stack([totals, np.ones_like(totals)], axis=1)
    for _ in range(50):
        said = 1 / (1 + np.exp(-(slope * totals + shift)))
        gradient = ones.T @ (said - target)
        curvature = (ones * (said * (1 - said))[:, None]).T @ ones + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        slope, shift = slope - float(step[0]), shift - float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    return slope, shift


def best_threshold(labels: NDArray[np.int8], probability: Numbers) -> float:
    """The hundredth at which macro-F1 is highest, the lowest of equals."""
    steps = np.arange(20, 81) / 100
    return float(steps[int(np.argmax([macro_f_score(labels, probability >= step) for step in steps]))])
