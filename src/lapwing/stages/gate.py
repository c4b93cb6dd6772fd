"""Lets pass what has a keyword of an emergency, in any of its languages, and says which, and of what category."""

from __future__ import annotations

from typing import Any

import polars as pl

from lapwing.contracts import Stage, Transform
from lapwing.text.keywords import CATEGORIES, FOUND, Keywords, find


def _make(resources: dict[str, Any]) -> Transform:
    gate = resources["gate"]
    if isinstance(gate, Keywords):
        return lambda posts: posts.with_columns(find(gate, posts["terms"]))
    return lambda posts: posts.with_columns(_theirs(gate(posts), posts.height))


def _theirs(passed: Any, height: int) -> pl.DataFrame:
    """What a gate of the user's own says: a column of Booleans, or of texts where null does not pass."""
    answer = pl.Series("gate", passed)
    if len(answer) != height:
        message = f"the gate was given {height} posts and answered for {len(answer)}"
        raise ValueError(message)
    if answer.dtype == pl.Boolean:
        answer = answer.to_frame().select(pl.when("gate").then(pl.lit("")).alias("gate"))["gate"]
    other = CATEGORIES.index("other")
    through = pl.col("gate").is_not_null()
    kinds = {"category": through * other, "gate_categories": through * (1 << other)}
    return answer.cast(pl.String).to_frame().with_columns(**kinds).cast(FOUND)


STAGE = Stage(version="1", adds=FOUND, make=_make, resources=("gate",))
