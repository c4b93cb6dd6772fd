"""How well a post fits a happening: by where it is, of what kind, and in which words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from lapwing.incidents.burst import WINDOW_US
from lapwing.incidents.happening import ECHO_WEIGHT, FADING, Flagged, Happening, Spot
from lapwing.incidents.index import Near
from lapwing.incidents.outline import Outline, Point, lingers_us, outline_of, point_of
from lapwing.incidents.reach import kind_of

JOIN_MIN = 2.6
"""A post that fits less begins a happening of its own."""
ECHO_MIN = 0.35
"""What is told of a happening that is fading must be like it in words: otherwise it may be the next one at the place. So must
a report where most are echoes, and an echo where most are reports.
"""
ECHO_MERGE_MIN = 0.1
"""As `ECHO_MIN`, on the average of several voices."""
SAME_PLACE, SAME_COUNTRY, NOWHERE, FARTHER, ELSEWHERE = 2.0, 1.0, 0.0, -1.0, -3.0
SAME_KIND = 1.0
BY_WORDS = 3.0
MERGE_MIN = 1.6
"""Two happenings that are so much alike are one; many voices say more than one, so it is less than `JOIN_MIN`."""
COMPARED_MAX = 24
CANDIDATE_US = WINDOW_US
"""What is no incident by then was talk: who speaks later begins anew, so that old talk hides nothing and proves nothing."""
FREQUENT = 4.0
"""A word that a fourth of the voices use belongs to the happening as much as one that all use."""
EARTH_KM = 6371.0088

_NOWHERE = Spot("", None, None)
_ROUNDING = 1e-9
"""By more than this a limit is never missed because numbers are rounded."""

Rarity = Callable[[int], float]
"""How much a word tells apart."""


class Where(NamedTuple):
    """Where a post says that it is."""

    country: str
    point: Point | None


class Asked(NamedTuple):
    """A post, as happenings are asked whether it fits them."""

    at_us: int
    where: Where
    kind: int
    words: list[tuple[int, float]]
    """Each word with its rarity."""
    total: float
    """Of all rarities."""
    at_most: list[float]
    """By how many words a happening shares with the post, the largest share that these can be of it."""
    echo: bool = False


def where_of(spot: Flagged | Spot) -> Where:
    """The place of a post or of voices."""
    located = spot.longitude is not None and spot.latitude is not None
    return Where(spot.country, point_of(spot.longitude, spot.latitude) if located else None)


def asked_of(post: Flagged, rarity: Rarity, near: Near) -> Asked:
    """A post to be compared with many happenings; of the words that these share with it, only rare ones were counted."""
    words = [(term, rarity(term)) for term in post.terms]
    total = 0.0
    for _, weight in words:
        total += weight
    weights = sorted([weight for term, weight in words if term in near.counted], reverse=True)
    most = [sum(weight for term, weight in words if term in near.widespread)]
    for weight in weights:
        most.append(most[-1] + weight)
    at_most = [each / total + _ROUNDING if total else 0.0 for each in most]
    echo = post.weight <= ECHO_WEIGHT
    return Asked(post.at_us, where_of(post), kind_of(post.category), words, total, at_most, echo)


def fitting(asked: Asked, some: Iterable[Happening], shared: Mapping[int, int]) -> list[tuple[float, int]]:
    """How well a post fits each of those happenings that it fits by `JOIN_MIN` or better, and the founder of each.

    `shared` says of a founder how many words the happening may share with the post. What cannot reach `JOIN_MIN` is passed
    over as soon as that is sure: there may be a hundred of them for one that is left.
    """
    found = []
    at_us, at_most = asked.at_us, asked.at_most
    place_most = NOWHERE if not asked.where.country else SAME_COUNTRY if asked.where.point is None else SAME_PLACE
    for happening in some:
        outline = happening.__dict__.get("outline") or outline_of(happening)
        alike = SAME_KIND if asked.kind == outline.kind else 0.0
        rest = alike + BY_WORDS * at_most[shared.get(happening.founder, 0)]
        if place_most + rest < JOIN_MIN:
            continue
        ends_us = happening.last_us + outline.close_us if happening.state else happening.first_us + CANDIDATE_US
        if not happening.first_us - outline.quiet_us <= at_us <= ends_us:
            continue
        place = by_place(asked.where, outline)
        if place + rest < JOIN_MIN:
            continue
        words = by_words(asked.words, asked.total, happening)
        score = place + alike + BY_WORDS * words
        wary = happening.state >= FADING or asked.echo != outline.echoing
        if score >= JOIN_MIN and (not wary or words >= ECHO_MIN):
            found.append((score, happening.founder))
    return found


def by_place(where: Where, outline: Outline) -> float:
    """2 near one of its places, 1 in its country where more is not known, 0 where nothing is known, less where it is elsewhere."""
    if not where.country or not outline.countries:
        return NOWHERE
    at_home = outline.countries.get(where.country)
    if where.point is not None and outline.points:
        if _within(where.point, outline.points, outline.km):
            return SAME_PLACE
        return ELSEWHERE if at_home is None else FARTHER
    if at_home is None or 5 * at_home < outline.voices:
        return ELSEWHERE
    return SAME_COUNTRY


def _within(point: Point, others: Iterable[Point], km: float) -> bool:
    """Whether one of the others is so near; distances as in places/distance.py."""
    north, east, cosine = point
    beyond = km / EARTH_KM + _ROUNDING
    for to_north, to_east, to_cosine in others:
        apart = to_north - north
        if not -beyond <= apart <= beyond:
            continue  # so far by latitude alone
        half = math.sin(apart / 2) ** 2
        half += cosine * to_cosine * math.sin((to_east - east) / 2) ** 2
        if 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half))) <= km:
            return True
    return False


def by_words(words: Iterable[tuple[int, float]], total: float, happening: Happening) -> float:
    """The share of the words of a post, rare ones counting more, that the voices of a happening use."""
    shared, voices, known = 0.0, max(1, len(happening.voices)), happening.terms
    for term, weight in words:
        count = known.get(term)
        if count:
            shared += weight * min(1.0, FREQUENT * count / voices)
    return shared / total if total else 0.0


class Compared(NamedTuple):
    """A happening, as others are asked whether they are the same."""

    founder: int
    first_us: int
    kind: int
    places: list[tuple[Where, int]]
    """Where its voices are, and how many are there."""
    words: list[tuple[int, float]]
    """Each word with its part of all that they say; the parts make 1."""
    voices: int
    echoing: bool


def compared_of(happening: Happening, rarity: Rarity) -> Compared:
    """A happening to be compared with many others, by the first of its voices."""
    some = happening.voices[:COMPARED_MAX]
    places: dict[int, int] = defaultdict(int)
    words: dict[int, float] = defaultdict(float)
    for voice in some:
        places[voice.area] += 1
        weights = [(term, rarity(term)) for term in voice.terms]
        total = sum(weight for _, weight in weights) * len(some)
        for term, weight in weights:
            words[term] += weight / total
    found = [(where_of(happening.spots.get(area, _NOWHERE)), voices) for area, voices in places.items()]
    outline = outline_of(happening)
    return Compared(
        happening.founder, happening.first_us, outline.kind, found, list(words.items()), len(some), outline.echoing
    )


def likeness(one: Compared, other: Happening) -> float:
    """How well the voices of one happening fit another, on average; `ELSEWHERE` where it cannot."""
    if one.founder == other.founder or one.first_us > other.last_us + lingers_us(other):
        return ELSEWHERE
    outline = outline_of(other)
    if one.echoing != outline.echoing:
        return ELSEWHERE
    places = [(by_place(where, outline), voices) for where, voices in one.places]
    if sum(voices for place, voices in places if place <= ELSEWHERE) * 4 > one.voices:
        return ELSEWHERE
    kind = SAME_KIND if one.kind == outline.kind else 0.0
    place = sum(max(place, FARTHER) * voices for place, voices in places) / one.voices
    if place + kind + BY_WORDS < MERGE_MIN:
        return ELSEWHERE
    words = by_words(one.words, 1.0, other)
    return ELSEWHERE if other.state >= FADING and words < ECHO_MERGE_MIN else place + kind + BY_WORDS * words
