"""A quick measurement of this machine: made-up posts through the whole path, in one process, in a directory of their own."""

from __future__ import annotations

import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from lapwing.app.ingesting import Wish, ingest
from lapwing.app.opening import Directory
from lapwing.config import Configuration
from lapwing.demo import posts

SEED = 1
FORMAT = "x_v2"
LINES_AT_ONCE = 2_000


def measure(configuration: Configuration, count: int) -> dict[str, Any]:
    """CPU µs per post, posts per second and bytes on the disk for `count` posts of X.

    Making the posts and loading the gazetteer are not counted; everything else is: read, log, decode, stages, save, index.
    """
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        path = Path(folder)
        raw_bytes = _write_posts(path / "posts.ndjson", count)
        directory = Directory(path / "data", configuration)
        _ = directory.understanding, directory.ledger, directory.log
        before_s = _cpu_s()
        summary = ingest(directory, Wish(files=(str(path / "posts.ndjson"),), format=FORMAT, workers=0))
        cpu_s = _cpu_s() - before_s
        log = directory.log.sizes()["stored_bytes"]
        directory.ledger.close()
        directory.log.close()
        ledger = sum(file.stat().st_size for file in (directory.path / "ledger").iterdir())
    return {
        "posts": summary["stored"],
        "cpu_us_per_post": round(cpu_s * 1e6 / count, 2),
        "posts_per_second": summary["posts_per_second"],
        "raw_bytes_per_post": round(raw_bytes / count),
        "log_bytes_per_post": round(log / count),
        "ledger_bytes_per_post": round(ledger / count),
        "cores": os.cpu_count(),
    }


def _write_posts(path: Path, count: int) -> int:
    """Make the file; its size in bytes."""
    lines = posts(count, SEED)
    with path.open("wb") as file:
        while some := b"".join(islice(lines, LINES_AT_ONCE)):
            file.write(some)
    return path.stat().st_size


def _cpu_s() -> float:
    """CPU time of this process up to now, of all its threads."""
    return sum(os.times()[:2])
