"""The keys of a data directory: made once, by chance, readable by nobody but the owner of the directory.

Each purpose has a file of its own, so that one can be changed without the other.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from lapwing.errors import DataDirectoryError

FOLDER = "secrets"
FORGETTING = "forgotten.key"
"""By this those who were forgotten are known again. Lost, they are not."""
PSEUDONYMS = "pseudonyms.key"
"""By this pseudonyms are made. Removed, a new one is made, and all pseudonyms are others."""
KEY_BYTES = 32


def key_of(directory: Path, name: str) -> bytes:
    """The key for a purpose, made where there is none; raises `DataDirectoryError`."""
    path = directory / FOLDER / name
    try:
        if not path.exists():
            _make(path)
        found = path.read_bytes()
    except OSError as problem:
        raise DataDirectoryError(
            f"{path} cannot be read or made ({problem.strerror})", "give it back to the user who runs Lapwing"
        ) from problem
    if len(found) != KEY_BYTES:
        raise DataDirectoryError(f"{path} does not hold a key of {KEY_BYTES} bytes", "restore it from a backup")
    return found


def existing_key(directory: Path, name: str) -> bytes:
    """The key for a purpose; raises `DataDirectoryError` where there is none, since a new one would know nothing."""
    if not (directory / FOLDER / name).exists():
        raise DataDirectoryError(
            f"{directory / FOLDER / name} is missing, by which those are known who were forgotten",
            "restore it from the backup that this directory came from",
        )
    return key_of(directory, name)


def _make(path: Path) -> None:
    """Write it whole beside, then give it its name; of two who try, one wins and both read the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink()
