"""Rules, alerts, feedback and devices over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lapwing import config
from lapwing.app.front import DirectoryFront
from lapwing.serving.api import create
from rules.house import CHANNEL, RULE, House
from rules.stories import MIDNIGHT_US, POSSIBLE, at
from serving.asking import serving

PHONE = """
[[channel]]
type = "fcm"
name = "phones"
account = "file:{folder}/account.json"
"""
TOKEN = "e5f2:APA91b-" + "k3Yz" * 30
INCIDENT = "a00000000000"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    """One alert was sent, of a flood, to the desk."""
    (tmp_path / "account.json").write_text("{}")
    house = House(tmp_path, now_us=MIDNIGHT_US)
    house.change(INCIDENT, at("10:00"), POSSIBLE)
    house.turn(at("10:00"))
    house.directory.close()
    settings = config.parse(CHANNEL + RULE + PHONE.format(folder=tmp_path), environment={})
    with DirectoryFront(tmp_path, settings) as front, serving(create(front)) as client:
        yield client


def ask(api: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    return api.request(method, path, **more)


def test_rules_are_kept_listed_tested_and_removed(api: httpx.Client) -> None:
    said = ask(api, "PUT", "/api/v1/rules/storms", json={"categories": ["storm"], "channels": ["desk"], "budget": 2})
    assert (said.status_code, said.json()["rule"]["budget"], said.json()["hidden_by_file"]) == (200, 2, False)
    assert [each["name"] for each in ask(api, "GET", "/api/v1/rules").json()["rules"]] == ["floods", "storms"]
    path = "/api/v1/rules/floods/test?since=2026-01-05&until=2026-01-06"
    assert ask(api, "POST", path).json()["incidents"] == 1
    assert ask(api, "POST", path.replace("floods", "other"), json={"categories": ["fire"]}).json()["incidents"] == 0
    assert ask(api, "DELETE", "/api/v1/rules/storms").json() == {"removed": "storms"}
    assert ask(api, "DELETE", "/api/v1/rules/storms").status_code == 404
    assert ask(api, "DELETE", "/api/v1/rules/floods").status_code == 400
    assert ask(api, "POST", "/api/v1/rules/nothing/test").status_code == 404


@pytest.mark.parametrize(
    ("point", "heard"), [("-31.95, 115.86", 1), ("-31.95 115.86", 1), ("+0.5,0", 0), ("115.86, -31.95", None)]
)
def test_a_point_is_a_place_latitude_first(point: str, heard: int | None, api: httpx.Client) -> None:
    path = "/api/v1/rules/near/test?since=2026-01-05&until=2026-01-06"
    said = ask(api, "POST", path, json={"places": [point], "radius_km": 30})
    assert said.json().get("incidents") == heard
    assert (said.status_code == 400 and "latitude comes first" in said.text) == (heard is None)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"budget": 0}', b'{"name": "b"}', b'{"channels": ["x"]}', b"\xff"]
)
def test_what_is_no_rule_is_blamed(body: bytes, api: httpx.Client) -> None:
    said = ask(api, "PUT", "/api/v1/rules/a", content=body)
    assert said.status_code in (400, 404)
    assert said.json()["detail"]


def test_alerts_and_what_readers_say(api: httpx.Client) -> None:
    (one,) = ask(api, "GET", "/api/v1/alerts").json()["alerts"]
    assert (one["incidents"], one["kind"], one["delivery"], one["useful"]) == ([INCIDENT], "possible", "waiting", None)
    said = ask(api, "POST", "/api/v1/feedback", json={"alert": one["id"], "useful": False, "reader": one["reader"]})
    assert said.json()["precision"]["all"]["share"] == 0.0
    assert ask(api, "GET", "/api/v1/alerts").json()["alerts"][0]["useful"] is False
    assert ask(api, "POST", "/api/v1/feedback", json={"alert": "x", "useful": True}).status_code == 400
    assert "duty" not in ask(api, "GET", "/api/v1/alerts").text


def test_nobody_registers_where_recipients_are_configured(api: httpx.Client) -> None:
    for method in ("POST", "DELETE"):
        said = ask(api, method, "/api/v1/devices", json={"channel": "desk", "address": "mine"})
        assert (said.status_code, "nobody can register" in said.json()["detail"]) == (400, True)
    assert ask(api, "POST", "/api/v1/devices", json={"channel": "dask", "address": "mine"}).status_code == 400


def test_a_phone_registers_is_told_by_its_mark_and_forgotten(api: httpx.Client) -> None:
    device = {"channel": "phones", "address": TOKEN}
    said = ask(api, "POST", "/api/v1/devices", json=device)
    assert said.status_code == 200
    mark = said.json()["reader"]
    told = {"channels": [{"channel": "phones", "recipient": mark}]}
    assert ask(api, "PUT", "/api/v1/rules/mine", json=told).json()["rule"]["readers"] == 1
    assert TOKEN not in ask(api, "GET", "/api/v1/rules").text
    assert ask(api, "DELETE", "/api/v1/devices", json=device).json() == {"channel": "phones", "reader": mark}
    assert ask(api, "DELETE", "/api/v1/devices", json=device).status_code == 400
    (mine,) = [each for each in ask(api, "GET", "/api/v1/rules").json()["rules"] if each["name"] == "mine"]
    assert (mine["readers"], "knows no such recipient" in mine["problem"]) == (0, True)
