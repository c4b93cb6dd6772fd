"""The routes that S0's programs ask: each of its table, with any source's name and any word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.running import ingest, lapwing, lines, status
from lapwing import config
from lapwing.app import in_force
from lapwing.app.alive import alive
from lapwing.serving.shapes import Post
from serving.asking import asked

SOURCE = "mastodon.au-2"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Three days of storms, and posts in other scripts."""
    folder = tmp_path_factory.mktemp("seeds")
    posts = [
        status(1, "storm front", created_at="2024-06-01T00:00:00Z"),
        status(2, "storm surge", created_at="2024-06-02T23:59:59.999Z"),
        status(3, "storm over", created_at="2024-06-03T00:00:00Z"),
        status(4, "大雨で東京の川が増水", language="ja", created_at="2024-06-02T08:00:00Z"),
        status(5, "Straße überflutet", language="de", created_at="2024-06-02T09:00:00Z"),
        status(6, "banjir di #Jakarta", language="id", created_at="2024-06-02T10:00:00Z"),
    ]
    assert ingest(folder / "data", "--source", SOURCE, lines(folder / "a.ndjson", *posts)).code == 0
    assert ingest(folder / "data", "--source", "other", lines(folder / "b.ndjson", status(7, "storm"))).code == 0
    with asked(folder / "data") as client:
        yield client


def numbers(answer: httpx.Response) -> list[int]:
    """Which posts; each in the shape that is documented."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return [int(Post(**post).uid.rpartition("/")[2]) for post in answer.json()]


def test_retrieve_gives_all_posts_of_a_source(client: httpx.Client) -> None:
    assert numbers(client.get(f"/retrieve/{SOURCE}")) == [3, 2, 6, 5, 4, 1]
    assert numbers(client.get("/retrieve/other")) == [7]


def test_retrieve_of_what_there_is_not(client: httpx.Client) -> None:
    answer = client.get("/retrieve/othre")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "no source or collection is called 'othre'"
    assert answer.json()["next_step"] == "did you mean 'other'?"


PAUSED = '[[source]]\ntype = "mastodon"\nname = "aus.social"\nurl = "http://127.0.0.1:9"\npaused = true\n'


def test_a_source_that_is_configured_and_was_not_heard_yet_answers_empty(data_dir: Path) -> None:
    """So it is where `up` runs, too, whose API is handed no sources: they change without a new start of it."""
    with alive(data_dir, "up-1"), asked(data_dir) as client:
        assert client.get("/api/v1/posts?source=aus.social").status_code == 400
        in_force.keep(data_dir, "up-1", config.parse(PAUSED, environment={}))
        assert client.get("/api/v1/posts?source=aus.social").json() == {"posts": [], "next": None}
        assert numbers(client.get("/search/aus.social/keyword/storm")) == []
        assert client.get("/wordcloud/aus.social/keyword/storm").json() == {}
        assert client.get("/retrieve/aus.social").json() == []
        assert client.get("/retrieve/aus.socia").json()["next_step"] == "did you mean 'aus.social'?"
        printed = lapwing(data_dir, "posts", "--source", "aus.social", "--json")
        assert (printed.code, printed.out) == (0, b'{"posts":[],"next":null}\n'), printed.err


SEARCHES = {
    "storm": [3, 2, 1],
    "storm/size/2": [3, 2],
    "storm/start/2024-06-01/end/2024-06-02": [2, 1],  # the end day is inside, to its last moment
    "storm/start/2024-06-02/end/2024-06-02": [2],
    "storm/start/2024-06-01/end/2024-06-03/size/1": [3],
    "storm/start/2024-06-04/end/9999-12-31": [],
    "東京": [4],
    "増水": [4],
    "straße": [5],
    "überflutet/start/2024-06-02/end/2024-06-02/size/5": [5],
    "%23Jakarta": [6],
    "jakarta": [6],
    "storm surge": [2],
    "surge storm": [],
    '"storm': [3, 2, 1],  # signs of the query language are none here
    "storm*": [3, 2, 1],
    "stor*": [],
    "nothing": [],
}


@pytest.mark.parametrize(("path", "found"), SEARCHES.items())
def test_search(client: httpx.Client, path: str, found: list[int]) -> None:
    assert numbers(client.get(f"/search/{SOURCE}/keyword/{path}")) == found


CLOUDS: dict[str, dict[str, int]] = {
    "storm": {"storm": 3, "front": 1, "surge": 1},
    "storm/size/1": {"storm": 3},
    "storm/start/2024-06-02/end/2024-06-02": {"storm": 1, "surge": 1},
    "storm/start/2024-06-01/end/2024-06-02/size/1": {"storm": 2},
    "nothing": {},
}


@pytest.mark.parametrize(("path", "counted"), CLOUDS.items())
def test_word_cloud(client: httpx.Client, path: str, counted: dict[str, int]) -> None:
    answer = client.get(f"/wordcloud/{SOURCE}/keyword/{path}")
    assert answer.status_code == 200
    assert answer.json() == counted
    assert list(answer.json().values()) == sorted(counted.values(), reverse=True)


def test_word_cloud_of_another_script(client: httpx.Client) -> None:
    words: dict[str, Any] = client.get(f"/wordcloud/{SOURCE}/keyword/東京").json()
    assert words["東京"] == 1


WRONG = {
    "/search/nobody/keyword/storm": (404, "no source is called 'nobody'"),
    "/wordcloud/nobody/keyword/storm/size/3": (404, "no source is called 'nobody'"),
    f"/search/{SOURCE}/keyword/!!!": (400, "query, column 2: '!!!' has no letters or digits to look for"),
    f"/search/{SOURCE}/keyword/storm/start/2024-06-02/end/2024-06-01": (
        400,
        "start 2024-06-02 is after end 2024-06-01",
    ),
    f"/search/{SOURCE}/keyword/storm/start/2024-02-30/end/2024-06-01": (400, "start: there is no day 2024-02-30"),
    f"/search/{SOURCE}/keyword/storm/start/soon/end/later": (400, "start: there is no day soon"),
    f"/search/{SOURCE}/keyword/storm/size/0": (422, None),
    f"/search/{SOURCE}/keyword/storm/size/many": (422, None),
    f"/search/{SOURCE}/keyword": (404, None),
}


@pytest.mark.parametrize(("path", "told"), WRONG.items())
def test_a_wrong_question_is_told(client: httpx.Client, path: str, told: tuple[int, str | None]) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (told[0], "application/problem+json")
    assert told[1] in (None, answer.json()["detail"])
