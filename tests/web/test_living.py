"""The page while things happen: posts arrive, the server goes and comes back, a token is asked for, tabs share a stream."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from lapwing.app.tokens import Tokens
from lapwing.engine.clock import SystemClock
from web.heard import status, take_in
from web.seeing import SIZES, seen, served

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

TOLD_MS = 15_000
SHOWN_MS = 6_000
"""What is gone is shown within five seconds; one more for a machine that others use."""


def minutes_ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_an_empty_page_says_how_to_begin_and_fills_by_itself(browser, tmp_path):
    data = tmp_path / "data"
    assert take_in(data, "none.ndjson", []) == 0
    with served(data) as address, seen(browser, address) as found:
        page = found.go("/")
        page.get_by_role("heading", name="Nothing has been heard yet").wait_for()
        assert "lapwing demo" in page.locator("main pre").inner_text()
        take_in(data, "one.ndjson", [status(1, "Water over the bridge", minutes_ago(3))])
        page.get_by_text("Water over the bridge").wait_for(timeout=TOLD_MS)
        page.locator(".top [data-place]").first.wait_for()
        assert page.locator(".top li .link").first.inner_text() == "Perth AU"
        found.clean()


def test_rows_hold_still_under_the_pointer(browser, tmp_path):
    data = tmp_path / "data"
    take_in(data, "one.ndjson", [status(1, "The first", minutes_ago(4))])
    with served(data) as address, seen(browser, address) as found:
        page = found.go("/?end=clock")
        page.get_by_text("The first").hover()
        take_in(data, "two.ndjson", [status(2, "The second", minutes_ago(2))])
        page.get_by_text("1 waiting", exact=False).wait_for(timeout=TOLD_MS)
        assert page.locator(".posts .post").count() == 1
        page.mouse.move(2, 2)
        page.get_by_text("The second").wait_for()
        assert "The second" in page.locator(".posts .post").first.inner_text()


def test_a_server_that_goes_is_told_and_the_page_mends_itself(browser, tmp_path):
    data = tmp_path / "data"
    take_in(data, "one.ndjson", [status(1, "The first", minutes_ago(4))])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with served(data, port) as address:
        held = seen(browser, address)
        found = held.__enter__()
        page = found.go("/?end=clock")
        page.get_by_text("The first").wait_for()
    try:
        page.get_by_text("No answer from the server since").wait_for(timeout=SHOWN_MS)
        assert page.get_by_text("The first").count() == 1  # what was known stays
        take_in(data, "two.ndjson", [status(2, "The second", minutes_ago(2))])
        with served(data, port):
            page.locator(".health:not(.down)").wait_for(timeout=TOLD_MS)
            page.get_by_text("The second").wait_for(timeout=TOLD_MS)
    finally:
        held.__exit__(None, None, None)


def test_a_network_that_goes_is_told(browser, tmp_path):
    data = tmp_path / "data"
    take_in(data, "one.ndjson", [status(1, "The first", minutes_ago(4))])
    with served(data) as address, seen(browser, address) as found:
        page = found.go("/?end=clock")
        page.get_by_text("The first").wait_for()
        page.context.set_offline(True)
        page.get_by_text("No answer from the server since").wait_for(timeout=SHOWN_MS)
        page.context.set_offline(False)
        page.locator(".health:not(.down)").wait_for(timeout=TOLD_MS)


def test_tabs_share_one_stream(browser, tmp_path):
    data = tmp_path / "data"
    take_in(data, "one.ndjson", [status(1, "The first", minutes_ago(4))])
    with served(data) as address:
        context = browser.new_context(viewport=SIZES["desk"])
        streams: list[str] = []
        context.on("request", lambda request: "/stream" in request.url and streams.append(request.url))
        pages = [context.new_page() for _ in range(3)]
        for page in pages:
            page.goto(f"{address}/?end=clock")
            page.get_by_text("The first").wait_for()
        take_in(data, "two.ndjson", [status(2, "The second", minutes_ago(2))])
        for page in pages:
            page.get_by_text("The second").wait_for(timeout=TOLD_MS)
        assert len(streams) == 1
        pages[0].close()  # another tab takes over
        take_in(data, "three.ndjson", [status(3, "The third", minutes_ago(1))])
        for page in pages[1:]:
            page.get_by_text("The third").wait_for(timeout=TOLD_MS)
        context.close()


def test_a_token_is_asked_for_where_writing_needs_one(browser, tmp_path):
    data = tmp_path / "data"
    broken = {"id": "9", "created_at": "yesterday", "uri": "https://social.example/9", "account": {"acct": "ada"}}
    take_in(data, "one.ndjson", [status(1, "The first", minutes_ago(4)), broken])
    secret = token_of(data)
    with served(data) as address, seen(browser, address) as found:
        page = found.go("/status")
        page.get_by_role("button", name="Retry all").click()
        page.get_by_role("dialog").get_by_text("A token is needed").wait_for()
        page.locator("#token").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("dialog").wait_for(state="detached")
        assert page.evaluate("Object.values(sessionStorage).length") == 1
        assert page.evaluate("JSON.stringify(localStorage)").find("lw_") == -1
        assert secret not in page.url


def token_of(data) -> str:
    """A token that may write, in this directory."""
    return Tokens(data, SystemClock()).create("page", "write")[0]
