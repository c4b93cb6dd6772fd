"""Incidents over HTTP: asked for, decided about, and refused to whoever may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from incidents.town import OPENED, fires, look, open_town, rows, tell, turn
from serving.asking import asked

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    directory = open_town(tmp_path)
    tell(directory, fires(9) + fires(4, city=7, first=50))
    look(directory)
    with asked(tmp_path) as client:
        yield client
    while OPENED:
        OPENED.pop().close()


def test_they_are_listed_filtered_and_shown(client: httpx.Client) -> None:
    every = client.get("/api/v1/incidents").json()["incidents"]
    assert sorted((each["state"], each["people"], each["place"]["name"]) for each in every) == [
        ("confirmed", 9, "City 3"),
        ("possible", 4, "City 7"),
    ]
    (only,) = client.get("/api/v1/incidents?state=confirmed&country=AU").json()["incidents"]
    card = client.get(f"/api/v1/incidents/{only['id']}").json()
    assert (len(card["evidence"]), card["history"][0]["kind"]) == (3, "opened")
    first = client.get("/api/v1/incidents?limit=1").json()
    second = client.get("/api/v1/incidents", params={"limit": 1, "after": first["next"]}).json()
    assert second["next"] is None
    assert {first["incidents"][0]["id"], second["incidents"][0]["id"]} == {each["id"] for each in every}
    assert client.get("/api/v1/incidents?format=csv").text.splitlines()[0].startswith("id,state,reason")


def test_they_are_put_on_a_map(client: httpx.Client) -> None:
    answer = client.get("/api/v1/incidents.geojson?state=confirmed")
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [125.0, -30.0]}
    assert (feature["properties"]["people"], feature["properties"]["place"]["name"]) == (9, "City 3")
    first = client.get("/api/v1/incidents.geojson?limit=1").json()
    second = client.get("/api/v1/incidents.geojson", params={"limit": 1, "after": first["next"]}).json()
    assert (len(first["features"]), len(second["features"]), second["next"]) == (1, 1, None)
    assert client.get("/api/v1/incidents.geojson?limit=10001").status_code == 422
    assert client.get("/api/v1/incidents.geojson?format=csv").status_code == 422


def test_one_is_drafted_as_a_cap_alert(client: httpx.Client) -> None:
    (only,) = client.get("/api/v1/incidents?state=confirmed").json()["incidents"]
    answer = client.get(f"/api/v1/incidents/{only['id']}/cap")
    assert answer.headers["content-type"].startswith("application/cap+xml")
    alert = ET.fromstring(answer.content)
    said = {each.tag.removeprefix(CAP): each.text for each in alert.iter()}
    assert alert.tag == f"{CAP}alert"
    assert [said[name] for name in ("status", "event", "severity", "certainty")] == ["Draft", "fire", "Minor", "Likely"]
    assert (said["areaDesc"], said["onset"]) == ("City 3, AU", "2026-01-05T09:10:00-00:00")
    assert said["circle"] == "-30.0,125.0 1.0"
    assert str(said["description"]).startswith("9 independent reports")
    assert client.get("/api/v1/incidents/zzzzzzzzzzzz/cap").status_code == 404


def test_what_there_is_not_is_said(client: httpx.Client) -> None:
    assert client.get("/api/v1/incidents/zzzzzzzzzzzz").status_code == 404
    assert client.post("/api/v1/incidents/zzzzzzzzzzzz/confirm").status_code == 404
    assert client.get("/api/v1/incidents?category=picnic").status_code in (400, 422)
    assert client.get("/api/v1/incidents?state=perhaps").status_code == 422
    assert client.get("/api/v1/incidents?after=%00").status_code in (400, 422)


def test_a_decision_is_taken_up_by_the_stage(client: httpx.Client) -> None:
    small, large = sorted(client.get("/api/v1/incidents").json()["incidents"], key=lambda each: each["people"])
    assert (
        client.post(f"/api/v1/incidents/{small['id']}/merge", json={"into": large["id"]}).json()["accepted"] == "merge"
    )
    assert client.post(f"/api/v1/incidents/{large['id']}/mute").status_code == 200
    turn(OPENED[0], 4)
    now = client.get(f"/api/v1/incidents/{large['id']}").json()
    assert (now["people"], now["muted"]) == (13, True)
    assert client.get(f"/api/v1/incidents/{small['id']}").json()["merged_into"] == large["id"]
    assert rows(OPENED[0], "SELECT count(*) FROM decisions") == [(2,)]
    assert client.post(f"/api/v1/incidents/{large['id']}/unmute").status_code == 200
    turn(OPENED[0], 4)
    assert client.get(f"/api/v1/incidents/{large['id']}").json()["muted"] is False


def test_the_card_says_which_words_decided_and_for_how_many(client: httpx.Client) -> None:
    (large,) = client.get("/api/v1/incidents?state=confirmed").json()["incidents"]
    assert client.get(f"/api/v1/incidents/{large['id']}").json()["words"] == [], (
        "the town's classifier gives no reasons"
    )
    voices = rows(
        OPENED[0], f"SELECT seq FROM evidence JOIN incidents USING (founder) WHERE mark = '{large['id']}' AND voice"
    )
    reasons = ["+smoke · −lol · +roof"] * 3 + ["+smoke"]
    with OPENED[0].ledger.store.connection as connection:
        connection.executemany("UPDATE flagged SET because = ? WHERE seq = ?", [(why, seq) for why, (seq,) in zip(reasons, voices, strict=False)])  # fmt: skip
    words = client.get(f"/api/v1/incidents/{large['id']}").json()["words"]
    assert words == [{"word": "smoke", "people": 4}, {"word": "roof", "people": 3}]
