"""The page Incidents on the demo's evening: what is listed, what a card says, and what becomes of decisions."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import httpx
import pytest

from lapwing.app import incidents
from lapwing.app.opening import Directory
from lapwing.app.tokens import Tokens
from lapwing.engine.clock import SystemClock
from web.alerting import TEXT, settings, take_up
from web.heard import status, take_in
from web.seeing import WAIT_MS, seen, served

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

RANGE = "from=2026-01-05T08:00:00.000Z&to=2026-01-05T14:00:00.000Z"
ASKED = {"since": "2026-01-05T08:00:00Z", "until": "2026-01-05T14:00:00Z"}
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
OPEN_FIRST = {"confirmed": 0, "possible": 0, "fading": 1, "closed": 2}


def ask(address: str, path: str, **parameters: object) -> dict:
    answer = httpx.get(f"{address}/api/v1/{path}", params=parameters, timeout=60)
    answer.raise_for_status()
    return answer.json()


def listed(address: str, **parameters: object) -> list[dict]:
    return ask(address, "incidents", **ASKED, **parameters)["incidents"]


def at(address: str, place: str) -> dict:
    (found,) = [each for each in listed(address) if each["place"]["name"] == place]
    return found


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def rows(page) -> list[str]:
    return page.locator(".incidentList [data-incident]").evaluate_all("rows => rows.map(row => row.dataset.incident)")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_list_and_a_card_are_what_the_api_says(browser, address, size, theme):
    found = listed(address)
    perth = ask(address, f"incidents/{at(address, 'Perth')['id']}")
    with seen(browser, address, size, theme) as about:
        page = about.go(f"/incidents?{RANGE}")
        page.locator(".incidentList [data-incident]").first.wait_for()
        assert sorted(rows(page)) == sorted(each["id"] for each in found)
        known = {each["id"]: each for each in found}
        order = [OPEN_FIRST[known[each]["state"]] for each in rows(page)]
        assert order == sorted(order)
        for mark, each in known.items():
            assert digits(page.locator(f'[data-incident="{mark}"] .people').inner_text()) == each["people"]
        assert digits(page.locator(".going").inner_text()) == sum(OPEN_FIRST[each["state"]] == 0 for each in found)
        page.locator(f'.incidentList [data-incident="{perth["id"]}"]').click()
        page.wait_for_url(f"**incident={perth['id']}**")
        page.locator(".whyList").wait_for()
        for name in ("people", "posts", "reposts", "withdrawn"):
            assert digits(page.locator(f'[data-fact="{name}"]').inner_text()) == perth[name]
        assert page.locator("#incident-title").inner_text().endswith("Flood · Perth AU")
        words = page.locator(".whyWords li").evaluate_all(
            "rows => rows.map(row => [row.dataset.word, Number(row.querySelector('.number').textContent)])"
        )
        assert perth["words"]
        assert words == [[each["word"], each["people"]] for each in perth["words"]]
        told = page.locator(".evidence .post").evaluate_all("rows => rows.map(row => row.dataset.uid)")
        assert told == [each["uid"] for each in perth["evidence"]]
        spoken = page.locator(".languages li").evaluate_all(
            "rows => rows.map(row => [row.dataset.language, Number(row.querySelector('.number').textContent)])"
        )
        assert [tuple(each) for each in spoken] == list(perth["languages"].items())
        assert page.locator(".history li").count() == len(perth["history"]) + 1
        page.locator(".timeline summary").click()
        page.locator(".timeline tbody tr").first.wait_for()
        people = page.locator(".timeline tbody .number").all_inner_texts()
        assert sum(digits(each) for each in people) == sum(each["people"] for each in perth["timeline"])
        assert perth["complete"] is None
        assert page.locator(".unseen .complete.unknown").inner_text() == "completeness unknown"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.reload()  # the address is the whole of it
        page.locator(".whyList").wait_for()
        page.locator("#incident-title").press("Escape")
        page.wait_for_url(lambda url: "incident=" not in url)
        about.clean()


def test_filters_narrow_the_list_and_the_export(browser, address):
    with seen(browser, address) as about:
        page = about.go(f"/incidents?{RANGE}")
        page.get_by_role("button", name="confirmed").click()
        page.wait_for_url("**state=confirmed**")
        confirmed = listed(address, state="confirmed")
        page.get_by_text(f"Incidents: {len(confirmed)}", exact=True).wait_for()
        assert sorted(rows(page)) == sorted(each["id"] for each in confirmed)
        page.locator("#category-field").fill("Fir")
        page.get_by_role("option", name="Fire").click()
        page.wait_for_url("**category=fire**")
        page.get_by_text("Incidents: 1", exact=True).wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="GeoJSON").click()
        assert '"category":"fire"' in download.value.path().read_text("utf-8")
        page.locator("#country-field").fill("Indonesia")
        page.keyboard.press("Enter")
        page.wait_for_url("**country=ID**")
        page.get_by_role("heading", name="No incident fits these filters").wait_for()
        page.get_by_role("button", name="Show all").click()
        page.get_by_text(f"Incidents: {len(listed(address))}", exact=True).wait_for()
        about.clean()


def test_the_draft_of_a_warning_is_cap(browser, address):
    osaka = at(address, "Osaka")
    with seen(browser, address) as about:
        page = about.go(f"/incidents?{RANGE}&incident={osaka['id']}")
        with page.expect_download() as download:
            page.get_by_role("link", name="CAP 1.2").click()
        root = ET.fromstring(download.value.path().read_text("utf-8"))
        assert [root.findtext(f"{{urn:oasis:names:tc:emergency:cap:1.2}}{each}") for each in ("identifier", "status")] == [
            f"lapwing-{osaka['id']}-{osaka['changes']}", "Draft",
        ]  # fmt: skip


def test_decisions_are_written_down_taken_up_and_shown(browser, own):
    path, address = own
    osaka, brisbane, perth, semarang = (at(address, each)["id"] for each in ("Osaka", "Brisbane", "Perth", "Semarang"))
    with seen(browser, address) as about:
        page = about.go(f"/incidents?{RANGE}&incident={osaka}")
        page.locator(".decisions").get_by_role("button", name="Confirm").click()
        page.get_by_text("Written down; being taken up").wait_for()
        assert at(address, "Osaka")["confirmed_by"] is None  # until somebody takes it up
        take_up(path)
        page.get_by_text("Confirmed.", exact=True).wait_for()
        page.get_by_text("Confirmed by http.").wait_for()
        assert at(address, "Osaka")["confirmed_by"] == "http"
        page.locator(".decisions").get_by_role("button", name="Mute").click()
        page.get_by_text("Nobody is told of it any more. It goes on being counted.").wait_for()
        page.locator("#sure").click()
        page.get_by_text("Written down; being taken up").wait_for()
        take_up(path)
        page.get_by_text("Muted: nobody is told of it any more.").wait_for()
        assert at(address, "Osaka")["muted"] is True
        page.locator(".decisions").get_by_role("button", name="Unmute").click()
        page.get_by_text("Written down; being taken up").wait_for()
        take_up(path)
        page.get_by_text("No longer muted.").wait_for()
        page.locator(f'[data-incident="{brisbane}"]').click()
        page.locator(".decisions").get_by_role("button", name="Dismiss").click()
        page.locator("#not-sure:focus").wait_for()
        page.keyboard.press("Escape")
        page.locator("#incident-title:focus").wait_for()
        page.locator(".decisions").get_by_role("button", name="Dismiss").click()
        page.locator(".decisions").get_by_role("button", name="Keep as it is").click()
        page.locator(".decisions").get_by_role("button", name="Dismiss").click()
        page.locator("#sure").click()
        page.get_by_text("Written down; being taken up").wait_for()
        take_up(path)
        page.get_by_text("Dismissed: it is closed.").wait_for()
        assert page.locator(".decisions").get_by_role("button", name="Confirm").is_disabled()
        page.locator(f'[data-incident="{semarang}"]').click()
        page.locator(".decisions").get_by_role("button", name="Merge").click()
        page.locator("#merge-into").select_option(perth)
        page.locator("#sure").click()
        page.get_by_text("Written down; being taken up").wait_for()
        take_up(path)
        page.get_by_text("Merged.", exact=True).wait_for()
        page.get_by_role("button", name="It is another one now").click()
        page.wait_for_url(f"**incident={perth}**")
        about.clean()
    assert at(address, "Osaka")["muted"] is False
    assert (at(address, "Brisbane")["reason"], at(address, "Semarang")["merged_into"]) == ("dismissed", perth)


def test_a_refusal_is_said(browser, own):
    path, address = own
    secret = Tokens(path, SystemClock()).create("reader", "read")[0]
    with seen(browser, address) as about:
        page = about.go(f"/incidents?{RANGE}&incident={at(address, 'Osaka')['id']}")
        page.locator(".decisions").get_by_role("button", name="Confirm").click()
        page.get_by_role("dialog").get_by_text("A token is needed").wait_for()
        page.locator("#token").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("dialog").wait_for(state="detached")
        page.locator(".decisions").get_by_role("button", name="Confirm").click()
        page.locator(".decisions .failed", has_text="write").wait_for()
    assert at(address, "Osaka")["confirmed_by"] is None


def test_what_changes_elsewhere_is_shown_in_its_place(browser, own):
    path, address = own
    osaka = at(address, "Osaka")["id"]
    with seen(browser, address) as about:
        page = about.go(f"/incidents?{RANGE}")
        row = page.locator(f'.incidentList [data-incident="{osaka}"]')
        row.hover()
        before = rows(page)
        directory = Directory(path, settings())
        incidents.decide(directory, incidents.decision_of("dismiss", osaka, "", "somebody"))
        directory.close()
        take_up(path)
        # A commit is told of on the stream, and with it the incidents that changed lately.
        take_in(path, "more.ndjson", [status(1, "A quiet afternoon", "2026-01-05T13:59:59.000Z")])
        row.get_by_text("over: dismissed").wait_for(timeout=2 * WAIT_MS)
        assert rows(page) == before  # held still under the pointer
        page.mouse.move(2, 2)
        page.wait_for_function(
            "mark => [...document.querySelectorAll('.incidentList [data-incident]')].at(-1).dataset.incident === mark",
            arg=osaka,
        )
        about.clean()


def test_where_there_is_nothing_it_says_why(browser, tmp_path):
    data = tmp_path / "data"
    assert take_in(data, "none.ndjson", []) == 0
    with served(data, text=TEXT) as address, seen(browser, address, "phone", "dark") as about:
        page = about.go("/incidents")
        page.get_by_role("heading", name="No incidents in this time").wait_for()
        page.get_by_text("Nothing was heard yet").wait_for()
        page = about.go("/incidents?incident=000000000000")
        page.locator(".incidentCard .failed").wait_for()
        page.get_by_role("button", name="Close").click()
        page.wait_for_url(lambda url: "incident=" not in url)
        page = about.go("/rules")
        page.locator(".alertList h3", has_text="Nothing was sent yet").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        about.clean()
