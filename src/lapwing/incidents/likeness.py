"""How well a post fits a happening: by where it is, of what kind, and in which words."""

from __future__ import annotations

import math
from collections.abc import Callable

from lapwing.incidents.happening import FADING, Flagged, Happening, Spot
from lapwing.incidents.reach import close_after_us, kind_of, reach_of

JOIN_MIN = 2.6
"""A post that fits less begins a happening of its own."""
ECHO_MIN = 0.35
"""What is told of a happening that is fading must be like it in words: otherwise it may be the next one at the place."""
ECHO_MERGE_MIN = 0.1
"""As `ECHO_MIN`, on the average of several voices."""
SAME_PLACE, SAME_COUNTRY, NOWHERE, FARTHER, ELSEWHERE = 2.0, 1.0, 0.0, -1.0, -3.0
SAME_KIND = 1.0
BY_WORDS = 3.0
NEAREST_SPOTS = 8
MERGE_MIN = 1.6
"""Two happenings that are so much alike are one; many voices say more than one, so it is less than `JOIN_MIN`."""
COMPARED_MAX = 24
FREQUENT = 4.0
"""A word that a fourth of the voices use belongs to the happening as much as one that all use."""
EARTH_KM = 6371.0088

_NOWHERE = Spot("", None, None)

Rarity = Callable[[int], float]
"""How much a word tells apart."""


def fit(post: Flagged, happening: Happening, rarity: Rarity) -> float:
    """How well a post fits; from `JOIN_MIN` on it belongs there."""
    quiet_us = reach_of(happening.category).quiet_us
    if not happening.first_us - quiet_us <= post.at_us <= happening.last_us + lingers_us(happening):
        return ELSEWHERE
    place = by_place(post, happening)
    if place <= ELSEWHERE:
        return ELSEWHERE
    kind = SAME_KIND if kind_of(post.category) == kind_of(happening.category) else 0.0
    if place + kind + BY_WORDS < JOIN_MIN:
        return ELSEWHERE
    words = by_words(post.terms, happening, rarity)
    if happening.state >= FADING and words < ECHO_MIN:
        return ELSEWHERE
    return place + kind + BY_WORDS * words


def lingers_us(happening: Happening) -> int:
    """So long after the last voice posts may still be about it; an incident stays in talk for longer than a candidate."""
    if happening.state == 0:
        return reach_of(happening.category).quiet_us
    return close_after_us(happening.category, len(happening.voices))


def by_place(post: Flagged | Spot, happening: Happening) -> float:
    """2 near one of its places, 1 in its country where more is not known, 0 where nothing is known, less where it is elsewhere."""
    known = [spot for spot in happening.spots.values() if spot.country]
    if not post.country or not known:
        return NOWHERE
    at_home = [spot for spot in known if spot.country == post.country]
    if post.longitude is not None and post.latitude is not None:
        points = sorted((spot for spot in known if spot.longitude is not None), key=lambda spot: -spot.voices)
        far = min((_km(post, spot) for spot in points[:NEAREST_SPOTS]), default=None)
        if far is not None:
            if far <= reach_of(happening.category).km:
                return SAME_PLACE
            return FARTHER if at_home else ELSEWHERE
    if not at_home or 5 * sum(spot.voices for spot in at_home) < sum(spot.voices for spot in known):
        return ELSEWHERE
    return SAME_COUNTRY


def _km(post: Flagged | Spot, spot: Spot) -> float:
    """As places/distance.py, for two points."""
    east, north, to_east, to_north = (
        math.radians(each or 0.0) for each in (post.longitude, post.latitude, spot.longitude, spot.latitude)
    )
    half = math.sin((to_north - north) / 2) ** 2
    half += math.cos(north) * math.cos(to_north) * math.sin((to_east - east) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


def by_words(terms: tuple[int, ...], happening: Happening, rarity: Rarity) -> float:
    """The share of the words of a post, rare ones counting more, that the voices of a happening use."""
    total = shared = 0.0
    voices = max(1, len(happening.voices))
    for term in terms:
        weight = rarity(term)
        total += weight
        count = happening.terms.get(term, 0)
        if count:
            shared += weight * min(1.0, FREQUENT * count / voices)
    return shared / total if total else 0.0


def likeness(one: Happening, other: Happening, rarity: Rarity) -> float:
    """How well the voices of one happening fit another, on average; as `fit`."""
    if one.founder == other.founder or one.first_us > other.last_us + lingers_us(other):
        return ELSEWHERE
    some = one.voices[:COMPARED_MAX]
    places = [by_place(one.spots.get(voice.area, _NOWHERE), other) for voice in some]
    if sum(place <= ELSEWHERE for place in places) * 4 > len(some):
        return ELSEWHERE
    kind = SAME_KIND if kind_of(one.category) == kind_of(other.category) else 0.0
    place = sum(max(place, FARTHER) for place in places) / len(some)
    if place + kind + BY_WORDS < MERGE_MIN:
        return ELSEWHERE
    words = sum(by_words(voice.terms, other, rarity) for voice in some) / len(some)
    return ELSEWHERE if other.state >= FADING and words < ECHO_MERGE_MIN else place + kind + BY_WORDS * words
