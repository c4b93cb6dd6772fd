"""What weights say of events that they were not trained on: each event is left out once, with all that was written of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from lapwing.learning.fitting import Examples, Numbers, fit, totals
from lapwing.learning.measuring import Answers, best_threshold, calibrated

Flags = NDArray[np.bool_]


class LeftOut(msgspec.Struct, frozen=True):
    """The sums of posts, each by weights from the other events."""

    rows: NDArray[np.int64]
    """The posts of the main set, as they stand among the examples."""
    totals: Numbers
    events: NDArray[np.int64]
    labels: NDArray[np.int8]


class Scale(msgspec.Struct, frozen=True):
    """How sums become probabilities and decisions."""

    slope: float
    shift: float
    threshold: float

    def probability(self, sums: Numbers) -> Numbers:
        """The logistic function of slope times sum and shift."""
        result: Numbers = 1 / (1 + np.exp(-(self.slope * sums + self.shift)))
        return result


def leave_one_event_out(examples: Examples, seed: int, told: Callable[[str], None]) -> LeftOut:
    """Sums for the main set; `told` hears the name of each event as its turn comes. Wants two events at least."""
    main = examples.origins == 0
    events = np.unique(examples.events[main])
    if len(events) < 2:
        message = "to leave one event out, there must be two"
        raise ValueError(message)
    sums = np.full(len(main), np.nan)
    for event in events.tolist():
        told(examples.event_names[event])
        out = examples.events == event
        sums[main & out] = totals(examples, fit(examples, ~out, seed), main & out)
    rows = np.flatnonzero(main)
    return LeftOut(rows, sums[rows], examples.events[rows], examples.labels[rows])


def scale_of(left_out: LeftOut, passed: Flags) -> Scale:
    """Calibration and threshold by posts that passed the gate; macro-F1 counts those that did not as a no."""
    slope, shift = calibrated(left_out.totals[passed], left_out.labels[passed])
    probability = Scale(slope, shift, 0.5).probability(left_out.totals)
    return Scale(slope, shift, best_threshold(left_out.labels, np.where(passed, probability, 0.0)))


def answers_of(left_out: LeftOut, passed: Flags) -> Answers:
    """What would have been said of each event, with calibration and threshold from the other events too."""
    probability = np.zeros(len(left_out.totals))
    said = np.zeros(len(left_out.totals), dtype=np.bool_)
    for event in np.unique(left_out.events).tolist():
        own = left_out.events == event
        others = LeftOut(left_out.rows[~own], left_out.totals[~own], left_out.events[~own], left_out.labels[~own])
        scale = scale_of(others, passed[~own])
        probability[own] = scale.probability(left_out.totals[own])
        said[own] = probability[own] >= scale.threshold
    return Answers(left_out.labels, probability, said, left_out.events)
