"""Cuts each text into the terms by which it will be found and located, once for everybody."""

from __future__ import annotations

from typing import Any

import polars as pl

from lapwing.contracts import Stage, Transform
from lapwing.text import words


def _make(resources: dict[str, Any]) -> Transform:
    return lambda posts: posts.with_columns(words.cut_hashed(posts["text"]))


ADDS = pl.Schema({"terms": pl.List(pl.String()), "term_hashes": pl.List(pl.UInt64())})

STAGE = Stage(version=words.VERSION, adds=ADDS, make=_make)
