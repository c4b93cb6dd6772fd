"""Weights from labelled posts: logistic regression over words, pairs and signals, with L2 regularisation.

A word must be in several posts of several events to have a weight, so that names of people and places of one event have
none, and what is learned holds beyond it. Within an event both labels count more evenly than they are (the square root of
their shares), and each set but the first has an intercept of its own, which is forgotten: what sets mean by their labels
differs.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.errors import MissingDependency
from lapwing.learning.labelled import SHARES
from lapwing.text.features import SIGNALS, Words, signals_of, words_of
from lapwing.text.weights import TABLE

POSTS_MIN, EVENTS_MIN = 5, 3
"""A word or pair that is in fewer posts, or posts of fewer events, has no weight."""

STRENGTH = 2.0
"""The inverse of the regularisation; chosen by leaving out events of CrisisLexT26."""

TOLERANCE = 0.01
"""The solver stops when the gradient is this share of what it was; smaller ones take ten times as long for the same measures."""

SIGNAL_SCALE = 0.5
"""Signals are regularised more strongly than words."""

ORIGIN_SCALE = 3.0
EVENT_POSTS = 500.0

Numbers = NDArray[np.float64]


class Occurrences(msgspec.Struct, frozen=True):
    """Where each key that is common enough to be learned stands."""

    keys: NDArray[np.uint64]
    """Sorted."""
    key: NDArray[np.int64]
    """With `post`: each key once for each post that has it."""
    post: NDArray[np.int64]
    key_of_event: NDArray[np.int64]
    """With `event`: each key once for each event."""
    event: NDArray[np.int64]


class Examples(msgspec.Struct, frozen=True):
    """Labelled posts as numbers; made once, fitted many times."""

    words: Words
    occurrences: Occurrences
    signals: NDArray[np.bool_]
    labels: NDArray[np.int8]
    events: NDArray[np.int64]
    """Of each post, the number of its event."""
    event_names: list[str]
    origins: NDArray[np.int64]
    origin_names: list[str]
    """The largest first."""


class Fitted(msgspec.Struct, frozen=True):
    """What was learned; `table` has no texts of words yet."""

    bias: float
    keys: NDArray[np.uint64]
    rarity: Numbers
    weight: Numbers
    signals: Numbers


def examples_of(posts: pl.DataFrame) -> Examples:
    """Examples from posts with the columns of `LABELLED`, those of `text.words` and those of `keywords.find`."""
    origins = (
        posts["origin"].value_counts(sort=True).sort("count", "origin", descending=[True, False])["origin"].to_list()
    )
    main = next((name for name in origins if SHARES.get(name, 1) == 1), origins[0])
    origins = [main, *(name for name in origins if name != main)]
    names = posts["event"].unique().sort().to_list()
    words, events = words_of(posts), posts["event"].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    return Examples(
        words=words,
        occurrences=_occurrences(words, events),
        signals=signals_of(posts),
        labels=posts["label"].to_numpy(),
        events=events,
        event_names=names,
        origins=posts["origin"].cast(pl.Enum(origins)).to_physical().to_numpy().astype(np.int64),
        origin_names=origins,
    )


def fit(examples: Examples, rows: NDArray[np.bool_], seed: int) -> Fitted:
    """Weights from some of the examples. Raises `MissingDependency` without scikit-learn, `ValueError` for one label only."""
    try:
        from scipy import sparse  # type: ignore[import-untyped]
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    except ImportError:
        raise MissingDependency("scikit-learn", "train") from None
    labels = examples.labels[rows]
    if not 0 < labels.sum() < len(labels):
        message = "there must be posts with label 1 and posts with label 0"
        raise ValueError(message)
    keys, rarity = _vocabulary(examples, rows)
    matrix = _matrix(examples, keys, rarity, sparse)[np.flatnonzero(rows)]
    # The Newton method of liblinear ends at the same weights on every run; the seed is for solvers that draw.
    model = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=seed, tol=TOLERANCE, max_iter=200)
    model.fit(matrix, labels, sample_weight=_importance(examples, rows)[rows])
    found = model.coef_.ravel()
    signals = found[len(keys) : len(keys) + len(SIGNALS)] * SIGNAL_SCALE
    return Fitted(float(model.intercept_[0]), keys, rarity, found[: len(keys)] * rarity, signals)


def totals(examples: Examples, fitted: Fitted, rows: NDArray[np.bool_]) -> Numbers:
    """The sums that fitted weights give some of the examples, as `weights.score` makes them."""
    words = examples.words
    slots, known = _slots(fitted.keys, words)
    at = words.rows[known]
    height = len(examples.labels)
    length = np.sqrt(np.bincount(at, weights=fitted.rarity[slots] ** 2, minlength=height))
    sums = np.bincount(at, weights=fitted.weight[slots] / length[at], minlength=height)
    result: Numbers = (fitted.bias + sums + examples.signals @ fitted.signals)[rows]
    return result


def table_of(examples: Examples, fitted: Fitted) -> pl.DataFrame:
    """The weights with their words (`TABLE`), the heaviest first."""
    slots, known = _slots(fitted.keys, examples.words)
    first = np.full(len(fitted.keys), -1, dtype=np.int64)
    first[slots[::-1]] = known[::-1]
    spoken = examples.words.spoken(first)
    words = pl.DataFrame(
        {"kind": "word", "word": spoken, "key": fitted.keys, "rarity": fitted.rarity, "weight": fitted.weight}
    )
    signals = pl.DataFrame({"kind": "signal", "word": list(SIGNALS), "weight": fitted.signals})
    both = pl.concat([words, signals], how="diagonal").select(TABLE.names()).cast(TABLE)
    return both.sort(pl.col("weight").abs(), "word", descending=[True, False])


def _slots(keys: NDArray[np.uint64], words: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For the words that have a weight: which, and where they are."""
    if not len(keys):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing
    slots = np.minimum(np.searchsorted(keys, words.keys), len(keys) - 1)
    known = np.flatnonzero(keys[slots] == words.keys)
    return slots[known], known


def _occurrences(words: Words, events: NDArray[np.int64]) -> Occurrences:
    """Of keys that are in fewer posts than are needed nothing is kept."""
    keys, place, count = np.unique(words.keys, return_inverse=True, return_counts=True)
    often = count >= POSTS_MIN
    number = np.cumsum(often) - 1
    kept = np.flatnonzero(often[place])
    height, many = len(events), int(events.max(initial=0)) + 1
    together = np.unique(number[place[kept]] * height + words.rows[kept])
    key, post = together // height, together % height
    told = np.unique(key * many + events[post])
    return Occurrences(keys[often], key, post, told // many, told % many)


def _vocabulary(examples: Examples, rows: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], Numbers]:
    """The keys that are common enough among some events' examples, sorted, and how rare each is (inverse document frequency)."""
    known = examples.occurrences
    posts = np.bincount(known.key[rows[known.post]], minlength=len(known.keys))
    inside = np.zeros(len(examples.event_names), dtype=np.bool_)
    inside[examples.events[rows]] = True
    spread = np.bincount(known.key_of_event[inside[known.event]], minlength=len(known.keys))
    common = (posts >= POSTS_MIN) & (spread >= EVENTS_MIN)
    return known.keys[common], np.log((1 + rows.sum()) / (1 + posts[common])) + 1


def _matrix(examples: Examples, keys: NDArray[np.uint64], rarity: Numbers, sparse: Any) -> Any:
    words, height = examples.words, len(examples.labels)
    slots, known = _slots(keys, words)
    at = words.rows[known]
    length = np.sqrt(np.bincount(at, weights=rarity[slots] ** 2, minlength=height))
    counted = sparse.csr_matrix((rarity[slots] / length[at], (at, slots)), shape=(height, len(keys)))
    origin = np.eye(len(examples.origin_names))[examples.origins][:, 1:] * ORIGIN_SCALE
    beside = sparse.csr_matrix(np.hstack([examples.signals * SIGNAL_SCALE, origin]))
    return sparse.hstack([counted, beside]).tocsr()


def _importance(examples: Examples, rows: NDArray[np.bool_]) -> Numbers:
    """How much each example counts; 1 on average in the main set."""
    weight = np.zeros(len(rows))
    for number, name in enumerate(examples.origin_names):
        own = rows & (examples.origins == number)
        group = examples.events * 2 + examples.labels
        size = np.bincount(group[own], minlength=2 * len(examples.event_names))
        weight[own] = np.sqrt(EVENT_POSTS / size[group[own]])
        if own.any():
            weight[own] *= SHARES.get(name, 1.0) * own.sum() / weight[own].sum()
    return weight
