"""What can be wrong with an installation and with a data directory, each with what mends it. Nothing is changed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from lapwing.app.functions import plan_of
from lapwing.app.opening import Directory
from lapwing.app.status import status
from lapwing.app.times import written
from lapwing.config import Configuration
from lapwing.engine.calls import imported
from lapwing.engine.clock import Clock, SystemClock
from lapwing.errors import LapwingError
from lapwing.native.compiled import compiled

PYTHON_MIN = (3, 11)
FREE_BYTES_FAIL = 64 << 20
FREE_BYTES_WARN = 1 << 30
YEAR_2025_US = 1_735_689_600_000_000
"""No clock of a machine that runs this version is before it."""
CLOCK_BACK_US_MAX = 60_000_000
DEVELOPERS = ("test", "check")
"""Extras that only those need who work on Lapwing itself."""
LISTENING = "0A"
TCP_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


class Line(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    level: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""


def installation() -> Iterator[Line]:
    """Python and packages."""
    version = platform.python_version()
    if sys.version_info < PYTHON_MIN:
        yield Line("fail", f"Python {version} is too old", "install Python 3.11 or newer")
    else:
        yield Line("ok", f"Python {version}")
    yield _compiled()
    try:
        wanted = metadata.requires("lapwing") or []
    except metadata.PackageNotFoundError:
        yield Line("warn", "Lapwing runs without being installed, so its packages are not known", "pip install .")
        return
    extras: dict[str, list[str]] = {"": []}
    for requirement in wanted:
        name = re.split(r"[^\w.-]", requirement)[0]
        marked = re.search(r"extra == [\"']([^\"']+)", requirement)
        extras.setdefault(marked[1] if marked else "", []).append(name)
    for extra, names in extras.items():
        yield from _packages(extra, names)


def _compiled() -> Line:
    if compiled() is not None:
        return Line("ok", "the compiled part is there")
    fix = "install a C compiler (apt-get install gcc libc6-dev), then `pip install --force-reinstall --no-deps .`"
    return Line(
        "warn", "the compiled part is missing or of another version: all works, at two thirds of the speed", fix
    )


def _packages(extra: str, names: list[str]) -> Iterator[Line]:
    missing = [name for name in names if _version(name) is None]
    if not extra:
        yield Line("ok", "packages: " + ", ".join(f"{name} {_version(name)}" for name in names if name not in missing))
        for name in missing:
            yield Line("fail", f"the package {name} is missing", f"pip install {name}")
    elif not missing:
        yield Line("ok", f"the extra {extra} is installed")
    elif extra not in DEVELOPERS:
        yield Line("warn", f"the extra {extra} lacks {', '.join(missing)}", f"pip install 'lapwing[{extra}]'")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def functions(configuration: Configuration) -> Iterator[Line]:
    """Whether `up` could run the configured functions; what they say while they are imported goes to stderr."""
    folder = str(Path(configuration.folder).resolve())
    for function in configuration.functions:
        try:
            with redirect_stdout(sys.stderr):
                plan_of(function, imported(function.run, folder), folder)
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # noqa: BLE001  (a module may raise anything when it is imported)
            reason = f"{function.run} cannot be used: {type(problem).__name__}: {problem}"[:300]
            fix = "mend it, or `run` of the function; until then `lapwing up` pauses it"
            yield Line("fail", f"the function {function.name} would be paused: {reason}", fix)
        else:
            yield Line("ok", f"the function {function.name} can be imported")


def surroundings(path: Path, configuration: Configuration, port: int) -> Iterator[Line]:
    """Disk, port, clock, and what is in the data directory."""
    clock = SystemClock()
    there = path
    while not there.exists():
        there = there.parent
    yield from _disk(path, there)
    if port:  # 0 takes one that is free
        yield _port(port)
    if clock.now_us() < YEAR_2025_US:
        yield Line("fail", f"the clock says {written(clock.now_us())}", "set the clock")
    if (path / "ledger").is_dir() and os.access(path, os.W_OK):
        directory = Directory(path, configuration)
        try:
            yield from _data(directory, clock)
        finally:
            directory.close()


def _disk(path: Path, there: Path) -> Iterator[Line]:
    if path.exists() and not path.is_dir():
        yield Line("fail", f"{path} is not a directory", "name another --data directory")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Line("fail", f"{there} cannot be written", f"chown it to {_user()}, or name another --data directory")
    elif there != path:
        yield Line("ok", f"{path} is not there yet and can be made")
    else:
        yield Line("ok", f"{path} can be written")
    free = shutil.disk_usage(there).free
    text = f"{free / 1e9:,.1f} GB are free on the disk"
    level: Literal["ok", "warn", "fail"] = (
        "fail" if free < FREE_BYTES_FAIL else "warn" if free < FREE_BYTES_WARN else "ok"
    )
    yield Line(level, text, "" if level == "ok" else "free some space, or name another --data directory")


def _user() -> str:
    return f"user {os.geteuid()}"


def _port(port: int) -> Line:
    """Whether something listens, from the kernel's own list: to look is not to knock."""
    tables = [Path(name) for name in TCP_TABLES]
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    if not lines and not tables[0].exists():
        return Line("warn", f"whether port {port} is free is not known here", "")
    if any(words[3] == LISTENING and int(words[1].rpartition(":")[2], 16) == port for words in lines):
        return Line("warn", f"port {port} is taken by another program", "stop it, or choose another port")
    return Line("ok", f"port {port} is free")


def _data(directory: Directory, clock: Clock) -> Iterator[Line]:
    try:
        found = status(directory)
        (newest,) = directory.ledger.store.connection.execute("SELECT coalesce(max(at_us), 0) FROM commits").fetchone()
    except (LapwingError, sqlite3.DatabaseError) as problem:
        fix = problem.next_step if isinstance(problem, LapwingError) else "lapwing verify; or restore a backup"
        yield Line("fail", f"the data cannot be read: {getattr(problem, 'what', problem)}", fix)
        return
    yield Line("ok", "log and ledger have formats that this version knows")
    if newest > clock.now_us() + CLOCK_BACK_US_MAX:
        yield Line("fail", f"the clock went back: the newest commit is of {written(newest)}", "set the clock")
    else:
        yield Line("ok", f"the clock says {written(clock.now_us() // 1_000_000 * 1_000_000)}")
    yield from _workers(found)


def _workers(found: dict[str, object]) -> Iterator[Line]:
    writer = found["writer"]
    if isinstance(writer, dict) and writer["frozen"]:
        pid = writer["pid"]
        yield Line(
            "fail",
            f"process {pid} is stopped while it writes, and all others wait",
            f"kill -CONT {pid}, or kill -9 {pid}",
        )
    workers = found["workers"] if isinstance(found["workers"], list) else []
    for worker in workers:
        if worker["lost"]:
            yield Line(
                "warn", f"worker {worker['name']} (process {worker['pid']}) has been silent for {worker['silent_s']} s",
                "its partitions are taken over by themselves; if it hangs: kill -9 " + str(worker["pid"]),
            )  # fmt: skip
    if found["lag_records"] and not any(not worker["lost"] for worker in workers):
        yield Line(
            "warn", f"{found['lag_records']} records wait in the log and nobody works", "lapwing worker --until-empty"
        )
    if found["dead_letters"]:
        yield Line("warn", f"{found['dead_letters']} records were refused", "lapwing errors")
