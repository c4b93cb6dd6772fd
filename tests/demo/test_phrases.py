"""The files of phrases: complete in every language, and rich enough."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lapwing.demo.people import spellings
from lapwing.demo.phrases import LANGUAGES, converse, gossip, phrases
from lapwing.demo.scene import places


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_topic_and_no_open_slot(language: str) -> None:
    book, english = phrases(language), phrases("en")
    assert book.say.keys() == english.say.keys() == book.tags.keys()
    assert book.gossip.keys() == english.gossip.keys()
    assert all("{text}" in frame and "{place}" in frame for frame in book.mention)
    for templates in [*book.say.values(), *book.gossip.values()]:
        for template in templates:
            assert set(re.findall(r"\{(\w+)\}", template)) <= book.slot.keys()
    assert all(
        re.fullmatch(r"#\w+", tag.replace("\u0e31", "")) or language in ("hi", "th", "ar")
        for tags in book.tags.values()
        for tag in tags
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_thousands_of_different_things_are_said(language: str) -> None:
    said = converse(np.random.default_rng(1), language, 5000)
    bodies = said.body.tolist()
    assert len(set(bodies)) > 3500
    assert max(bodies.count(body) for body in set(bodies[:500])) < 50
    assert not [body for body in bodies if "{" in body or "%" in body or "  " in body]


def test_gossip_is_filled_too() -> None:
    for language in LANGUAGES:
        for topic in phrases(language).gossip:
            assert not [text for text in gossip(np.random.default_rng(1), language, topic, 50).body if "{" in text]


def test_there_are_300_cities_and_people_spell_theirs_in_many_ways() -> None:
    assert len({place.id for place in places()}) == 300
    perth = next(place for place in places() if place.native == "Perth")
    assert (perth.id, perth.country) == (2063523, "AU")
    assert {"Perth", "Perth, Australia", "📍 Perth", "perth"} <= set(spellings(perth))
