"""The demo's evening, a tenth of it, with its incidents, behind a server; and a browser. All are made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lapwing.app import demo
from lapwing.app.opening import Directory
from web.alerting import KEPT, TEXT, EveningClock, last_minutes, look_for_incidents, settings
from web.heard import take_in
from web.seeing import served

SCALE = 0.1


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a small demo evening, its incidents, and alerts of them."""
    path = tmp_path_factory.mktemp("evening") / "data"
    directory = Directory(path, settings())
    directory.clock = EveningClock()
    try:
        assert demo.run(directory, 0, lambda _: None, SCALE)["as_made"]
    finally:
        directory.close()
    assert take_in(path, "last.ndjson", last_minutes()) == len(last_minutes())
    directory = Directory(path, settings())
    try:
        look_for_incidents(directory, KEPT)
    finally:
        directory.close()
    return path


@pytest.fixture(scope="session")
def address(evening: Path) -> Iterator[str]:
    """Of a server of the evening."""
    with served(evening, text=TEXT) as found:
        yield found


@pytest.fixture
def own(evening: Path, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A copy of the evening that a test may change, and the address of its server."""
    path = shutil.copytree(evening, tmp_path / "data")
    with served(path, text=TEXT) as found:
        yield path, found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; it ends with each file, as no event loop can be run beside that of Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()
