"""Workers as processes beside this one: started, watched, started again, stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType

from lapwing.app.ending import told_to_end
from lapwing.app.opening import Directory
from lapwing.config import Configuration, one_thread_each
from lapwing.engine.clock import SystemClock
from lapwing.errors import LapwingError

RESTARTS_MAX = 5
"""A worker that dies more often than this, without having saved anything in between, is given up."""
STOP_WAIT_S = 10.0
WATCH_S = 0.1


def work(path: Path, configuration: Configuration, name: str) -> None:
    """The body of a worker process: work until SIGTERM, or until whoever started it is gone."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    labour(path, configuration, name, lambda: stopped or os.getppid() != parent)


def labour(path: Path, configuration: Configuration, name: str, stop: Callable[[], bool]) -> None:
    """The body of a worker in a process tree: work until `stop` says so."""
    directory = Directory(path, configuration)
    try:
        directory.worker(name).run(stop)
    finally:
        directory.close()


class Workers:
    """Some worker processes; a context that starts them and stops them."""

    def __init__(self, path: Path, configuration: Configuration, count: int) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._arguments = (path, configuration)
        self._processes: list[BaseProcess] = []
        self._count = count
        self._started = 0
        self._restarts = 0

    def __enter__(self) -> Workers:
        self._processes = [self._start() for _ in range(self._count)]
        return self

    def _start(self) -> BaseProcess:
        self._started += 1
        process = self._spawn.Process(
            target=work, args=(*self._arguments, f"worker-{os.getpid()}-{self._started}"), daemon=True
        )
        with one_thread_each():
            process.start()
        return process

    def watch(self) -> int:
        """Start again what died; the number that died since the last look. Raises when it happens over and over."""
        dead = [process for process in self._processes if not process.is_alive()]
        self._restarts += len(dead)
        if self._restarts > RESTARTS_MAX:
            raise LapwingError(
                f"workers died {self._restarts} times (last exit code {dead[-1].exitcode})", "run `lapwing doctor`"
            )
        for process in dead:
            self._processes[self._processes.index(process)] = self._start()
        return len(dead)

    def pids(self) -> list[int]:
        """The process ids."""
        return [process.pid for process in self._processes if process.pid]

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.terminate()
        deadline = SystemClock().monotonic_s() + STOP_WAIT_S
        for process in self._processes:
            process.join(max(0.0, deadline - SystemClock().monotonic_s()))
            if process.is_alive():
                process.kill()


def run_until_stopped(directory: Directory, configuration: Configuration, count: int, until_empty: bool) -> int:
    """Keep `count` workers going until SIGTERM or Ctrl-C, or until the log is worked through; how many had died."""
    ending = told_to_end()
    died = 0
    with Workers(directory.path, configuration, count) as workers:
        while not ending.is_set() and not (until_empty and directory.behind() == 0):
            died += workers.watch()
            directory.clock.sleep(WATCH_S)
    return died
