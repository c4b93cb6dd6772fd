"""The life of an incident: possible, confirmed, fading, closed; and how severe it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lapwing.incidents.burst import WINDOW_US
from lapwing.incidents.happening import (
    CANDIDATE,
    CLOSED,
    CONFIRMED,
    FADING,
    POSSIBLE,
    SEVERITIES,
    Happening,
)
from lapwing.incidents.reach import close_after_us

POSSIBLE_VOICES, POSSIBLE_WEIGHT, POSSIBLE_SURPRISE = 3, 1.5, 1e-5
CONFIRMED_VOICES, CONFIRMED_WEIGHT, CONFIRMED_SURPRISE = 5, 3.0, 1e-6
CREDIBLE_SHARE = 0.25
"""Of the voices, echoes among them, so many must be expected to be true: a stadium shouts of bombs, and nobody believes it."""
ECHOED_TIMES = 3.0
"""Where echoes are more than ever, so many reports for each: of a crowd's echoes two in five are told by no word (`echoes.py`)."""
OFFICIAL_VOICES = 2
"""With an official report, so many voices of people are enough."""
ALIVE_SURPRISE = 0.05
"""While the last hours are no more surprising than this, an incident is fading."""
FADING_MAX_US = 7 * 86_400_000_000
SILENCE_US = 2 * WINDOW_US

PEOPLE = (1, 10, 40, 200)
"""From so many voices on it is minor, moderate, severe, extreme."""
WIDE_PLACES = 4
"""What is told from so many places counts as one step more severe."""


class Evidence(NamedTuple):
    """What speaks for a happening in its last window."""

    reports: int
    weight: float
    """How many of them are expected to be true."""
    echoes: float
    """Posts from the same places that speak of something else, as far as they are more than ever."""
    surprise: float
    """How probable so many reports are by chance (burst.py)."""

    @property
    def is_credible(self) -> bool:
        """Whether enough of the people who speak so there are expected to report what is true."""
        expected = self.weight >= max(POSSIBLE_WEIGHT, CREDIBLE_SHARE * self.reports)
        return expected and self.reports >= ECHOED_TIMES * self.echoes


def next_state(happening: Happening, evidence: Callable[[], Evidence], now_us: int) -> tuple[int, str]:
    """The state that a happening is in now, and why it was closed.

    `evidence` is that of its last window; it is asked for only where that matters, and once.
    """
    state, voices = happening.state, len(happening.voices)
    if state == CLOSED:
        return CLOSED, happening.reason
    if voices == 0:
        return CLOSED, "withdrawn"
    if state == CANDIDATE:
        return (POSSIBLE if _possible(happening, evidence) else CANDIDATE), ""
    silence_us = now_us - happening.last_us
    long_enough = state == FADING and now_us - happening.since_us >= FADING_MAX_US
    if long_enough or silence_us >= close_after_us(happening.category, voices):
        return CLOSED, "quiet"
    return _going_on(happening, evidence(), silence_us), ""


def _going_on(happening: Happening, evidence: Evidence, silence_us: int) -> int:
    """The state of an incident that is not over."""
    confirmed = happening.state == CONFIRMED or _confirmed(happening, evidence)
    if happening.state == FADING:
        alive = evidence.surprise <= POSSIBLE_SURPRISE and evidence.is_credible and silence_us < WINDOW_US
        return (CONFIRMED if _confirmed(happening, evidence) else POSSIBLE) if alive else FADING
    if silence_us >= SILENCE_US or evidence.surprise > ALIVE_SURPRISE:
        return FADING
    return CONFIRMED if confirmed else POSSIBLE


def _possible(happening: Happening, evidence: Callable[[], Evidence]) -> bool:
    if happening.official and happening.reports - happening.official >= 1:
        return True
    if happening.reports < POSSIBLE_VOICES or happening.weight < POSSIBLE_WEIGHT:
        return False
    found = evidence()
    return found.reports >= POSSIBLE_VOICES and found.is_credible and found.surprise <= POSSIBLE_SURPRISE


def _confirmed(happening: Happening, evidence: Evidence) -> bool:
    reports, weight = happening.reports, happening.weight
    if happening.confirmed_by or (happening.official and reports - happening.official >= OFFICIAL_VOICES):
        return True
    enough = reports >= CONFIRMED_VOICES and weight >= CONFIRMED_WEIGHT
    return enough and evidence.is_credible and evidence.surprise <= CONFIRMED_SURPRISE


def severity_of(happening: Happening) -> int:
    """How severe it is, by people, places, what the classifier thinks of them, and whether officials speak of it."""
    expected = happening.weight
    step = sum(expected >= least for least in PEOPLE)
    places = sum(spot.voices >= 2 for spot in happening.spots.values() if spot.longitude is not None)
    step += (places >= WIDE_PLACES) + bool(happening.official and expected >= PEOPLE[1])
    return min(max(step, 1), len(SEVERITIES) - 1)
