"""Copies of a data directory."""

from __future__ import annotations

from pathlib import Path

from lapwing.app.opening import Directory
from lapwing.app.secret_keys import FOLDER
from lapwing.app.status import sizes
from lapwing.errors import DataDirectoryError
from lapwing.ledger.sqlite import upkeep
from lapwing.ledger.sqlite.ledger import CURRENT


def back_up(directory: Directory, folder: Path) -> int:
    """Copy ledger and log into a new folder, each as of one moment; the bytes written.

    The ledger is copied first: the log may then be ahead of it, and what is ahead is worked through after a restore.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise DataDirectoryError(f"{folder} is not empty", "name a new folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "ledger").mkdir(exist_ok=True)
        _copy_keys(directory.path / FOLDER, folder / FOLDER)
    except OSError as problem:
        raise DataDirectoryError(f"{folder} cannot be made ({problem.strerror})", "name a new folder") from problem
    name = directory.ledger.store.path.name
    upkeep.back_up(directory.ledger.store, folder / "ledger" / name)
    (folder / "ledger" / CURRENT).write_text(name)
    directory.log.back_up(folder / "log.sqlite")
    return sum(sizes(folder).values())


def _copy_keys(source: Path, target: Path) -> None:
    """Without its keys a copy would not know those who were forgotten."""
    if source.is_dir():
        target.mkdir(mode=0o700)
        for key in source.glob("*.key"):
            copy = target / key.name
            copy.touch(mode=0o600)
            copy.write_bytes(key.read_bytes())
