"""A classifier that is a list: what each word, pair of words and signal adds for or against, and how sure that makes it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.text.features import SIGNALS, Words, signals_of, words_of
from lapwing.text.keywords import CATEGORIES

VERDICTS = ("not asked", "no", "unsure", "yes")
"""The code of a verdict is its position here; a post without a keyword is not asked about."""

TABLE = pl.Schema(
    {"kind": pl.String(), "word": pl.String(), "key": pl.UInt64(), "rarity": pl.Float32(), "weight": pl.Float32()}
)
"""A row for each word or pair (`kind` word), and each signal (`kind` signal, without key and rarity)."""

REASONS_MAX = 5
"""So many words are named as those that decided."""
FOR, AGAINST, BETWEEN = "+", "−", " · "
"""How reasons are written: a sign before each, this between them."""

PART_MIN = 0.1
"""What adds or takes less decides nothing, and is not named."""

KNOWN_WORDS_MIN = 3
"""A post with fewer words that the classifier knows is at best unsure, whatever they say."""

WITNESS_MIN = 0.15
"""From this probability on a post is unsure, and not a no, where the gate names a kind of emergency.

The classifier learned from posts about events that everybody knew of: it looks for numbers, places and officials, which
the first witnesses do not have. Whether several of them speak at once, the incident stage sees better than one text shows.
"""

KNOWN_SHARE_MIN = 1 / 3
"""So is one of which it knows a smaller part of the words: what is left of a language that was not learned is loan words."""

_GATE_BITS = 20
_OTHER = CATEGORIES.index("other")
_NAMES = pl.Series(list(SIGNALS), dtype=pl.String)

Numbers = NDArray[np.float64]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How a sum becomes a probability, and a probability a verdict."""

    bias: float
    slope: float
    """Probability is the logistic function of slope times the sum and the shift (Platt, 1999)."""
    shift: float
    threshold: float
    """At and above it a post counts as an emergency where there is only yes and no."""
    unsure: tuple[float, float]
    """From the first up to the second the verdict is unsure."""
    made_of: dict[str, str] = {}
    """SHA-256 of each file that it was trained on, by the file's name."""
    notes: dict[str, Any] = {}
    """How it was trained."""


class Weights(msgspec.Struct, frozen=True):
    """A classifier, ready to be asked."""

    decision: Decision
    keys: NDArray[np.uint64]
    """Sorted."""
    rarity: Numbers
    """For each key the inverse document frequency, which counts in a post's length."""
    weight: Numbers
    signals: Numbers
    """In the order of `SIGNALS`."""
    opens: NDArray[np.bool_]
    """By the highest bits of a key, whether there may be one: most words are not looked for any further."""


class Score(msgspec.Struct, frozen=True):
    """What a classifier says of some posts."""

    total: Numbers
    """The sum, before it is made a probability."""
    probability: Numbers
    verdict: NDArray[np.uint8]
    learned: NDArray[np.bool_]
    """Whether so many words are known that the probability says something."""


def weights_of(table: pl.DataFrame, decision: Decision) -> Weights:
    """The classifier in a table (`TABLE`). Raises `ValueError` where signals are missing or too many."""
    words = table.filter(pl.col("kind") == "word").sort("key")
    signals = dict(table.filter(pl.col("kind") == "signal").select("word", "weight").iter_rows())
    if set(signals) != set(SIGNALS):
        message = f"made for other signals than ours: {', '.join(sorted(set(signals) ^ set(SIGNALS)))}"
        raise ValueError(message)
    keys = words["key"].to_numpy()
    opens = np.zeros(1 << _GATE_BITS, dtype=np.bool_)
    opens[(keys >> np.uint64(64 - _GATE_BITS)).astype(np.int64)] = True
    return Weights(
        decision,
        keys,
        words["rarity"].to_numpy().astype(np.float64),
        words["weight"].to_numpy().astype(np.float64),
        np.array([signals[name] for name in SIGNALS], dtype=np.float64),
        opens,
    )


class _Sums(msgspec.Struct, frozen=True):
    """The parts of posts' sums."""

    words: Words
    known: NDArray[np.int64]
    """Places in `words` of those that the classifier knows."""
    parts: Numbers
    """What each of them adds."""
    signals: Numbers
    """Row by row, what each signal adds."""
    count: NDArray[np.int64]
    """How many known words a post has."""
    size: NDArray[np.int64]
    """How many words it has."""


def score(weights: Weights, posts: pl.DataFrame) -> tuple[Score, pl.Series]:
    """Probability and verdict of posts, and the words that decided (String, null for a clear no).

    Wants `text`, `terms`, `term_hashes` and what `keywords.find` says.
    """
    sums = _sums(weights, posts)
    rows = sums.words.rows[sums.known]
    total = (
        weights.decision.bias + np.bincount(rows, weights=sums.parts, minlength=posts.height) + sums.signals.sum(axis=1)
    )
    probability = 1 / (1 + np.exp(-(weights.decision.slope * total + weights.decision.shift)))
    low, high = weights.decision.unsure
    named = (posts["category"] != _OTHER).to_numpy()
    verdict = np.select([probability < np.where(named, min(low, WITNESS_MIN), low), probability < high], [1, 2], 3)
    learned = (sums.count >= KNOWN_WORDS_MIN) & (sums.count >= KNOWN_SHARE_MIN * sums.size)
    verdict[~learned] = 2
    return Score(total, probability, verdict.astype(np.uint8), learned), _reasons(
        sums, np.flatnonzero(verdict > 1), posts.height
    )


def _sums(weights: Weights, posts: pl.DataFrame) -> _Sums:
    words = words_of(posts)
    maybe = np.flatnonzero(weights.opens[(words.keys >> np.uint64(64 - _GATE_BITS)).astype(np.int64)])
    slots = np.minimum(np.searchsorted(weights.keys, words.keys[maybe]), max(len(weights.keys) - 1, 0))
    right = weights.keys[slots] == words.keys[maybe] if len(weights.keys) else np.zeros(0, dtype=np.bool_)
    known, slots = maybe[right], slots[right]
    rows = words.rows[known]
    length = np.sqrt(np.bincount(rows, weights=weights.rarity[slots] ** 2, minlength=posts.height))
    count = np.bincount(rows[~words.pairs[known]], minlength=posts.height)
    size = np.bincount(words.rows[~words.pairs], minlength=posts.height)
    return _Sums(words, known, weights.weight[slots] / length[rows], signals_of(posts) * weights.signals, count, size)


def _reasons(sums: _Sums, asked: NDArray[np.int64], height: int) -> pl.Series:
    """For the posts that are asked about, what added or took most, the most first: ``+evacuated · +a link · −lol``."""
    wanted = np.zeros(height, dtype=np.bool_)
    wanted[asked] = True
    spoken = np.flatnonzero(wanted[sums.words.rows[sums.known]] & (np.abs(sums.parts) >= PART_MIN))
    beside = sums.signals[asked]
    at, signal = np.nonzero(np.abs(beside) >= PART_MIN)
    rows = np.concatenate([sums.words.rows[sums.known[spoken]], asked[at]])
    parts = np.concatenate([sums.parts[spoken], beside[at, signal]])
    order = np.lexsort((-np.abs(parts), rows))
    begins = np.flatnonzero(np.diff(rows[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    most = order[rank < REASONS_MAX]
    said = most < len(spoken)
    names = sums.words.spoken(sums.known[spoken[most[said]]])
    places = np.where(said, np.cumsum(said) - 1, len(names))
    places[~said] += signal[most[~said] - len(spoken)]
    words = pl.concat([names, _NAMES]).gather(places)
    signs = pl.when(pl.Series(parts[most] < 0)).then(pl.lit(AGAINST)).otherwise(pl.lit(FOR))
    told = pl.DataFrame({"row": rows[most], "word": words}).with_columns(word=signs + pl.col("word"))
    because = told.group_by("row", maintain_order=True).agg(
        pl.col("word").unique(maintain_order=True).str.join(BETWEEN)
    )
    result = np.full(height, because.height)
    result[because["row"].to_numpy()] = np.arange(because.height)
    return pl.concat([because["word"], pl.Series([None], dtype=pl.String)]).gather(result).alias("because")
