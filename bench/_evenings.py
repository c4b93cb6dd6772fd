"""Made-up evenings as texts: what people of some places say, what happens there, and what only sounds so.

Ordinary talk is that of the demo, drawn from a pool that went through the product's stages once. Witnesses, telethons and
anniversaries speak from `evening_phrases.toml`. Everything follows from a seed and from `Settings`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from functools import cache
from itertools import count
from typing import NamedTuple

import msgspec
import numpy as np
from _evening_texts import Place, Text, book, pool, tells, understood

from lapwing.demo.phrases import gossip, phrases
from lapwing.incidents.happening import Flagged, mark_of

START_US = 1_767_628_800_000_000  # 2026-01-05T16:00:00Z
MINUTE_US = 60_000_000
MINUTES = 360
LANGUAGES = ("en", "id", "es", "pt", "fr", "ja", "tr", "ar")
TOLD = ("en", "id", "es", "pt", "fr", "ja")
"""Languages that witnesses speak; the others only talk."""
KINDS = ("fire", "flood", "accident", "earthquake")
NOWHERE = 0
UNPLACED = 0.2
"""Of ordinary posts so many name no place."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How evenings are drawn; those of the measurement are others than those that were built with."""

    places: int = 10
    slowest: float = 2.0
    """Posts an hour of the smallest place."""
    fastest: float = 4_000.0
    happenings: tuple[int, int] = (1, 4)
    reports: tuple[int, int] = (15, 60)
    spread_minutes: tuple[float, float] = (10.0, 40.0)
    copies: float = 0.3
    repeats: float = 0.1
    vague: float = 0.15
    """Reports that name no place; as many name the country alone."""
    decoys: tuple[int, int] = (2, 4)
    pool: int = 4_000


BUILDING = Settings()
HELD = Settings(
    places=12, slowest=1.0, fastest=6_000.0, happenings=(0, 5), reports=(14, 90), spread_minutes=(6.0, 60.0), copies=0.45,
    repeats=0.2, vague=0.2, decoys=(2, 5), pool=6_000,
)  # fmt: skip


class Event(NamedTuple):
    name: str
    kind: str
    place: Place
    start_us: int
    reports: int
    spread_us: float


class Heard(NamedTuple):
    """A flagged post, when it was heard, what it is about (None: talk; ``~telethon``: what only sounds so), whether it is an
    independent report.
    """

    heard_us: int
    post: Flagged
    about: str | None
    independent: bool


class Evening(NamedTuple):
    events: list[Event]
    places: list[Place]
    decoys: list[str]
    heard: list[Heard]
    """By the time at which each was heard."""
    exposures: list[tuple[int, dict[int, int]]]
    """Minute by minute: how many posts each area had."""
    tenth_us: dict[str, int]
    """When the tenth independent report of an event was heard, flagged or not."""
    silence: tuple[int, int]
    """From when to when one source said nothing; (0, 0) for none."""


# -- an evening ------------------------------------------------------------------------------------------------------


class Saying(NamedTuple):
    """Something that is said, before the stages have read it."""

    at_us: int
    text: str
    author: int
    where: Place | None
    country: str
    about: str | None
    independent: bool = False
    repost: bool = False


def evening(seed: int, settings: Settings) -> Evening:
    """The evening of a seed."""
    chance = random.Random(seed)
    places = chance.sample(every_place(), settings.places)
    low, high = math.log(settings.slowest), math.log(settings.fastest)
    rates = {place.area: math.exp(chance.uniform(low, high)) for place in places}
    speaking = [place for place in places if place.language in TOLD]
    wanted = min(chance.randint(*settings.happenings), len(speaking))
    events = [_event(chance, number, each, settings) for number, each in enumerate(chance.sample(speaking, wanted))]
    said = [each for event in events for each in _reports(chance, event, settings)]
    decoys = chance.sample(sorted(DECOYS), min(chance.randint(*settings.decoys), len(DECOYS)))
    for name in decoys:
        said += [each._replace(about=f"~{name}") for each in DECOYS[name](chance, places)]
    silence = _silence(chance) if chance.random() < 0.35 else (0, 0, 0.0, False)
    numbers = count(1)
    exposures = _exposures(chance, rates, said)
    heard = _ordinary(chance, places, (rates, settings), numbers)
    reported = _heard(said, numbers, silence)
    heard = [each for each in heard if not _lost(chance, each.heard_us, silence)]
    return Evening(
        events, places, decoys, sorted(heard + reported, key=lambda each: (each.heard_us, each.post.seq)),
        exposures, _tenth(events, said, silence), silence[:2],
    )  # fmt: skip


def _event(chance: random.Random, number: int, place: Place, settings: Settings) -> Event:
    kind = chance.choice(KINDS)
    start_us = START_US + chance.randint(60, 290) * MINUTE_US
    reports = chance.randint(*settings.reports)
    spread_us = chance.uniform(*settings.spread_minutes) * MINUTE_US
    return Event(f"{number} {kind} {place.name}", kind, place, start_us, reports, spread_us)


def _author(chance: random.Random) -> int:
    return chance.randrange(1 << 60)


def _reports(chance: random.Random, event: Event, settings: Settings) -> list[Saying]:
    """Independent witnesses; copies, reposts and people who say it again among them."""
    found: list[Saying] = []
    spot = chance.choice(book()[event.place.language]["spot"])
    for _ in range(event.reports):
        at_us = event.start_us + int(chance.expovariate(1) * event.spread_us)
        language = event.place.language if chance.random() < 0.9 else "en"
        roll = chance.random()
        where = event.place if roll > 2 * settings.vague else None
        country = event.place.country if roll > settings.vague else ""
        one = Saying(
            at_us,
            tells(chance, language, event.kind, event.place, spot),
            _author(chance),
            where,
            country,
            event.name,
            True,
        )
        found.append(one)
        if chance.random() < settings.copies:
            copied = chance.choice(found)
            found.append(
                copied._replace(
                    at_us=at_us + 5_000_000, author=_author(chance), independent=False, repost=chance.random() < 0.6
                )
            )
        if chance.random() < settings.repeats:
            again = tells(chance, language, event.kind, event.place, spot)
            found.append(one._replace(at_us=at_us + 90_000_000, text=again, independent=False))
    return found


def _heard(said: list[Saying], numbers: Iterable[int], silence: tuple[int, int, float, bool]) -> list[Heard]:
    """The flagged ones of what is said, as and when they are heard."""
    found = []
    for each, text, seq in zip(said, understood([each.text for each in said]), numbers, strict=False):
        heard_us = _when(each, silence)
        if text is None or heard_us is None:
            continue
        found.append(Heard(heard_us, _flagged(seq, each, text), each.about, each.independent))
    return found


def _flagged(seq: int, said: Saying, text: Text) -> Flagged:
    where = said.where
    return Flagged(
        seq=seq, at_us=said.at_us, author=said.author, mark=mark_of(str(seq)), area=area_of(said), country=said.country,
        longitude=where.longitude if where else None, latitude=where.latitude if where else None, category=text.category,
        weight=text.weight, repost=said.repost, lang=text.lang, terms=text.terms, signature=text.signature,
    )  # fmt: skip


def area_of(said: Saying) -> int:
    """Its city, or its country's number, or nowhere."""
    if said.where:
        return said.where.area
    return 0xF000_0000 + 26 * ord(said.country[0]) + ord(said.country[1]) if said.country else NOWHERE


def _tenth(events: list[Event], said: list[Saying], silence: tuple[int, int, float, bool]) -> dict[str, int]:
    """When the tenth independent report of each event was heard; not all of them are flagged."""
    found = {}
    for event in events:
        times = [_when(each, silence) for each in said if each.about == event.name and each.independent]
        heard = sorted(each for each in times if each is not None)
        if len(heard) >= 10 and heard[9] < START_US + MINUTES * MINUTE_US - 2 * MINUTE_US:
            found[event.name] = heard[9]
    return found


# -- silence ---------------------------------------------------------------------------------------------------------


def _silence(chance: random.Random) -> tuple[int, int, float, bool]:
    """From, to, the share of all authors whom the source has, and whether what was missed comes later."""
    start_us = START_US + chance.randint(30, 240) * MINUTE_US
    return start_us, start_us + chance.randint(20, 90) * MINUTE_US, chance.uniform(0.3, 0.8), chance.random() < 0.5


def _when(said: Saying, silence: tuple[int, int, float, bool]) -> int | None:
    """When a post is heard; None if never."""
    start_us, end_us, share, later = silence
    if start_us <= said.at_us < end_us and said.author % 1_000 < share * 1_000:
        return end_us if later else None
    return said.at_us


def _lost(chance: random.Random, at_us: int, silence: tuple[int, int, float, bool]) -> bool:
    start_us, end_us, share, _ = silence
    return start_us <= at_us < end_us and chance.random() < share


# -- talk ------------------------------------------------------------------------------------------------------------


def _exposures(chance: random.Random, rates: dict[int, float], said: list[Saying]) -> list[tuple[int, dict[int, int]]]:
    extra: dict[tuple[int, int], int] = {}
    for each in said:
        key = ((each.at_us - START_US) // MINUTE_US, area_of(each))
        extra[key] = extra.get(key, 0) + 1
    found = []
    rates = rates | {NOWHERE: UNPLACED * sum(rates.values())}
    for minute in range(MINUTES):
        said_here = {area: number for (when, area), number in extra.items() if when == minute}
        posts = {area: poisson(chance, rate / 60) + said_here.pop(area, 0) for area, rate in rates.items()} | said_here
        found.append((START_US + minute * MINUTE_US, {area: number for area, number in posts.items() if number}))
    return found


def _ordinary(
    chance: random.Random, places: list[Place], how: tuple[dict[int, float], Settings], numbers: Iterable[int]
) -> list[Heard]:
    """The flagged posts of ordinary talk."""
    rates, settings = how
    found = []
    ids = iter(numbers)
    for place in places:
        talk = pool(place.language, settings.pool, settings.pool)
        for _ in range(poisson(chance, rates[place.area] * MINUTES / 60 * talk.share)):
            at_us = START_US + chance.randrange(MINUTES * 60) * 1_000_000
            placed = chance.random() > UNPLACED
            said = Saying(at_us, "", _author(chance), place if placed else None, place.country if placed else "", None)
            found.append(Heard(at_us, _flagged(next(ids), said, chance.choice(talk.flagged)), None, False))
    return found


def poisson(chance: random.Random, mean: float) -> int:
    """A Poisson variable; for a large mean by the normal distribution."""
    if mean > 50:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    number, left = 0, chance.expovariate(1.0)
    while left < mean:
        number, left = number + 1, left + chance.expovariate(1.0)
    return number


# -- what only sounds so ---------------------------------------------------------------------------------------------


def _crowd(chance: random.Random, texts: list[str], place: Place, minutes: float) -> list[Saying]:
    start_us = START_US + chance.randint(40, 300) * MINUTE_US
    return [
        Saying(start_us + int(chance.expovariate(1) * minutes * MINUTE_US), text, _author(chance), place, place.country, None)
        for text in texts
    ]  # fmt: skip


def _gossiped(chance: random.Random, place: Place, topic: str, number: int) -> list[str]:
    return gossip(np.random.default_rng(chance.getrandbits(32)), place.language, topic, number).body.tolist()


def _football(chance: random.Random, places: list[Place]) -> list[Saying]:
    place = chance.choice(places)
    return _crowd(chance, _gossiped(chance, place, "football", chance.randint(60, 300)), place, 8)


def _daily(chance: random.Random, places: list[Place]) -> list[Saying]:
    place, topic = chance.choice(places), chance.choice(["film", "song", "daily"])
    return _crowd(chance, _gossiped(chance, place, topic, chance.randint(30, 120)), place, 30)


def _spam(chance: random.Random, places: list[Place]) -> list[Saying]:
    """One text, or one with a number behind it, by many."""
    place = chance.choice([each for each in places if each.language in TOLD] or places)
    language = place.language if place.language in TOLD else "en"
    advert = "Win a phone now, follow the link in my profile"
    text = tells(chance, language, chance.choice(KINDS), place, "") if chance.random() < 0.6 else advert
    numbered = chance.random() < 0.5
    times = chance.randint(200, 1_500)
    return _crowd(chance, [f"{text} {n}" if numbered else text for n in range(times)], place, 20)


def _told_of(topic: str, most: int, minutes: float, chance: random.Random, places: list[Place]) -> list[Saying]:
    able = [each for each in places if topic in book().get(each.language, {})]
    if not able:
        return []
    place = chance.choice(able)
    words, close = book()[place.language][topic], phrases(place.language).close
    texts = [f"{chance.choice(words)} {chance.choice(close)}" for _ in range(chance.randint(most // 5, most))]
    crowd = _crowd(chance, texts, place, minutes)
    return [each if chance.random() < 0.4 else each._replace(where=None) for each in crowd]


DECOYS = {
    "football": _football,
    "gossip": _daily,
    "spam": _spam,
    "telethon": lambda chance, places: _told_of("telethon", 300, 45, chance, places),
    "anniversary": lambda chance, places: _told_of("anniversary", 100, 60, chance, places),
}


@cache
def every_place() -> tuple[Place, ...]:
    """The cities of the demo whose people speak one of our languages."""
    from lapwing.demo.phrases import LANGUAGES as DEMO
    from lapwing.demo.scene import places

    return tuple(
        Place(each.id, each.native, each.country, each.longitude, each.latitude, DEMO[each.language])
        for each in places()
        if DEMO[each.language] in LANGUAGES
    )
