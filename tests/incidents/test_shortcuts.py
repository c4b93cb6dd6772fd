"""What grouping passes over, keeps or sums up in another way gives what the plain way gives."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapwing.incidents import copies
from lapwing.incidents.burst import tail
from lapwing.incidents.happening import Flagged, Happening, Spot, Voice
from lapwing.incidents.index import COPIED_MAX, Index
from lapwing.incidents.likeness import (
    BY_WORDS,
    CANDIDATE_US,
    ECHO_MIN,
    JOIN_MIN,
    SAME_KIND,
    asked_of,
    by_place,
    fitting,
    where_of,
)
from lapwing.incidents.outline import lingers_us, outline_of
from lapwing.incidents.reach import kind_of, reach_of
from lapwing.incidents.window import window_of

HOUR_US = 3_600_000_000
CITIES = [("AU", 115.9, -31.9), ("AU", 116.1, -31.9), ("ID", 106.8, -6.2), ("FR", 2.3, 48.9), ("", None, None), ("AU", None, None)]  # fmt: skip


@pytest.mark.parametrize(("at_least", "shape", "success"), [(3, 1.0, 0.75), (12, 40.0, 0.9), (200, 0.5, 0.02), (30, 900.0, 0.99)])  # fmt: skip
def test_the_tail_is_the_sum_of_its_probabilities(at_least: int, shape: float, success: float) -> None:
    def probability(k: int) -> float:
        ways = math.lgamma(k + shape) - math.lgamma(shape) - math.lgamma(k + 1)
        return math.exp(ways + shape * math.log(success) + k * math.log1p(-success))

    assert tail(at_least, shape, success) == pytest.approx(sum(map(probability, range(at_least, 20_000))), rel=1e-9)


def made(chance: random.Random, founder: int) -> Happening:
    """A happening of a few voices, somewhere among a few cities, in words of which there are few."""
    found = Happening(founder=founder, mark=str(founder), first_us=HOUR_US, last_us=HOUR_US)
    for number in range(chance.randrange(1, 9)):
        area, category = chance.randrange(len(CITIES)), chance.choice([1, 2, 7, 8])
        terms = tuple(sorted(chance.sample(range(30), chance.randrange(1, 8))))
        at_us = HOUR_US + chance.randrange(3 * HOUR_US)
        weight = chance.choice([0.0, chance.random(), chance.random()])
        voice = Voice(founder * 100 + number, at_us, number, area, category, weight, False, terms, b"")
        found.add(voice, Spot(*CITIES[area]))
    found.state = chance.randrange(4)
    return found


def plainly(post: Flagged, happening: Happening, rarity: dict[int, float]) -> float:
    """How well a post fits, without a shortcut."""
    ends_us = happening.last_us + lingers_us(happening) if happening.state else happening.first_us + CANDIDATE_US
    if not happening.first_us - reach_of(happening.category).quiet_us <= post.at_us <= ends_us:
        return -1.0
    place = by_place(where_of(post), outline_of(happening))
    total = sum(rarity[term] for term in post.terms)
    voices = len(happening.voices)
    shared = sum(rarity[term] * min(1.0, 4 * happening.terms.get(term, 0) / voices) for term in post.terms)
    words = shared / total if total else 0.0
    mostly_echoes = sum(voice.weight == 0 for voice in happening.voices) * 2 > voices
    if (happening.state == 3 or mostly_echoes != (post.weight == 0)) and words < ECHO_MIN:
        return -1.0
    return place + SAME_KIND * (kind_of(post.category) == kind_of(happening.category)) + BY_WORDS * words


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_whatever_a_post_fits_is_found_with_the_same_score(seed: int) -> None:
    chance = random.Random(seed)
    happenings = {founder: made(chance, founder) for founder in range(1, 12)}
    index = Index()
    for each in happenings.values():
        for place, voice in enumerate(each.voices):
            index.add(each, voice, place)
    country, longitude, latitude = chance.choice(CITIES)
    post = Flagged(
        seq=1, at_us=HOUR_US + chance.randrange(12 * HOUR_US), author=1, mark="", area=1, country=country,
        longitude=longitude, latitude=latitude, category=chance.choice([1, 2, 7, 8]), weight=chance.choice([0.0, 0.5]),
        terms=tuple(sorted(chance.sample(range(34), 6))),
    )  # fmt: skip
    rarity = {term: 0.1 + chance.random() for term in range(34)}
    near = index.near(post)
    found = {
        founder: score
        for score, founder in fitting(asked_of(post, rarity.__getitem__, near), happenings.values(), near.shared)
    }
    wanted = {founder: plainly(post, each, rarity) for founder, each in happenings.items()}
    assert found == pytest.approx({founder: score for founder, score in wanted.items() if score >= JOIN_MIN})


def test_those_that_share_most_words_are_candidates_of_equals_the_older() -> None:
    index = Index()
    for founder in range(1, 101):
        each = Happening(founder=founder, mark="", first_us=0, last_us=0)
        each.add(Voice(founder, 0, 0, 0, 2, 1.0, False, (7, 8) if founder > 95 else (7,), b""), Spot("", None, None))
        index.add(each, each.voices[0], 0)
    near = index.near(
        Flagged(seq=0, at_us=0, author=0, mark="", area=0, country="", category=2, weight=1.0, terms=(7, 8))
    )
    assert near.founders == {96, 97, 98, 99, 100, *range(1, 56)}
    assert (near.shared[96], near.shared[1]) == (2, 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_copies_are_found_among_the_latest_voices_in_whatever_order_they_came(seed: int) -> None:
    """Working happenings that were loaded again are added in another order than they were heard in."""
    chance = random.Random(seed)
    one, other, asked = (copies.signatures([chance.sample(range(40), 6)])[0] for _ in range(3))
    voices = {}
    for seq in range(1, 200):
        voice = Voice(seq, 0, seq, 0, 2, 1.0, False, (), chance.choice((one, one, other, asked)))
        voices[seq] = Happening(founder=seq, mark="", first_us=0, last_us=0, voices=[voice])
    gone = set(chance.sample(sorted(voices), 60))
    heard, again = Index(), Index()
    for each in voices.values():
        heard.add(each, each.voices[0], 0)
    for seq in gone:
        heard.remove(voices[seq])
    for seq in chance.sample(sorted(set(voices) - gone), len(voices) - len(gone)):
        again.add(voices[seq], voices[seq].voices[0], 0)
    for signature in (one, other, asked):
        found = heard.copied(signature)
        assert found == again.copied(signature)
        same = [seq for seq in sorted(set(voices) - gone) if voices[seq].voices[0].signature == signature]
        assert {(seq, 0) for seq in same[-COPIED_MAX:]} <= found
        assert len(found) <= COPIED_MAX * len(copies.bands(signature))


def test_a_window_moves_on_with_time_and_with_voices_that_come_late() -> None:
    happening = Happening(founder=1, mark="", first_us=0, last_us=0)

    def speak(at_us: int, area: int, category: int) -> None:
        happening.add(Voice(at_us, at_us, at_us, area, category, 1.0, False, (), b""), Spot("", None, None))

    speak(10, 1, 2)
    speak(30, 2, 2)
    speak(20, 1, 2)
    assert window_of(happening, 5).areas == {1: {2: 2}, 2: {2: 1}}
    assert window_of(happening, 20).areas == {2: {2: 1}}
    speak(15, 1, 2)  # too late to count
    speak(40, 2, 1)
    assert (window_of(happening, 20).areas, len(window_of(happening, 20))) == ({2: {2: 1, 1: 1}}, 2)
    assert len(window_of(happening, 0)) == 5


def test_sums_over_voices_follow_them() -> None:
    happening = Happening(founder=1, mark="", first_us=0, last_us=0)
    for number in range(4):
        happening.add(Voice(number, 0, number, 0, 2, 0.5, number == 2, (), b""), Spot("", None, None))
    assert (happening.weight, happening.official) == (2.0, 1)
    happening.voices = happening.voices[:1]
    assert (happening.weight, happening.official) == (0.5, 0)
