"""A new classifier from labelled files: read, understood as posts are, fitted, calibrated on events left out, kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing import catalog
from lapwing.app.emergency import write_weights
from lapwing.app.resources import RESOURCES
from lapwing.errors import UnreadableInput, UsageError
from lapwing.learning.fitting import STRENGTH, examples_of, fit, table_of
from lapwing.learning.labelled import LABELLED, NEVER_TRAINED_ON, rows_of
from lapwing.learning.leaving_out import LeftOut, answers_of, leave_one_event_out, scale_of
from lapwing.learning.measuring import measure
from lapwing.text.weights import Decision, Weights, weights_of

FILE_BYTES_MAX = 512 << 20
STAGES = ("clean", "detect_language", "cut_words", "gate")
"""What is done to posts before they are classified."""

UNSURE_WIDTH = 0.15
"""So far from the threshold, on either side, the verdict is unsure."""

Told = Callable[[str], None]


class Trained(msgspec.Struct, frozen=True):
    """A new classifier, not yet kept, and how it did on the events that were left out."""

    table: pl.DataFrame
    decision: Decision
    measured: dict[str, Any]

    @property
    def weights(self) -> Weights:
        """Ready to be asked."""
        return weights_of(self.table, self.decision)

    def write(self, path: Path) -> None:
        """Keep it in a file."""
        write_weights(self.table, self.decision, path)


class Labelled(msgspec.Struct, frozen=True):
    """The posts of labelled files, understood, and the files' SHA-256 by name."""

    posts: pl.DataFrame
    hashes: dict[str, str]


def read_labelled(paths: Sequence[str | Path]) -> Labelled:
    """The posts in CSV, NDJSON and Parquet files; raises `UnreadableInput` for any that is not what it should be."""
    frames, hashes = [], {}
    for path in map(Path, paths):
        try:
            if path.stat().st_size > FILE_BYTES_MAX:
                raise UnreadableInput(f"{path} is larger than {FILE_BYTES_MAX >> 20} MiB", "give it in parts")
            content = path.read_bytes()
            frames.append(rows_of(_table(content, path.suffix.lower()), path.name))
        except (OSError, ValueError, pl.exceptions.PolarsError) as problem:
            raise UnreadableInput(f"{path} cannot be read as labelled posts ({problem})") from None
        hashes[path.name] = hashlib.sha256(content).hexdigest()
    posts = pl.concat(frames) if frames else LABELLED.to_frame(eager=True)
    return Labelled(understood(posts.rename({"category": "true_category"})), hashes)


def _table(content: bytes, suffix: str) -> pl.DataFrame:
    if suffix in (".ndjson", ".jsonl", ".json"):
        return pl.read_ndjson(content, infer_schema_length=None)
    if suffix == ".parquet":
        return pl.read_parquet(content)
    return pl.read_csv(content, infer_schema_length=0, encoding="utf8-lossy", null_values=["NULL"])


def understood(posts: pl.DataFrame) -> pl.DataFrame:
    """Posts as the gate leaves them."""
    for name in STAGES:
        stage = catalog.load("stages", name)
        posts = stage.make({each: RESOURCES[each] for each in stage.resources})(posts)
    return posts


def train(labelled: Labelled, seed: int, told: Told) -> Trained:
    """A classifier of all posts, with calibration and threshold from events that were left out.

    The main set is the largest that counts fully; its events are left out one by one. Raises `UsageError` for files that
    cannot be trained on.
    """
    forbidden = sorted(set(labelled.posts["origin"].unique()) & NEVER_TRAINED_ON)
    if forbidden:
        raise UsageError(
            f"{', '.join(forbidden)} is for measuring only", "leave it out, and give it to `lapwing evaluate`"
        )
    try:
        examples = examples_of(labelled.posts)
        left_out = leave_one_event_out(examples, seed, told)
        told("all events")
        fitted = fit(examples, np.ones(len(examples.labels), dtype=np.bool_), seed)
    except ValueError as problem:
        raise UsageError(f"these files cannot be trained on: {problem}") from None
    passed = labelled.posts["gate"].is_not_null().to_numpy()[left_out.rows]
    scale = scale_of(left_out, passed)
    notes = {"seed": seed, "posts": len(examples.labels), "sets": examples.origin_names, "strength": STRENGTH}
    decision = Decision(
        bias=fitted.bias,
        slope=scale.slope,
        shift=scale.shift,
        threshold=scale.threshold,
        unsure=(max(scale.threshold - UNSURE_WIDTH, 0.0), min(scale.threshold + UNSURE_WIDTH, 1.0)),
        made_of=labelled.hashes,
        notes=notes,
    )
    return Trained(table_of(examples, fitted), decision, _measured(labelled, left_out, passed, seed))


def _measured(labelled: Labelled, left_out: LeftOut, passed: Any, seed: int) -> dict[str, Any]:
    """Leave-one-event-out: of both stages together, of the classifier alone, by event and by language."""
    alone = answers_of(left_out, passed)
    both = msgspec.structs.replace(
        alone, said=alone.said & passed, probability=np.where(passed, alone.probability, 0.0)
    )
    inside = msgspec.structs.replace(
        alone, **{name: getattr(alone, name)[passed] for name in ("labels", "probability", "said", "events")}
    )
    posts = labelled.posts[left_out.rows]
    parts = {
        name: {
            value: measure(_some(both, (posts[name] == value).fill_null(value=False).to_numpy()), seed)
            for value, count in posts[name].value_counts(sort=True).iter_rows()
            if value is not None and count >= 100
        }
        for name in ("event", "lang")
    }
    return {
        "two_stages": measure(both, seed),
        "classifier_alone": measure(alone, seed),
        "after_the_gate": measure(inside, seed),
        **parts,
    }


def _some(answers: Any, rows: Any) -> Any:
    return type(answers)(*(getattr(answers, name)[rows] for name in answers.__struct_fields__))
