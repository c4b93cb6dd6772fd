"""Where people say they live: "Perth, Western Australia", "São Paulo - Brasil", "🇯🇵 東京", "somewhere on earth"."""

from __future__ import annotations

import numpy as np
import polars as pl

from lapwing.places import mentions
from lapwing.places.gazetteer import NO_CITY, Gazetteer
from lapwing.places.mentions import Terms
from lapwing.text.words import cut_lists, explode, hash_terms

_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"

SHARE_MIN = 0.5
"""A city that makes up so much of what somebody wrote is where they live, even if it is a small one."""

COMMON_POPULATION_MIN = 300_000
"""A city of this size is meant even if its name is a common word, when nothing else was written."""


def homes(gazetteer: Gazetteer, profiles: pl.Series) -> pl.DataFrame:
    """One row for each profile (String, no nulls; pass each once): city UInt32 (`NO_CITY` if none), country ("" if
    unknown), confidence Float32.
    """
    terms = read_terms(gazetteer, profiles)
    found = mentions.find(gazetteer, terms)
    lengths = pl.Series(np.bincount(terms.texts, minlength=len(profiles))[found["text"].to_numpy()])
    possible = mentions.cities(gazetteer, terms, found.with_columns(length=lengths))
    share = pl.col("words") / pl.col("length")
    alone = (
        ~pl.col("common")
        & (share >= SHARE_MIN)
        & (~pl.col("alternate") | pl.col("unspaced") | (pl.col("population") >= 100_000))
    )
    common = pl.col("common") & (share == 1) & (pl.col("population") >= COMMON_POPULATION_MIN)
    company = pl.col("behind") | (pl.col("elsewhere") & ~pl.col("common"))
    believed = possible.filter(company | alone | common | mentions.stands_alone())
    best = mentions.likeliest(believed.with_columns(home=pl.lit(False), same_city=pl.lit(False)))
    certain = (
        pl.when(pl.col("behind")).then(0.9).when("elsewhere").then(0.85).when(share == 1).then(0.75).otherwise(0.5)
    )
    cities = best.select("text", "city", "country", confidence=certain - pl.col("common") * 0.2)
    whole = mentions.countries(gazetteer, found).join(cities, on="text", how="anti")
    lands = whole.select("text", city=pl.lit(NO_CITY, dtype=pl.UInt32), country="country", confidence=pl.lit(0.7))
    rows = pl.DataFrame({"text": np.arange(len(profiles), dtype=np.uint32)})
    return rows.join(pl.concat([cities, lands]), on="text", how="left", maintain_order="left").select(
        pl.col("city").fill_null(NO_CITY),
        pl.col("country").fill_null(""),
        pl.col("confidence").fill_null(0).cast(pl.Float32),
    )


def read_terms(gazetteer: Gazetteer, texts: pl.Series) -> Terms:
    """The terms of texts of which nobody has cut the terms yet; a flag stands for the name of its country."""
    flagged = texts.str.contains(_FLAG).arg_true()
    if not flagged.is_empty():
        flags, names = list(gazetteer.flags), [f" {name} " for name in gazetteer.flags.values()]
        texts = texts.scatter(flagged, texts.gather(flagged).str.replace_many(flags, names))
    flat = explode(cut_lists(texts))
    return Terms(flat["row"].to_numpy(), flat["term"], hash_terms(flat["term"]).to_numpy())
