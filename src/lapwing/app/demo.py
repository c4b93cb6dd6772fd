"""The demo: a recorded evening, made if it is not there yet, through the whole path, held against what was made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from lapwing.app import answers, cloud, incidents
from lapwing.app.ingesting import Wish, ingest
from lapwing.app.looking import look_for_incidents
from lapwing.app.opening import Directory
from lapwing.demo import write_recording
from lapwing.ledger.sqlite import counting
from lapwing.ledger.sqlite.accounting import OUTCOMES
from lapwing.ledger.sqlite.selecting import Filters

SEED = 7
RECORDING = "evening.ndjson.zst"
TRUTH = "evening.truth.json"
WORDS = 12
RANKED = 5

Show = Callable[[str], None]


def run(directory: Directory, workers: int, show: Show, scale: float = 1.0) -> dict[str, Any]:
    """Process the evening from the beginning, in a fresh store; what came of it, and whether it is as it was made."""
    recording, expected = made(directory.path, scale, show)
    for name in ("ledger", "log.sqlite", "log.sqlite-wal", "log.sqlite-shm"):
        old = directory.path / name
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    show("processing the evening: decode, clean, locate, count, index, save")
    summary = ingest(directory, Wish(files=(str(recording),), workers=workers))
    show("working out incidents from what was flagged")
    look_for_incidents(directory)
    store = directory.ledger.store
    everything = Filters()

    def ranked(top: int, bottom: int) -> list[dict[str, Any]]:
        return answers.counts(
            store, everything, answers.Wanted(answers.ALL_US, "place", top, bottom), directory.as_of()
        )

    accounting = {outcome: summary[outcome] for outcome in OUTCOMES}
    return {
        "accounting": accounting,
        "expected": expected,
        "as_made": accounting == expected,
        "top": ranked(RANKED, 0),
        "bottom": ranked(0, RANKED),
        "words": cloud.words(store, everything, None, WORDS),
        "located": located_share(directory),
        "incidents": incidents.told(store),
        "seconds": summary["seconds"],
        "posts_per_second": summary["posts_per_second"],
        "directory": str(directory.path),
    }


def made(path: Path, scale: float, show: Show) -> tuple[Path, dict[str, int]]:
    """The recording and the accounting that it must give; generated where it is not there."""
    path.mkdir(parents=True, exist_ok=True)
    recording, truth = path / RECORDING, path / TRUTH
    if not (recording.exists() and truth.exists()):
        show("making the evening's recording (once)")
        unfinished = path / f"{RECORDING}.unfinished"
        with unfinished.open("wb") as stream, truth.open("wb") as truth_stream:
            write_recording(stream, truth_stream, SEED, scale)
        unfinished.rename(recording)
    return recording, msgspec.json.decode(truth.read_bytes())["accounting"]


def located_share(directory: Directory) -> float:
    """The share of standing posts and reposts that have a place."""
    rows = counting.counts(directory.ledger.store, Filters(), answers.ALL_US, "place")
    posts = rows.select("area", total=pl.col("posts") + pl.col("reposts"))
    located, total = int(posts.filter(pl.col("area") > 0)["total"].sum()), int(posts["total"].sum())
    return located / total if total else 0.0
