"""Questions over HTTP: the same answers as the command line gives, mistakes told, a budget kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import httpx
import pytest

from cli.running import HOUR, ingest, lapwing, lines, status
from lapwing import config
from lapwing.app.front import DirectoryFront
from lapwing.contracts import Asked, Counting
from lapwing.engine.clock import SystemClock
from lapwing.errors import TooSlow
from lapwing.serving.api import create
from lapwing.serving.security import undeclared
from serving.asking import asked

PERTH = 2063523


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten posts over ten minutes, two about cities, a reply, a boost, one that is no JSON."""
    folder = tmp_path_factory.mktemp("heard")
    posts = [status(60 * number, f"storm number{number}") for number in range(10)]
    posts.append(status(11, "Hagel", in_reply_to_id="1", language="de"))
    posts.append(status(12, "Flooded street in Perth, Australia"))
    posts.append(status(372, "Flooded street in Melbourne, Australia"))
    posts.append(status(13, "", reblog={"uri": "https://a.example/posts/0", "content": "<p>storm</p>"}))
    posts.append(b"{broken")
    assert ingest(folder / "data", lines(folder / "here.ndjson", *posts)).code == 3
    return folder / "data"


@pytest.fixture(scope="module")
def client(heard: Path) -> Iterator[httpx.Client]:
    with asked(heard) as client:
        yield client


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_posts_are_those_of_the_command_line(heard: Path, client: httpx.Client) -> None:
    assert get(client, "/api/v1/posts") == lapwing(heard, "posts", "--json").json
    (post,) = get(client, "/api/v1/posts", q="perth")["posts"]
    assert (post["uid"], post["place"]["id"], post["country"]) == ("https://a.example/posts/12", PERTH, "AU")
    assert post["created_at"] == f"{HOUR}:00:12Z"


FILTERED = {
    "source=here": 14, "network=mastodon": 14, "country=au": 2, "place=Perth": 1, "place=Perth&place=Melbourne": 2,
    "lang=de": 1, "kind=reply": 1, "kind=reply&kind=repost": 2, f"since={HOUR}:09:00Z": 1, f"until={HOUR}:00:00Z": 0,
    "q=storm&limit=3": 3, "q=flooded+-perth": 1, "q=storm+OR+hagel": 12, "q=number*": 10,
}  # fmt: skip


@pytest.mark.parametrize(("query", "count"), FILTERED.items())
def test_filters_are_those_of_the_command_line(client: httpx.Client, query: str, count: int) -> None:
    assert len(get(client, f"/api/v1/posts?{query}")["posts"]) == count


def test_counts(client: httpx.Client) -> None:
    told = {"people_exact": True, "complete": None, "processed": True, "gaps": []}
    perth = {"id": PERTH, "name": "Perth", "country": "AU"}
    row = {"window": f"{HOUR}:00:00Z", "place": perth, "posts": 1, "reposts": 0, "people": 1} | told
    assert get(client, "/api/v1/counts", place="Perth") == {"counts": [row], "next": None}
    rows = get(client, "/api/v1/counts", by="none")["counts"]
    # 10:00 to 10:05: five storms, the reply, Perth; a boost. 10:05 to 10:10: five storms, Melbourne.
    assert [(each["posts"], each["reposts"]) for each in rows] == [(7, 1), (6, 0)]
    (whole,) = get(client, "/api/v1/counts", by="country", window="all", country="AU")["counts"]
    assert (whole["country"], whole["posts"]) == ("AU", 2)


@pytest.mark.parametrize("query", ["", "window=1h", "by=country", "by=none", "window=all", "top=1&bottom=1", "top=2"])
def test_pages_of_counts_are_the_command_lines_rows(heard: Path, client: httpx.Client, query: str) -> None:
    words = [f"--{part}" for part in query.split("&") if part]
    rows, after = [], None
    while True:
        page = get(client, f"/api/v1/counts?{query}&limit=1" + (f"&after={after}" if after else ""))
        rows += page["counts"]
        after = page["next"]
        if after is None:
            break
    assert rows == lapwing(heard, "counts", "--json", *words).json
    assert rows == get(client, f"/api/v1/counts?{query}")["counts"]


def test_words_and_places_and_status(client: httpx.Client) -> None:
    assert get(client, "/api/v1/words", limit=1) == {"words": [{"word": "storm", "count": 11}]}
    first = get(client, "/api/v1/places", limit=1)
    (perth,) = first["places"]
    assert (perth["id"], perth["name"], perth["posts"], perth["reposts"], perth["people"]) == (PERTH, "Perth", 1, 0, 1)
    (melbourne,) = get(client, "/api/v1/places", limit=1, after=first["next"])["places"]
    assert (melbourne["name"], round(melbourne["latitude"])) == ("Melbourne", -38)
    found = get(client, "/api/v1/status")["accounting"]
    assert (found["received"], found["stored"], found["refused"]) == (15, 14, 1)


MISTAKES = {
    "/api/v1/posts?q=%22hail": (400, "query, column 1: this quotation mark has no partner"),
    "/api/v1/posts?q=storm+(": (400, "query, column 8: a word is missing here"),
    "/api/v1/posts?source=hera": (400, "no source is called 'hera'"),
    "/api/v1/posts?since=soon": (400, "since: 'soon' is not a time"),
    "/api/v1/posts?country=UK": (400, "country: no country has the code 'UK'"),
    "/api/v1/posts?place=Prth": (400, "no city is called 'Prth'"),
    "/api/v1/posts?kind=shout": (400, "no kind of post is called 'shout'"),
    "/api/v1/posts?after=xyz": (400, "cursor 'xyz' is not one that we gave"),
    "/api/v1/posts?limit=20000": (
        422,
        "limit: 20000 is more than the 10000 rows of a page; follow `next` from page to page, or take an export",
    ),
    "/api/v1/counts?window=7m": (400, "window: 7m is not a multiple of 5m"),
    "/api/v1/counts?after=xyz": (400, "cursor 'xyz' is not one that we gave"),
    "/api/v1/posts?limit=0": (422, "limit: '0' is less than 1"),
    "/api/v1/posts?sorce=here": (422, "sorce: there is no such parameter; did you mean source?"),
    "/api/v1/counts?by=mood": (422, "by: 'mood' is none of place, country, none"),
    "/api/v1/errors/99": (404, "no dead letter is called '99'"),
    "/api/v2/posts": (404, "there is nothing at /api/v2/posts"),
    "/api/v1/posts/": (404, "there is nothing at /api/v1/posts/"),
}


@pytest.mark.parametrize(("path", "told"), MISTAKES.items())
def test_a_mistake_is_told(client: httpx.Client, path: str, told: tuple[int, str]) -> None:
    answer = client.get(path)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (told[0], "application/problem+json")
    assert (problem["status"], problem["detail"]) == told
    assert problem["type"] == "about:blank"
    assert problem.get("next_step") or told[0] == 404


def test_a_mistake_in_a_query_has_its_column_and_a_next_step(client: httpx.Client) -> None:
    problem = client.get("/api/v1/words", params={"q": "(storm"}).json()
    assert (problem["column"], problem["next_step"]) == (1, "add one that closes")


@pytest.mark.parametrize(
    ("path", "there_are"),
    [("posts", "GET, HEAD"), ("devices", "DELETE, POST"), ("rules/x", "DELETE, PUT"), ("errors/retry-all", "POST")],
)
def test_a_method_that_there_is_not(client: httpx.Client, path: str, there_are: str) -> None:
    answer = client.patch(f"/api/v1/{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, there_are)
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_other_site_may_read(client: httpx.Client) -> None:
    answer = client.get("/api/v1/status", headers={"Origin": "https://b.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_pages_stay_as_they_are_while_posts_arrive(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ingest(data, lines(tmp_path / "a.ndjson", *(status(10 * number) for number in range(10, 20))))
    with asked(data) as client:
        page = get(client, "/api/v1/posts", limit=4)
        newer_and_older = [status(300), status(5), status(165)]  # the last belongs between those that were given out
        ingest(data, lines(tmp_path / "b.ndjson", *newer_and_older))
        uids = [post["uid"] for post in page["posts"]]
        while page["next"]:
            page = get(client, "/api/v1/posts", limit=4, after=page["next"])
            uids += [post["uid"] for post in page["posts"]]
    seconds = [int(uid.rpartition("/")[2]) for uid in uids]
    assert seconds == [190, 180, 170, 160, 150, 140, 130, 120, 110, 100, 5]


def test_dead_letters_are_shown_mended_and_read_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ingest(data, lines(tmp_path / "a.ndjson", status(1), b"one", b"two", b"\xffthree"))
    with asked(data) as client:
        first = get(client, "/api/v1/errors", limit=2)
        (last,) = get(client, "/api/v1/errors", limit=2, after=first["next"])["errors"]
        assert [letter["id"] for letter in [*first["errors"], last]] == [3, 2, 1]
        assert get(client, "/api/v1/errors", reason="nothing like it")["errors"] == []
        letter = get(client, "/api/v1/errors/1")
        assert (letter["record"], letter["source"], letter["offset"]) == ("one", "a", 1)
        assert get(client, "/api/v1/errors/3")["record"] == {"base64": "/3RocmVl"}
        mended = client.post("/api/v1/errors/1/retry", content=status(2, "mended now"))
        assert mended.json() == {"moved": 1, "refused": 0}
        assert client.post("/api/v1/errors/1/retry").json() == {"moved": 0, "refused": 0}
        assert client.post("/api/v1/errors/retry-all").json() == {"moved": 0, "refused": 2}
        assert client.post("/api/v1/errors/9/retry").status_code == 404
        assert client.post("/api/v1/errors/2/retry", content=b"x" * (1 << 20 | 1)).status_code == 413
        assert len(get(client, "/api/v1/posts", q="mended")["posts"]) == 1
        assert get(client, "/api/v1/status")["accounting"]["refused"] == 2


def test_healthy_and_ready(client: httpx.Client) -> None:
    assert get(client, "/healthz") == {"status": "ok"}
    assert get(client, "/readyz") == {"status": "ready"}


def test_the_page_of_the_api_names_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs").text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) == 4
    assert re.search(r"<script(?! src=)|style=| on\w+=", page) is None
    for text in [page, client.get("/docs/start.js").text]:
        assert re.search(r"//|https?:", text) is None
    for name in files:
        assert name.startswith("/docs/")
        assert client.get(name).status_code == 200
    style = client.get("/docs/swagger-ui.css").text
    assert set(re.findall(r"url\(.{6}", style)) <= {'url("data:', "url(data:i", "url(data:a"}


def test_every_route_is_documented_and_says_who_may_ask(heard: Path, client: httpx.Client) -> None:
    document = get(client, "/openapi.json")
    paths = {path for path in document["paths"] if path.startswith(("/api/", "/healthz", "/readyz"))}
    assert {f"/api/v1/{name}" for name in ("posts", "counts", "words", "places", "status", "errors")} < paths
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for code, answer in operation["responses"].items():
                if code != "200":
                    assert answer["content"] == {"application/problem+json": problem}, (path, method, code)
    older = get(client, "/docs/openapi.json")
    assert older["openapi"].startswith("3.0.")
    assert "null" not in re.findall(r'"type": ?"(\w+)"', str(older).replace("'", '"'))
    with DirectoryFront(heard) as front:
        assert undeclared(create(front)) == []


def test_a_question_that_takes_too_long_is_given_up_and_told(heard: Path) -> None:
    with asked(heard, budget="1ms") as client:
        answer = client.get("/api/v1/words")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["detail"] == "the question was given up after 0.001 s"
        assert answer.json()["next_step"].startswith("narrow it: since and until, a source, a place")
        assert len(client.get("/api/v1/posts?format=ndjson").text.splitlines()) == 14  # an export has time


class Ticking:
    """A clock that goes on by 0.6 s whenever somebody looks."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic_s(self) -> float:
        self.looks += 1
        return self.looks * 0.6

    now_us = SystemClock.now_us
    sleep = SystemClock.sleep


def test_what_is_given_up_stops_and_frees_its_thread(heard: Path) -> None:
    clock = Ticking()
    with DirectoryFront(heard, clock=clock) as front:  # type: ignore[arg-type]
        with pytest.raises(TooSlow):
            front.interactive(lambda: front.words(Asked(), "storm", 5)).result(30)
        assert clock.looks == 3  # when it was asked, when it began, and at the first block; not at the end
        with pytest.raises(TooSlow):
            front.interactive(lambda: front.counts(Asked(lang=("en",)), Counting(), 5)).result(30)
        assert clock.looks == 6
        assert front.patient(lambda: front.words(Asked(), "storm", 1)).result(30).rows[0]["word"] == "storm"


class ByHand(SystemClock):
    """Goes on when it is told to."""

    at_s = 0.0

    def monotonic_s(self) -> float:
        return self.at_s


def test_who_waits_in_line_longer_than_the_budget_is_told(heard: Path) -> None:
    all_hold, let_go, clock = Barrier(5), Event(), ByHand()

    def hold() -> None:
        all_hold.wait(30)
        let_go.wait(30)

    settings = config.parse('[serve]\nquery_budget = "50ms"', environment={})
    with DirectoryFront(heard, settings, clock) as front:
        busy = [front.interactive(hold) for _ in range(4)]
        all_hold.wait(30)
        late = front.interactive(lambda: "too late")
        clock.at_s = 0.1
        let_go.set()
        with pytest.raises(TooSlow):
            late.result(30)
        for question in busy:
            with pytest.raises(TooSlow):
                question.result(30)
        assert front.interactive(lambda: "free").result(30) == "free"


@pytest.mark.parametrize(
    "path", ["/api/v1/posts", "/api/v1/counts", "/api/v1/places", "/api/v1/words", "/api/v1/errors"]
)
def test_a_directory_without_posts_answers_too(tmp_path: Path, path: str) -> None:
    with asked(tmp_path / "new") as client:
        name = path.rpartition("/")[2]
        assert get(client, path)[name] == []
        assert client.get(path, params={"format": "ndjson"}).text == ""
