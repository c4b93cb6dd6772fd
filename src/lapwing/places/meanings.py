"""What names may mean, as arrays: made once from the tables, and read for every batch without a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CITY, REGION, COUNTRY, ABBREVIATION = 0, 1, 2, 3
"""What a name names. An abbreviation (``TX``, ``AU``) says something only right behind a city."""

INDEX_BITS = 19


class Columns(msgspec.Struct, frozen=True):
    """Arrays of one length, taken together."""

    def at(self, rows: Any) -> Self:
        """Those rows of every array."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__struct_fields__))


class Lands(msgspec.Struct, frozen=True):
    """Countries and regions as numbers. A country's number is its row in `countries`; 0 is no country."""

    countries: pl.Series
    codes: dict[str, int]
    regions: pl.Series
    """All regions of all countries; the first is none."""

    def country(self, names: pl.Series) -> Numbers:
        """The numbers of countries."""
        return _numbers(names, self.countries)

    def area(self, countries: pl.Series, regions: pl.Series) -> Numbers:
        """The numbers of regions in countries; where the region is "", of the whole country (see `whole`)."""
        return self.whole(self.country(countries)) + _numbers(regions, self.regions)

    def whole(self, countries: Numbers) -> Numbers:
        """The numbers that whole countries have among regions."""
        return countries * len(self.regions)

    @property
    def areas(self) -> int:
        """All numbers of regions are below this."""
        return len(self.countries) * len(self.regions)


class Meanings(Columns, frozen=True):
    """What each name may mean, one row for each place; the rows of one name stand together."""

    kind: NDArray[np.uint8]
    city: NDArray[np.uint32]
    country: Numbers
    area: Numbers
    population: NDArray[np.uint32]
    alternate: Flags
    common: Flags
    unspaced: Flags
    kana: Flags
    words: Numbers
    fame: NDArray[np.float64]
    """How much speaks for it before its company is known."""
    alone: Flags
    """Whether it is believed without company."""


class Keys(msgspec.Struct, frozen=True):
    """Keys that are sorted and different, and for each its rows in another table: `count` of them from `first` on."""

    keys: Hashes
    index: Numbers
    """For each beginning of a key of `INDEX_BITS` bits, the first key that is not below it; one more at the end."""
    first: Numbers
    count: Numbers

    def find(self, wanted: Hashes) -> Numbers:
        """Where each wanted key stands, or -1. Keys are hashes, so that hardly any share their first bits."""
        top = (wanted >> np.uint64(64 - INDEX_BITS)).view(np.int64)
        slots, ends = self.index[top], self.index[top + 1]
        result = np.full(len(wanted), -1, dtype=np.int64)
        going = np.flatnonzero(slots < ends)
        while len(going):
            here = slots[going]
            same = self.keys[here] == wanted[going]
            result[going[same]] = here[same]
            slots[going] = here + 1
            going = going[~same & (here + 1 < ends[going])]
        return result

    def rows(self, slots: Numbers) -> tuple[Numbers, Numbers]:
        """The rows that belong to keys: for each row, which of `slots` it is of, and the row."""
        return spread(self.first[slots], self.count[slots])


def spread(first: Numbers, count: Numbers) -> tuple[Numbers, Numbers]:
    """Several ranges in one row: for each element, which range it is of, and the number that stands there."""
    owner = np.repeat(np.arange(len(count)), count)
    offsets = np.cumsum(count) - count
    return owner, np.arange(len(owner)) + (first - offsets)[owner]


def keys_of(keys: Hashes, table: Hashes) -> Keys:
    """Sorted different keys, with their rows in a table of which `table` is the sorted column of keys."""
    beginnings = np.arange(1 << INDEX_BITS, dtype=np.uint64) << np.uint64(64 - INDEX_BITS)
    first = np.searchsorted(table, keys)
    return Keys(
        keys=keys,
        index=np.append(np.searchsorted(keys, beginnings), len(keys)),
        first=first,
        count=np.searchsorted(table, keys, side="right") - first,
    )


def lands_of(countries: Sequence[pl.Series], regions: Sequence[pl.Series]) -> Lands:
    """The numbers of all countries and regions in some columns."""
    every = pl.concat([pl.Series([""]), *countries]).unique().sort()
    codes = {country: number for number, country in enumerate(every)}
    return Lands(countries=every, codes=codes, regions=pl.concat([pl.Series([""]), *regions]).unique().sort())


def meanings_of(names: pl.DataFrame, lands: Lands) -> Meanings:
    """The arrays of the columns of names."""
    plain = names.with_columns(
        fame=(pl.col("population") + 1.0).log10() - pl.col("alternate") * 0.5, alone=_stands_alone()
    )
    columns: dict[str, Any] = {
        field: plain[field].to_numpy()
        for field in plain.columns
        if field in Meanings.__struct_fields__ and field != "country"
    }
    return Meanings(
        country=lands.country(names["country"]), area=lands.area(names["country"], names["region"]), **columns
    )


def _numbers(values: pl.Series, known: pl.Series) -> Numbers:
    return values.cast(pl.Enum(known)).to_physical().to_numpy().astype(np.int64)


def _stands_alone() -> pl.Expr:
    """Whether a city's name is believed without company: by its length, its script, and the city's inhabitants."""
    people, first = pl.col("population"), ~pl.col("alternate")
    spaced = (
        pl.when(pl.col("words") > 1).then(people >= pl.when(first).then(20_000).otherwise(200_000))
        .otherwise(people >= pl.when(first).then(100_000).otherwise(500_000))
    )  # fmt: skip
    two = pl.when("kana").then(2_000_000).otherwise(200_000)
    unspaced = people >= pl.when(pl.col("words") > 3).then(50_000).when(pl.col("words") > 1).then(100_000).otherwise(
        two
    )
    return ~pl.col("common") & pl.when("unspaced").then(unspaced).otherwise(spaced)
