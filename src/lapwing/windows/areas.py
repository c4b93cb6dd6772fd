"""A place as one number: a GeoNames city, a country without a city, or nowhere (0)."""

from __future__ import annotations

import polars as pl

COUNTRY_AREAS = 0xF000_0000
"""GeoNames ids stay far below; a country known without a city is this plus its two letters, 26 by 26."""
UNLOCATED = 0


def area_of() -> pl.Expr:
    """UInt32 area from the columns `place` (0: none) and `country` ("" : unknown)."""
    first, second = (_letter(position) for position in (0, 1))
    coded = (COUNTRY_AREAS + first * 26 + second).cast(pl.UInt32)
    known = pl.col("country").str.contains(r"^[A-Z]{2}$")
    return (
        pl.when(pl.col("place") > 0).then(pl.col("place")).when(known).then(coded).otherwise(UNLOCATED).cast(pl.UInt32)
    )


def _letter(position: int) -> pl.Expr:
    letters = {chr(65 + code): code for code in range(26)}
    return pl.col("country").str.slice(position, 1).replace_strict(letters, default=0, return_dtype=pl.Int64)


def area_of_country(code: str) -> int:
    """The area of a country that is known without a city, from its two letters."""
    return COUNTRY_AREAS + (ord(code[0]) - 65) * 26 + ord(code[1]) - 65


def country_of_area(area: int) -> str:
    """The two letters of an area that is a country without a city; "" for a city or nowhere."""
    if area < COUNTRY_AREAS:
        return ""
    first, second = divmod(area - COUNTRY_AREAS, 26)
    return chr(65 + first) + chr(65 + second)
