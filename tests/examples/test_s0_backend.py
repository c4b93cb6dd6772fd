"""The whole flow of a Mastodon and income backend: handed in, searched, made into observations, kept, joined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lapwing
from cli.running import lapwing as command
from cli.running import status
from examples.running_up import eventually, up

EXAMPLES = Path(__file__).parents[2] / "examples"
JSON = {"content-type": "application/json"}


@pytest.mark.timeout(240)
def test_the_whole_flow(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(EXAMPLES / "s0_backend.toml", data) as client:
        posts = [status(1, "A storm over Perth, Australia"), status(2, "Another storm, Perth, Australia"), status(3)]
        for post in posts:
            assert client.post("/enqueue/raw.mastodon", content=post, headers=JSON).status_code == 202
        poisoned = {"lga_code_2021": "57080", "median_aud": "a lot"}
        for record in ({"lga_code_2021": "20660", "median_aud": "1391"}, poisoned):
            assert client.post("/enqueue/income", json=record).status_code == 202

        found = eventually(
            lambda: len(client.get("/retrieve/observations").json()) == 3 and client.get("/retrieve/observations")
        )
        observations = {each["id"]: each for each in found.json()}
        assert observations["income/20660"]["median_aud"] == 1391
        assert observations["https://a.example/posts/1"]["place"] == "Perth"

        page = client.get("/api/v1/collections/observations?q=storm&limit=1").json()
        assert page["documents"][0]["document"]["text"] == "Another storm, Perth, Australia"
        assert client.get("/api/v1/collections/observation").status_code == 404
        eventually(lambda: client.get("/api/v1/status").json()["accounting"]["stored"] == 3)
        hits = client.get("/search/http/keyword/storm/start/2024-06-01/end/2024-06-01/size/10").json()
        assert len(hits if isinstance(hits, list) else hits["posts"]) == 2
        assert "perth" in client.get("/wordcloud/http/keyword/storm").text.lower()
        assert len(client.get("/retrieve/http").json()) == 3
        failures = eventually(lambda: list(lapwing.consume("errors", data=data, follow=False)))

    (failure,) = failures
    assert failure["function"] == "incomeprocessor"
    assert "invalid literal for int()" in failure["reason"]
    assert "57080" in json.dumps(failure["record"])

    (shown,) = command(data, "errors", "failures", "--function", "incomeprocessor", "--json").json
    assert (shown["reason"], shown["topic"]) == (failure["reason"], "income")
    rows = command(
        data, "--config", EXAMPLES / "s0_backend.toml", "counts", "--with", "income", "--window", "all", "--json"
    ).json
    perth = next(row for row in rows if row["place"] and row["place"]["name"] == "Perth")
    assert perth["posts"] == 2
    assert perth["with"]["median_aud"] in (1234, "1234")
