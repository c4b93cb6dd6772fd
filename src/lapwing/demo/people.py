"""Sixty thousand people who do not exist: where they live, what they speak, and what their profiles say."""

from __future__ import annotations

import msgspec
import numpy as np

from lapwing.demo.identifiers import strings, tokens
from lapwing.demo.phrases import LANGUAGES, Texts, Whole, array, phrases, popular
from lapwing.demo.scene import Options, Place, draw, places, weights

FORMATS = ("x_v2", "jetstream", "mastodon", "x_v1")
"""The code of a format is its position here."""
X_V2, JETSTREAM, MASTODON, X_V1 = range(4)
SHARES = (0.45, 0.30, 0.20, 0.05)
SERVERS = ("harbour.example", "kampung.example", "plaza.example")
LOCATED = 0.87
"""How many of those whose network shows a profile name their city there."""
AT_HOME_IN_THEIR_LANGUAGE = 0.92
NEIGHBOURS_MIN = 40
"""At least so many people live where something will happen, half of them on X, so that it has witnesses at any scale."""

_SHORT = {"United States": "USA", "United Kingdom": "UK", "United Arab Emirates": "UAE"}
_MANNERS = (
    "calm wry late blue kind odd swift mild sunny quiet brave merry tidy misty lucky dry warm shy bold still".split()
)
_BEASTS = "heron otter finch tern newt robin vole crane egret gull hare lynx moth owl plover raven seal stoat swan wren".split()


class People(msgspec.Struct, frozen=True):
    """One row for each person."""

    network: Whole
    home: Whole
    language: Whole
    server: Whole
    """Which Mastodon server they live on."""
    located: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """Whether the profile names their home."""
    account: list[str]
    """X's number, a DID, or the number on their Mastodon server."""
    handle: list[str]
    name: list[str]
    profile: list[str]


def people(random: np.random.Generator, options: Options, crowds: tuple[int, ...]) -> People:
    """Invent everybody; `crowds` are the places that need witnesses."""
    count = options.people
    home = draw(random, weights(options), count)
    settlers = len(places())
    network = np.empty(count, dtype=np.int64)
    home[:settlers] = np.arange(settlers)  # every place has somebody whose profile says so
    network[:settlers] = np.where(random.random(settlers) < SHARES[X_V2] / (1 - SHARES[JETSTREAM]), X_V2, MASTODON)
    rest = np.maximum(np.array(SHARES) * count - np.bincount(network[:settlers], minlength=len(SHARES)), 0)
    network[settlers:] = draw(random, rest, count - settlers)
    for number, place in enumerate(crowds):
        first = settlers + number * NEIGHBOURS_MIN
        home[first : first + NEIGHBOURS_MIN] = place
    shown = count * (1 - SHARES[JETSTREAM])
    located = (random.random(count) < (LOCATED * shown - settlers) / (shown - settlers)) & (network != JETSTREAM)
    located[:settlers] = True
    language = np.array([place.language for place in places()])[home]
    guest = random.random(count) > AT_HOME_IN_THEIR_LANGUAGE
    guest[:settlers] = False
    language[guest] = np.where(
        random.random(int(guest.sum())) < 0.6, 0, random.integers(0, len(LANGUAGES), guest.sum())
    )
    return People(
        network=network,
        home=home,
        language=language,
        server=random.integers(0, len(SERVERS), count),
        located=located,
        account=_accounts(random, network),
        handle=_handles(random, count),
        name=_names(random, language).tolist(),
        profile=_profiles(random, home, language, located).tolist(),
    )


def _accounts(random: np.random.Generator, network: Whole) -> list[str]:
    numbers = 900_000_000_000_000_000 + np.arange(len(network)) * 10_000_019 + random.integers(0, 10_000_019)
    plc = strings(tokens(random, len(network), 24))
    return [
        f"did:plc:{word}" if code == JETSTREAM else str(number)
        for code, word, number in zip(network.tolist(), plc, numbers.tolist(), strict=True)
    ]


def _handles(random: np.random.Generator, count: int) -> list[str]:
    manner = array(_MANNERS)[random.integers(0, len(_MANNERS), count)]
    beast = array(_BEASTS)[random.integers(0, len(_BEASTS), count)]
    return [f"{a[:5]}_{b[:5]}{np.base_repr(n, 36).lower()}" for n, (a, b) in enumerate(zip(manner, beast, strict=True))]


def _names(random: np.random.Generator, language: Whole) -> Texts:
    made = np.empty(len(language), dtype=object)
    for number, code in enumerate(LANGUAGES):
        rows = np.flatnonzero(language == number)
        given = array(phrases(code).given)[random.integers(0, len(phrases(code).given), len(rows))]
        ends = array(["", "", "", " 🌿", " 🐦", " A.", " M.", " K."])[random.integers(0, 8, len(rows))]
        made[rows] = given + ends
    return made


def _profiles(random: np.random.Generator, home: Whole, language: Whole, located: np.ndarray) -> Texts:
    """Write where people live as people do: in several spellings, or as a joke, or not at all."""
    spelt = [spellings(place) for place in places()]
    picked = popular(random, len(spelt[0]), len(home))
    made = array([spelt[place][pick] for place, pick in zip(home.tolist(), picked.tolist(), strict=True)])
    for number, code in enumerate(LANGUAGES):
        rows = np.flatnonzero((language == number) & ~located)
        jokes = ("", "", *phrases(code).jokes)
        made[rows] = array(jokes)[random.integers(0, len(jokes), len(rows))]
    return made


def spellings(place: Place) -> tuple[str, ...]:
    """Write a home in the ways people do, the usual first."""
    country = _SHORT.get(place.country_name, place.country_name)
    flag = "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in place.country)
    return (
        place.native,
        f"{place.name}, {country}",
        f"{place.native}, {country}",
        place.name,
        f"📍 {place.native}",
        f"{place.name} {flag}",
        f"{place.name}, {place.country_name}",
        place.name.lower(),
        f"{flag} {place.native}",
        f"{place.name.upper()}",
    )
