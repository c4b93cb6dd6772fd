"""What every result names: the machine, the versions, the commit. And where it is written."""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent


def machine() -> dict[str, Any]:
    """Processor, cores, and the versions of what the numbers depend on."""
    return {
        "cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version(), "system": f"{platform.system()} {platform.release()}",
        "polars": _version("polars"), "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit() -> str:
    """The commit that is measured, with a + when files were changed since."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", "src").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def stolen_s() -> float:
    """Seconds of processor time that other guests of the same host have taken so far; 0 where that is not told."""
    try:
        told = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        return int(told[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def free_port() -> int:
    """A port of this machine on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parser(question: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=question, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seed", type=int, default=1, help="of the posts (default: 1)")
    made.add_argument("--out", type=Path, help="append the result, one JSON line, to this file")
    made.add_argument("--quick", action="store_true", help="fewer posts: a first impression in a minute")
    return made


def write(options: argparse.Namespace, question: str, result: dict[str, Any]) -> None:
    """Append the result to the file that `--out` names."""
    if options.out is None:
        return
    line = {
        "question": question, "at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(),
        "machine": machine(), "seed": options.seed, **result,
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


def heading(title: str) -> None:
    """Say what is measured, and on what."""
    about = machine()
    print(
        f"{title}\n{about['cpu']} × {about['cores']}, Python {about['python']}, polars {about['polars']}, commit {commit()}, load {about['load']}"
    )
    sys.stdout.flush()


def spread(values: list[float]) -> tuple[float, float]:
    """Median and 95th percentile (the slowest but one in twenty)."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1) + 0.499))]
