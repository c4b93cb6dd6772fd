"""What children of a test's tree do."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path


def note(folder: Path, name: str, stop: Callable[[], bool]) -> None:
    """Note each start with the process id, and the end when there is one."""
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not stop():
        time.sleep(0.01)
    (folder / f"{name}.ended").touch()


def die(folder: Path, name: str, stop: Callable[[], bool]) -> None:
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    os._exit(3)


def leave(folder: Path, stop: Callable[[], bool]) -> None:
    """Die, and leave something behind that is tidied up."""
    left = multiprocessing.get_context("spawn").Semaphore(1)
    (folder / "left").touch()
    os.kill(os.getpid(), 9)
    assert left


def deaf(folder: Path, name: str, stop: Callable[[], bool]) -> None:
    (folder / name).touch()
    while True:
        time.sleep(0.01)


def tree(folder: Path, stop: Callable[[], bool]) -> None:
    """A tree in a child, which a test kills."""
    from lapwing.app.supervising import Child, Tree

    with Tree() as grown:
        grown.want([Child("leaf", note, (folder, "leaf"))])
        while not stop():
            time.sleep(0.01)
