"""The files of the dashboard, as they were built into the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

FOLDER = "dashboard"


def dashboard_files() -> dict[str, bytes]:
    """What `make web` or the making of the wheel has built, by its path in the folder; empty where nothing was built."""
    folder = Path(str(files("lapwing.serving"))) / FOLDER
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
