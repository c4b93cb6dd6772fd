"""The page Rules on the demo's evening: what rules say, what they would have sent, and what readers say of it."""

from __future__ import annotations

import re

import httpx
import pytest

from web.seeing import seen

pytestmark = [pytest.mark.full, pytest.mark.needs(program="chromium", module="playwright"), pytest.mark.timeout(180)]

RANGE = "from=2026-01-05T08:00:00.000Z&to=2026-01-05T14:00:00.000Z"
SPAN = {"since": "2026-01-05T08:00:00Z", "until": "2026-01-05T14:00:00Z"}
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
SENTENCE = (
    "Tell night of fire, flood, or storm within 100 km of Perth, AU or Osaka, JP, once it is confirmed, at most 3 times a "
    "day, not 22:00-06:00 (Asia/Jakarta) unless it is severe."
)


def ask(address: str, path: str) -> dict:
    answer = httpx.get(f"{address}/api/v1/{path}", timeout=60)
    answer.raise_for_status()
    return answer.json()


def would_send(address: str, name: str) -> dict:
    answer = httpx.post(f"{address}/api/v1/rules/{name}/test", params=SPAN, timeout=60)
    answer.raise_for_status()
    return answer.json()


def named(address: str, name: str) -> dict:
    (found,) = [each for each in ask(address, "rules")["rules"] if each["name"] == name]
    return found


def words(text: str) -> list[str]:
    return sorted(re.findall(r"\w+", text))


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_rules_and_what_was_sent_are_what_the_api_says(browser, address, size, theme):
    known, sent = ask(address, "rules")["rules"], ask(address, "alerts")["alerts"]
    would = would_send(address, "west-coast")
    with seen(browser, address, size, theme) as about:
        page = about.go(f"/rules?{RANGE}")
        page.locator("[data-rule]").first.wait_for()
        shown = page.locator("[data-rule]").evaluate_all("rows => rows.map(row => row.dataset.rule)")
        assert shown == [each["name"] for each in known] == ["water-and-fire", "west-coast"]
        assert words(page.locator('[data-rule="water-and-fire"] .sentence').inner_text()) == words(SENTENCE)
        page.locator("[data-alert]").first.wait_for()
        told = page.locator("[data-alert]").evaluate_all("rows => rows.map(row => row.dataset.alert)")
        assert told == [each["id"] for each in sent]
        assert page.locator("[data-alert] th > bdi").all_inner_texts() == [each["title"] for each in sent]
        assert page.locator("#precision").inner_text() == "usefulness unknown"
        page.locator('[data-rule="west-coast"]').click()
        page.wait_for_url("**rule=west-coast**")
        assert page.locator("#keep-rule").is_disabled()  # it stands in the file
        page.locator("#test-rule").click()
        page.get_by_text(f"Would have sent {len(would['sent'])} in 6 h").wait_for()
        assert page.locator(".sentList li").count() == len(would["sent"]) > 0
        assert page.locator(".sentList .items a").count() == sum(len(each["incidents"]) for each in would["sent"])
        page.get_by_text(f"interrupts: {would['interrupts']}", exact=True).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        about.clean()


def test_a_rule_is_written_tested_kept_changed_and_let_go(browser, own):
    _, address = own
    with seen(browser, address) as about:
        page = about.go(f"/rules?{RANGE}")
        page.locator("#new-rule").click()
        page.locator("#rule-name").fill("perth flood")
        assert page.locator("#keep-rule").is_disabled()
        page.locator("#rule-name").fill("perth-flood")
        page.get_by_label("Flood", exact=True).check()
        page.locator("#rule-countries").fill("Austral")
        page.get_by_role("option", name="Australia AU").click()
        page.locator("#rule-quiet").fill("23:00-5:30")
        page.keyboard.press("Enter")
        page.locator("#rule-channels").fill("nobody")
        page.locator("#test-rule").click()
        page.get_by_text("Would have sent 1 in 6 h").wait_for()
        assert "Flood · Perth AU" in page.locator(".sentList .items").inner_text()
        page.locator("#keep-rule").click()
        page.locator(
            ".ruleEditor .failed", has_text="nobody"
        ).wait_for()  # there is no such channel, and it says which there are
        page.get_by_role("button", name="Remove nobody").click()
        page.locator("#rule-channels").fill("desk")
        page.keyboard.press("Enter")
        page.locator("#keep-rule").click()
        page.wait_for_url("**rule=perth-flood**")
        page.locator('[data-rule="perth-flood"]').wait_for()
        kept = named(address, "perth-flood")
        assert [kept[each] for each in ("categories", "countries", "quiet", "channels", "budget", "readers", "problem")] == [
            ["flood"], ["AU"], ["23:00-05:30"], ["desk"], 5, 1, None,
        ]  # fmt: skip
        page.locator("#rule-budget").fill("2")
        page.locator("#rule-severity").select_option("extreme")
        page.locator("#test-rule").click()
        page.get_by_text("Would have sent 0 in 6 h").wait_for()
        page.locator("#rule-severity").select_option("minor")
        page.get_by_text("Would have sent 1 in 6 h").wait_for()  # it is tested anew by itself
        page.locator("#keep-rule").click()
        page.get_by_text("Kept; it counts within seconds.").wait_for()
        assert named(address, "perth-flood")["budget"] == 2
        page.locator("#remove-rule").click()
        page.get_by_role("button", name="Keep as it is").click()
        assert named(address, "perth-flood")
        page.locator("#remove-rule").click()
        page.locator("#remove-sure").click()
        page.locator('[data-rule="perth-flood"]').wait_for(state="detached")
        assert [each["name"] for each in ask(address, "rules")["rules"]] == ["water-and-fire", "west-coast"]
        about.clean()


def test_what_was_useful_is_kept_and_counted(browser, own):
    _, address = own
    with seen(browser, address) as about:
        page = about.go("/rules")
        rows = page.locator("[data-alert]")
        rows.first.get_by_role("button", name="Not useful").click()
        page.get_by_text("0 of 1 useful (95 %: 0 % to 79 %)").first.wait_for()
        rows.nth(1).get_by_role("button", name="Useful", exact=True).click()
        page.locator("#precision", has_text="1 of 2 useful").wait_for()
        said = [each["useful"] for each in ask(address, "alerts")["alerts"]]
        assert said[:2] == [False, True]
        assert rows.first.get_by_role("button", name="Not useful").get_attribute("aria-pressed") == "true"
        about.clean()
