"""One `lapwing up` to a data directory: the second is refused, and told which process was first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapwing.errors import DataDirectoryError, UsageError

LOCK = "up.lock"
PID_BYTES_MAX = 20


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the one `up` of this directory; raises `UsageError` that names the process that is.

    The kernel frees the lock with its holder, however it dies, so what a dead one left behind refuses nobody.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as problem:
        raise DataDirectoryError(
            f"{path} cannot be written to ({problem.strerror})", "name another --data directory"
        ) from problem
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _taken(path, os.pread(descriptor, PID_BYTES_MAX, 0)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(path: Path, holder: bytes) -> UsageError:
    pid = holder.decode("ascii", "replace").strip()
    who, how = (f"process {pid} is", f"kill {pid}") if pid.isdecimal() else ("another process is", "end it")
    return UsageError(
        f"{who} `lapwing up` on {path} already", f"end that first ({how}), or name another --data directory"
    )
