"""Gives every post a language: the platform's own tag where there is one, otherwise what its text looks like."""

from __future__ import annotations

from typing import Any

import polars as pl

from lapwing.contracts import Stage, Transform
from lapwing.text.language import UNKNOWN, Model, identify

_RENAMED = {
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "fil": "tl",
    "nb": "no",
    "nn": "no",
    "zxx": UNKNOWN,
    "mul": UNKNOWN,
    "": None,
}
"""Old and doubled tags; Twitter's tags for texts without words (qam, qct, qht, qme, qst) begin with a q."""


def _make(resources: dict[str, Any]) -> Transform:
    model: Model = resources["language_model"]

    def detect_language(posts: pl.DataFrame) -> pl.DataFrame:
        given = posts["lang"].unique()
        named = posts["lang"].replace_strict(given, given.to_frame().select(_tag()).to_series(), return_dtype=pl.String)
        unnamed = named.is_null().arg_true()
        if not unnamed.is_empty():
            named = named.scatter(unnamed, identify(model, posts["text"].gather(unnamed)))
        return posts.with_columns(named.alias("lang"))

    return detect_language


def _tag() -> pl.Expr:
    """The platform's tag without region and script: ``pt-BR`` is ``pt``."""
    short = pl.col("lang").str.to_lowercase().str.extract(r"^\s*([a-z]{2,3})(?:[-_].*)?\s*$").replace(_RENAMED)
    return pl.when(short.str.contains("^q[a-t][a-z]$")).then(pl.lit(UNKNOWN)).otherwise(short)


STAGE = Stage(version="1", adds=pl.Schema({"lang": pl.String()}), make=_make, resources=("language_model",))
