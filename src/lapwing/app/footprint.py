"""What our processes take of the machine: CPU, memory, disk, and how long the disk will last."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import psutil

from lapwing.app.opening import Directory

PROCESSES = "processes.json"
DAY_US = 86_400_000_000
NEARLY_FULL = 0.8
"""Above this share of the disk there is a warning."""
GROWTH_DAYS_MAX = 7
"""Growth is measured over what came in so many days."""


def processes(directory: Directory) -> list[dict[str, Any]]:
    """Each process that works on this data directory: name, pid, CPU seconds, bytes of memory; those that are gone are not."""
    rows = directory.ledger.store.connection.execute("SELECT pid, owner FROM workers")
    known: dict[int, str] = dict(rows.fetchall())
    known |= {pid: name for name, pid in _tree(directory.path).items()}
    return [found for pid, name in sorted(known.items()) if (found := _process(name, pid)) is not None]


def _tree(path: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode((path / PROCESSES).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.DecodeError):
        return {}


def _process(name: str, pid: int) -> dict[str, Any] | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times, memory = process.cpu_times(), process.memory_info()
    except psutil.Error:
        return None
    return {"name": name, "pid": pid, "cpu_s": round(times.user + times.system, 2), "rss_bytes": memory.rss}


def disk(directory: Directory, used: dict[str, int]) -> dict[str, Any]:
    """Bytes free and in all where the data lies, how full that is, and in how many days it will be at the present growth.

    `days_until_full` is None where nothing grows, or too little is known.
    """
    whole = shutil.disk_usage(directory.path)
    share = 1 - whole.free / whole.total if whole.total else 1.0
    growth = _growth_per_day(directory, sum(used.values()))
    return {
        "total_bytes": whole.total,
        "free_bytes": whole.free,
        "used_share": round(share, 4),
        "nearly_full": share >= NEARLY_FULL,
        "days_until_full": round(whole.free / growth, 1) if growth > 0 else None,
    }


def _growth_per_day(directory: Directory, used_bytes: int) -> float:
    """What a day adds, as the posts of the last days say; what was imported at once tells of no growth, as time goes on."""
    now_us = directory.clock.now_us()
    since_us = now_us - GROWTH_DAYS_MAX * DAY_US
    first_us, low, high, posts = directory.ledger.store.connection.execute(
        "SELECT min(at_us), min(seq_low), max(seq_high), (SELECT value FROM meta WHERE key = 'next_seq') FROM commits "
        "WHERE at_us >= ?",
        (since_us,),
    ).fetchone()
    if first_us is None or int(posts) == 0 or now_us <= first_us:
        return 0.0
    days = max((now_us - first_us) / DAY_US, 1.0)
    return float(used_bytes * (high - low) / int(posts) / days)
