"""Takes out of texts what cannot be seen, and composes their characters."""

from __future__ import annotations

from typing import Any

import polars as pl

from lapwing.contracts import Stage, Transform
from lapwing.text.clean import clean


def _make(resources: dict[str, Any]) -> Transform:
    return lambda posts: posts.with_columns(clean(posts["text"]).alias("text"))


STAGE = Stage(version="1", adds=pl.Schema({"text": pl.String()}), make=_make)
