"""A small file of a data directory that several processes read and change: replaced whole, in one step, for its owner alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from lapwing.errors import Corrupt, DataDirectoryError

FILE_BYTES_MAX = 4 << 20

Kept = TypeVar("Kept", bound=msgspec.Struct)


class KeptFile(Generic[Kept]):
    """A value as JSON in a file. It is read again whenever the file changed, so that what somebody else writes counts at once."""

    def __init__(self, path: Path, empty: Kept) -> None:
        """`empty` is what it holds as long as there is no file."""
        self._path, self._empty = path, empty
        self._read: tuple[tuple[int, ...], Kept] = ((), empty)

    def read(self) -> Kept:
        """What it holds; raises `Corrupt` where it cannot be understood, and `DataDirectoryError` where it cannot be read."""
        try:
            with self._path.open("rb") as stream:
                seen = _signature(os.fstat(stream.fileno()))
                if seen != self._read[0]:
                    self._read = (seen, self._understood(stream.read(FILE_BYTES_MAX)))
        except FileNotFoundError:
            self._read = ((), self._empty)
        except OSError as problem:
            raise DataDirectoryError(
                f"{self._path} cannot be read ({problem.strerror})", "run as the user whose data this is"
            ) from problem
        return self._read[1]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One writer at a time, over all processes; the kernel frees the lock of one that died."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise DataDirectoryError(
                f"{self._path.parent} cannot be written to ({problem.strerror})", "name another --data directory"
            ) from problem
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def write(self, value: Kept) -> None:
        """Replace the file in one step, on the disk when this returns; inside `alone`."""
        fresh = self._path.with_name(self._path.name + ".new")
        content = msgspec.json.format(msgspec.json.encode(value)) + b"\n"
        try:
            fresh.unlink(missing_ok=True)  # of a writer that died
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(descriptor)
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as problem:
            raise DataDirectoryError(
                f"{self._path} cannot be written ({problem.strerror}), and is as it was", "mend that, and try again"
            ) from problem

    def _understood(self, content: bytes) -> Kept:
        try:
            return msgspec.json.decode(content, type=type(self._empty))
        except msgspec.DecodeError as problem:
            raise Corrupt(
                f"{self._path} is not what was written there ({problem})", "restore it, or remove it and begin anew"
            ) from None


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
