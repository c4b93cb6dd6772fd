"""Names of places among the terms of texts, and which place each text most likely means.

A name counts for itself when it is long, or its city large; a small or ambiguous one needs company: its region or
country behind it or elsewhere in the text, or an author who lives in that country. Of several that count, the one with
most company and most inhabitants is meant.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native.matching import match
from lapwing.places.gazetteer import Gazetteer, may_begin, mixed
from lapwing.places.meanings import CITY, Columns, Flags, Hashes, Numbers, spread

LAND_POPULATION_MIN = 500_000
"""A city that shares its name with a region or country is meant when it is of this size: New York, but not Ontario."""

CHUNK_TERMS = 1 << 16
"""So many terms are looked at together: they and what is made of them stay in the cache."""

WRITTEN_SMALL = r"^(?:\p{Latin}|\p{Cyrillic}|\p{Greek})"
"""How a name begins in the scripts that have capitals."""


class Terms(msgspec.Struct, frozen=True):
    """The terms of some texts, as `text.words` cut them, all in one row."""

    texts: NDArray[np.uint32]
    """For each term, the text it belongs to; sorted."""
    terms: pl.Series
    hashes: Hashes
    written: pl.Series
    """The first of the texts themselves: those whose capitals are trusted, which are not profiles."""


class Found(Columns, frozen=True):
    """Names among terms, in their order."""

    texts: NDArray[np.uint32]
    starts: Numbers
    """Position among all terms."""
    words: Numbers
    slots: Numbers
    """Position in `Gazetteer.keys`."""


class Cities(Columns, frozen=True):
    """The cities that found names may mean, in the order of the texts, with their company."""

    texts: Numbers
    found: Numbers
    """Which of the found names it is that means the city."""
    rows: Numbers
    """Position in `Gazetteer.meanings`."""
    behind: Flags
    """Its region or country stands right behind it."""
    elsewhere: Flags
    """Its country is named somewhere else in the text."""
    home: Flags
    """Its country is where the author lives; false as long as nobody has asked, as is the next."""
    same_city: Flags
    """It is itself where the author lives."""


class Countries(Columns, frozen=True):
    """The country that each text names, if it names only one, or a region of it."""

    texts: Numbers
    found: Numbers
    """The name that says so."""
    countries: Numbers


_Part = TypeVar("_Part", Cities, Countries)


class Reading(msgspec.Struct, frozen=True):
    """What the names in some texts may mean."""

    found: Found
    cities: Cities
    countries: Countries

    def between(self, low: int, high: int) -> Reading:
        """What is said of the texts from `low` to before `high`, which are then counted from 0 on."""
        return msgspec.structs.replace(
            self, cities=_between(self.cities, low, high), countries=_between(self.countries, low, high)
        )


def _between(part: _Part, low: int, high: int) -> _Part:
    first, last = np.searchsorted(part.texts, [low, high])
    own = part.at(slice(first, last))
    return msgspec.structs.replace(own, texts=own.texts - low)


def find(gazetteer: Gazetteer, terms: Terms) -> Found:
    """The names among terms.

    Of names that overlap, the one that begins first counts, and of those the longest: 東京都 is Tokyo and not Kyoto.
    """
    found = match(gazetteer.spelled, terms.hashes, terms.texts)
    if found is None:
        return _carefully(gazetteer, terms)
    starts, words, slots = found
    return Found(terms.texts[starts], starts, words, slots)


def _carefully(gazetteer: Gazetteer, terms: Terms) -> Found:
    """As `find`, without the compiled part."""
    texts, hashes = terms.texts, terms.hashes
    starts = _openings(gazetteer, hashes)
    keys = hashes[starts]
    found_slots, found_words = np.zeros(len(starts), dtype=np.int64), np.zeros(len(starts), dtype=np.int64)
    going, words = np.arange(len(starts)), 0
    while len(going):
        words += 1
        slots = gazetteer.keys.find(keys[going])
        known = slots >= 0
        going, slots = going[known], slots[known]
        ends = gazetteer.keys.count[slots] > 0
        found_slots[going[ends]], found_words[going[ends]] = slots[ends], words
        going = going[starts[going] + words < len(hashes)]
        going = going[texts[starts[going] + words] == texts[starts[going]]]
        keys[going] = mixed(keys[going], hashes[starts[going] + words])
    named = np.flatnonzero(found_words)
    ends_at = np.maximum.accumulate(starts[named] + found_words[named])
    free = named[np.append(True, starts[named][1:] >= ends_at[:-1])[: len(named)]]
    return Found(texts[starts[free]], starts[free], found_words[free], found_slots[free])


def _openings(gazetteer: Gazetteer, hashes: Hashes) -> Numbers:
    """The terms that may begin a name, alone or with the next; so many at a time as stay in the processor's cache."""
    opens = np.zeros(len(hashes), dtype=np.bool_)
    for first in range(0, len(hashes), CHUNK_TERMS):
        part = hashes[first : first + CHUNK_TERMS + 1]
        opens[first + may_begin(gazetteer, part)] = True
        opens[first + may_begin(gazetteer, mixed(part[:-1], part[1:]))] = True
    return np.flatnonzero(opens)


def evidence(gazetteer: Gazetteer, terms: Terms, found: Found) -> pl.Series:
    """The words of each found name, as they were folded."""
    names = terms.terms.gather(found.starts)
    long = np.flatnonzero(found.words > 1)
    if not len(long):
        return names
    several = found.at(long)
    places = spread(several.starts, several.words)[1]
    parts = iter(terms.terms.gather(places).to_list())
    unspaced = gazetteer.meanings.unspaced[gazetteer.keys.first[several.slots]]
    joined = []
    for run, words in zip(unspaced.tolist(), several.words.tolist(), strict=True):
        name = [next(parts) for _ in range(words)]
        joined.append("".join(term[:1] for term in name) + name[-1][1:] if run else " ".join(name))
    return names.scatter(long, joined)


def read(gazetteer: Gazetteer, terms: Terms, found: Found) -> Reading:
    """The cities and countries that found names may mean.

    Left out are cities behind which another region or country stands, and small ones that share their name with a
    region or country.
    """
    owner, rows = gazetteer.keys.rows(found.slots)
    is_city = gazetteer.meanings.kind[rows] == CITY
    other, other_rows = owner[~is_city], rows[~is_city]
    owner, rows = owner[is_city], rows[is_city]
    land = np.zeros(len(found.texts), dtype=np.bool_)
    land[other] = True
    certain = ~gazetteer.meanings.common[other_rows]
    named, countries = other[certain], gazetteer.meanings.country[other_rows[certain]]
    behind, contradicted = _behind(gazetteer, terms, found, (owner, rows), (other, other_rows))
    nowhere = np.zeros(len(rows), dtype=np.bool_)
    cities = Cities(
        texts=found.texts[owner].astype(np.int64),
        found=owner,
        rows=rows,
        behind=behind,
        elsewhere=_elsewhere(found, (owner, gazetteer.meanings.country[rows]), (named, countries)),
        home=nowhere,
        same_city=nowhere,
    )
    first = ~gazetteer.meanings.alternate[rows]
    large = (gazetteer.meanings.population[rows] >= LAND_POPULATION_MIN) & first
    return Reading(
        found=found,
        cities=cities.at(np.flatnonzero(~contradicted & (~land[owner] | large | (behind & first)))),
        countries=_only_countries(found, named, countries),
    )


def _only_countries(found: Found, named: Numbers, countries: Numbers) -> Countries:
    order = np.lexsort((found.slots[named], found.texts[named]))
    named, countries = named[order], countries[order]
    texts = found.texts[named].astype(np.int64)
    firsts = group_starts(texts)
    if not len(firsts):
        return Countries(texts, named, countries)
    one = np.minimum.reduceat(countries, firsts) == np.maximum.reduceat(countries, firsts)
    return Countries(texts, named, countries).at(firsts[one])


def _elsewhere(found: Found, cities: tuple[Numbers, Numbers], named: tuple[Numbers, Numbers]) -> Flags:
    """Whether the country of each city (found name and country) is named, and last by another name than its own."""
    most = 1 << 16
    codes = found.texts[named[0]].astype(np.int64) * most + named[1]
    order = np.argsort(codes, kind="stable")
    codes, sayers = np.append(codes[order], -1), np.append(named[0][order], -1)
    wanted = found.texts[cities[0]].astype(np.int64) * most + cities[1]
    last = np.searchsorted(codes[:-1], wanted, side="right") - 1
    result: Flags = (codes[last] == wanted) & (sayers[last] != cities[0])
    return result


def _behind(
    gazetteer: Gazetteer,
    terms: Terms,
    found: Found,
    cities: tuple[Numbers, Numbers],
    others: tuple[Numbers, Numbers],
) -> tuple[Flags, Flags]:
    """Whether right behind cities stands their region or country; whether only another one does."""
    meanings, lands = gazetteer.meanings, gazetteer.lands
    after = found.starts[cities[0]] + meanings.words[cities[1]]
    inside = np.minimum(after, len(terms.hashes) - 1)
    follows = (after < len(terms.hashes)) & (terms.texts[inside] == found.texts[cities[0]])
    places = np.sort(after[follows])
    places = places[group_starts(places)]
    short, areas = _abbreviations(gazetteer, terms, places)
    spots = np.concatenate([found.starts[others[0]], short])
    spoken = np.sort(spots * lands.areas + np.concatenate([meanings.area[others[1]], areas]))
    country = after * lands.areas + lands.whole(meanings.country[cities[1]])
    region = after * lands.areas + meanings.area[cities[1]]
    behind = follows & (among(spoken, country) | among(spoken, region))
    return behind, follows & among(np.sort(spots), after) & ~behind


def _abbreviations(gazetteer: Gazetteer, terms: Terms, places: Numbers) -> tuple[Numbers, Numbers]:
    """The abbreviations at places among the terms: place, and what they mean. Those that are words count in capitals."""
    slots = gazetteer.abbreviations.find(terms.hashes[places])
    places, slots = places[slots >= 0], slots[slots >= 0]
    owner, rows = gazetteer.abbreviations.rows(slots)
    right = np.ones(len(rows), dtype=np.bool_)
    texts = terms.texts[places[owner]]
    doubtful = np.flatnonzero(gazetteer.abbreviated.risky[rows] & (texts < len(terms.written)))
    capitals = terms.terms.gather(places[owner[doubtful]]).to_list()
    written = terms.written.gather(texts[doubtful]).to_list()
    right[doubtful] = [short.upper() in text for short, text in zip(capitals, written, strict=True)]
    return places[owner[right]], gazetteer.abbreviated.area[rows[right]]


def among(known: Numbers, wanted: Numbers) -> Flags:
    """Which of the wanted numbers are among the known ones, which are sorted."""
    if not len(known):
        return np.zeros(len(wanted), dtype=np.bool_)
    result: Flags = known[np.minimum(np.searchsorted(known, wanted), len(known) - 1)] == wanted
    return result


def group_starts(values: Numbers) -> Numbers:
    """Where in sorted numbers, none of them negative, each one stands first."""
    return np.flatnonzero(np.diff(values, prepend=-1))


def whole_words(terms: Terms, found: Found) -> Flags:
    """Whether each found name is no piece of a longer run of Katakana: ロンドン, but not the クラン in スクランブル."""
    before = np.maximum(found.starts - 1, 0)
    after = np.minimum(found.starts + found.words, len(terms.hashes) - 1)
    inside = _katakana(terms.terms.gather(before)) & (terms.texts[before] == found.texts) & (before < found.starts)
    inside |= _katakana(terms.terms.gather(after)) & (terms.texts[after] == found.texts) & (after > found.starts)
    result: Flags = ~inside
    return result


def _katakana(terms: pl.Series) -> Flags:
    """Whether terms are pairs of Katakana."""
    pairs = [len(term) == 2 and "ァ" <= term[0] <= "ヿ" and "ァ" <= term[1] <= "ヿ" for term in terms.to_list()]
    return np.array(pairs, dtype=np.bool_)


def written_small(names: pl.Series, texts: pl.Series) -> Flags:
    """Whether each text has a name, which is folded, without a capital; False in scripts that have none."""
    name, text = pl.col("name"), pl.col("text")
    shown = pl.DataFrame({"name": names, "text": texts}).select(
        cased=name.str.contains(WRITTEN_SMALL),
        plain=text.str.len_bytes() == text.str.len_chars(),
        small=text.str.contains(name, literal=True),
    )
    cased, plain = shown["cased"].to_numpy(), shown["plain"].to_numpy()
    small: Flags = cased & plain & shown["small"].to_numpy()
    hard = np.flatnonzero(cased & ~plain)
    if len(hard):
        bare = text.str.normalize("NFD").str.replace_all(r"\p{Mn}", "")
        frame = pl.DataFrame({"name": names.gather(hard), "text": texts.gather(hard)})
        small[hard] = frame.select(bare.str.contains(name, literal=True)).to_series().to_numpy()
    return small


def likeliest(gazetteer: Gazetteer, possible: Cities) -> tuple[Numbers, Numbers]:
    """For each text, which of the cities has most weight, and how many other names there mean cities.

    Weight is inhabitants and company; of equals, the one that is named first has most.
    """
    firsts = group_starts(possible.texts)
    if not len(firsts):
        return firsts, firsts
    company = possible.behind * 4.0 + possible.elsewhere * 1.5 + possible.home * 1.0 + possible.same_city * 1.5
    weight = gazetteer.meanings.fame[possible.rows] + company
    group = np.repeat(np.arange(len(firsts)), np.diff(firsts, append=len(weight)))
    best = np.flatnonzero(weight == np.maximum.reduceat(weight, firsts)[group])
    names = np.add.reduceat((np.diff(possible.found, prepend=-1) != 0).astype(np.int64), firsts)
    return best[group_starts(group[best])], names - 1
