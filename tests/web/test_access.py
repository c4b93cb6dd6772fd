"""Who cannot see or wait: axe finds nothing serious, and what is loaded first is small."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from web.seeing import seen, serious

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

RANGE = "from=2026-01-05T12:00:00.000Z&to=2026-01-05T13:00:00.000Z"
FIRST_LOAD_BYTES_MAX = 150_000


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
@pytest.mark.parametrize(
    ("path", "there"),
    [
        (f"/?{RANGE}&words=list", ".ranked.words li"),
        (f"/?{RANGE}", ".cloud a"),
        (f"/search?{RANGE}&q=home", ".hits .post"),
        ("/search?q=%22a", "#query-problem"),
        ("/status", "#verdict"),
        (f"/incidents?{RANGE}", ".incidentList [data-incident]"),
        (f"/incidents?{RANGE}&incident=FLOOD", ".evidence .post"),
        ("/rules", "[data-alert]"),
        ("/rules?rule=water-and-fire", "#tested"),
        ("/receiver", "#join"),
    ],
)
def test_axe_finds_no_serious_problem(browser, address, path, there, theme, size):
    (flood,) = httpx.get(f"{address}/api/v1/incidents?place=Perth&country=AU", timeout=60).json()["incidents"]
    with seen(browser, address, size, theme) as found:
        page = found.go(path.replace("FLOOD", flood["id"]))
        if there == "#tested":
            page.locator("#test-rule").click()
        page.locator(there).first.wait_for()
        assert serious(page) == []


def test_the_first_load_is_small_and_compressed(browser, address):
    sizes: dict[str, int] = {}
    with seen(browser, address) as found:
        found.page.on(
            "response", lambda answer: sizes.setdefault(answer.url, int(answer.headers.get("content-length", 0)))
        )
        page = found.go(f"/?{RANGE}")
        page.locator(".map canvas").wait_for()
        page.wait_for_selector("#unlocated")
    own = {urlsplit(url).path: size for url, size in sizes.items() if "/api/" not in url}
    assert {Path(path).suffix for path in own} >= {".js", ".css", ".json"}
    assert 0 < sum(own.values()) <= FIRST_LOAD_BYTES_MAX
