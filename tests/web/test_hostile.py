"""Three hundred hostile posts on every page, and an incident and a rule made of them.

Nothing of them runs, reaches another host, or draws over its neighbours.
"""

from __future__ import annotations

import pytest

from lapwing.app import incidents
from lapwing.app.opening import Directory
from web.alerting import SPOTS, TEXT, WATER, look_for_incidents, settings, take_up
from web.heard import status, take_in
from web.seeing import seen, served

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

EVIL = [
    "<script>window.__ran = true</script>",
    "</script><script>window.__ran = true</script>",
    "<img src=x onerror='window.__ran = true'>",
    "<svg onload=window.__ran=true><animate onbegin=window.__ran=true>",
    "<iframe srcdoc='<script>parent.__ran = true</script>'></iframe>",
    "<a href='javascript:window.__ran=true' autofocus onfocus=window.__ran=true>x</a>",
    "data:text/html,<script>opener.__ran=true</script>",
    "<link rel=stylesheet href=https://evil.example/x.css><style>@import 'https://evil.example'</style>",
    "\u202e\u2066txet desrever\u2069\u202d and on",
    "in\u200bvi\u200dsi\ufeffble\u00ad",
    "Z" + "\u0301\u0336\u0489" * 334,
    "{{constructor.constructor('window.__ran=true')()}} ${window.__ran=true}",
    "W" * 3000,
    "\ufdfd" * 200,
    "\x00\x07\x1b[31m"[1:] + "&lt;script&gt;window.__ran=true&lt;/script&gt;",
]
LINKS = [
    "javascript:window.__ran=true",
    "data:text/html,<script>1</script>",
    "https://evil.example/\u202egnp.exe",
    "x:y",
]
POSTS = 300
RULE = {"countries": ["AU"], "words": [EVIL[0], EVIL[2], EVIL[5], "flood"], "channels": ["desk"]}
RANGE = "from=2026-01-05T11:50:00.000Z&to=2026-01-05T12:10:00.000Z"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    data = tmp_path_factory.mktemp("hostile") / "data"
    found = [
        status(
            117_907_456_000_000_000 + number,
            f"{EVIL[number % len(EVIL)]} {WATER[number % 4].format(SPOTS[number % 10], 'Perth')} flood {number}",
            f"2026-01-05T12:{number // 60:02}:{number % 60:02}.000Z",
            author=f"{EVIL[(number + 3) % len(EVIL)][:60]}{number}", url=LINKS[number % len(LINKS)],
        )
        for number in range(POSTS)
    ]  # fmt: skip
    # Some are refused at the door (a name with a control character, say): then they are shown as dead letters.
    assert take_in(data, "hostile.ndjson", found) >= POSTS / 2
    directory = Directory(data, settings())
    look_for_incidents(directory, {"evil": RULE})
    (flood,) = incidents.page(directory.ledger.store, incidents.Wanted(), 10)["incidents"]
    incidents.decide(directory, incidents.decision_of("confirm", flood["id"], "", EVIL[2]))
    directory.close()
    take_up(data)
    with served(data, text=TEXT) as address:
        yield address, flood["id"]


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize(
    "path",
    [
        f"/?{RANGE}",
        f"/?{RANGE}&words=list",
        f"/search?{RANGE}&q=flood",
        f"/search?{RANGE}&q=flood&tab=words",
        "/status",
        f"/incidents?{RANGE}",
        f"/incidents?{RANGE}&incident=FLOOD",
        "/rules?from=2026-01-05T11:50:00.000Z&to=2026-01-05T15:00:00.000Z&rule=evil",
    ],
)
def test_nothing_of_them_runs(browser, hostile, path, size):
    address, flood = hostile
    with seen(browser, address, size) as found:
        page = found.go(path.replace("FLOOD", flood))
        page.locator("main :is(section, article):visible").first.wait_for()
        if "q=flood" in path and "words" not in path:
            page.locator(".hits .post").first.wait_for()
            while page.get_by_role("button", name="Show more").count():
                page.get_by_role("button", name="Show more").click()
            assert page.locator(".hits .post").count() > 150
        elif path == "/status":
            for button in page.get_by_role("button", name="Show").all()[:10]:
                button.click()
        elif path.startswith("/incidents"):
            page.locator(".evidence .post" if "FLOOD" in path else ".incidentRow").first.wait_for()
            if "FLOOD" in path:
                assert page.locator(".evidence .post").count() > 1
                assert "Confirmed by <img" in page.locator(".cardPart").first.inner_text()
        elif path.startswith("/rules"):
            page.locator("#test-rule").click()
            page.locator(".sentList li").first.wait_for()
            page.locator("[data-alert]").first.wait_for()
            assert "<img src=x" in page.locator("#sentence").inner_text()
        else:
            page.locator(".cloud a, .words li, .post").first.wait_for()
        assert (
            page.evaluate("document.querySelectorAll('main :is(script, iframe, object, img, style, link)').length") == 0
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        outward = page.locator("main a[target]").evaluate_all("links => links.map(a => [a.protocol, a.rel])")
        assert {tuple(each) for each in outward} <= {("https:", "noopener noreferrer")}
        found.clean()


def test_rows_keep_their_height_and_order(browser, hostile):
    with seen(browser, hostile[0]) as found:
        page = found.go(f"/search?{RANGE}&q=flood")
        page.locator(".hits .post").first.wait_for()
        heights = page.locator(".hits .post").evaluate_all(
            "rows => rows.map(row => row.getBoundingClientRect().height)"
        )
        assert max(heights) < 260
        text = page.locator(".hits").inner_text()
        assert not set(text) & set("\u202e\u202d\u2066\u200b\ufeff")
        assert "\u0336\u0489\u0301\u0336\u0489" not in text
