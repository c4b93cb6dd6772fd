"""Devices that receive alerts: codes, tokens, what they are told of, and what strangers try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from lapwing import config
from lapwing.app import receiving
from lapwing.app.devices import CODE_US, FILE, Devices
from lapwing.app.opening import Directory
from lapwing.app.serving import application
from lapwing.app.telling import tell
from lapwing.app.tokens import Tokens
from lapwing.engine.clock import SystemClock
from lapwing.errors import UsageError
from lapwing.ledger.sqlite import alerting
from lapwing.telling import Recipient
from lapwing.testing.networks.push import WebPushFake
from rules.house import Hand, House
from rules.stories import MIDNIGHT_US, POSSIBLE, at
from serving.asking import serving

PUSH = """
[[channel]]
type = "webpush"
contact = "mailto:duty@example.org"
"""
FAKE = PUSH + "hosts = []\nprivate = true\n"
EVERYBODY = '[serve]\nhost = "0.0.0.0"\nquery_budget = "60s"\nrequests_per_minute = 100000\n'
CONFIRMED, CLOSED = 2, 4
INCIDENT = "a00000000000"


class Desk:
    """A server that others reach, and the duty officer's token."""

    def __init__(self, client: httpx.Client, data: Path) -> None:
        self.client, self.data = client, data
        self.officer = Tokens(data, SystemClock()).create("duty", "write")[0]

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.request(method, f"/api/v1/devices{path}", headers=headers, **more)

    def code(self) -> str:
        return str(self.ask("POST", "/codes", self.officer).json()["code"])

    def join(self, name: str = "Ana's phone", code: str | None = None) -> httpx.Response:
        return self.ask("POST", "/join", json={"name": name, "code": code or self.code()})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    data = tmp_path / "data"
    Directory(data).ledger.close()
    Tokens(data, SystemClock()).create("first", "read")
    with ExitStack() as open_:
        client = open_.enter_context(serving(application(data, config.parse(EVERYBODY + PUSH, environment={}), open_)))
        yield Desk(client, data)


def test_a_code_adds_one_device_and_counts_once(desk: Desk) -> None:
    made = desk.ask("POST", "/codes", desk.officer).json()
    assert made["seconds"] == 600
    assert len(made["code"]) == len("ABCD-2345")
    joined = desk.join(code=f" {made['code'].lower().replace('-', ' ')} ")  # as people type it
    assert joined.status_code == 200
    token, device = joined.json()["token"], joined.json()["device"]
    assert (device["name"], device["channel"], device["push"], device["rule"], device["by"]) == (
        "Ana's phone", "page", False, None, "duty",
    )  # fmt: skip
    assert desk.ask("GET", "/mine", token).json() == device
    assert desk.client.get("/api/v1/rules", headers={"authorization": f"Bearer {token}"}).status_code == 200
    again = desk.join("another", made["code"])
    assert (again.status_code, "was used" in again.json()["detail"]) == (400, True)
    kept = (desk.data / FILE).read_text()
    assert token not in kept
    assert made["code"].replace("-", "") not in kept
    assert (desk.data / FILE).stat().st_mode & 0o077 == 0


def test_a_code_ends_after_ten_minutes_and_after_ten_wrong_guesses(tmp_path: Path) -> None:
    clock = Hand(MIDNIGHT_US)
    devices = Devices(tmp_path, clock)
    page = ("page", "abcdefgh")
    code, expires_us = devices.make_code("duty")
    assert expires_us == MIDNIGHT_US + CODE_US
    clock.us = expires_us
    with pytest.raises(UsageError, match="older than 10 minutes"):
        devices.add("late", code, "", page)
    code, _ = devices.make_code("duty")
    for _ in range(9):
        with pytest.raises(UsageError):
            devices.add("guess", "AAAA-AAAA", "", page)
    assert devices.add("in time", code, "", page)[1].name == "in time"
    code, _ = devices.make_code("duty")
    for malformed in ("", "A", "AAAA-AAAA-AAAA", "\u0130" * 8) * 5:
        with pytest.raises(UsageError):
            devices.add("no guess", malformed, "", page)
    assert devices.add("in time", code, "", page)[1].name == "in time"
    code, _ = devices.make_code("duty")
    for _ in range(10):
        with pytest.raises(UsageError):
            devices.add("guess", "AAAA-AAAA", "", page)
    with pytest.raises(UsageError, match="guessed at too often"):
        devices.add("too late", code, "", page)
    assert [each.name for each in devices.listed()] == ["in time"] * 2


def test_guesses_are_few_for_each_address(desk: Desk) -> None:
    said = [desk.join(code="AAAA-AAAA").status_code for _ in range(8)]
    assert said == [400] * 6 + [429] * 2
    assert int(desk.join(code="AAAA-AAAA").headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'{"name": "a"}', b'{"name": "", "code": "x"}', b'{"name": "a", "code": ""}',
        b'{"name": "a", "code": null}', b'{"name": "a", "code": "\\u0000\\ud800"}', b'{"name": "a", "code": 12345678}',
        b'{"name": "a", "code": "' + b"A" * 5_000 + b'"}', b'{"name": "a", "code": "x", "scope": "admin"}', b"\xff",
    ],
)  # fmt: skip
def test_nobody_gets_in_by_what_is_no_code(body: bytes, desk: Desk) -> None:
    desk.code()
    said = desk.client.post("/api/v1/devices/join", content=body, headers={"content-type": "application/json"})
    assert said.status_code in (400, 422)
    assert desk.ask("GET", "", desk.officer).json() == {"devices": []}


def test_hostile_names_are_one_harmless_line(desk: Desk) -> None:
    device = desk.join("<b>\u202e\u0000x\n\ny</b>" + "\u0301" * 30).json()["device"]
    assert "\n" not in device["name"]
    assert "\u202e" not in device["name"]
    assert len(device["name"]) <= 60
    wished = desk.ask("PUT", "/mine", desk.join("../../\u0000💥").json()["token"], json={}).json()
    assert wished["rule"]["name"].startswith("device-")


def test_on_this_machine_without_tokens_no_code_is_needed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Directory(data).ledger.close()
    with ExitStack() as open_, serving(application(data, config.parse(PUSH, environment={}), open_)) as client:
        joined = client.post("/api/v1/devices/join", json={"name": "browser"})
        assert joined.status_code == 200
        assert client.get("/api/v1/devices").json()["devices"] == [joined.json()["device"]]
        assert client.post("/api/v1/devices/codes").status_code == 200  # a device's token takes nothing from the owner
        forwarded = {"x-forwarded-for": "192.0.2.9"}
        refused = client.post("/api/v1/devices/join", json={"name": "stranger"}, headers=forwarded)
        assert (refused.status_code, "the code does not count" in refused.json()["detail"]) == (400, True)


def test_a_device_says_what_it_wants_and_may_do_no_more(desk: Desk) -> None:
    token = desk.join("Ana's phone").json()["token"]
    wanted = {"places": ["Perth, AU"], "radius_km": 30, "categories": ["flood", "fire"], "severity": "severe"}
    device = desk.ask("PUT", "/mine", token, json=wanted).json()
    rule = device["rule"]
    assert rule["name"] == f"ana-s-phone-{device['id']}"
    assert {name: rule[name] for name in wanted} == wanted
    assert rule["channels"] == [{"channel": "page", "recipient": device["reader"]}]
    assert (rule["readers"], rule["problem"]) == (1, None)
    assert desk.ask("PUT", "/mine", token, json={"places": ["Nowhereville"]}).status_code in (400, 404)
    for more in (
        {"channels": ["page"]},
        {"budget": 0},
        {"severity": "worst"},
        {"name": "x"},
        {"polygon": "POINT (0 0)"},
    ):
        assert desk.ask("PUT", "/mine", token, json=more).status_code == 422
    assert desk.ask("GET", "/mine", token).json()["rule"] == rule
    bearer = {"authorization": f"Bearer {token}"}
    for method, path in [
        ("PUT", "/rules/x"), ("DELETE", f"/rules/{rule['name']}"), ("POST", "/feedback"), ("POST", "/topics/x"),
        ("POST", "/devices"), ("POST", "/devices/codes"), ("DELETE", f"/devices/{device['id']}"),
    ]:  # fmt: skip
        assert desk.client.request(method, f"/api/v1{path}", headers=bearer).status_code == 403
    assert desk.ask("GET", "/mine", desk.officer).status_code == 400  # the officer is no device
    assert desk.ask("DELETE", f"/{device['id']}", desk.officer).json() == {"removed": device["id"]}
    assert desk.ask("GET", "/mine", token).status_code == 401
    rules = desk.client.get("/api/v1/rules", headers={"authorization": f"Bearer {desk.officer}"}).json()["rules"]
    assert rules == []


def test_a_test_reaches_the_page_and_only_that_device(desk: Desk) -> None:
    mine, other = (desk.join(name).json()["token"] for name in ("mine", "other"))
    assert desk.ask("POST", "/mine/test", mine).status_code == 200
    (told,) = desk.ask("GET", "/mine/alerts", mine).json()["alerts"]
    assert (told["kind"], told["title"], told["delivery"]) == ("test", "Test: alerts reach mine", "sent")
    assert desk.ask("GET", "/mine/alerts", other).json()["alerts"] == []
    assert desk.ask("POST", "/mine/feedback", other, json={"alert": told["id"], "useful": True}).status_code == 400


def test_three_lines_suffice_for_push_and_the_key_stays(desk: Desk) -> None:
    first = desk.ask("GET", "/channels", desk.officer).json()["channels"]
    assert [(each["name"], each["type"], each["problem"]) for each in first] == [
        ("webpush", "webpush", None), ("page", "page", None),
    ]  # fmt: skip
    assert len(first[0]["public_key"]) == 87  # 65 bytes of Base64
    assert desk.ask("GET", "/channels", desk.officer).json()["channels"] == first
    (key,) = (desk.data / "secrets").glob("webpush-webpush.key")
    assert (len(key.read_bytes()), key.stat().st_mode & 0o077) == (32, 0)


def test_a_page_that_is_older_than_the_server_is_refused(desk: Desk) -> None:
    build = desk.client.get("/").headers["x-lapwing-build"]
    assert f'<meta name="lapwing-build" content="{build}">' in desk.client.get("/").text
    bearer = {"authorization": f"Bearer {desk.officer}"}
    assert desk.client.get("/api/v1/rules", headers={**bearer, "x-lapwing-page": build}).status_code == 200
    for path in ("rules", "devices/channels"):
        old = desk.client.get(f"/api/v1/{path}", headers={**bearer, "x-lapwing-page": "0123"})
        assert (old.status_code, old.headers["x-lapwing-build"]) == (412, build)


def test_a_device_is_told_by_push_and_knows_what_its_page_knew(tmp_path: Path) -> None:
    """The whole way: an incident on the page, then a push subscription, the upgrade and the all-clear there."""
    house = House(tmp_path, FAKE, now_us=MIDNIGHT_US)
    directory = house.directory
    (channel, _) = receiving.channels(directory)["channels"]
    with WebPushFake(channel["public_key"]) as service:
        id = receiving.add(directory, "phone", None, "duty")["device"]["id"]
        receiving.wish(directory, id, {"categories": ["flood"], "severity": "unknown", "budget": 3})
        house.change(INCIDENT, at("10:00"), POSSIBLE)
        house.turn(at("10:00"))
        assert [each["kind"] for each in receiving.history(directory, id, 50, None)["alerts"]] == ["possible"]
        browser = service.browser()
        moved = receiving.move(directory, id, channel["name"], browser.subscription)
        assert (moved["push"], moved["reachable"], len(moved["readers"])) == (True, True, 2)
        assert moved["rule"]["channels"] == [{"channel": "webpush", "recipient": moved["reader"]}]
        house.change(INCIDENT, at("10:10"), CONFIRMED)
        house.turn(at("10:10"))
        house.change(INCIDENT, at("11:00"), CLOSED, reason="silent")
        house.turn(at("11:00"))
        told = receiving.history(directory, id, 50, None)["alerts"]
        assert [each["kind"] for each in told] == [
            "all-clear",
            "upgrade",
            "possible",
        ]  # not told of it as if it were new
        assert {each["reader"] for each in told} == set(moved["readers"])
        as_of_now(directory)
        tell(tmp_path, directory.configuration, None, lambda: len(service.received) >= 2)
        assert [each["kind"] for each in service.received] == ["upgrade", "all-clear"]
        assert {each["tag"] for each in service.received} == {INCIDENT}
        said = receiving.say(directory, id, service.received[0]["id"], False)
        assert said["precision"]["all"]["of"] == 1
        back = receiving.move(directory, id, "page", "")
        assert (back["push"], back["reader"]) == (False, moved["readers"][1])
        receiving.leave(directory, id)
        connection = directory.ledger.store.connection
        assert list(alerting.sent(connection, 0, 1 << 62, 10)) == []
        assert alerting.readers(connection) == {}
    directory.close()


def as_of_now(directory: Directory) -> None:
    """What waits was decided at this moment: a day later it would be given up."""
    with directory.ledger.store.transaction() as connection:
        connection.execute("UPDATE outbox_deliveries SET added_us = ?", (SystemClock().now_us(),))


def test_what_is_no_subscription_changes_nothing(desk: Desk) -> None:
    token = desk.join().json()["token"]
    before = desk.ask("GET", "/mine", token).json()
    keys = {"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}  # fmt: skip
    for address in (
        "x", "{}", "[" * 3_000, "\u0000", json.dumps({"endpoint": "https://169.254.169.254/x", "keys": keys}),
        json.dumps({"endpoint": "http://fcm.googleapis.com/x", "keys": keys}),
        json.dumps({"endpoint": "https://evil.example/x", "keys": keys}),
    ):  # fmt: skip
        said = desk.ask("PUT", "/mine/address", token, json={"channel": "webpush", "address": address})
        assert said.status_code == 400, address
    assert desk.ask("PUT", "/mine/address", token, json={"channel": "nowhere", "address": "x"}).status_code in (
        400,
        404,
    )
    assert desk.ask("GET", "/mine", token).json() == before
    assert Recipient("page", "x").mark not in before["readers"]
