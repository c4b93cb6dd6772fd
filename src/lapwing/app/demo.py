"""The demo: a recorded evening, made if it is not there yet, through the whole path, held against what was made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from lapwing.app import answers, cloud, incidents
from lapwing.app.alone import alone
from lapwing.app.ingesting import Wish, ingest
from lapwing.app.looking import look_for_incidents
from lapwing.app.opening import Directory
from lapwing.containers.decompress import decompress
from lapwing.demo import write_recording
from lapwing.errors import UnreadableInput, UsageError
from lapwing.ledger.sqlite import counting
from lapwing.ledger.sqlite.accounting import OUTCOMES
from lapwing.ledger.sqlite.selecting import Filters

SEED = 7
RECORDING = "evening.ndjson.zst"
TRUTH = "evening.truth.json"
KEPT = ("ledger", "log.sqlite", "log.sqlite-wal", "log.sqlite-shm")
PIECE_BYTES = 1 << 20
WORDS = 12
SETTINGS = "lapwing.toml"
OURS = "# `lapwing demo` writes this anew each time; without this line it leaves the file alone.\n"
BODY = """source = []  # nothing but the evening

[store]
posts_retention = "36500d"  # it was in January 2026
"""
RANKED = 5

Show = Callable[[str], None]


def run(directory: Directory, workers: int, show: Show, scale: float = 1.0) -> dict[str, Any]:
    """Process the evening from the beginning, in a fresh store; what came of it, and whether it is as it was made."""
    recording, expected = made(directory.path, scale, show)
    with alone(directory.path):
        empty(directory.path)
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
    """The recording and the accounting that it must give; generated where it is not there.

    Raises `UsageError` where the directory holds something else, which an evening would take the place of.
    """
    _only_ours(path)
    recording, truth = path / RECORDING, path / TRUTH
    path.mkdir(parents=True, exist_ok=True)
    if not (recording.exists() and truth.exists() and _whole(recording)):
        show("making the evening's recording (once)")
        unfinished = path / f"{RECORDING}.unfinished"
        with unfinished.open("wb") as stream, truth.open("wb") as truth_stream:
            write_recording(stream, truth_stream, SEED, scale)
        unfinished.rename(recording)
    return recording, msgspec.json.decode(truth.read_bytes())["accounting"]


def settings(path: Path, port: int | None) -> Path:
    """The file of the demo's own configuration, written anew unless somebody has changed it.

    Raises `UsageError` for a port where somebody has: then it is changed there; where a `lapwing up` or another demo runs
    on the directory; and as `made`.
    """
    _only_ours(path)
    with alone(path):  # whoever runs there follows the file
        return _written(path / SETTINGS, port)


def _written(file: Path, port: int | None) -> Path:
    if file.exists() and not file.read_text("utf-8").startswith(OURS):
        if port is not None:
            raise UsageError(
                f"{file} was not written by the demo", "change the port there, under [serve], or remove the file"
            )
        return file
    file.write_text(OURS + BODY + ("" if port is None else f"\n[serve]\nport = {port}\n"), encoding="utf-8")
    return file


def _whole(recording: Path) -> bool:
    """Whether a recording can be read to its end."""
    try:
        with recording.open("rb") as file:
            for _ in decompress(iter(lambda: file.read(PIECE_BYTES), b"")):
                pass
    except UnreadableInput:
        return False
    return True


def _only_ours(path: Path) -> None:
    if not (path / TRUTH).exists() and any((path / name).exists() for name in KEPT):
        raise UsageError(f"{path} holds data that is not the demo's", "name another --data directory for the demo")


def empty(path: Path) -> None:
    """Remove what an earlier evening left in a directory that nobody else works on."""
    for name in KEPT:
        old = path / name
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


def located_share(directory: Directory) -> float:
    """The share of standing posts and reposts that have a place."""
    rows = counting.counts(directory.ledger.store, Filters(), answers.ALL_US, "place")
    posts = rows.select("area", total=pl.col("posts") + pl.col("reposts"))
    located, total = int(posts.filter(pl.col("area") > 0)["total"].sum()), int(posts["total"].sum())
    return located / total if total else 0.0
