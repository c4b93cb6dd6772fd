"""Where happenings are found: by place, country, words, text, and who spoke of them."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from itertools import chain
from typing import NamedTuple

from lapwing.incidents import copies
from lapwing.incidents.happening import Flagged, Happening, Voice

CELL_DEGREES = 3.0
WIDESPREAD_MAX = 200
"""A word of more happenings than this leads to none of them."""
CANDIDATES_MAX = 60
COPIED_MAX = 32
"""So many of the latest voices that share a part of a signature are looked at: in a storm of texts that differ by a number,
thousands share it.
"""


class Near(NamedTuple):
    """Happenings that a post may belong to."""

    founders: set[int]
    shared: Mapping[int, int]
    """By founder, how many rare words of the post it uses."""
    counted: Set[int]
    """Which words these are."""
    widespread: Set[int]
    """Words that are used by too many to be counted."""


class Index:
    """Founders of happenings by what their voices say."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], set[int]] = defaultdict(set)
        self._terms: dict[int, set[int]] = defaultdict(set)
        self._bands: dict[bytes, list[tuple[int, int, int]]] = defaultdict(list)
        """Sequence number of a voice, founder, and place among the voices; in order, however they came."""
        self._countries: dict[str, set[int]] = defaultdict(set)
        self._authors: dict[int, set[int]] = defaultdict(set)

    def add(self, happening: Happening, voice: Voice, place: int) -> None:
        """A voice of a happening, the one at this place among its voices."""
        founder = happening.founder
        self._authors[founder].add(voice.author)
        spot = happening.spots.get(voice.area)
        if spot is not None and spot.longitude is not None and spot.latitude is not None:
            self._cells[_cell(spot.longitude, spot.latitude)].add(founder)
        if spot is not None and spot.country:
            self._countries[spot.country].add(founder)
        for term in voice.terms:
            self._terms[term].add(founder)
        for key in copies.bands(voice.signature):
            insort(self._bands[key], (voice.seq, founder, place))

    def remove(self, happening: Happening) -> None:
        """Forget where a happening is found."""
        founder = happening.founder
        self._authors.pop(founder, None)
        for voice in happening.voices:
            for key in copies.bands(voice.signature):
                self._drop_voice(key, voice.seq, founder)
            for term in voice.terms:
                _drop(self._terms, term, founder)
        for spot in happening.spots.values():
            _drop(self._countries, spot.country, founder)
            if spot.longitude is not None and spot.latitude is not None:
                _drop(self._cells, _cell(spot.longitude, spot.latitude), founder)

    def spoke(self, founder: int, author: int) -> bool:
        """Whether somebody is a voice of a happening."""
        return author in self._authors.get(founder, ())

    def in_country(self, country: str) -> set[int]:
        """Happenings with a voice from a country."""
        return self._countries.get(country, set())

    def copied(self, signature: bytes) -> set[tuple[int, int]]:
        """Founder and place of the latest voices that may have the same text."""
        near: set[tuple[int, int]] = set()
        for key in copies.bands(signature):
            if key in self._bands:
                near.update((founder, place) for _, founder, place in self._bands[key][-COPIED_MAX:])
        return near

    def near(self, post: Flagged) -> Near:
        """Happenings near the place of a post, and those that share most rare words with it."""
        found: set[int] = set()
        if post.longitude is not None and post.latitude is not None:
            east, north = _cell(post.longitude, post.latitude)
            for x in (east - 1, east, east + 1):
                for y in (north - 1, north, north + 1):
                    found |= self._cells.get((x, y), set())
        known = self._terms
        holders = {term: known[term] for term in post.terms if term in known}
        widespread = {term for term, some in holders.items() if len(some) > WIDESPREAD_MAX}
        for term in widespread:
            del holders[term]
        shared = Counter(chain.from_iterable(holders.values()))
        found.update(_most(shared, CANDIDATES_MAX))
        return Near(found, shared, holders.keys(), widespread)

    def _drop_voice(self, key: bytes, seq: int, founder: int) -> None:
        voices = self._bands.get(key)
        if voices is None:
            return
        first = bisect_left(voices, (seq, founder))
        del voices[first : bisect_left(voices, (seq, founder + 1))]
        if not voices:
            del self._bands[key]

    def holders(self, term: int) -> int:
        """How many happenings use a word."""
        return len(self._terms.get(term, ()))


def _drop(index: dict, key: object, founder: int) -> None:  # type: ignore[type-arg]
    holders = index.get(key)
    if holders is not None:
        holders.discard(founder)
        if not holders:
            del index[key]


def _most(counts: Counter[int], number: int) -> list[int]:
    """Those that were counted most often, of equals the lower ones."""
    sizes, left, least = Counter(counts.values()), number, 1
    for least in sorted(sizes, reverse=True):
        left -= sizes[least]
        if left <= 0:
            break
    some = sorted(each for each, count in counts.items() if count >= least)
    return sorted(some, key=counts.__getitem__, reverse=True)[:number]  # the sort keeps the order of equals


def _cell(longitude: float, latitude: float) -> tuple[int, int]:
    return math.floor(longitude / CELL_DEGREES), math.floor(latitude / CELL_DEGREES)
