"""`lapwing up`: everything in the configuration as one process tree, and the configuration read again while it runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from lapwing import config
from lapwing.app.collections import collect
from lapwing.app.ending import told_to_end
from lapwing.app.footprint import PROCESSES
from lapwing.app.functions import run_functions
from lapwing.app.opening import Directory
from lapwing.app.serving import serve
from lapwing.app.supervising import Child, Tree
from lapwing.app.timers import run_timers
from lapwing.app.workers import labour
from lapwing.config import Configuration
from lapwing.errors import LapwingError
from lapwing.settings import Serve

said = logging.getLogger("lapwing.up")

LOOK_S = 0.2
RELOAD_S = 2.0
"""So often the configuration's file is looked at."""
PROCESSES_S = 5.0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: a data directory, by a configuration's file, with so many workers."""

    path: Path
    file: Path | None
    workers: int


class Source:
    """The configuration's file, read again when it changes; what is wrong in it changes nothing, and is said once."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._text = self._read() or ""
        self.configuration = config.parse(self._text, file=str(file or "lapwing.toml"))

    def changed(self) -> bool:
        """Whether there is a new configuration since the last look."""
        text = self._read()
        if text is None or text == self._text:
            return False
        self._text = text
        try:
            fresh = config.parse(text, file=str(self._file))
        except LapwingError as problem:
            said.error("%s was saved with a mistake, so all goes on as it was: %s", self._file, problem)
            return False
        changes = _differences(self.configuration, fresh)
        self.configuration = fresh
        if changes:
            said.info("%s was saved: %s", self._file, "; ".join(changes))
        return bool(changes)

    def _read(self) -> str | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            return self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            said.error("%s cannot be read, so all goes on as it was: %s", self._file, problem)
            return None


def _differences(before: Configuration, after: Configuration) -> list[str]:
    old, new = ({key: value for key, value, _ in config.rows(each)} for each in (before, after))
    return [
        f"{key} = {new.get(key, '(gone)')} (was {old.get(key, '(nothing)')})"
        for key in old | new
        if old.get(key) != new.get(key)
    ]


def children_of(wish: Wish, configuration: Configuration) -> list[Child]:
    """The processes that a configuration asks for. Each is handed only what concerns it, so that it is only started
    again when that changes.
    """
    plain = msgspec.structs.replace(
        configuration, serve=Serve(), functions=(), timers=(), collections=(), tables=(), origins={}
    )
    keep, path = msgspec.structs.replace, wish.path
    children = [
        Child(f"worker-{number}", labour, (path, plain, f"up-{os.getpid()}-{number}"))
        for number in range(1, wish.workers + 1)
    ]
    if configuration.functions:
        children.append(Child("functions", run_functions, (path, keep(plain, functions=configuration.functions))))
    if configuration.timers:
        children.append(Child("timers", run_timers, (path, keep(plain, timers=configuration.timers))))
    if configuration.collections:
        children.append(Child("collections", collect, (path, keep(plain, collections=configuration.collections))))
    shown = keep(plain, serve=configuration.serve, collections=configuration.collections, tables=configuration.tables)
    return [*children, Child("serve", serve, (path, shown))]


def run(wish: Wish) -> None:
    """Run until SIGTERM or Ctrl-C; then drain, within ten seconds."""
    ending = told_to_end()
    source = Source(wish.file)
    directory = Directory(wish.path, source.configuration)
    directory.log.spans()  # made before the children meet in it
    directory.ledger.claims()
    clock, looked_s, written_s = directory.clock, 0.0, 0.0
    with Tree(clock) as tree:
        tree.want(children_of(wish, source.configuration))
        while not clock.sleep(LOOK_S, ending):
            died, now_s = tree.watch(), clock.monotonic_s()
            if now_s - looked_s >= RELOAD_S:
                looked_s = now_s
                if source.changed():
                    tree.want(children_of(wish, source.configuration))
            if died or now_s - written_s >= PROCESSES_S:
                written_s = now_s
                _write_down(wish.path, tree)
        said.info("stopping: what is in hand is finished first")
    (wish.path / PROCESSES).unlink(missing_ok=True)
    directory.close()


def _write_down(path: Path, tree: Tree) -> None:
    """Who runs, for `status`; a disk that is full is no reason to stop."""
    file = path / PROCESSES
    try:
        fresh = file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode({"up": os.getpid()} | tree.processes()))
        fresh.replace(file)
    except OSError as problem:
        said.warning("%s cannot be written (%s)", file, problem.strerror)
