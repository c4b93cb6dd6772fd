"""The whole flow of a Mastodon and income backend: handed in, searched, made into observations, kept, joined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lapwing
from cli.running import lapwing as command
from cli.running import status
from examples.running_up import eventually, up
from lapwing.testing.networks import MastodonFake

EXAMPLES = Path(__file__).parents[2] / "examples"
JSON = {"content-type": "application/json"}


@contextmanager
def harvested() -> Iterator[tuple[MastodonFake, dict[str, str]]]:
    """Two servers that know each other's posts, and what makes the example ask them often."""
    with MastodonFake("mastodon.au", seed=1) as first, MastodonFake("aus.social", seed=2) as second:
        first.federate(second)
        settings = {
            f"LAPWING__SOURCE__{name}__{key}": value
            for name, fake in (("MASTODON_AU", first), ("AUS_SOCIAL", second))
            for key, value in (("URL", fake.url), ("EVERY", "5s"))
        }
        yield first, settings


@pytest.mark.full
@pytest.mark.timeout(240)
def test_what_is_said_is_harvested_and_goes_the_whole_way(tmp_path: Path) -> None:
    with harvested() as (fake, settings), up(EXAMPLES / "s0_backend.toml", tmp_path / "data", **settings) as client:

        def live() -> bool:
            found = client.get("/api/v1/status").json()["listening"]
            return len(found) == 2 and all(source["state"] == "live" for source in found)

        eventually(live)
        (storm,) = fake.say(1, text="A storm over Perth, Australia")
        fake.say(1, text="Nothing anywhere")
        documents = eventually(lambda: client.get("/retrieve/observations").json())
        assert [(each["id"], each["place"]) for each in documents] == [(storm, "Perth")]
        eventually(lambda: client.get("/api/v1/status").json()["accounting"]["received"] >= 4)
        status_ = client.get("/api/v1/status").json()
        assert status_["accounting"]["stored"] == 2, "what both servers know is one post"
        (hit,) = client.get("/api/v1/posts", params={"q": "storm"}).json()["posts"]
        assert sorted(hit["sightings"]) == ["aus.social", "mastodon.au"]
        assert len(client.get("/search/mastodon.au/keyword/storm").json()) == 1


@pytest.mark.full
@pytest.mark.timeout(240)
def test_the_whole_flow(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with harvested() as (_, settings), up(EXAMPLES / "s0_backend.toml", data, **settings) as client:
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
