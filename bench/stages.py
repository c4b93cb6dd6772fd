"""Where does the CPU time of a post go? The whole path in one process, step by step, best of several runs.

Each step is counted without the steps inside it; `+` marks a part of the step before it. Steps are timed with one polars
thread, so that no time is spent on handing work to threads; the smallest of all runs is taken for each step, since a
shared machine adds time but never takes any away.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import msgspec
from _machine import heading, parser, write
from _posts import file_of
from _stopwatch import Stopwatch

from lapwing.app.ingesting import Wish, ingest
from lapwing.app.opening import STAGES, Directory
from lapwing.engine.understanding import Understanding

SQLITE = "lapwing.ledger.sqlite"
STEPS: dict[str, str] = {
    "lapwing.app.ingesting:_Feed.read": "read and cut",
    "lapwing.app.ingesting:_Feed._pace": "claims, pacing",
    "lapwing.log.sqlite:SqliteLog.append": "append: SQLite",
    "lapwing.log.sqlite:_encode": "+ msgpack",
    "lapwing.log.sqlite:SqliteLog.read": "read log: SQLite",
    "lapwing.log.sqlite:SqliteLog._records": "read log: zstd, msgpack",
    "lapwing.engine.loop:Worker._take": "read log: cut to offsets",
    "lapwing.engine.loop:Worker._keep_claims": "claims, pacing",
    "lapwing.engine.loop:batch_of": "understand: gather, watermarks",
    "lapwing.engine.understanding:_read": "understand: add origin, source columns",
    f"{SQLITE}.ledger:SqliteLedger._describe": "prepare: new places",
    f"{SQLITE}.ledger:prepare": "prepare: elsewhere",
    f"{SQLITE}.prepare:keyed": "prepare: hash keys",
    f"{SQLITE}.prepare:split": "prepare: known or new",
    f"{SQLITE}.prepare:encode": "prepare: sort by time",
    f"{SQLITE}.prepare:_index": "prepare: index",
    f"{SQLITE}.postings:codes_of": "+ hash terms",
    f"{SQLITE}.postings:packed": "+ sort",
    f"{SQLITE}.postings:_encoded": "+ pack chunks",
    f"{SQLITE}.names:shortened": "prepare: shorten names",
    f"{SQLITE}.columns:encode": "+ encode",
    f"{SQLITE}.columns:decode": "+ decode",
    f"{SQLITE}.ledger:commit": "commit: elsewhere",
    f"{SQLITE}.commit:_still_fresh": "commit: still fresh",
    f"{SQLITE}.commit:_add_posts": "commit: insert blobs",
    f"{SQLITE}.keys:Keys.add": "commit: keys",
    f"{SQLITE}.commit:hear_again": "commit: heard again",
    f"{SQLITE}.commit:apply_changes": "commit: changes",
    f"{SQLITE}.commit:activity_of": "commit: activity",
    f"{SQLITE}.commit:summed": "commit: activity, summed again",
    f"{SQLITE}.runs:Runs.append": "commit: write runs",
    f"{SQLITE}.commit:account": "commit: accounting",
    "lapwing.engine.loop:Worker._tidied": "tidy: look",
    f"{SQLITE}.runs:Runs.merge": "tidy: merge keys, activity",
    f"{SQLITE}.blocks:Blocks.merge": "tidy: merge facts, texts",
    f"{SQLITE}.postings:Postings.merge": "tidy: merge index",
    f"{SQLITE}.upkeep:roll_up_one": "tidy: roll up an hour",
}
"""Where each step is. One that was renamed is reported, and its time shows in the step around it."""


def watched() -> Stopwatch:
    """A stopwatch on every step of `STEPS`."""
    watch = Stopwatch()
    for where, step in STEPS.items():
        watch.wrap(where, step)
    watch.wrap(
        f"{SQLITE}.prepare:_blobs",
        lambda frame, *_: f"prepare: {'texts' if 'text' in frame.columns else 'facts'}",
        whole=True,
    )
    for name in watch.missing:
        print(f"not there any more: {name}", file=sys.stderr)
    return watch


def opened(watch: Stopwatch, path: Path) -> Directory:
    """A data directory whose formats, stages and commits are timed."""

    def mark(name: str) -> None:
        if name.endswith(".before_commit"):
            watch.enter(f"{'append' if name.startswith('log') else 'commit'}: COMMIT")
        elif name.endswith(".after_commit"):
            watch.leave()

    directory = Directory(path, mark=mark)
    how = directory.understanding
    formats = {
        name: msgspec.structs.replace(how.formats[name], decode=watch.timed(how.formats[name].decode, "decode"))
        for name in how.formats
    }
    stages = [watch.timed(stage, f"stage: {name}") for name, stage in zip(STAGES, how.transforms, strict=True)]
    vars(directory)["understanding"] = Understanding(formats, stages)
    return directory


def measure(watch: Stopwatch, file: Path, network: str, repeats: int) -> tuple[dict[str, float], list[float]]:
    """The smallest CPU seconds of each step over several runs, and the whole of each run."""
    best: dict[str, float] = {}
    wholes = []
    for _ in range(repeats):
        folder = Path(tempfile.mkdtemp(prefix="lapwing-bench-"))
        try:
            directory = opened(watch, folder)
            watch.taken()
            ingest(directory, Wish(files=(str(file),), format=network, workers=0))
            taken = watch.taken()
            directory.ledger.close()
            directory.log.close()
        finally:
            shutil.rmtree(folder)
        wholes.append(sum(taken.values()))
        best = {step: min(seconds, best.get(step, seconds)) for step, seconds in taken.items()}
    return best, wholes


def show(micros: dict[str, float], wholes: list[float]) -> None:
    """The table, in groups, the dearest step of each first."""
    groups: dict[str, dict[str, float]] = {}
    for step, value in micros.items():
        groups.setdefault(step.partition(":")[0], {})[step] = value
    for group, steps in groups.items():
        print(f"{sum(steps.values()):7.2f}  {group}")
        for step, value in sorted(steps.items(), key=lambda each: -each[1]):
            if step != group and value >= 0.005:
                print(f"          {value:6.2f}  {step.partition(': ')[2] or step}")
    print(
        f"{sum(micros.values()):7.2f}  µs CPU per post, the best of each step; whole runs: {', '.join(f'{each:.2f}' for each in wholes)}"
    )


def options() -> argparse.Namespace:
    """What was asked for."""
    asked = parser(__doc__)
    asked.add_argument("--posts", type=int, default=300_000)
    asked.add_argument("--network", choices=("x_v2", "jetstream"), default="x_v2")
    asked.add_argument("--order", choices=("time", "shuffled"), default="time")
    asked.add_argument("--repeats", type=int, default=5)
    chosen = asked.parse_args()
    if chosen.quick:
        chosen.posts, chosen.repeats = 100_000, 2
    return chosen


def main() -> None:
    """Measure and print."""
    asked = options()
    heading(
        f"CPU by step: {asked.posts:,} posts of {asked.network}, ids by {asked.order}, workers=0, one polars thread"
    )
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        file = file_of(Path(folder) / "posts.ndjson", asked.posts, asked.seed, asked.network, asked.order)
        best, wholes = measure(watched(), file, asked.network, asked.repeats)
    micros: dict[str, Any] = {step: seconds * 1e6 / asked.posts for step, seconds in best.items()}
    runs = [seconds * 1e6 / asked.posts for seconds in wholes]
    show(micros, runs)
    asked_for = {"posts": asked.posts, "network": asked.network, "order": asked.order}
    write(
        asked,
        "stages",
        asked_for | {"us_per_post": {step: round(value, 3) for step, value in micros.items()}, "runs": runs},
    )


if __name__ == "__main__":
    main()
