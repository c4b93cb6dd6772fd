"""Gate and classifier of emergencies, as the configuration names them: ours, a file of the user's, or a function."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from lapwing.engine.calls import imported
from lapwing.errors import ConfigError, UnreadableInput, UsageError
from lapwing.settings import RUN
from lapwing.text.keywords import Keywords, keywords_of
from lapwing.text.weights import Decision, Weights, weights_of

SHIPPED = "shipped"
"""What gate and classifier are called when they are ours."""

DECISION = "lapwing.decision"
"""The key in a weights file's metadata under which `Decision` stands, as JSON."""


def shipped_weights() -> Path:
    """Where the classifier is that comes with the package."""
    return Path(str(files("lapwing.text") / "emergency_weights.parquet"))


def load_gate(named: str = SHIPPED, folder: str = ".") -> Any:
    """The gate: our keywords, those in a TOML file or a folder of them (`en.toml` …), or the function ``module:function``.

    A file holds a list of keywords for each category. Raises `ConfigError` blamed on ``emergency.gate``.
    """
    if re.match(RUN, named):
        return _function("gate", named, folder)
    place = files("lapwing.text") / "emergency_words" if named == SHIPPED else Path(folder, named)
    try:
        paths = [place] if place.is_file() else sorted(place.iterdir(), key=lambda each: each.name)
        texts = {
            each.name.removesuffix(".toml"): each.read_text("utf-8") for each in paths if each.name.endswith(".toml")
        }
        return keywords_of({name: tomllib.loads(text) for name, text in texts.items()})
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise ConfigError(
            "emergency.gate", f"{named} cannot be used ({problem})", "name a TOML file with a list for each category"
        ) from None


def load_classifier(named: str = SHIPPED, folder: str = ".") -> Any:
    """The classifier: our weights, those in a file that `lapwing train` wrote, or the function ``module:function``."""
    if re.match(RUN, named):
        return _function("classifier", named, folder)
    try:
        return read_weights(shipped_weights() if named == SHIPPED else Path(folder, named))
    except (UnreadableInput, UsageError) as problem:
        raise ConfigError("emergency.classifier", problem.what, problem.next_step) from None


def gate_of_ours() -> Keywords:
    """The keywords that come with the package."""
    found = load_gate()
    assert isinstance(found, Keywords)
    return found


def read_weights(path: Path) -> Weights:
    """The classifier in a file. Raises `UnreadableInput` for a file that is no classifier of this version."""
    try:
        said = pl.read_parquet_metadata(path)[DECISION]
        return weights_of(pl.read_parquet(path), msgspec.json.decode(said, type=Decision))
    except (OSError, KeyError, ValueError, msgspec.MsgspecError, pl.exceptions.PolarsError) as problem:
        raise UnreadableInput(
            f"{path} is no classifier that can be used ({problem})", "make one with `lapwing train`"
        ) from None


def write_weights(table: pl.DataFrame, decision: Decision, path: Path) -> None:
    """Keep a classifier; the file is whole or not there at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    said = msgspec.json.encode(decision).decode()
    table.write_parquet(unfinished, compression="zstd", compression_level=19, metadata={DECISION: said})
    unfinished.replace(path)


def _function(key: str, run: str, folder: str) -> Any:
    try:
        return imported(run, folder)
    except Exception as problem:  # noqa: BLE001  (a module may raise anything when it is imported)
        raise ConfigError(
            f"emergency.{key}", f"{run} cannot be imported ({type(problem).__name__}: {problem})"
        ) from None
