"""The life of an incident: possible, confirmed, fading, closed; and how severe it is."""

from __future__ import annotations

from collections.abc import Callable

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

POSSIBLE_VOICES, POSSIBLE_WEIGHT, POSSIBLE_SURPRISE = 3, 1.8, 1e-4
CONFIRMED_VOICES, CONFIRMED_WEIGHT, CONFIRMED_SURPRISE = 7, 4.5, 1e-6
CREDIBLE_SHARE = 0.25
"""Of the voices so many must be expected to be true: a stadium shouts of bombs, and nobody believes it."""
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


def next_state(happening: Happening, surprise: Callable[[], float], now_us: int) -> tuple[int, str]:
    """The state that a happening is in now, and why it was closed.

    `surprise` is that of its last window (burst.py); it is asked only where that matters, and once.
    """
    state, voices = happening.state, len(happening.voices)
    if state == CLOSED:
        return CLOSED, happening.reason
    if voices == 0:
        return CLOSED, "withdrawn"
    if state == CANDIDATE:
        return (POSSIBLE if _possible(happening, surprise) else CANDIDATE), ""
    silence_us = now_us - happening.last_us
    long_enough = state == FADING and now_us - happening.since_us >= FADING_MAX_US
    if long_enough or silence_us >= close_after_us(happening.category, voices):
        return CLOSED, "quiet"
    return _going_on(happening, surprise(), silence_us), ""


def _going_on(happening: Happening, surprise: float, silence_us: int) -> int:
    """The state of an incident that is not over."""
    confirmed = happening.state == CONFIRMED or _confirmed(happening, surprise)
    if happening.state == FADING:
        alive = surprise <= POSSIBLE_SURPRISE and silence_us < WINDOW_US
        return (CONFIRMED if _confirmed(happening, surprise) else POSSIBLE) if alive else FADING
    if silence_us >= SILENCE_US or surprise > ALIVE_SURPRISE:
        return FADING
    return CONFIRMED if confirmed else POSSIBLE


def _possible(happening: Happening, surprise: Callable[[], float]) -> bool:
    voices, weight = len(happening.voices), happening.weight
    if happening.official and voices - happening.official >= 1:
        return True
    credible = voices >= POSSIBLE_VOICES and weight >= max(POSSIBLE_WEIGHT, CREDIBLE_SHARE * voices)
    return credible and surprise() <= POSSIBLE_SURPRISE


def _confirmed(happening: Happening, surprise: float) -> bool:
    voices, weight = len(happening.voices), happening.weight
    if happening.confirmed_by or (happening.official and voices - happening.official >= OFFICIAL_VOICES):
        return True
    return voices >= CONFIRMED_VOICES and weight >= CONFIRMED_WEIGHT and surprise <= CONFIRMED_SURPRISE


def severity_of(happening: Happening) -> int:
    """How severe it is, by people, places, what the classifier thinks of them, and whether officials speak of it."""
    expected = happening.weight
    step = sum(expected >= least for least in PEOPLE)
    places = sum(spot.voices >= 2 for spot in happening.spots.values() if spot.longitude is not None)
    step += (places >= WIDE_PLACES) + bool(happening.official and expected >= PEOPLE[1])
    return min(max(step, 1), len(SEVERITIES) - 1)
