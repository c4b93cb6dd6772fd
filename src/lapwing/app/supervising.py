"""One process tree: children that are started, watched, started again when they die, and drained when it ends.

A child's body takes what it needs and `stop`, which says whether to end; it is asked to end by SIGTERM, by Ctrl-C through
its parent, and when its parent is gone, however it went.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

import msgspec

from lapwing.app.logs import configure
from lapwing.config import one_thread_each
from lapwing.engine.clock import Clock, SystemClock

said = logging.getLogger("lapwing.up")

DRAIN_S = 10.0
"""After so long a child that was asked to end is killed."""
BACK_OFF_S = 0.5
BACK_OFF_MAX_S = 30.0
STEADY_S = 60.0
"""A child that lived for so long is started again at once when it dies."""
PARENT_LOOK_S = 0.25
TRACKER = "ignore:resource_tracker"
"""What a killed child leaves is tidied up; that Python says so would stand as a foreign line among ours."""

Body = Callable[..., None]
"""Called with the child's arguments and then `stop`."""


class Child(msgspec.Struct, frozen=True):
    """A part of the tree: its name, a function of a module, and what it is called with. Equal ones need no new start."""

    name: str
    body: Body
    arguments: tuple[Any, ...]


class _Running:
    """A child and its process, and when it may be started again."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: BaseProcess | None = None
        self.started_s = 0.0
        self.due_s = 0.0
        self.deaths = 0


class Tree:
    """The children of this process. A context: at its end all are drained."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._spawn = multiprocessing.get_context("spawn")
        self._running: dict[str, _Running] = {}
        if TRACKER not in sys.warnoptions:
            sys.warnoptions.append(TRACKER)  # is handed on to every process that is started from here

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        self.drain(list(self._running))

    def want(self, children: list[Child]) -> list[str]:
        """Make the tree consist of these: what is new is started, what is not wanted or has changed is drained first.

        Returns the names of those that were started, anew or again.
        """
        wanted = {child.name: child for child in children}
        self.drain([name for name, running in self._running.items() if wanted.get(name) != running.child])
        fresh = [name for name in wanted if name not in self._running]
        for name in fresh:
            self._running[name] = _Running(wanted[name])
            self._start(self._running[name])
        return fresh

    def watch(self) -> list[str]:
        """Start again what died, at growing intervals; the names of those that died since the last look."""
        now_s, died = self._clock.monotonic_s(), []
        for name, running in self._running.items():
            if running.process is not None and not running.process.is_alive():
                died.append(name)
                self._note_death(running, now_s)
            if running.process is None and now_s >= running.due_s:
                self._start(running)
        return died

    def _note_death(self, running: _Running, now_s: float) -> None:
        code = running.process.exitcode if running.process else None
        running.deaths = 1 if now_s - running.started_s >= STEADY_S else running.deaths + 1
        wait_s = min(BACK_OFF_MAX_S, BACK_OFF_S * 2 ** (running.deaths - 1))
        running.process, running.due_s = None, now_s + wait_s
        said.error("%s died (%s); it is started again in %.1f s", running.child.name, _why(code), wait_s)

    def _start(self, running: _Running) -> None:
        child = running.child
        running.process = self._spawn.Process(
            target=_run, args=(child.name, child.body, child.arguments, os.getpid()), name=child.name
        )
        with one_thread_each():
            running.process.start()
        running.started_s = self._clock.monotonic_s()
        said.info("%s runs, process %s", child.name, running.process.pid)

    def drain(self, names: list[str]) -> None:
        """Ask these children to end, wait, and kill those that do not."""
        leaving = [self._running.pop(name) for name in names]
        processes = [running.process for running in leaving if running.process is not None]
        for process in processes:
            process.terminate()
        deadline_s = self._clock.monotonic_s() + DRAIN_S
        for process in processes:
            process.join(max(0.0, deadline_s - self._clock.monotonic_s()))
            if process.is_alive():
                said.error("%s did not end within %.0f s and was killed", process.name, DRAIN_S)
                process.kill()
                process.join()

    def processes(self) -> dict[str, int]:
        """The process id of each child that lives, by its name."""
        return {
            name: running.process.pid
            for name, running in self._running.items()
            if running.process is not None and running.process.pid is not None and running.process.is_alive()
        }


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _run(name: str, body: Body, arguments: tuple[Any, ...], parent: int) -> None:
    """What a child does: listen for the end, and work."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when
    threading.Thread(target=_mourn, args=(parent, ending), daemon=True, name="parent-watch").start()
    configure(name)
    body(*arguments, ending.is_set)


def _mourn(parent: int, ending: threading.Event) -> None:
    """Set the end when the parent is gone: nobody would start or stop us any more."""
    clock = SystemClock()
    while not clock.sleep(PARENT_LOOK_S, ending):
        if os.getppid() != parent:
            ending.set()
