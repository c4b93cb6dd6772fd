"""Says of what passed the gate how likely it is an emergency, and which words decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lapwing.contracts import Stage, Transform
from lapwing.text.weights import VERDICTS, Weights, score

ADDS = pl.Schema(
    {
        "emergency": pl.Float32(),  # probability; null where the gate did not let it pass
        "verdict": pl.UInt8(),  # see VERDICTS
        "because": pl.String(),  # the words that decided, null where nothing is claimed
    }
)

_UNSURE, _YES = VERDICTS.index("unsure"), VERDICTS.index("yes")
_EVEN = 0.5
"""Where a classifier of the user's own begins to say yes."""


def _make(resources: dict[str, Any]) -> Transform:
    classifier = resources["classifier"]

    def classify(posts: pl.DataFrame) -> pl.DataFrame:
        passed = posts["gate"].is_not_null().arg_true().to_numpy()
        asked = posts[passed]
        if isinstance(classifier, Weights):
            answer = _ours(classifier, asked)
        else:
            answer = _theirs(classifier(asked), asked.height)
        places = np.full(posts.height, len(passed))
        places[passed] = np.arange(len(passed))
        silent = pl.DataFrame({"emergency": [None], "verdict": [0], "because": [None]}, schema=ADDS)
        return posts.with_columns(pl.concat([answer, silent])[places])

    return classify


def _ours(weights: Weights, asked: pl.DataFrame) -> pl.DataFrame:
    """What our classifier says; the probability is null in a language that it has not learned."""
    result, reasons = score(weights, asked)
    answer = pl.DataFrame([pl.Series(result.probability), pl.Series(result.verdict), reasons], schema=ADDS)
    return answer.with_columns(emergency=pl.when(pl.Series(result.learned)).then("emergency"))


def _theirs(probability: Any, height: int) -> pl.DataFrame:
    """What a classifier of the user's own says: a probability for each post, null where it does not know."""
    answer = pl.Series("emergency", probability, dtype=pl.Float32)
    if len(answer) != height:
        message = f"the classifier was given {height} posts and answered for {len(answer)}"
        raise ValueError(message)
    sure = pl.when(pl.col("emergency") >= _EVEN).then(_YES).otherwise(1)
    verdict = pl.when(pl.col("emergency").is_null()).then(_UNSURE).otherwise(sure).cast(pl.UInt8)
    return answer.to_frame().with_columns(verdict=verdict, because=pl.lit(None, pl.String))


STAGE = Stage(version="1", adds=ADDS, make=_make, resources=("classifier",))
