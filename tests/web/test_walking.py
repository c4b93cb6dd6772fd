"""Every page and action on the demo's evening, in real Chromium: what is on the screen is what the API says."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
import pytest

from web.alerting import last_minutes
from web.heard import take_in
from web.seeing import WAIT_MS, seen, served

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

RANGE = "from=2026-01-05T12:00:00.000Z&to=2026-01-05T13:00:00.000Z"
ASKED = {"since": "2026-01-05T12:00:00Z", "until": "2026-01-05T13:00:00Z"}
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]


def ask(address: str, path: str, **parameters: object) -> dict:
    answer = httpx.get(f"{address}/api/v1/{path}", params=ASKED | parameters, timeout=60)
    answer.raise_for_status()
    return answer.json()


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text))


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_now_shows_what_the_api_counts(browser, address, size, theme):
    (total,) = ask(address, "counts", window="all", by="none")["counts"]
    places = ask(address, "places", limit=10_000)["places"]
    order = sorted(places, key=lambda each: (-each["posts"], each["id"]))
    spoken = [each for each in order if each["posts"]]
    with seen(browser, address, size, theme) as now:
        page = now.go(f"/?{RANGE}")
        page.wait_for_selector("#unlocated")
        said = [digits(each) for each in page.locator("#sum").inner_text().split("·")]
        assert said == [total["posts"], total["reposts"], total["people"]]
        located = sum(each["posts"] + each["reposts"] for each in places)
        share = int((1 - located / (total["posts"] + total["reposts"])) * 100)
        assert page.locator("#unlocated").inner_text() == f"{share} % unlocated"
        for name, wanted in (("top", spoken[:5]), ("bottom", spoken[:-6:-1])):
            rows = page.locator(f".{name} li")
            assert [int(each) for each in rows.evaluate_all("rows => rows.map(row => row.dataset.place)")] == [
                each["id"] for each in wanted
            ]
            assert [digits(each) for each in rows.locator(".number").all_inner_texts()] == [
                each["posts"] for each in wanted
            ]
        page.locator(".allPlaces summary").click()
        page.locator(".allPlaces tbody tr").first.wait_for()
        assert digits(page.locator(".allPlaces summary").inner_text()) == len(places)
        assert page.locator(".allPlaces tbody tr").count() == min(100, len(places))
        words = ask(address, "words", limit=60)["words"]
        page.get_by_role("button", name="List").click()
        assert digits(page.locator(".words .number").first.inner_text()) == words[0]["count"]
        assert "words=list" in page.url
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        now.clean()


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize(("window", "windows"), [("5m", 12), ("15m", 4)])
def test_lines_of_chosen_cities_are_the_counts(browser, address, size, window, windows):
    city = max(ask(address, "places", limit=10_000)["places"], key=lambda each: each["posts"])
    rows = ask(address, "counts", window=window, by="place", place=city["id"])["counts"]
    counted = {row["window"][11:16]: row for row in rows}
    with seen(browser, address, size) as now:
        page = now.go(f"/?{RANGE}&window={window}")
        page.locator("#city-field").fill(city["name"][:4])
        page.get_by_role("option", name=city["name"]).first.click()
        page.wait_for_url(f"**city={city['id']}**")
        for measure in ("posts", "reposts", "people"):
            figure = page.locator(f"#chart-{measure}")
            figure.locator("summary").click()
            # The city's numbers come after its chip: until then its cells are dashes.
            figure.locator("tbody td:nth-last-child(2)", has_text=re.compile(r"^\d")).first.wait_for()
            found = [each.split("\t") for each in figure.locator("tbody tr").all_inner_texts()]
            assert len(found) == windows
            for at, number, _ in found:
                assert digits(number) == counted.get(at[-5:], {measure: 0})[measure]
        assert page.locator("#chart-posts thead th").nth(1).inner_text() == f"{city['name']} {city['country']}"
        page.get_by_role("button", name=f"Remove {city['name']}").click()
        page.wait_for_url(lambda url: "city=" not in url)
        now.clean()


def test_unknown_completeness_looks_unknown(browser, tmp_path):
    data = tmp_path / "data"
    take_in(data, "last.ndjson", last_minutes())
    with served(data) as unnoted, seen(browser, unnoted) as now:
        page = now.go("/?from=2026-01-05T13:00:00.000Z&to=2026-01-05T14:00:00.000Z")
        page.wait_for_selector(".mapPanel .complete.unknown")
        page.locator("#chart-posts summary").click()
        page.locator("#chart-posts tbody td").first.wait_for()
        assert set(page.locator("#chart-posts tbody td:last-child").all_inner_texts()) == {"completeness unknown"}


def test_what_was_heard_whole_looks_whole(browser, address):
    with seen(browser, address) as now:
        page = now.go(f"/?{RANGE}")
        page.wait_for_selector(".mapPanel .complete.whole")
        page.locator("#chart-posts summary").click()
        page.locator("#chart-posts tbody td").first.wait_for()
        assert set(page.locator("#chart-posts tbody td:last-child").all_inner_texts()) == {"100 % complete"}


def at_rest(page, selector):
    """Where something is once the page has stopped arranging itself."""
    before, box = None, page.locator(selector).bounding_box()
    while box != before:
        page.evaluate("new Promise((done) => setTimeout(done, 500))")
        before, box = box, page.locator(selector).bounding_box()
    return box


def test_a_drag_across_a_chart_zooms_and_back_returns(browser, address):
    with seen(browser, address) as now:
        page = now.go(f"/?{RANGE}")
        page.wait_for_selector("#unlocated")
        page.locator(".top li").first.wait_for()
        box = at_rest(page, "#chart-posts .u-over")
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=5)
        page.mouse.up()
        page.wait_for_url(lambda url: "from=2026-01-05T12%3A1" in url)
        page.go_back()
        page.wait_for_url(lambda url: url.endswith(RANGE))


def test_a_relative_range_of_an_archive_says_where_it_ends(browser, address):
    with seen(browser, address) as now:
        page = now.go("/")
        assert "Shown up to the newest post" in page.locator(".anchor").inner_text()
        page.get_by_role("button", name="Show up to now instead").click()
        page.get_by_role("heading", name="No posts in this time").wait_for()
        page.get_by_role("button", name="Go to the newest posts").click()
        page.wait_for_selector("#unlocated")
        page.locator("#zone").click()
        assert "zone=local" in page.url
        page.locator("#range").select_option("6h")
        assert "last=6h" in page.url
        page.locator("#range").select_option("between")
        page.get_by_label("From", exact=True).fill("2026-01-05T19:00")
        page.get_by_label("To", exact=True).fill("2026-01-05T20:00")
        page.wait_for_url("**from=2026-01-05T12%3A00**")  # Jakarta is 7 h ahead
        now.clean()


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_search_finds_marks_narrows_and_exports(browser, address, size):
    hits = ask(address, "posts", q="home", limit=500)["posts"]
    assert len(hits) > 20
    with seen(browser, address, size) as search:
        page = search.go(f"/search?{RANGE}")
        page.locator("#query").fill("home")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=home**")
        page.get_by_text(f"{len(hits)} hits", exact=True).wait_for()
        shown = page.locator(".hits .post").evaluate_all("rows => rows.map(row => row.dataset.uid)")
        assert shown == [each["uid"] for each in hits[: len(shown)]]
        assert {each.lower() for each in page.locator(".hits mark").all_inner_texts()} == {"home"}
        page.locator("#histogram summary").click()
        page.locator("#histogram tbody tr").first.wait_for()
        bars = page.locator("#histogram tbody td:first-of-type").all_inner_texts()
        assert sum(digits(each) for each in bars) == len(hits)
        if size == "phone":
            page.locator(".facets > summary").click()
        network = hits[0]["network"]
        box = page.locator(f'label[data-facet="network"][data-value="{network}"]')
        same = [each for each in hits if each["network"] == network]
        assert digits(box.locator(".number").inner_text()) == len(same)
        box.locator("input").check()
        page.get_by_text(f"{len(same)} hits", exact=True).wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="NDJSON").click()
        assert len(download.value.path().read_text("utf-8").splitlines()) == len(same)
        page.get_by_role("button", name="Words").click()
        page.get_by_role("button", name="List").click()
        words = ask(address, "words", q="home", network=network, limit=60)["words"]
        page.locator(".words li").first.wait_for()
        assert digits(page.locator(".words .number").first.inner_text()) == words[0]["count"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        search.clean()


def test_a_mistake_in_a_query_is_shown_at_its_column(browser, address):
    with seen(browser, address) as search:
        page = search.go(f"/search?{RANGE}&q=water+%22abc")
        problem = page.locator("#query-problem")
        problem.wait_for()
        assert "column 7" in problem.inner_text()
        assert problem.locator("pre").inner_text().splitlines()[1].index("^") == 6
        page.locator("#query").fill("zzzzunheard")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Nothing found").wait_for()


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_status_shows_the_accounting_and_its_sum(browser, address, size):
    status = httpx.get(f"{address}/api/v1/status", timeout=60).json()
    with seen(browser, address, size) as about:
        page = about.go("/status")
        page.wait_for_selector("#verdict.right")
        for outcome, count in status["accounting"].items():
            assert digits(page.locator(f'[data-outcome="{outcome}"]').inner_text()) == count
        for source in status["sources"]:
            row = page.locator(f'[data-source="{source["name"]}"]')
            assert digits(row.locator("[data-received]").inner_text()) == source["received"]
        assert digits(page.locator("#title-letters").inner_text()) == status["dead_letters"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        about.clean()


def test_a_dead_letter_is_shown(browser, address):
    letter = httpx.get(f"{address}/api/v1/errors?limit=1", timeout=60).json()["errors"][0]
    whole = httpx.get(f"{address}/api/v1/errors/{letter['id']}", timeout=60).json()["record"]
    with seen(browser, address) as about:
        page = about.go("/status")
        page.get_by_role("button", name=f"Show {letter['id']}", exact=True).click()
        record = page.locator(".record").inner_text()
        assert record[:40] == (whole if isinstance(whole, str) else f"base64: {whole['base64']}")[:40]
        page.get_by_role("button", name=f"Hide {letter['id']}", exact=True).click()
        page.wait_for_selector(".record", state="detached")


def test_a_dead_letter_is_given_up(browser, own):
    _, address = own
    first, *others = [each["id"] for each in httpx.get(f"{address}/api/v1/errors", timeout=60).json()["errors"]]
    with seen(browser, address) as about:
        page = about.go("/status")
        page.get_by_role("button", name=f"Discard {first}", exact=True).click()
        page.get_by_role("button", name=f"Give it up? {first}", exact=True).click()
        page.locator("#letters-said", has_text="was given up").wait_for()
        page.locator(f'[data-letter="{first}"]').wait_for(state="detached")
    assert [each["id"] for each in httpx.get(f"{address}/api/v1/errors", timeout=60).json()["errors"]] == others


def test_keys_lead_everywhere(browser, address):
    with seen(browser, address) as any_page:
        page = any_page.go(f"/?{RANGE}")
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        for keys, path in (("gt", "/status"), ("gs", "/search"), ("gi", "/incidents"), ("gr", "/rules"), ("gn", "/")):
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_url(lambda url, path=path: urlsplit(url).path == path)
        page.keyboard.press("/")
        page.wait_for_selector("#query:focus")
        page.keyboard.press("g")  # a letter in a field is a letter
        assert page.locator("#query").input_value() == "g"


def test_it_speaks_indonesian(browser, address):
    with seen(browser, address) as now:
        page = now.go(f"/?{RANGE}")
        page.locator("#language").select_option("id")
        page.get_by_role("heading", name="Lima teratas").wait_for()
        page.get_by_role("link", name="Insiden", exact=False).first.click()
        page.locator(".incidentList [data-incident]", has_text="Banjir · Semarang ID").wait_for()
        page.get_by_role("link", name="Aturan").click()
        page.locator(".sentence", has_text="Beri tahu desk tentang apa pun di Australia").wait_for()
        page.get_by_role("link", name="Sekarang").click()
        assert page.evaluate("document.documentElement.lang") == "id"
        page.reload()
        page.get_by_role("heading", name="Lima teratas").wait_for(timeout=WAIT_MS)
        now.clean()
