"""Where people say they live: "Perth, Western Australia", "São Paulo - Brasil", "🇯🇵 東京", "somewhere on earth"."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.places.gazetteer import NO_CITY, Gazetteer
from lapwing.places.meanings import Numbers
from lapwing.places.mentions import Cities, Reading, Terms, likeliest

_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"

SHARE_MIN = 0.5
"""A city that makes up so much of what somebody wrote is where they live, even if it is a small one."""

COMMON_POPULATION_MIN = 300_000
"""A city of this size is meant even if its name is a common word, when nothing else was written."""


class Homes(msgspec.Struct, frozen=True):
    """Where the author of each profile lives."""

    city: NDArray[np.uint32]
    """`NO_CITY` if none is known."""
    country: Numbers
    """0 if none is known."""
    confidence: NDArray[np.float64]


def homes(gazetteer: Gazetteer, reading: Reading, lengths: Numbers) -> Homes:
    """What profiles say, of each of which `lengths` is the number of terms."""
    best = _best(gazetteer, reading, lengths)
    result = Homes(
        city=np.full(len(lengths), NO_CITY, dtype=np.uint32),
        country=np.zeros(len(lengths), dtype=np.int64),
        confidence=np.zeros(len(lengths)),
    )
    lands = reading.countries
    result.country[lands.texts], result.confidence[lands.texts] = lands.countries, 0.7
    rows = best.rows
    whole = gazetteer.meanings.words[rows] == lengths[best.texts]
    certain = np.select([best.behind, best.elsewhere, whole], [0.9, 0.85, 0.75], 0.5)
    result.city[best.texts], result.country[best.texts] = (
        gazetteer.meanings.city[rows],
        gazetteer.meanings.country[rows],
    )
    result.confidence[best.texts] = certain - gazetteer.meanings.common[rows] * 0.2
    return result


def _best(gazetteer: Gazetteer, reading: Reading, lengths: Numbers) -> Cities:
    """The city that each profile means."""
    possible = reading.cities
    name = gazetteer.meanings.at(possible.rows)
    share = name.words / lengths[possible.texts]
    alone = ~name.common & (share >= SHARE_MIN) & (~name.alternate | name.unspaced | (name.population >= 100_000))
    common = name.common & (share == 1) & (name.population >= COMMON_POPULATION_MIN)
    company = possible.behind | (possible.elsewhere & ~name.common)
    believed = possible.at(np.flatnonzero(company | alone | common | name.alone))
    return believed.at(likeliest(gazetteer, believed)[0])


def with_flags_named(gazetteer: Gazetteer, texts: pl.Series) -> pl.Series:
    """Texts in which a flag stands for the name of its country, with that name in its place."""
    flagged = texts.str.contains(_FLAG).arg_true()
    if flagged.is_empty():
        return texts
    flags, names = list(gazetteer.flags), [f" {name} " for name in gazetteer.flags.values()]
    return texts.scatter(flagged, texts.gather(flagged).str.replace_many(flags, names))


def terms_of(cut: list[pl.DataFrame], written: pl.Series) -> Terms:
    """The terms of texts that `words.cut_hashed` cut, one frame after the other."""
    lengths = np.concatenate([each["terms"].list.len().to_numpy() for each in cut])
    terms, hashes = (
        pl.concat([each[name].explode(empty_as_null=False) for each in cut]) for name in ("terms", "term_hashes")
    )
    texts = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
    return Terms(texts=texts, terms=terms, hashes=hashes.to_numpy(), written=written)
