"""The arrows and the doors of ARCHITECTURE.md. Each law is a function over one file, and is tried on a file that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from source_code import File, calls, functions, imports, package_files, touches

LEAVES = {"text", "places", "windows", "containers", "internet"}
COMPONENTS = {"sources", "formats", "stages", "notify"}
ROOMS = COMPONENTS | {
    "log", "incidents", "learning", "relevance", "engine", "scale", "ledger", "projections", "serving", "spark", "demo",
}  # fmt: skip
CORE = {"contracts", "hearing", "telling", "model", "errors", "values"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "values": set(),
    "model": {"errors"},
    "contracts": {"model", "errors"},
    "hearing": {"model", "errors"},
    "telling": {"hearing", "model", "errors"},
    "native": {"values"},
    **dict.fromkeys(LEAVES, CORE | {"native"}),
    "places": CORE | {"text", "native"},  # names of places are found in words that were cut
    **dict.fromkeys(ROOMS, CORE | LEAVES),
    "notify": CORE | LEAVES | {"settings"},
    "sources": CORE | LEAVES | {"settings", "demo"},  # options are tables of the configuration; one plays the demo
    **dict.fromkeys(["formats", "ledger"], CORE | LEAVES | {"native"}),
    "spark": CORE | LEAVES | {"stages", "formats"},
    "catalog": CORE,
    "settings": set(),
    "sections": {"catalog", "errors", "settings"},
    "config": CORE | {"catalog", "sections", "settings"},
    "testing": CORE | LEAVES | ROOMS | {"catalog", "config"},
    "app": CORE | LEAVES | ROOMS | {"catalog", "config", "sections", "settings", "native"},
    "cli": CORE | {"app", "catalog", "config", "settings"},
    "__main__": {"cli"},
    "__init__": CORE | {"app", "config"},
}
"""cli → app → rooms → leaves → contracts → model → errors. A folder that is not here has no place in the house yet."""

NETWORK_MODULES = {
    "aiohttp", "asyncio.open_connection", "asyncio.start_server", "cassandra", "confluent_kafka", "elasticsearch",
    "ftplib", "http.client", "http.server", "httpx", "imaplib", "opensearchpy", "poplib", "psycopg", "pymysql",
    "requests", "smtplib", "socket", "socketserver", "ssl", "urllib.request", "urllib3", "websockets", "xmlrpc",
}  # fmt: skip
NETWORK_DOORS = (
    "sources/", "notify/", "serving/", "log/kafka", "ledger/", "projections/", "scale/", "testing/networks/",
)  # fmt: skip

DISK_MODULES = {"sqlite3", "apsw", "shutil", "tempfile", "mmap", "fcntl", "dbm", "shelve", "fileinput"}
DISK_NAMES = {"open", "io.open", "os.open", "io.FileIO"} | {
    f"os.{name}"
    for name in "fsync ftruncate link listdir makedirs mkdir remove rename replace rmdir scandir stat statvfs symlink truncate unlink walk".split()
}
DISK_METHODS = set(
    "exists glob is_dir is_file iterdir mkdir open read_bytes read_text rglob rmdir samefile sink_csv sink_ipc sink_ndjson"
    " sink_parquet scan_csv scan_ipc scan_ndjson scan_parquet stat symlink_to touch unlink write_bytes write_text".split()
)
DISK_DOORS = ("log/", "ledger/", "sources/_files", "app", "cli", "testing/networks/mail")

CLOCK_NAMES = {
    f"time.{name}{end}"
    for name in "time monotonic perf_counter process_time thread_time clock_gettime".split()
    for end in ("", "_ns")
} | {"time.sleep", "time.gmtime", "time.localtime", "time.strftime", "datetime.date.today"}
CLOCK_NAMES |= {f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")}
CLOCK_DOORS = ("engine/clock.py",)

CHANCE_NAMES = {"os.urandom", "uuid.uuid1", "uuid.uuid4", "random.SystemRandom"}
CHANCE_MODULES = ("random.", "numpy.random.", "secrets.")
CHANCE_BY_ARGUMENT = {"random.Random", "numpy.random.Generator", "numpy.random.default_rng"}
CHANCE_DOORS = ("serving/", "app")  # tokens and names of owners, which must not be foreseen

ENVIRONMENT_NAMES = {"os.environ", "os.environb", "os.getenv", "os.putenv", "os.unsetenv"}
ENVIRONMENT_DOORS = ("config.py",)

ASYNC_DOORS = ("sources/", "notify/", "serving/", "scale/deployers", "testing/networks/")
ASYNC_ENGINE_FILES_MAX = 4

Law = Callable[[File], Iterator[str]]


def arrows(file: File) -> Iterator[str]:
    """No room imports another room, and nothing imports what stands before it on the way."""
    if file.room not in MAY_IMPORT:
        yield f"{file.path}: there is no room called {file.room!r}; add it to MAY_IMPORT and to ARCHITECTURE.md"
        return
    for line, name in imports(file):
        package, *rest = name.split(".")
        if package != "lapwing" or not rest or rest[0] == file.room:
            continue
        if rest[0] not in MAY_IMPORT[file.room]:
            yield f"{file.path}:{line}: {file.room} must not import {rest[0]}"


def siblings(file: File) -> Iterator[str]:
    """A component stands alone: of its own folder it imports only what begins with an underscore."""
    if file.room not in COMPONENTS:
        return
    for line, name in imports(file):
        parts = name.split(".")
        leans = parts[:2] == ["lapwing", file.room] and len(parts) > 2 and not parts[2].startswith("_")
        if leans and parts[2] != file.module.split(".")[-1]:
            yield f"{file.path}:{line}: leans on its sibling {parts[2]}"


def network(file: File) -> Iterator[str]:
    """The network is behind the doors that are named for it."""
    if file.path.startswith(NETWORK_DOORS):
        return
    for line, name in [*imports(file), *touches(file)]:
        if _is_or_is_in(name, NETWORK_MODULES):
            yield f"{file.path}:{line}: {name} is the network, which begins at {', '.join(NETWORK_DOORS)}"


def disk(file: File) -> Iterator[str]:
    """The disk is behind its doors; everybody else takes a stream, bytes or a resource."""
    if file.path.startswith(DISK_DOORS):
        return
    for line, name in imports(file):
        if _is_or_is_in(name, DISK_MODULES):
            yield f"{file.path}:{line}: {name} is the disk, which begins at {', '.join(DISK_DOORS)}"
    for line, name in touches(file):
        if name in DISK_NAMES or name.startswith("os.path."):
            yield f"{file.path}:{line}: {name} is the disk, which begins at {', '.join(DISK_DOORS)}"
    for call in calls(file.tree):
        method = getattr(call.func, "attr", "")
        if method in DISK_METHODS:
            yield f"{file.path}:{call.lineno}: .{method}() is the disk, which begins at {', '.join(DISK_DOORS)}"


def clock(file: File) -> Iterator[str]:
    """One clock; everybody else is handed the time."""
    if file.path.startswith(CLOCK_DOORS):
        return
    for line, name in touches(file):
        if name in CLOCK_NAMES:
            yield f"{file.path}:{line}: {name} reads the clock; take the time, or a Clock, as an argument"


def chance(file: File) -> Iterator[str]:
    """Chance enters by an argument, as a seeded `random.Random` or `numpy.random.Generator`."""
    if file.path.startswith(CHANCE_DOORS):
        return
    for line, name in touches(file):
        if name in CHANCE_NAMES or (name.startswith(CHANCE_MODULES) and not _is_or_is_in(name, CHANCE_BY_ARGUMENT)):
            yield f"{file.path}:{line}: {name} is chance; take a random.Random as an argument"
    unseeded = {call.func.lineno for call in calls(file.tree) if not call.args and not call.keywords}
    for line, name in touches(file):
        if name in ("random.Random", "numpy.random.default_rng") and line in unseeded:
            yield f"{file.path}:{line}: {name}() has no seed"


def environment(file: File) -> Iterator[str]:
    """One file reads the environment."""
    if file.path in ENVIRONMENT_DOORS:
        return
    for line, name in touches(file):
        if _is_or_is_in(name, ENVIRONMENT_NAMES):
            yield f"{file.path}:{line}: {name} is the environment, which config.py reads"


def waiting(file: File) -> Iterator[str]:
    """`async def` is for the edges; the middle is plain functions over frames."""
    if file.path.startswith(ASYNC_DOORS) or file.room == "engine":
        return
    for function in functions(file.tree):
        if type(function).__name__ == "AsyncFunctionDef":
            yield f"{file.path}:{function.lineno}: async def {function.name}; only the edges wait"


def _is_or_is_in(name: str, owners: set[str]) -> bool:
    return any(name == owner or name.startswith(owner + ".") for owner in owners)


LAWS: list[Law] = [arrows, siblings, network, disk, clock, chance, environment, waiting]


def test_the_package_keeps_the_laws() -> None:
    assert [complaint for file in package_files() for law in LAWS for complaint in law(file)] == []


def test_one_file_of_the_engine_waits_at_most() -> None:
    waits = [
        file.path
        for file in package_files()
        if file.room == "engine" and any(type(each).__name__ == "AsyncFunctionDef" for each in functions(file.tree))
    ]
    assert len(waits) <= ASYNC_ENGINE_FILES_MAX, waits


BREAKS = [
    (arrows, "text/cut.py", "from lapwing.places import gazetteer"),
    (arrows, "log/sqlite.py", "from lapwing import ledger"),
    (arrows, "log/sqlite.py", "import lapwing.engine.clock"),
    (arrows, "log/sqlite.py", "from ..ledger import sqlite"),
    (arrows, "log/__init__.py", "from ..ledger import sqlite"),
    (arrows, "engine/loop.py", "def f():\n    from lapwing.formats import jetstream"),
    (arrows, "engine/loop.py", 'import importlib\nimportlib.import_module("lapwing.stages.clean")'),
    (arrows, "model.py", "from lapwing.contracts import Format"),
    (arrows, "cli/posts.py", "from lapwing.ledger.sqlite import reading"),
    (arrows, "config.py", "from lapwing import app"),
    (arrows, "utils/paths.py", ""),
    (siblings, "formats/mastodon.py", "from lapwing.formats.jetstream import FORMAT"),
    (siblings, "formats/mastodon.py", "from lapwing.formats import jetstream"),
    (network, "formats/mastodon.py", "import socket"),
    (network, "stages/clean.py", "from urllib import request"),
    (network, "log/sqlite.py", "import http.client as web"),
    (network, "engine/loop.py", "import asyncio\nasync def f(): await asyncio.open_connection('a', 1)"),
    (disk, "stages/clean.py", "words = open('words.txt').read()"),
    (disk, "places/names.py", "from pathlib import Path\nPath('a').read_bytes()"),
    (disk, "demo/city.py", "from pathlib import Path\nwith Path('a').open() as file: pass"),
    (disk, "engine/loop.py", "import sqlite3"),
    (disk, "engine/loop.py", "import os.path\nos.path.exists('a')"),
    (disk, "windows/count.py", "import os\nos.replace('a', 'b')"),
    (disk, "windows/count.py", "import polars as pl\npl.scan_parquet('a')"),
    (clock, "log/sqlite.py", "import time\ntime.time()"),
    (clock, "log/sqlite.py", "from time import monotonic as now\nnow()"),
    (clock, "app.py", "import datetime as dt\ndt.datetime.now(dt.UTC)"),
    (clock, "engine/loop.py", "from datetime import datetime\ndef f(now=datetime.now): pass"),
    (clock, "engine/loop.py", "import time\ntime.sleep(1)"),
    (chance, "demo/city.py", "import random\nrandom.choice([1])"),
    (chance, "demo/city.py", "from random import shuffle\nshuffle([1])"),
    (chance, "demo/city.py", "import random\nrandom.Random().random()"),
    (chance, "relevance/model.py", "import numpy as np\nnp.random.rand(3)"),
    (chance, "ledger/sqlite/leases.py", "import uuid\nuuid.uuid4()"),
    (environment, "app.py", "import os\nos.environ.get('HOME')"),
    (environment, "cli/main.py", "from os import getenv\ngetenv('HOME')"),
    (waiting, "stages/clean.py", "async def clean(posts): ..."),
]


@pytest.mark.parametrize(("law", "path", "text"), BREAKS, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_law_is_seen(law: Law, path: str, text: str) -> None:
    assert list(law(File(path, text))) != []


KEEPS = [
    (arrows, "formats/mastodon.py", "from lapwing.text import cut\nfrom lapwing.model import POSTS\nimport polars"),
    (arrows, "spark/job.py", "from lapwing.stages import clean"),
    (arrows, "ledger/sqlite/save.py", "from lapwing.ledger.sqlite import schema"),
    (siblings, "formats/x_v2.py", "from lapwing.formats._x import author"),
    (network, "sources/mastodon.py", "import socket"),
    (network, "formats/mastodon.py", "from urllib.parse import urlsplit"),
    (disk, "log/sqlite.py", "import sqlite3\nopen('a')"),
    (disk, "formats/csv_rows.py", "import io\nio.BytesIO(b'').read()\n'a'.replace('a', 'b')"),
    (disk, "demo/phrases.py", "class Phrases:\n    open: str"),
    (clock, "engine/clock.py", "import time\ntime.time()"),
    (clock, "formats/mastodon.py", "from datetime import datetime\ndatetime.fromisoformat('2026-01-05')"),
    (
        chance,
        "demo/city.py",
        "import random\ndef f(chance: random.Random): return chance.choice([1])\nrandom.Random(7)",
    ),
    (chance, "demo/city.py", "def f(random): return random.choice([1])"),
    (environment, "config.py", "import os\nos.environ"),
    (waiting, "sources/mastodon.py", "async def read(): ..."),
]


@pytest.mark.parametrize(("law", "path", "text"), KEEPS, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_lawful_passes(law: Law, path: str, text: str) -> None:
    assert list(law(File(path, text))) == []
