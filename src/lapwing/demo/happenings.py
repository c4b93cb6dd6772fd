"""What happens that evening: a flood that builds up, a train accident that strikes, and three things that only sound so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lapwing.demo.phrases import LANGUAGES, Whole
from lapwing.demo.scene import MINUTE_US, Options, position

HAPPENINGS = ("", "flood", "accident", "film", "football", "song", "daily")
"""The code of what a post is about is its position here; the first two are emergencies, the others gossip."""
FLOOD, ACCIDENT, FILM, FOOTBALL, SONG, DAILY = range(1, 7)
GOSSIP = 0.01
"""The share of ordinary posts that sound like an emergency."""


class Happening(NamedTuple):
    """Something that many in one city post about."""

    code: int
    city: str
    start_minute: int
    posts: int
    """By witnesses, in a whole evening; fewer at a smaller scale."""
    reposts: int
    builds_minutes: int
    """How long it grows; 0 is a sharp onset."""
    fades_minutes: int
    languages: tuple[tuple[str, float], ...]
    named: float
    """How many of the posts name the city."""


EVENTS = (
    Happening(FLOOD, "Semarang", 160, 420, 1100, 40, 45, (("id", 0.7), ("en", 0.3)), 0.6),
    Happening(ACCIDENT, "Brisbane", 85, 260, 700, 0, 14, (("en", 1.0),), 0.6),
    Happening(FOOTBALL, "大阪", 200, 150, 0, 0, 5, (("ja", 1.0),), 0.4),
    Happening(FILM, "मुंबई", 265, 120, 0, 10, 20, (("hi", 0.8), ("en", 0.2)), 0.4),
    Happening(SONG, "Jakarta", 150, 100, 0, 0, 25, (("id", 1.0),), 0.3),
)
WITNESSES_MIN, BURST_MIN = 30, 12


def crowds() -> tuple[int, ...]:
    """The places that need people enough."""
    return tuple(position(event.city) for event in EVENTS)


def start_us(event: Happening, options: Options) -> int:
    """When it begins."""
    return options.start_us + event.start_minute * MINUTE_US


def posts(event: Happening, options: Options) -> int:
    """How many posts there are about it at this scale."""
    return max(WITNESSES_MIN if event.reposts else BURST_MIN, round(event.posts * options.scale))


def moments(random: np.random.Generator, event: Happening, options: Options) -> Whole:
    """Draw when people post about it: more and more while it builds, then less and less."""
    count = posts(event, options)
    building = int(count * 0.6) if event.builds_minutes else 0
    rise = event.builds_minutes * np.sqrt(random.random(building))
    fall = event.builds_minutes + random.exponential(event.fades_minutes, count - building)
    minutes = np.concatenate([rise, fall]) + 0.2
    latest = options.end_us - random.integers(1, 10 * MINUTE_US, count)
    return np.minimum(start_us(event, options) + (minutes * MINUTE_US).astype(np.int64), latest)


def spoken(random: np.random.Generator, event: Happening, count: int) -> Whole:
    """Draw the languages in which they post."""
    codes = np.array([LANGUAGES.index(code) for code, _ in event.languages])
    return codes[random.choice(len(codes), count, p=[share for _, share in event.languages])]
