"""A house with one collection, and every house closed in the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # a module of Python's own is called as this folder is

from collecting_house import OPEN, SEEN, House


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Houses that a story left open are closed after it."""
    yield
    for house in list(OPEN):
        house.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One collection, `seen`."""
    return House(tmp_path / "data", SEEN)
