"""The demo's evening, a twentieth of it, behind a server; and a browser. Both are made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lapwing import config
from lapwing.app import demo
from lapwing.app.opening import Directory
from web.seeing import served

SCALE = 0.05


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a small demo evening."""
    path = tmp_path_factory.mktemp("evening") / "data"
    directory = Directory(path, config.parse("", environment={}))
    try:
        assert demo.run(directory, 0, lambda _: None, SCALE)["as_made"]
    finally:
        directory.close()
    return path


@pytest.fixture(scope="session")
def address(evening: Path) -> Iterator[str]:
    """Of a server of the evening."""
    with served(evening) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()
