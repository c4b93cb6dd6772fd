"""What a running `lapwing up` notes in its data directory, for those who only look."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec

said = logging.getLogger("lapwing.up")


def note(file: Path, value: Any) -> None:
    """Write a value down as JSON, in one step; a disk that is full is no reason to stop."""
    try:
        fresh = file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(value))
        fresh.replace(file)
    except OSError as problem:
        said.warning("%s cannot be written (%s)", file, problem.strerror)
