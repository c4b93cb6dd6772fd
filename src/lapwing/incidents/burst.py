"""Whether a place hears more of a kind of emergency than it always does: the same question for a village and a capital.

Ordinary talk brings some flagged posts too: a share of all posts, which differs from place to place. What is not known of
a place is filled in by a prior, and what is expected now follows from how much the place speaks now. With a Gamma prior
on the share and Poisson counts, the number of flagged voices among the posts of a window is negative binomial
(Gelman et al., Bayesian Data Analysis, 2.6; used for outbreaks by Neill, Moore and Cooper, 2006).
"""

from __future__ import annotations

import math

import msgspec

PRIOR_POSTS = 500.0
"""So many posts of ordinary talk the prior is worth: more than a village brings in a week, less than a capital in an hour."""
PRIOR_SHARE = 0.002
"""Of ordinary posts so many are flagged with one kind of emergency."""
HALF_LIFE_US = 3 * 86_400_000_000
WINDOW_US = 1_800_000_000
BIN_US = 300_000_000
BINS = WINDOW_US // BIN_US + 1
FORGET_POSTS = 0.5


class Rhythm(msgspec.Struct):
    """How much a place speaks, and how much of that was flagged and came to nothing."""

    posts: float = 0.0
    """Of the last days, each counting half as much after `HALF_LIFE_US`; without those of the present window."""
    flags: dict[int, float] = {}
    """By kind of emergency."""
    as_of_us: int = 0
    recent: dict[int, int] = {}
    """Posts by bin of five minutes, of the present window."""

    def hear(self, at_us: int, posts: int) -> None:
        """So many posts at a time."""
        number = at_us // BIN_US
        self.recent[number] = self.recent.get(number, 0) + posts

    def settle(self, now_us: int) -> None:
        """What left the present window becomes history; history fades."""
        passed_us = now_us - self.as_of_us
        if passed_us > 0:
            left = 0.5 ** (passed_us / HALF_LIFE_US) if self.as_of_us else 0.0
            self.posts *= left
            self.flags = {kind: flags * left for kind, flags in self.flags.items() if flags * left > 0.01}
            self.as_of_us = now_us
        first = now_us // BIN_US - BINS + 1
        for number in [each for each in self.recent if each < first]:
            self.posts += self.recent.pop(number)

    def now(self) -> int:
        """Posts of the present window."""
        return sum(self.recent.values())

    @property
    def forgettable(self) -> bool:
        """Whether nothing worth keeping is known."""
        return not self.recent and self.posts < FORGET_POSTS


def surprise(voices: int, posts: int, history: tuple[float, float]) -> float:
    """The probability that ordinary talk brings so many voices, or more, among so many posts; `history` is posts and flags."""
    if voices <= 0:
        return 1.0
    shape = PRIOR_POSTS * PRIOR_SHARE + history[1]
    rate = PRIOR_POSTS + history[0]
    return tail(voices, shape, rate / (rate + max(posts, voices)))


def tail(at_least: int, shape: float, success: float) -> float:
    """P(X ≥ at_least) of a negative binomial variable with mean shape·(1−success)/success."""
    failure = math.log1p(-success)
    log_term = at_least * failure + shape * math.log(success)
    log_term += math.lgamma(at_least + shape) - math.lgamma(shape) - math.lgamma(at_least + 1)
    mean = shape * (1 - success) / success
    if at_least <= mean:  # far from surprising: summing upwards would take long
        return 0.5
    total, term, number = 0.0, math.exp(max(log_term, -700.0)), at_least
    while term > 1e-16 * total and number < at_least + 10_000:
        total += term
        term *= (number + shape) / (number + 1) * (1 - success)
        number += 1
    return min(1.0, total)
