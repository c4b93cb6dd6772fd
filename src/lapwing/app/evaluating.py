"""How good a classifier is on labelled posts that it has not seen, how fast, and whether it may replace another one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lapwing.app.emergency import gate_of_ours
from lapwing.app.training import Labelled, read_labelled
from lapwing.errors import UnreadableInput, UsageError
from lapwing.learning.measuring import Answers, measure
from lapwing.text.keywords import CATEGORIES, PARENTS, find
from lapwing.text.weights import VERDICTS, Weights, score

PART_POSTS_MIN = 50
"""A language or event with fewer posts is not measured by itself."""

LOSS_MAX = 0.01
"""By so much may a new classifier be worse on one frozen set, if it is better on all of them together."""

SPEED_POSTS = 200_000
SPEED_ROUNDS = 3


def evaluate(weights: Weights, labelled: Labelled, seed: int) -> dict[str, Any]:
    """Measures of gate and classifier together, and of both alone; by language and event; verdicts and categories.

    Raises `UsageError` for files that the classifier was trained on.
    """
    seen = sorted(name for name, found in labelled.hashes.items() if found in weights.decision.made_of.values())
    if seen:
        raise UsageError(f"the classifier was trained on {', '.join(seen)}", "measure it on posts that it has not seen")
    posts = labelled.posts
    if not posts.height:
        raise UsageError("there are no labelled posts in these files", "name files with columns text and label")
    result, _ = score(weights, posts)
    passed = posts["gate"].is_not_null().to_numpy()
    events = posts["event"].rank("dense").to_numpy().astype(np.int64)
    labels, threshold = posts["label"].to_numpy(), weights.decision.threshold
    both = Answers(
        labels, np.where(passed, result.probability, 0.0), passed & (result.probability >= threshold), events
    )
    alone = Answers(labels, result.probability, result.probability >= threshold, events)
    verdicts = np.where(passed, result.verdict, 0)
    return {
        "two_stages": measure(both, seed),
        "classifier_alone": measure(alone, seed),
        "after_the_gate": measure(_some(alone, passed), seed) if passed.any() else None,
        "gate_alone": measure(Answers(labels, passed.astype(np.float64), passed, events), seed),
        "lang": _by(posts, "lang", both, seed),
        "event": _by(posts, "event", both, seed),
        "verdicts": _verdicts(labels, verdicts),
        "categories": _categories(posts.filter(pl.Series(both.said))),
        "threshold": threshold,
    }


def _some(answers: Answers, rows: Any) -> Answers:
    return Answers(answers.labels[rows], answers.probability[rows], answers.said[rows], answers.events[rows])


def _by(posts: pl.DataFrame, column: str, answers: Answers, seed: int) -> dict[str, Any]:
    parts = {}
    for value, count in posts[column].value_counts(sort=True).iter_rows():
        if value is not None and count >= PART_POSTS_MIN:
            parts[value] = measure(_some(answers, (posts[column] == value).fill_null(value=False).to_numpy()), seed)
    return parts


def _verdicts(labels: Any, verdicts: Any) -> dict[str, Any]:
    """For each verdict the share of posts that have it, and how many of them are emergencies."""
    return {
        name: {"share": float((verdicts == code).mean()), "emergencies": float((labels[verdicts == code] == 1).mean())}
        for code, name in enumerate(VERDICTS)
        if (verdicts == code).any()
    }


def _categories(posts: pl.DataFrame) -> dict[str, Any] | None:
    """Of posts called an emergency whose category is known: how often ours is that one, or the one above it."""
    known = posts.filter(pl.col("true_category").is_not_null())
    if not known.height:
        return None
    said = [CATEGORIES[code] for code in known["category"].to_list()]
    true = known["true_category"].to_list()
    pairs = list(zip(said, true, strict=True))
    above = [(PARENTS.get(one, one), PARENTS.get(two, two)) for one, two in pairs]
    return {
        "posts": len(pairs),
        "same": sum(one == two for one, two in pairs) / len(pairs),
        "same_above": sum(one == two for one, two in above) / len(pairs),
    }


def speed(weights: Weights, posts: pl.DataFrame) -> dict[str, Any]:
    """Posts per second of CPU time, of gate and classifier, over these posts repeated; the best of three rounds."""
    gate = gate_of_ours()
    some = pl.concat([posts] * (SPEED_POSTS // max(posts.height, 1) + 1)).head(SPEED_POSTS)
    best = {"gate": float("inf"), "classifier": float("inf")}
    passed = some.clear()
    for _ in range(SPEED_ROUNDS):
        before = _cpu_s()
        found = find(gate, some["terms"])
        middle = _cpu_s()
        passed = some.with_columns(found).filter(pl.col("gate").is_not_null())
        start = _cpu_s()
        score(weights, passed)
        best["gate"] = min(best["gate"], middle - before)
        best["classifier"] = min(best["classifier"], _cpu_s() - start)
    total = sum(best.values())
    return {
        "posts_per_second_a_core": round(some.height / total),
        "gate_us_per_post": best["gate"] * 1e6 / some.height,
        "classifier_us_per_passed_post": best["classifier"] * 1e6 / max(passed.height, 1),
        "passed": passed.height / some.height,
        "mean_bytes": some["text"].str.len_bytes().mean(),
    }


def _cpu_s() -> float:
    """CPU time of this process up to now, of all its threads."""
    return sum(os.times()[:2])


def frozen_sets(manifest: Path) -> dict[str, Labelled]:
    """The files that a manifest names, as `sha256sum` writes it, by name; a relative path begins at the manifest.

    Raises `UnreadableInput` for one that is not as it was frozen.
    """
    try:
        lines = [line.split(maxsplit=1) for line in manifest.read_text("utf-8").splitlines() if line.strip()]
        paths = {manifest.parent / name.lstrip("*"): digest for digest, name in lines}
        changed = [
            path for path, digest in paths.items() if hashlib.sha256(path.read_bytes()).hexdigest() != digest.lower()
        ]
    except (OSError, ValueError) as problem:
        raise UnreadableInput(f"{manifest} is no list of frozen files ({problem})", "make one with sha256sum") from None
    if changed or not paths:
        what = f"{changed[0]} is not as it was frozen" if changed else f"{manifest} names no file"
        raise UnreadableInput(what, "measure on the files that the list was made of")
    return {path.name: read_labelled([path]) for path in paths}


def compare(new: Weights, old: Weights, frozen: dict[str, Labelled], seed: int) -> dict[str, Any]:
    """Macro-F1 of two classifiers on each frozen set, and whether the new one is better.

    Better is: a higher mean, and on no set lower by more than `LOSS_MAX`.
    """
    found = {
        name: {
            which: evaluate(weights, labelled, seed)["two_stages"]["macro_f1"]
            for which, weights in (("new", new), ("old", old))
        }
        for name, labelled in frozen.items()
    }
    gains = [each["new"]["value"] - each["old"]["value"] for each in found.values()]
    return {
        "sets": found,
        "gain": float(np.mean(gains)),
        "better": float(np.mean(gains)) > 0 and min(gains) >= -LOSS_MAX,
    }
