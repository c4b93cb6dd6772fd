"""What people say: one file of phrases for each language, and sentences made from them.

The files are part of the program as its code is, and come with the package.
"""

from __future__ import annotations

import pkgutil
import re
import tomllib
from functools import cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
"""Python strings in an array, so that they can be picked and joined by position."""

LANGUAGES = ("en", "es", "pt", "fr", "de", "id", "ja", "ar", "tr", "th", "hi", "ru")
"""The code of a language is its position here."""

POPULARITY = 0.6
"""How steeply the use of words falls with their rank."""

TWO_SENTENCES, OPENED, CLOSED, DECORATED, TAGGED, LINKED = 0.55, 0.1, 0.5, 0.3, 0.25, 0.08

_SLOT = re.compile(r"\{(\w+)\}")


class Phrases(msgspec.Struct, frozen=True, kw_only=True):
    """One language's file."""

    open: tuple[str, ...]
    close: tuple[str, ...]
    emoji: tuple[str, ...]
    mention: tuple[str, ...]
    """Around {text}, naming {place}."""
    jokes: tuple[str, ...]
    """Where people say they live when they do not say it."""
    given: tuple[str, ...]
    slot: dict[str, tuple[str, ...]]
    say: dict[str, tuple[str, ...]]
    """Sentences by topic, with slots."""
    tags: dict[str, tuple[str, ...]]
    gossip: dict[str, tuple[str, ...]]
    """What sounds like an emergency and is none."""
    flood: dict[str, tuple[str, ...]] = {}
    accident: dict[str, tuple[str, ...]] = {}
    cities: dict[str, int]
    """GeoNames id by how people write it."""
    join: str = " "


class Said(msgspec.Struct):
    """Texts in parts, as networks mark them up; all of the same length."""

    body: Texts
    tags: Texts
    """Hashtags with a space between, or nothing."""
    url: Texts


@cache
def phrases(language: str) -> Phrases:
    """Read one language's file."""
    data = pkgutil.get_data(__name__, f"phrases/{language}.toml")
    assert data is not None, f"the phrases of {language} are part of the package"
    return msgspec.convert(tomllib.loads(data.decode()), Phrases)


def popular(random: np.random.Generator, size: int, count: int) -> Whole:
    """Pick `count` positions below `size`, the first ones more often."""
    weights = np.cumsum(1 / np.arange(1, size + 1) ** POPULARITY)
    picked: Whole = np.searchsorted(weights, random.random(count) * weights[-1])
    return picked


def array(texts: Any) -> Texts:
    """Put texts into an array; numpy would else make them all as wide as the longest."""
    made = np.empty(len(texts), dtype=object)
    made[:] = texts
    return made


def fill(
    random: np.random.Generator, templates: tuple[str, ...], slots: dict[str, tuple[str, ...]], count: int
) -> Texts:
    """Make `count` sentences from templates and what may stand in their slots."""
    made = np.empty(count, dtype=object)
    picked = popular(random, len(templates), count)
    for number, template in enumerate(templates):
        rows = np.flatnonzero(picked == number)
        names = _SLOT.findall(template)
        pattern = _SLOT.sub("%s", template.replace("%", "%%"))
        words = [array(slots[name])[popular(random, len(slots[name]), len(rows))] for name in names]
        made[rows] = [pattern % row for row in zip(*words, strict=True)] if names else [template] * len(rows)
    return made


def capital(texts: Texts, language: str) -> Texts:
    """Let sentences begin with a capital, in Turkish the dotted one."""
    dotted = language == "tr"
    return array([("İ" if dotted and text[0] == "i" else text[0].upper()) + text[1:] for text in texts])


def converse(random: np.random.Generator, language: str, count: int) -> Said:
    """Say `count` everyday things."""
    book = phrases(language)
    body = np.empty(count, dtype=object)
    tags = array([""] * count)
    topics = popular(random, len(book.say), count)
    for number, topic in enumerate(book.say):
        rows = np.flatnonzero(topics == number)
        body[rows] = capital(fill(random, book.say[topic], book.slot, len(rows)), language)
        twice = rows[random.random(len(rows)) < TWO_SENTENCES]
        gap = np.where(random.random(len(twice)) < 0.1, "\n", book.join)
        others = tuple(each for other in book.say if other != topic for each in book.say[other])
        body[twice] += gap + capital(fill(random, others, book.slot, len(twice)), language)
        tagged = rows[random.random(len(rows)) < TAGGED]
        tags[tagged] = array(book.tags[topic])[popular(random, len(book.tags[topic]), len(tagged))]
    opened = random.random(count) < OPENED
    pause = " " if book.join else ""
    body[opened] = fill(random, book.open, {}, int(opened.sum())) + pause + body[opened]
    closed = random.random(count) < CLOSED
    body[closed] += book.join + fill(random, book.close, {}, int(closed.sum()))
    return Said(body, tags, links(random, count))


def links(random: np.random.Generator, count: int) -> Texts:
    """Give some posts an address at example.org."""
    url = array([""] * count)
    linked = random.random(count) < LINKED
    folders = array(["news", "photos", "recipes", "events", "music"])[random.integers(0, 5, int(linked.sum()))]
    numbers = random.integers(1000, 10_000_000, len(folders)).tolist()
    url[linked] = [f"https://example.org/{folder}/{number}" for folder, number in zip(folders, numbers, strict=True)]
    return url


def gossip(random: np.random.Generator, language: str, topic: str, count: int) -> Said:
    """Say `count` things about a film, a match, a song or a day that sound like an emergency and are none."""
    book = phrases(language)
    body = capital(fill(random, book.gossip[topic], book.slot, count), language)
    closed = random.random(count) < CLOSED
    body[closed] += book.join + fill(random, book.close, {}, int(closed.sum()))
    return Said(body, array([""] * count), array([""] * count))


def witness(random: np.random.Generator, language: str, category: str, names: Texts) -> Said:
    """Tell what somebody sees of a flood or an accident; `names` is the city's name, or empty where the text leaves it out."""
    book = phrases(language)
    words: dict[str, tuple[str, ...]] = getattr(book, category)
    named = names != ""
    body = np.empty(len(names), dtype=object)
    place = {"place": (str(names[named][0]),) if named.any() else ()}
    body[named] = capital(fill(random, words["witness"], words | place, int(named.sum())), language)
    body[~named] = capital(fill(random, words["plain"], words, int((~named).sum())), language)
    tags = array([""] * len(names))
    tagged = random.random(len(names)) < 2 * TAGGED
    tags[tagged] = fill(random, words["tags"], {}, int(tagged.sum()))
    return Said(body, tags, links(random, len(names)))


def name_places(random: np.random.Generator, language: str, body: Texts, names: Texts) -> Texts:
    """Let each text mention its place."""
    ways = array(phrases(language).mention)
    frames = ways[popular(random, len(ways), len(body))]
    return array(
        [
            frame.replace("{text}", text).replace("{place}", name)
            for frame, text, name in zip(frames, body, names, strict=True)
        ]
    )


def decorate(random: np.random.Generator, language: str, body: Texts) -> Texts:
    """Let some texts end in an emoji."""
    book = phrases(language)
    body = body.copy()
    rows = np.flatnonzero(random.random(len(body)) < DECORATED)
    body[rows] += " " + fill(random, book.emoji, {}, len(rows))
    return body
