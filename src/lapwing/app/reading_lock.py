"""One process reads a file at a time; the kernel frees the lock when that process dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapwing.errors import LapwingError


@contextmanager
def reading(folder: Path, identity: str | None, name: str) -> Iterator[None]:
    """Hold the right to read the file `name`; raises `LapwingError` naming the process that has it. A pipe needs none."""
    if identity is None:
        yield
        return
    path = folder / f"reading-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.lock"
    descriptor = _locked(path, name)
    try:
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path, name: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(path, descriptor):
                return descriptor
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode() or "another"
            os.close(descriptor)
            raise LapwingError(f"{name}: process {owner} reads this file at the moment", "wait for it") from None
        os.close(descriptor)  # who had it removed it in between


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
