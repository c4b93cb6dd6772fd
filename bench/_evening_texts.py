"""What is said on the made-up evenings: ordinary talk from the demo, witnesses from `evening_phrases.toml`, and what the
product's stages say of each text.
"""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from lapwing import catalog
from lapwing.app.opening import STAGES
from lapwing.app.resources import RESOURCES
from lapwing.demo.phrases import converse, phrases
from lapwing.incidents.copies import signatures
from lapwing.model import POSTS
from lapwing.text.weights import VERDICTS

UNSURE = VERDICTS.index("unsure")
_SLOT = re.compile(r"\{(\w+)\}")


class Place(NamedTuple):
    area: int
    name: str
    country: str
    longitude: float
    latitude: float
    language: str


class Text(NamedTuple):
    """What the stages say of a flagged text."""

    category: int
    weight: float
    lang: str
    terms: tuple[int, ...]
    signature: bytes


@cache
def book() -> dict[str, Any]:
    """The phrases of witnesses."""
    return tomllib.loads(Path(__file__).with_name("evening_phrases.toml").read_text(encoding="utf-8"))


def understood(texts: list[str]) -> list[Text | None]:
    """What the product's stages say of each text; None for what is not flagged."""
    frame = POSTS.to_frame(eager=True).clear(len(texts)).with_columns(pl.Series("text", texts, dtype=pl.String))
    for name in STAGES:
        stage = catalog.load("stages", name)
        frame = stage.make({each: RESOURCES[each] for each in stage.resources})(frame)
    rows = frame.select("verdict", "category", "emergency", "lang", "term_hashes").to_dicts()
    terms = [tuple(sorted({term >> 32 for term in row["term_hashes"]}))[:64] for row in rows]
    return [
        Text(row["category"], row["emergency"] or 0.5, row["lang"], words, signature)
        if row["verdict"] >= UNSURE
        else None
        for row, words, signature in zip(rows, terms, signatures(terms), strict=True)
    ]


class Pool(NamedTuple):
    """Ordinary talk of one language: the share that is flagged, and those texts."""

    share: float
    flagged: list[Text]


@cache
def pool(language: str, size: int, seed: int) -> Pool:
    """So many ordinary texts, understood."""
    chance = np.random.default_rng(seed)
    said = converse(chance, language, size)
    texts = understood([f"{body} {tags} {url}".strip() for body, tags, url in zip(*said_of(said), strict=True)])
    flagged = [each for each in texts if each]
    return Pool(len(flagged) / size, flagged)


def said_of(said: Any) -> tuple[list[str], list[str], list[str]]:
    """Body, tags and address of each."""
    return said.body.tolist(), said.tags.tolist(), said.url.tolist()


def tells(chance: random.Random, language: str, kind: str, place: Place, spot: str) -> str:
    """One witness's words."""
    words = book()[language]

    def filled(template: str) -> str:
        def slot(found: re.Match[str]) -> str:
            name = found[1]
            if name == "place":
                return place.name
            if name == "spot" and chance.random() < 0.75:
                return spot
            return chance.choice(words.get(name, [""]))

        return _SLOT.sub(slot, template)

    text = filled(chance.choice(words[kind]))
    if chance.random() < 0.4:
        text += ". " + filled(chance.choice(words[kind]))
    if chance.random() < 0.3:
        text += " " + chance.choice(phrases(language).close)
    return text
