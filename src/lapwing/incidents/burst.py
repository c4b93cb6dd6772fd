"""Whether a place hears more of a kind of emergency than it always does: the same question for a village and a capital.

Ordinary talk brings some flagged posts too: a share of all posts, which differs from place to place. What is not known of
a place is filled in by a prior, and what is expected now follows from how much the place speaks now. With a Gamma prior
on the share and Poisson counts, the number of flagged voices among the posts of a window is negative binomial
(Gelman et al., Bayesian Data Analysis, 2.6; used for outbreaks by Neill, Moore and Cooper, 2006).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

PRIOR_POSTS = 150.0
"""So many posts of ordinary talk the prior is worth: more than a village brings in a day, less than a capital in an hour."""
PRIOR_SHARE = 0.002
"""Of ordinary posts so many are flagged with one kind of emergency, before anything is known."""
SHARE_MIN, SHARE_MAX = PRIOR_SHARE / 4, 0.02
"""No less and no more than this is expected of a place because of others; of more it must itself have told."""
FOUNDING = 0.5
"""A voice with which a happening began counts so much of one that joined."""
PRIOR_FLAGS_MAX = 4.0
"""What other places say of a place is worth no more than so many flagged voices: places differ by half."""
HALF_LIFE_US = 3 * 86_400_000_000
WINDOW_US = 1_800_000_000
BIN_US = 300_000_000
BINS = WINDOW_US // BIN_US + 1
SUDDEN_US = 600_000_000
"""A shorter window beside the first: what comes all at once stands out of much talk."""
SUDDEN_BINS = SUDDEN_US // BIN_US + 1
FORGET_POSTS = 0.5
PRECISION, FRACTION_MAX, TINY = 1e-13, 1_000, 1e-300
STRANGE_US = 2 * WINDOW_US
STRANGE_SHARE = 0.4
"""At a place that was first heard less than `STRANGE_US` ago it is news when so many of all posts tell of it."""
WORLD = -1
"""Under this number all places together are kept, and each country under one below it."""


class Rhythm(msgspec.Struct):
    """How much a place speaks, and how much of that was flagged without being confirmed."""

    posts: float = 0.0
    """Of the last days, each counting half as much after `HALF_LIFE_US`; without those of the present window."""
    flags: dict[int, float] = {}
    """By kind of emergency: voices that are of no confirmed incident."""
    joins: dict[int, float] = {}
    """Those of them that joined others, see `FOUNDING`; without those of the present window, of which nobody knows yet."""
    fresh: dict[int, dict[int, float]] = {}
    """Those of the present window, by kind and bin of five minutes."""
    as_of_us: int = 0
    first_us: int = 0
    """When the place was heard first."""
    country: str = ""
    """Where it is, as far as flagged posts said."""
    recent: dict[int, int] = {}
    """Posts by bin of five minutes, of the present window."""
    echoes: dict[int, int] = {}
    """Echoes (`echoes.py`) by bin of five minutes, of the present window, whatever they are of: a crowd speaks of many things."""
    echoed: float = 0.0
    """Those of the last days, faded as `posts` are."""

    def hear(self, at_us: int, posts: int) -> None:
        """So many posts at a time."""
        number = at_us // BIN_US
        self.recent[number] = self.recent.get(number, 0) + posts
        self.first_us = min(self.first_us or at_us, at_us)

    def flag(self, kind: int, voices: float, joins: float, at_us: int = 0) -> None:
        """Count flagged voices of a kind at a time, and those that joined others, or take them back."""
        self.flags[kind] = max(0.0, self.flags.get(kind, 0.0) + voices)
        number = at_us // BIN_US
        kept = self.fresh.setdefault(kind, {}) if number > self.as_of_us // BIN_US - BINS else self.joins
        place = number if kept is not self.joins else kind
        kept[place] = max(0.0, kept.get(place, 0.0) + joins)

    def echo(self, at_us: int) -> None:
        """Count a flagged post that speaks of something else than what happens now."""
        number = at_us // BIN_US
        self.echoes[number] = self.echoes.get(number, 0) + 1

    def echoing(self) -> float:
        """How many more echoes the present window has than the place always has, beyond chance (2 σ)."""
        if not self.echoes:
            return 0.0
        expected = self.echoed * self.now() / max(self.posts, PRIOR_POSTS)
        return max(0.0, sum(self.echoes.values()) - expected - 2 * math.sqrt(expected))

    def unhear(self, at_us: int) -> None:
        """Take one post of the present window back; one that is history stays."""
        number = at_us // BIN_US
        if self.recent.get(number, 0) > 0:
            self.recent[number] -= 1

    def settle(self, now_us: int) -> None:
        """What left the present window becomes history; history fades."""
        passed_us = now_us - self.as_of_us
        if passed_us > 0:
            left = 0.5 ** (passed_us / HALF_LIFE_US) if self.as_of_us else 0.0
            self.posts *= left
            self.flags = {kind: flags * left for kind, flags in self.flags.items() if flags * left > 0.01}
            self.joins = {kind: joins * left for kind, joins in self.joins.items() if joins * left > 0.01}
            self.echoed *= left
            self.as_of_us = now_us
        first = now_us // BIN_US - BINS + 1
        for number in [each for each in self.recent if each < first]:
            self.posts += self.recent.pop(number)
        for kind, bins in self.fresh.items():
            for number in [each for each in bins if each < first]:
                self.joins[kind] = self.joins.get(kind, 0.0) + bins.pop(number)
        if self.echoes:
            for number in [each for each in self.echoes if each < first]:
                self.echoed += self.echoes.pop(number)

    def now(self, bins: int = BINS) -> int:
        """Posts of the last bins of the present window."""
        if bins >= BINS:
            return sum(self.recent.values())
        first = self.as_of_us // BIN_US - bins + 1
        return sum(posts for number, posts in self.recent.items() if number >= first)

    @property
    def forgettable(self) -> bool:
        """Whether nothing worth keeping is known."""
        return not self.recent and self.posts < FORGET_POSTS


def country_key(country: str) -> int:
    """The number under which a country's places together are kept; two letters."""
    return WORLD - 1 - 26 * (ord(country[0]) - 65) - (ord(country[1]) - 65)


def together(rhythms: Mapping[int, Rhythm]) -> dict[int, Rhythm]:
    """All places, and those of each country, as one rhythm each."""
    found: dict[int, Rhythm] = {WORLD: Rhythm()}
    by_country: dict[str, tuple[Rhythm, ...]] = {}
    for area, rhythm in rhythms.items():
        if area < 0:
            continue
        country = rhythm.country
        if country not in by_country:
            keys = (WORLD, country_key(country)) if _named(country) else (WORLD,)
            by_country[country] = tuple(found.setdefault(key, Rhythm()) for key in keys)
        for all_ in by_country[country]:
            all_.posts += rhythm.posts
            for kind, joins in rhythm.joins.items():
                all_.joins[kind] = all_.joins.get(kind, 0.0) + joins
    return found


def ordinary(rhythms: Mapping[int, Rhythm], area: int, kind: int) -> tuple[float, float]:
    """What is to be expected of a place before it is asked itself: voices of a kind that join others, in so many posts.

    The share is that of the other places of its country, which is shrunk to that of other countries, and that to the prior.
    """
    own, world = rhythms.get(area, _NOTHING), rhythms.get(WORLD, _NOTHING)
    country = rhythms.get(country_key(own.country), _NOTHING) if _named(own.country) else _NOTHING
    share = PRIOR_SHARE
    for all_, part in ((world, country if country.posts else own), (country, own)):
        if all_.posts:
            flags = max(0.0, all_.joins.get(kind, 0.0) - part.joins.get(kind, 0.0))
            posts = max(0.0, all_.posts - part.posts)
            share = (share * PRIOR_POSTS + flags) / (PRIOR_POSTS + posts)
    share = min(max(share, SHARE_MIN), SHARE_MAX)
    flags = min(share * PRIOR_POSTS, PRIOR_FLAGS_MAX)
    return flags, flags / share


def _named(country: str) -> bool:
    return len(country) == 2 and country.isascii() and country.isupper()


_NOTHING = Rhythm()


def surprise(voices: int, posts: int, history: tuple[float, float]) -> float:
    """The probability that ordinary talk brings so many voices, or more, among so many posts; `history` is posts and flags,
    those that are expected beforehand among them.
    """
    if voices <= 0:
        return 1.0
    rate, shape = history
    return tail(voices, shape, rate / (rate + max(posts, voices)))


def tail(at_least: int, shape: float, success: float) -> float:
    """P(X ≥ at_least) of a negative binomial variable with mean shape·(1−success)/success."""
    failure = math.log1p(-success)
    log_term = at_least * failure + shape * math.log(success)
    log_term += math.lgamma(at_least + shape) - math.lgamma(shape) - math.lgamma(at_least + 1)
    if at_least <= shape * (1 - success) / success:  # far from surprising: the fraction would be long
        return 0.5
    return min(1.0, math.exp(max(log_term, -700.0)) * _fraction(float(at_least), shape, 1 - success))


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes, 6.4)."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, FRACTION_MAX):
        even = m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m))
        for step in (even, odd):
            d, c = 1 / _away(1 + step * d), _away(1 + step / c)
            found *= d * c
        if abs(d * c - 1) < PRECISION:
            break
    return found


def _away(value: float) -> float:
    """A number that can be divided by."""
    return value if abs(value) > TINY else TINY
