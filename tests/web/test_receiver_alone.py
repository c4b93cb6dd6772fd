"""The receiver without its server, without a network, and with a newer server."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from lapwing.app import serving as app_serving
from lapwing.app.dashboard import dashboard_files
from web.receiving import CONFIRMED, FLOOD, add_device, town
from web.seeing import seen, served, until

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

TOLD_MS = 15_000
SHOWN_MS = 6_000
"""What is gone is shown within five seconds; one more for a machine that others use."""
NEWER = "feedfeedfeedfeed"


def test_without_the_server_the_last_that_was_told_is_there_and_it_mends_itself(browser, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with town(tmp_path / "data") as told:
        with served(told.path, port, told.text) as address:
            held = seen(browser, address, "phone")
            about = held.__enter__()
            page = add_device(about)
            told.happens(FLOOD)
            page.locator(f'[data-told="{FLOOD}"]').wait_for(timeout=TOLD_MS)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        try:
            page.get_by_text("No answer from the server since").wait_for(timeout=SHOWN_MS)
            page.locator(".told.stale #as-of").wait_for()
            page.reload()
            page.locator(f'.told.stale [data-told="{FLOOD}"]').wait_for()
            page.locator("#as-of", has_text="as of").wait_for()
            page.goto(f"{address}/rules")  # every page of the frame is there, and says what is so
            page.get_by_text("No answer from the server since").wait_for(timeout=SHOWN_MS)
            page.goto(f"{address}/receiver")
            told.happens(FLOOD, CONFIRMED, 4)
            with served(told.path, port, told.text):
                page.locator(f'.told:not(.stale) [data-told="{FLOOD}"] [data-step="upgrade"]').wait_for(timeout=TOLD_MS)
        finally:
            held.__exit__(None, None, None)


def test_a_network_that_goes_is_told_and_comes_back(browser, tmp_path):
    with town(tmp_path / "data") as told, told.open(browser) as about:
        page = add_device(about)
        page.context.set_offline(True)
        page.locator(".told.stale #as-of").wait_for(timeout=SHOWN_MS)
        page.context.set_offline(False)
        page.locator(".told:not(.stale)").wait_for(timeout=TOLD_MS)


def newer() -> dict[str, bytes]:
    """The page as another build of it."""
    files = dashboard_files()
    build = files["index.html"].split(b'name="lapwing-build" content="')[1].split(b'"')[0]
    changed = {name: files[name].replace(build, NEWER.encode()) for name in ("index.html", "sw.js")}
    return {name: content for name, content in files.items() if not name.startswith(("index.html", "sw.js"))} | changed


def note(said: Any, answered: list[tuple[str, int]]) -> None:
    """Note which page asked the API of the newer server, and what it got."""
    if "/api/" in said.url and said.headers.get("x-lapwing-build") == NEWER:
        answered.append((said.request.headers.get("x-lapwing-page", ""), said.status))


def test_a_page_never_speaks_with_a_newer_server(browser, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with town(tmp_path / "data") as told:
        with served(told.path, port, told.text) as address:
            held, other = seen(browser, address, "phone"), seen(browser, address, "phone")
            about, writing = held.__enter__(), other.__enter__()
            page = add_device(about)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            written = writing.go("/rules")
            written.locator("#new-rule").click()
            written.locator("#rule-name").fill("half-written")
        try:
            monkeypatch.setattr(app_serving, "dashboard_files", newer)
            answered: list[tuple[str, int]] = []  # by the newer server
            for each in (page, written):
                each.on("response", lambda said: note(said, answered))
            with served(told.path, port, told.text):
                page.locator('meta[name="lapwing-build"][content="feedfeedfeedfeed"]').wait_for(
                    state="attached", timeout=TOLD_MS
                )
                page.locator("#change").wait_for()
                written.locator("#newer").wait_for(timeout=TOLD_MS)
                assert written.locator("#rule-name").input_value() == "half-written"
                written.locator("#keep-rule").click()
                written.get_by_text("This page is older than the server").wait_for()
                assert {status for build, status in answered if build != NEWER} == {412}
                assert 200 in {status for build, status in answered if build == NEWER}
                written.locator("#newer button").click()
                written.locator('meta[name="lapwing-build"][content="feedfeedfeedfeed"]').wait_for(state="attached")
                until(page, "async () => (await caches.keys()).join() === 'lapwing-feedfeedfeedfeed'")
        finally:
            held.__exit__(None, None, None)
            other.__exit__(None, None, None)
