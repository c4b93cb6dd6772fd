"""Evenings that are made up from a seed: places with talk of their own, and what happened there, told by people."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from lapwing.incidents.copies import signatures
from lapwing.incidents.happening import Flagged, mark_of
from lapwing.incidents.working import Working
from lapwing.text.keywords import CATEGORIES

START_US = 1_767_603_600_000_000
MINUTE_US = 60_000_000
KINDS = ("fire", "accident", "flood", "earthquake", "crime")
COMMON = 400
"""So many words everybody uses."""


class Place(NamedTuple):
    area: int
    country: str
    longitude: float
    latitude: float
    posts_an_hour: float


PLACES = (
    Place(1, "AU", 115.9, -31.9, 3.0),  # a village
    Place(2, "AU", 151.2, -33.9, 900.0),
    Place(3, "ID", 106.8, -6.2, 3_000.0),  # a capital
    Place(4, "ID", 112.7, -7.2, 120.0),
    Place(5, "JP", 139.7, 35.7, 1_500.0),
    Place(6, "JP", 135.5, 34.7, 25.0),
    Place(7, "BR", -46.6, -23.5, 400.0),
    Place(8, "FR", 2.3, 48.9, 60.0),
)
NOWHERE = Place(0, "", 0.0, 0.0, 4_000.0)


class Happened(NamedTuple):
    name: str
    place: Place
    category: int
    at_us: int
    reports: int
    words: tuple[int, ...]


class Told(NamedTuple):
    """A flagged post, and which happening it is about; None for what only sounds like one."""

    post: Flagged
    about: str | None


def evening(seed: int, happenings: int = 4, hours: int = 6) -> tuple[list[Happened], list[tuple[int, object]]]:
    """What happened, and what was heard, by time: `Told`, or the posts of all places in five minutes (a dict)."""
    chance, numbers = random.Random(seed), count(1)
    happened = [_happened(chance, number, place) for number, place in enumerate(chance.sample(PLACES, happenings))]
    told = [each for one in happened for each in _reports(chance, one, numbers)]
    told += _chatter(chance, hours, numbers)
    bins = range(START_US, START_US + hours * 60 * MINUTE_US, 5 * MINUTE_US)
    heard: list[tuple[int, object]] = [(each.post.at_us, each) for each in told]
    heard += [(at_us, _activity(chance)) for at_us in bins]
    return happened, sorted(
        heard,
        key=lambda each: (each[0], isinstance(each[1], Told), getattr(each[1], "post", None) and each[1].post.seq),
    )  # type: ignore[union-attr]


def hear(
    heard: list[tuple[int, object]], working: Working | None = None
) -> tuple[Working, dict[int, int], list[object]]:
    """Through the working set: itself, the founder that each post ended with, and the changes."""
    working = working or Working()
    where: dict[int, int] = {}
    into: dict[int, int] = {}
    changes: list[object] = []
    for at_us, said in heard:
        if isinstance(said, Told):
            working.hear(said.post)
        else:
            working.exposed(at_us, said)  # type: ignore[arg-type]
        where.update(working.joined)
        into.update(dict(working.merged))
        changes += working.changes
        working.saved()
    for seq, founder in where.items():
        while founder in into:
            founder = into[founder]
        where[seq] = founder
    return working, where, changes


def _happened(chance: random.Random, number: int, place: Place) -> Happened:
    category = CATEGORIES.index(KINDS[number % len(KINDS)])
    at_us = START_US + chance.randrange(90, 240) * MINUTE_US
    words = tuple(chance.randrange(1_000, 1 << 31) for _ in range(14))
    return Happened(
        f"{KINDS[number % len(KINDS)]} {place.area}", place, category, at_us, chance.randrange(15, 60), words
    )


def _reports(chance: random.Random, one: Happened, numbers: Iterator[int]) -> list[Told]:
    """Reports of different people; copies, reposts and people who say it again among them."""
    found: list[Told] = []
    texts: list[tuple[int, ...]] = []
    for _ in range(one.reports):
        at_us = one.at_us + int(chance.expovariate(1 / 30) * MINUTE_US)
        own = chance.sample(one.words, chance.randrange(3, 7)) + [chance.randrange(COMMON) for _ in range(4)]
        texts.append(tuple(sorted(set(own))))
        author, roll = chance.randrange(1 << 60), chance.random()
        found.append(_told(numbers, at_us, author, one, (texts[-1], roll < 0.15)))
        if roll > 0.7:  # somebody copies an earlier text, word by word
            found.append(_told(numbers, at_us + 1, chance.randrange(1 << 60), one, (chance.choice(texts), False)))
        if roll > 0.9:  # and somebody says it again in other words
            found.append(_told(numbers, at_us + 2, author, one, (tuple(sorted(chance.sample(one.words, 5))), False)))
    return found


def _told(numbers: Iterator[int], at_us: int, author: int, one: Happened, said: tuple[tuple[int, ...], bool]) -> Told:
    terms, vague = said
    seq, place = next(numbers), one.place
    area, longitude, latitude = (
        (0xF000_0000 + place.area, None, None) if vague else (place.area, place.longitude, place.latitude)
    )
    post = Flagged(
        seq=seq, at_us=at_us, author=author, mark=mark_of(str(seq)), area=area, country=place.country,
        longitude=longitude, latitude=latitude, category=one.category, weight=0.5 + 0.5 * (seq % 7) / 7, terms=terms,
        signature=signatures([terms])[0],
    )  # fmt: skip
    return Told(post, one.name)


def _chatter(chance: random.Random, hours: int, numbers: Iterator[int]) -> list[Told]:
    """What sounds like an emergency and is none: a thousandth of all talk, of any kind, in any words."""
    found = []
    for place in (*PLACES, NOWHERE):
        for _ in range(_poisson(chance, place.posts_an_hour * hours / 1_000)):
            at_us = START_US + chance.randrange(hours * 60) * MINUTE_US
            words = tuple(
                chance.randrange(COMMON) if chance.random() < 0.6 else chance.randrange(1 << 31) for _ in range(8)
            )
            noise = Happened("", place, CATEGORIES.index(chance.choice(KINDS)), at_us, 0, ())
            found.append(_told(numbers, at_us, chance.randrange(1 << 60), noise, (tuple(sorted(set(words))), False)))
    return [Told(each.post, None) for each in found]


def _activity(chance: random.Random) -> dict[int, int]:
    return {place.area: _poisson(chance, place.posts_an_hour / 12) for place in (*PLACES, NOWHERE)}


def _poisson(chance: random.Random, mean: float) -> int:
    """A Poisson variable; for a large mean by the normal distribution."""
    if mean > 50:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    number, left = 0, chance.expovariate(1.0)
    while left < mean:
        number, left = number + 1, left + chance.expovariate(1.0)
    return number
