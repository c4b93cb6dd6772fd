"""Which of our processes run: each holds a lock for as long as it lives, so that the kernel knows at once.

A sign of life that is written down is late when the machine is busy, and too young just after a kill; a lock is neither.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lapwing.errors import DataDirectoryError

FOLDER = "running"
ENDING = ".lock"


@contextmanager
def alive(path: Path, owner: str) -> Iterator[None]:
    """Be known to run under this name, in the data directory `path`, until the context ends or the process dies.

    Raises `DataDirectoryError` where nothing can be written.
    """
    folder = path / FOLDER
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sweep(folder)
        descriptor = _held(folder / f"{owner}{ENDING}")
    except OSError as problem:
        raise DataDirectoryError(
            f"{folder} cannot be written to ({problem.strerror})", "name another --data directory"
        ) from problem
    try:
        yield
    finally:
        (folder / f"{owner}{ENDING}").unlink(missing_ok=True)
        os.close(descriptor)


def runs(path: Path, owner: str) -> bool | None:
    """Whether the process of this name runs; None where no process of this data directory ever held a lock."""
    folder = path / FOLDER
    try:
        descriptor = os.open(folder / f"{owner}{ENDING}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False if folder.is_dir() else None
    except OSError:
        return None
    try:
        return not _is_free(descriptor)
    finally:
        os.close(descriptor)


def running(path: Path) -> list[str]:
    """The names of all processes that are alive in a data directory."""
    names = [file.name.removesuffix(ENDING) for file in sorted((path / FOLDER).glob(f"*{ENDING}"))]
    return [name for name in names if runs(path, name)]


def _held(file: Path) -> int:
    """A lock on a file that is there: whoever sweeps may have taken it away between its making and its lock."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # nobody else wants it; who only looks has it for a moment
        with suppress(FileNotFoundError):
            if os.path.samestat(file.stat(), os.fstat(descriptor)):
                return descriptor
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Take away what the dead left."""
    for file in folder.glob(f"*{ENDING}"):
        with suppress(OSError):
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _is_free(descriptor):
                    file.unlink(missing_ok=True)
            finally:
                os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
