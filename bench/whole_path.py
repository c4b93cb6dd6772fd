"""How much CPU does a post cost, from the file to the saved, located, indexed row, when ten million were stored before?

Runs `lapwing ingest` with worker processes and default durability on a fresh data directory. Posts come through a pipe
from a process of their own, whose CPU is not counted; it does take part of the machine, so wall time is a lower bound.
The number that counts is CPU µs per post over all Lapwing processes during the last million. As many posts as reading
runs ahead are fed behind the last million, so that it is like all others and not the end of a run.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from _machine import ROOT, heading, parser, write
from _posts import generator
from _processes import Tree, Usage

from lapwing.app.ingesting import LEAD_RECORDS_MAX
from lapwing.ledger.sqlite.ledger import generation_path

SAMPLE_S = 0.1
MEGABYTE = 1 << 20


class Sample(msgspec.Struct, frozen=True):
    """How far everything was at one moment."""

    at_s: float
    received: int
    usage: Usage


class Run:
    """One ingest of posts from a pipe, watched until it ends."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.folder = folder
        total = asked.posts + asked.beyond
        self._posts = generator(total, asked.seed, asked.order, asked.network, subprocess.PIPE)
        self._ingest = subprocess.Popen(
            [sys.executable, "-m", "lapwing", "--data", str(folder), "ingest", "-", "--format", asked.network,
             "--workers", str(asked.workers), "--json"],
            stdin=self._posts.stdout, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        self._posts.stdout.close()  # type: ignore[union-attr]
        self.tree = Tree(self._ingest.pid)
        self.samples = [Sample(time.monotonic(), 0, Usage(0.0, 0.0))]
        self.every = min(1_000_000, asked.posts // 2)
        self._shown = 0

    def watch(self) -> dict[str, int]:
        """Take samples until the ingest ends; its own summary."""
        try:
            while self._ingest.poll() is None:
                time.sleep(SAMPLE_S)
                self._sample()
            summary = self._ingest.stdout.read() if self._ingest.stdout else b""
            if self._ingest.returncode:
                raise SystemExit(f"lapwing ingest ended with {self._ingest.returncode}")
            return msgspec.json.decode(summary)  # type: ignore[no-any-return]
        finally:
            for process in (self._ingest, self._posts):
                if process.poll() is None:
                    process.terminate()
                process.wait()

    def _sample(self) -> None:
        before, received, after = self.tree.usage(), received_in(self.folder), self.tree.usage()
        if received == self.samples[-1].received:
            return
        # Counting takes a moment in which CPU goes on: the middle of both is when it was.
        usage = Usage((before.parent_s + after.parent_s) / 2, (before.others_s + after.others_s) / 2)
        self.samples.append(Sample(time.monotonic(), received, usage))
        while (self._shown + 1) * self.every <= received:
            self._shown += 1
            print(f"  {self._shown * self.every:>12,}  {self.line(self._shown)}", flush=True)

    def line(self, number: int) -> str:
        """What the million of this number took, for people."""
        took = self.took(number)
        return f"{took['us_per_post']:6.2f} µs CPU per post ({took['ingest_us']:.2f} ingest, {took['workers_us']:.2f} workers), {took['posts_per_second']:,} posts/s"

    def took(self, number: int) -> dict[str, Any]:
        """What the million of this number took, between its first and its last post."""
        low, high = (number - 1) * self.every, number * self.every
        received = [sample.received for sample in self.samples]

        def between(values: list[float]) -> float:
            start, end = np.interp([low, high], received, values)
            return float(end - start)

        parent_s = between([sample.usage.parent_s for sample in self.samples])
        others_s = between([sample.usage.others_s for sample in self.samples])
        wall_s = between([sample.at_s for sample in self.samples])
        micros = 1e6 / self.every
        return {
            "to": high, "us_per_post": round((parent_s + others_s) * micros, 3), "ingest_us": round(parent_s * micros, 3),
            "workers_us": round(others_s * micros, 3), "posts_per_second": round(self.every / wall_s),
        }  # fmt: skip


def received_in(folder: Path) -> int:
    """Records that are accounted for in the ledger by now."""
    with (
        suppress(sqlite3.OperationalError, OSError),
        closing(sqlite3.connect(f"file:{generation_path(folder / 'ledger')}?mode=ro", uri=True)) as ledger,
    ):
        return int(ledger.execute("SELECT coalesce(sum(received), 0) FROM accounting").fetchone()[0])
    return 0


def sizes(folder: Path, posts: int) -> dict[str, Any]:
    """Bytes of log and ledger on the disk, beside the bytes that came in."""
    with closing(sqlite3.connect(folder / "log.sqlite")) as log:
        raw, packed = log.execute("SELECT sum(raw_bytes), sum(length(payload)) FROM batches").fetchone()
    ledger = sum(file.stat().st_size for file in (folder / "ledger").iterdir())
    return {
        "raw_bytes_per_post": round(raw / posts), "log_share_of_raw": round(packed / raw, 4),
        "log_file_share_of_raw": round((folder / "log.sqlite").stat().st_size / raw, 4),
        "ledger_mb_per_million_posts": round(ledger / MEGABYTE / posts * 1e6, 1),
    }  # fmt: skip


def options() -> argparse.Namespace:
    """What was asked for."""
    asked = parser(__doc__)
    asked.add_argument("--posts", type=int, default=10_000_000)
    asked.add_argument(
        "--beyond", type=int, help=f"posts fed behind them (default: {LEAD_RECORDS_MAX + 100_000:,}, or a third)"
    )
    asked.add_argument("--network", choices=("x_v2", "jetstream"), default="x_v2")
    asked.add_argument("--order", choices=("time", "shuffled"), default="time", help="of times and ids")
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument(
        "--folder", type=Path, help="where the data directory is made (default: the system's temporary folder)"
    )
    chosen = asked.parse_args()
    chosen.posts = 400_000 if chosen.quick else chosen.posts
    if chosen.beyond is None:
        chosen.beyond = min(LEAD_RECORDS_MAX + 100_000, chosen.posts // 3)
    return chosen


def main() -> None:
    """Measure and print."""
    asked = options()
    heading(
        f"Whole path: {asked.posts:,} posts of {asked.network}, ids by {asked.order}, {asked.workers} workers, default durability"
    )
    folder = Path(tempfile.mkdtemp(prefix="lapwing-bench-", dir=asked.folder))
    try:
        run = Run(asked, folder)
        summary = run.watch()
        on_disk = sizes(folder, summary["received"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if summary["stored"] != summary["received"] or summary["received"] != asked.posts + asked.beyond:
        raise SystemExit(f"not every post was stored: {summary}")
    millions = [run.took(number) for number in range(1, asked.posts // run.every + 1)]
    whole_us = run.tree.usage().whole_s * 1e6 / summary["received"]
    peaks = {name: round(size / MEGABYTE) for name, size in run.tree.peak_bytes.items()}
    print(f"the last {run.every:,}: {run.line(len(millions))}")
    print(
        f"everything, start and end included: {whole_us:.2f} µs CPU per post, {summary['posts_per_second']:,} posts/s"
    )
    print(f"peak memory, MB: {peaks}")
    print(f"log {on_disk['log_share_of_raw']:.1%} of {on_disk['raw_bytes_per_post']} B a post (goal: 20 %), "
          f"ledger {on_disk['ledger_mb_per_million_posts']} MB per million posts (goal: 120)")  # fmt: skip
    asked_for = {"posts": asked.posts, "network": asked.network, "order": asked.order, "workers": asked.workers}
    write(asked, "whole_path", asked_for | {"last": millions[-1], "millions": millions, "whole_us_per_post": round(whole_us, 3),
          "posts_per_second": summary["posts_per_second"], "peak_mb": peaks, **on_disk})  # fmt: skip


if __name__ == "__main__":
    main()
