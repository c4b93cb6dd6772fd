"""What stages are handed, as the application hands it to them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


@cache
def _directory() -> Any:
    from lapwing.app.opening import Directory

    return Directory(Path("never-made"))


def resource(name: str) -> Any:
    """The resource of that name; loaded once for all tests of a process, and nothing is written."""
    return _directory().resources[name]
