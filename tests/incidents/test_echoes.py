"""What speaks of an emergency that does not happen now: telethons, memories, films, football."""

from __future__ import annotations

import polars as pl
import pytest

from lapwing.incidents import copies
from lapwing.incidents.burst import BIN_US, WINDOW_US, Rhythm
from lapwing.incidents.copies import signatures
from lapwing.incidents.echoes import is_echo
from lapwing.incidents.happening import POSSIBLE, Flagged, Happening, Spot, Voice, mark_of
from lapwing.incidents.window import Window
from lapwing.incidents.working import Working
from lapwing.text.keywords import CATEGORIES
from lapwing.text.words import cut_hashed

MINUTE_US = 60_000_000
EVENING_US = 1_767_628_800_000_000
FIRE = CATEGORIES.index("fire")
TOWN = {"area": 7, "country": "AU", "longitude": 146.8, "latitude": -41.4}

REPORTS = (
    "the bakery burns and nobody is out yet", "flames behind the bakery on Quay Road", "smoke everywhere along Quay Road, cannot see",
    "I can see the bakery roof on fire from here", "fire brigade just arrived at Quay Road", "they tell us to leave our flats, bakery burning",
    "that bang was the bakery, fire all over", "Quay Road is closed, big fire",
)  # fmt: skip
APPEALS = (
    "please donate for the families after the fire", "our school raises money, fundraiser for the burnt homes", "charity auction tonight for fire victims",
    "I donated twenty, who is next, fire relief fund", "gala for the firefighters, tickets left", "pledge something for those who lost all in the fire",
    "the fundraising goes on all week, fire families need it", "donations of clothes only at the church, fire appeal",
)  # fmt: skip


def terms(text: str) -> tuple[int, ...]:
    return tuple(sorted({each >> 32 for each in cut_hashed(pl.Series([text]))["term_hashes"][0]}))


def post(number: int, text: str, minute: float) -> Flagged:
    words = terms(text)
    return Flagged(
        seq=number, at_us=EVENING_US + int(minute * MINUTE_US), author=number, mark=mark_of(str(number)), category=FIRE, weight=0.6,
        lang="en", terms=words, signature=signatures([words])[0], **TOWN,
    )  # fmt: skip


def after(*said: tuple[str, float]) -> Working:
    """A town that says ten things in five minutes, none of them flagged but these (text, minute), after two hours of talk."""
    working, waiting = (
        Working(),
        [post(number, *each) for number, each in enumerate(sorted(said, key=lambda x: x[1]), 1)],
    )
    for minute in range(-120, 60, 5):
        working.exposed(EVENING_US + minute * MINUTE_US, {7: 10})
        while waiting and waiting[0].at_us < EVENING_US + (minute + 5) * MINUTE_US:
            working.hear(waiting.pop(0))
    return working


def opened(working: Working) -> int:
    return sum(change.kind == "opened" and change.state == POSSIBLE for change in working.changes)


@pytest.mark.parametrize(
    ("text", "lang", "echo"),
    [
        ("Please donate to the disaster fund", "en", True),
        ("Minute of silence for the storm", "en", True),
        ("The trailer of that disaster movie", "en", True),
        ("Quel but à la dernière minute, une explosion", "fr", True),
        ("Explosion at the mill, but we are safe", "en", False),
        ("Explosion at the mill, but we are safe", "", False),
        ("Teleton para los damnificados", "es", True),
        ("Se inunda la calle del molino", "es", False),
        ("震災の追悼式", "ja", True),
        ("川があふれて道が見えない", "ja", False),
    ],
)
def test_some_words_say_that_nothing_happens_now(text: str, lang: str, echo: bool) -> None:
    assert is_echo(terms(text), lang) is echo


def test_people_who_report_a_fire_are_heard_and_people_who_collect_for_one_are_not() -> None:
    assert opened(after(*((text, float(n)) for n, text in enumerate(REPORTS)))) == 1
    assert opened(after(*((text, float(n)) for n, text in enumerate(APPEALS)))) == 0


def test_among_as_many_appeals_nobody_is_believed() -> None:
    """Six speak of a fire without a word that gives an appeal away, among eight who appeal: those may be of the same evening."""
    crowd = [(text, float(n)) for n, text in enumerate(APPEALS)]
    six = [(text, n + 0.5) for n, text in enumerate(REPORTS[:6])]
    assert (opened(after(*six)), opened(after(*crowd, *six))) == (1, 0)


def test_an_appeal_does_not_hide_a_fire_that_many_report() -> None:
    two = [(text, 0.5) for text in APPEALS[:2]]
    assert opened(after(*two, *((text, float(n)) for n, text in enumerate(REPORTS)))) == 1


def test_texts_that_a_machine_numbers_are_copies() -> None:
    one, two = terms("win a phone now follow the link 17"), terms("win a phone now follow the link 18")
    assert copies.one_word_apart(one, two)
    assert not copies.one_word_apart(one, terms("win a phone now and follow my link 17"))
    assert not copies.one_word_apart(
        terms("fire in york now"), terms("fire in leeds now")
    )  # few words: two people may say so


def test_what_is_flagged_now_is_no_talk_yet() -> None:
    rhythm = Rhythm()
    rhythm.settle(EVENING_US)
    rhythm.hear(EVENING_US, 20)
    rhythm.flag(FIRE, 1.0, 1.0, EVENING_US)
    assert rhythm.joins.get(FIRE, 0.0) == 0.0
    rhythm.settle(EVENING_US + WINDOW_US + 2 * BIN_US)
    assert (rhythm.posts, round(rhythm.joins[FIRE], 1)) == (20.0, 1.0)


def test_posts_of_the_last_minutes_are_a_part_of_the_window() -> None:
    rhythm = Rhythm()
    for minute, posts in ((0, 50), (20, 7), (28, 5)):
        rhythm.hear(EVENING_US + minute * MINUTE_US, posts)
    rhythm.settle(EVENING_US + 29 * MINUTE_US)
    assert (rhythm.now(), rhythm.now(3)) == (62, 12)


def test_a_shorter_window_holds_what_came_last_and_no_echo() -> None:
    happening = Happening(founder=1, mark="", first_us=0, last_us=0)
    for number, (minute, weight) in enumerate(((0, 0.5), (12, 0.25), (14, 0.0), (15, 0.75))):
        voice = Voice(number, minute * MINUTE_US, number, 7, FIRE, weight, False, (), b"")
        happening.add(voice, Spot("AU", None, None))
    window = Window(happening.voices)
    window.move(-1)
    assert (len(window), window.weights[7], happening.reports) == (3, 1.5, 3)
    assert window.since(10 * MINUTE_US) == {7: {FIRE: 2}}
