"""The receiver: a device is added, told, pushed to and asked."""

from __future__ import annotations

import json
from threading import Thread
from typing import Any

import httpx
import pytest

from lapwing.app.telling import tell
from lapwing.app.tokens import Tokens
from lapwing.engine.clock import SystemClock
from lapwing.testing.networks.push import WebPushFake
from web.receiving import CLOSED, CONFIRMED, FIRE, FLOOD, PUSH, add_device, as_of_now, town
from web.seeing import seen, serious, served, until

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
TOLD_MS = 15_000
OTHERS = '[serve]\nhost = "0.0.0.0"\nquery_budget = "20s"\n'
SUBSCRIBED = """
PushManager.prototype.subscribe = async function (asked) {
  window.__asked = Array.from(new Uint8Array(asked.applicationServerKey));
  const said = %s;
  return { endpoint: said.endpoint, toJSON: () => said, unsubscribe: async () => true };
};
PushManager.prototype.getSubscription = async () => null;
"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((each) => (
  {title: each.title, body: each.body, tag: each.tag, data: each.data, actions: each.actions.map((one) => one.action)}))"""
CLICK = """async (action) => {
  const [notification] = await self.registration.getNotifications();
  self.dispatchEvent(new NotificationEvent('notificationclick', {notification, action}));
}"""


def device(address: str) -> dict[str, Any]:
    (found,) = httpx.get(f"{address}/api/v1/devices", timeout=60).json()["devices"]
    return found


def alerts(address: str) -> list[dict[str, Any]]:
    return httpx.get(f"{address}/api/v1/alerts", timeout=60).json()["alerts"]


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_device_is_added_says_what_it_wants_and_is_told(browser, tmp_path, size, theme):
    with town(tmp_path / "data") as told, told.open(browser, size, theme) as about:
        page = about.go("/receiver")
        page.locator("#device-name").fill("Ana's phone")
        page.locator("#join").click()
        page.locator("#nothing-yet").wait_for()
        page.get_by_label("Flood", exact=True).check()
        page.locator("#wish-places").fill("Perth, AU")
        page.keyboard.press("Enter")
        page.locator("#wish-severity").select_option("moderate")
        page.locator("#wish-quiet").fill("23:00-5:30")
        page.keyboard.press("Enter")
        page.locator("#keep-wish").click()
        page.locator("#change").wait_for()
        rule = device(about.address)["rule"]
        assert [rule[each] for each in ("places", "categories", "severity", "quiet", "zone", "readers", "problem")] == [
            ["Perth, AU"], ["flood"], "moderate", ["23:00-05:30"], "Asia/Jakarta", 1, None,
        ]  # fmt: skip
        assert "Tell this device of flood within 50 km of Perth, AU" in page.locator("#sentence").inner_text()
        page.locator("#test").click()
        page.locator("#notice", has_text="Test: alerts reach Ana's phone").wait_for(timeout=TOLD_MS)
        told.happens(FIRE, category=6)
        told.happens(FLOOD)
        told.happens(FLOOD, CONFIRMED, 4)
        page.locator(f'[data-told="{FLOOD}"] [data-step="upgrade"]').wait_for(timeout=TOLD_MS)
        told.happens(FLOOD, CLOSED, 4, reason="silent")
        page.locator("#notice.calm", has_text="Over: Flood, AU").wait_for(timeout=TOLD_MS)
        steps = page.locator(f'[data-told="{FLOOD}"] [data-step]').evaluate_all(
            "all => all.map(each => each.dataset.step)"
        )
        assert steps == ["possible", "upgrade", "all-clear"]  # one row for the incident
        sent = alerts(about.address)
        assert [each["kind"] for each in sent] == ["all-clear", "upgrade", "possible", "test"]  # of no fire
        rows = page.locator("[data-told]").evaluate_all("all => all.map(each => each.dataset.told)")
        assert sorted(rows) == sorted([FLOOD, sent[-1]["id"]])
        page.locator(f'[data-told="{FLOOD}"]').get_by_role("button", name="Not useful").click()
        page.locator("#precision", has_text="0 of 1 useful").wait_for()
        assert alerts(about.address)[0]["useful"] is False
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        page.locator("#leave").click()
        page.locator("#leave-sure").click()
        page.locator("#join").wait_for()
        assert httpx.get(f"{about.address}/api/v1/devices", timeout=60).json() == {"devices": []}
        about.clean()


def test_an_officer_makes_a_code_and_ends_a_device(browser, tmp_path):
    with town(tmp_path / "data") as told:
        secret = Tokens(told.path, SystemClock()).create("duty", "write")[0]
        with (
            served(told.path, text=OTHERS) as address,
            seen(browser, address) as desk,
            seen(browser, address, "phone") as phone,
        ):
            officer = desk.go("/rules")
            officer.locator("#token").fill(secret)
            officer.get_by_role("button", name="Sign in").click()
            officer.locator("#add-device").click()
            link = officer.locator("#device-link").get_attribute("href")
            assert link == f"{address}/receiver#code={officer.locator('#device-code').inner_text()}"
            with phone.page.expect_response(lambda said: said.status == 401):
                page = phone.go(link.removeprefix(address))
            page.locator("#join").click()
            page.locator("#keep-wish").wait_for()
            assert page.evaluate("document.querySelector('dialog')") is None, "its own token is enough"
            assert "#" not in page.url
            assert officer.evaluate("document.querySelector('dialog')") is None
            page.locator("#keep-wish").click()
            page.locator("#change").wait_for()
            page.goto(f"{address}/incidents")  # its token reads every page
            page.get_by_text("No incidents").or_(page.locator(".incidentList")).first.wait_for()
            page.goto(f"{address}/receiver")
            page.locator("#change").wait_for()
            officer.reload()
            officer.locator("[data-device]").get_by_role("button", name="Remove").click()
            officer.locator("[data-device]").get_by_role("button", name="Remove for good?").click()
            officer.locator("[data-device]").wait_for(state="detached")
            page.get_by_text("This device was removed").wait_for(timeout=TOLD_MS)
            page.locator("#code").fill("abcd2345")
            page.locator("#join").click()
            page.get_by_text("the code does not count").wait_for()
            assert page.evaluate("JSON.stringify(localStorage)").find("lwd_") == -1


def test_what_was_wished_stands_there_before_the_server_answers(browser, tmp_path):
    with town(tmp_path / "data") as told, told.open(browser) as about:
        page = add_device(about)
        page.locator("#change").click()
        page.get_by_label("Flood", exact=True).check()
        page.locator("#keep-wish").click()
        page.locator("#wanted-said", has_text="kept").wait_for()
        page.route("**/api/v1/devices/mine", lambda _: None)  # is not answered
        page.reload()
        page.locator("#change").wait_for()
        assert "flood" in page.locator("#sentence").inner_text()
        page.unroute_all(behavior="ignoreErrors")


def test_it_is_told_of_what_happens_where_it_is(browser, tmp_path):
    with town(tmp_path / "data") as told, told.open(browser) as about:
        page = add_device(about)
        page.locator("#change").click()
        page.locator("#wish-here").click()
        page.get_by_text("does not say where it is").wait_for()
        page.context.grant_permissions(["geolocation"], origin=about.address)
        page.context.set_geolocation({"latitude": -31.95224, "longitude": 115.8614})
        page.locator("#wish-here").click()
        page.locator("#sentence", has_text="within 50 km of -31.95, 115.86").wait_for()
        page.locator("#keep-wish").click()
        page.locator("#change").wait_for()
        assert device(about.address)["rule"]["places"] == ["-31.95, 115.86"]
        told.happens(FLOOD)
        page.locator(f'[data-told="{FLOOD}"]').wait_for(timeout=TOLD_MS)


def test_a_push_is_shown_by_the_service_worker_and_its_buttons_are_heard(browser, tmp_path):
    """From the incident to the browser's notification: only the way between push service and browser is the test's."""
    with town(tmp_path / "data", PUSH) as told, told.open(browser) as about:
        address = about.address
        key = httpx.get(f"{address}/api/v1/devices/channels", timeout=60).json()["channels"][0]["public_key"]
        with WebPushFake(key) as service:
            about.page.context.grant_permissions(["notifications"], origin=address)
            about.page.add_init_script(SUBSCRIBED % service.browser().subscription)
            page = add_device(about)
            page.locator("#turn-on").click()
            page.get_by_text("Told at any time").wait_for()
            assert device(address)["push"] is True
            assert len(page.evaluate("window.__asked")) == 65
            told.house.clock.us += 3_000_000  # rules are looked at every two seconds
            told.happens(FLOOD, severity=4)
            as_of_now(told.house.directory)
            sender = Thread(
                target=tell, args=(told.path, told.house.directory.configuration, None, lambda: bool(service.received))
            )
            sender.start()  # in a thread, as the browser is driven by an event loop of its own
            sender.join(TOLD_MS / 1000)
            assert not sender.is_alive()
            push = {
                name: value for name, value in service.received[0].items() if name not in ("ttl", "urgency", "topic")
            }
            worker, deliver = delivering(page, address)
            deliver(json.dumps(push))
            until_shown(page, 1)
            (shown,) = page.evaluate(SHOWN)
            assert (shown["tag"], shown["data"]["id"]) == (FLOOD, push["id"])
            assert shown["title"] == alerts(address)[0]["title"]
            assert shown["actions"][-2:] == ["useful", "not-useful"]
            worker.evaluate(CLICK, "useful")
            page.locator("#precision", has_text="1 of 1 useful").wait_for()
            assert page.evaluate(SHOWN) == []
            assert alerts(address)[0]["useful"] is True
            deliver(json.dumps(push | {"kind": "test", "tag": "test/1", "id": "test/1"}))
            deliver("no JSON at all")
            until_shown(page, 1)
            assert page.evaluate(SHOWN)[0]["actions"] == ["open"]
            with page.expect_navigation():
                worker.evaluate(CLICK, "")
            page.locator("#change").wait_for()
            deliver(json.dumps(push))
            until_shown(page, 1)
            worker.evaluate(CLICK, "open")
            page.wait_for_url(f"**/incidents?incident={FLOOD}**")


def until_shown(page: Any, count: int) -> None:
    """Wait until there are so many notifications."""
    until(page, f"async () => (await ({SHOWN})()).length === {count}")


def delivering(page: Any, address: str) -> tuple[Any, Any]:
    """The service worker, and how a push message is handed to it, as the browser does when its push service has one."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    (worker,) = page.context.service_workers
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: found.extend(each["registrationId"] for each in said["registrations"]),
    )
    session.send("ServiceWorker.enable")
    while not found:  # the events come while the page is asked something
        page.wait_for_timeout(50)

    def deliver(data: str) -> None:
        session.send("ServiceWorker.deliverPushMessage", {"origin": address, "registrationId": found[0], "data": data})

    return worker, deliver


def test_without_push_the_open_page_notifies(browser, tmp_path):
    with town(tmp_path / "data") as told, told.open(browser) as about:
        about.page.context.grant_permissions(["notifications"], origin=about.address)
        page = add_device(about)
        page.get_by_text("Told, with a notification, while this page is open").wait_for()
        page.locator('[data-lack="channel"] pre', has_text='type = "webpush"').wait_for()
        told.happens(FLOOD)
        until_shown(page, 1)
        assert page.evaluate(SHOWN)[0]["tag"] == FLOOD
        (sent,) = alerts(about.address)
        assert sent["delivery"] == "sent"  # by the page that came for it
        page.goto("about:blank")
        page.goto(
            f"{about.address}/receiver#alert={sent['id']}&useful=0"
        )  # as a notification does that could not say it
        page.locator("#precision", has_text="0 of 1 useful").wait_for()
        assert "#" not in page.url


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_axe_finds_no_serious_problem(browser, tmp_path, size, theme):
    with town(tmp_path / "data") as told, told.open(browser, size, theme) as about:
        page = add_device(about)
        told.happens(FLOOD)
        page.locator("#notice").wait_for(timeout=TOLD_MS)
        assert serious(page) == []
        page.locator("#change").click()
        page.locator("#leave").click()
        page.locator("#wish-places").fill("Perth, AU")
        page.keyboard.press("Enter")
        page.locator("#language").select_option("id")
        page.locator("#leave").wait_for()
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        page.goto(f"{about.address}/rules")
        page.locator("#add-device").click()
        page.locator("#device-code").wait_for()
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"


IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("lack", "script"),
    [
        ("https", "Object.defineProperty(window, 'isSecureContext', {get: () => false})"),
        ("ios", f"Object.defineProperty(navigator, 'userAgent', {{get: () => '{IPHONE}'}})"),
        ("denied", "Object.defineProperty(Notification, 'permission', {get: () => 'denied'})"),
        ("unsupported", "delete window.PushManager"),
    ],
)
def test_what_is_missing_is_said(browser, tmp_path, lack, script):
    with town(tmp_path / "data", PUSH) as told, told.open(browser) as about:
        about.page.add_init_script(script)
        page = add_device(about)
        page.locator(f'[data-lack="{lack}"]').wait_for()
        assert page.locator("[data-lack]").count() == 1
        assert page.locator("#turn-on").count() == 0
        told.happens(FLOOD)
        page.locator("#notice", has_text="Flood, AU").wait_for(timeout=TOLD_MS)  # it works as long as the page is open
        about.clean()


def test_the_page_can_be_installed(browser, tmp_path):
    with town(tmp_path / "data") as told, told.open(browser) as about:
        page = about.go("/receiver")
        manifest = httpx.get(f"{about.address}/manifest.webmanifest", timeout=60)
        assert manifest.headers["content-type"].startswith("application/manifest+json")
        assert (manifest.json()["start_url"], manifest.json()["display"]) == ("/receiver", "standalone")
        for icon in manifest.json()["icons"]:
            assert httpx.get(about.address + icon["src"], timeout=60).headers["content-type"] == icon["type"]
        said = page.context.new_cdp_session(page).send("Page.getAppManifest")
        assert said["errors"] == []
        assert page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")["installabilityErrors"] in (
            [],
            [{"errorId": "in-incognito", "errorArguments": []}],
        )
        worker = httpx.get(f"{about.address}/sw.js", timeout=60)
        assert worker.headers["cache-control"] == "no-cache"
