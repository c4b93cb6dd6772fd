"""Exports: everything that matches, page by page, in constant memory, safe to open."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from cli.running import HOUR, ingest, lines, status
from lapwing.app.front import DirectoryFront
from lapwing.contracts import Page
from lapwing.serving.api import create
from lapwing.serving.exports import PAGE_ROWS
from serving.asking import asked, serving

MANY = 20_000


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,503 posts, three to a second, the last in Perth; one that a spreadsheet would take for a formula."""
    folder = tmp_path_factory.mktemp("heard")
    posts = [
        status(number, f"storm number{number}", uri=f"https://a.example/posts/{number}") for number in range(2_501)
    ]
    posts.append(status(9_000, "Flooded street in Perth, Australia"))
    assert ingest(folder / "data", lines(folder / "here.ndjson", *posts)).code == 0
    table = folder / "there.csv"
    table.write_text("tweet_id,text,created_at,user\n7,=HYPERLINK(0),2024-06-01T10:00:30Z,@ada\n")
    assert ingest(folder / "data", table).code == 0
    return folder / "data"


@pytest.fixture(scope="module")
def client(heard: Path) -> Iterator[httpx.Client]:
    with asked(heard) as client:
        yield client


def pages(client: httpx.Client, name: str, query: str = "", limit: int = 700) -> list[dict[str, Any]]:
    """All rows, page by page."""
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        answer = client.get(f"/api/v1/{name}?{query}&limit={limit}{after}").json()
        rows += answer[name]
        if answer["next"] is None:
            return rows
        after = f"&after={answer['next']}"


def ndjson(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def table(client: httpx.Client, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_an_export_is_all_pages(client: httpx.Client) -> None:
    exported = ndjson(client, "/api/v1/posts?format=ndjson")
    assert len(exported) == 2_503
    assert len({post["uid"] for post in exported}) == 2_503
    assert exported == pages(client, "posts")
    uids = [post["uid"] for post in exported]
    assert [row["uid"] for row in table(client, "/api/v1/posts?format=csv")] == uids


def test_a_limit_ends_an_export_and_filters_narrow_it(client: httpx.Client) -> None:
    assert len(ndjson(client, f"/api/v1/posts?format=ndjson&limit={PAGE_ROWS + 1}")) == PAGE_ROWS + 1
    assert len(table(client, "/api/v1/posts?format=csv&limit=7")) == 7
    (one,) = ndjson(client, "/api/v1/posts?format=ndjson&q=number2500")
    assert one["text"] == "storm number2500"
    first = client.get("/api/v1/posts?limit=2500").json()
    assert len(ndjson(client, f"/api/v1/posts?format=ndjson&after={first['next']}")) == 3


def test_counts_and_places_and_words_go_out_too(client: httpx.Client) -> None:
    for name in ("counts", "places"):
        assert ndjson(client, f"/api/v1/{name}?format=ndjson") == pages(client, name, limit=2)
    perth = table(client, "/api/v1/counts?format=csv&country=AU")
    cells = ("place_id", "place_name", "country", "posts", "complete", "processed")
    assert [[row[cell] for cell in cells] for row in perth] == [["2063523", "Perth", "AU", "1", "", "True"]]
    assert table(client, "/api/v1/words?format=csv&limit=1") == [{"word": "storm", "count": "2501"}]
    assert [row["name"] for row in table(client, "/api/v1/places?format=csv")] == ["Perth"]


def test_no_cell_is_a_formula(client: httpx.Client) -> None:
    (row,) = table(client, "/api/v1/posts?format=csv&source=there")
    assert row["text"] == "'=HYPERLINK(0)"
    for post in table(client, "/api/v1/posts?format=csv"):
        assert not [cell for cell in post.values() if cell.startswith(("=", "+", "-", "@"))]


def test_a_wrong_question_is_told_before_the_export_begins(client: httpx.Client) -> None:
    answer = client.get("/api/v1/posts?format=csv&source=nobody")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_dead_letters_go_out_with_their_records(tmp_path: Path) -> None:
    data = tmp_path / "data"
    broken = [status(number, created_at="never") for number in range(250)]
    ingest(data, lines(tmp_path / "a.ndjson", status(999), *broken, b"=1+1", b"\xff"))
    with asked(data) as client:
        letters = ndjson(client, "/api/v1/errors/export")
        assert [letter["id"] for letter in letters] == list(range(252, 0, -1))
        assert [letter["record"] for letter in letters[:3]] == [
            {"base64": "/w=="},
            "=1+1",
            broken[-1].decode(),
        ]
        rows = table(client, "/api/v1/errors/export?format=csv&limit=2")
        assert [row["record"] for row in rows] == ["/w==", "'=1+1"]


class Watched:
    """A front whose third page waits until somebody has the first bytes."""

    def __init__(self, front: DirectoryFront) -> None:
        self._front = front
        self.pages = 0
        self.waits, self.go_on = Event(), Event()
        self.was_let_go = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._front, name)

    def posts(self, *asked: Any, **more: Any) -> Page:
        self.pages += 1
        if self.pages == 3:
            self.waits.set()
            self.was_let_go = self.go_on.wait(30)
        return self._front.posts(*asked, **more)


def test_pages_are_read_as_they_go_out_and_hold_nothing_between(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ingest(data, lines(tmp_path / "many.ndjson", *(status(number, f"storm {number}") for number in range(MANY))))
    with DirectoryFront(data) as front:
        watched = Watched(front)
        with serving(create(watched)) as client, client.stream("GET", "/api/v1/posts?format=ndjson") as answer:  # type: ignore[arg-type]
            body = answer.iter_bytes()
            first = next(body)
            assert watched.waits.wait(30)
            assert watched.pages == 3
            assert nobody_reads(data)
            watched.go_on.set()
            rest = b"".join(body)
    assert watched.was_let_go
    assert (first + rest).count(b"\n") == MANY
    assert MANY // PAGE_ROWS <= watched.pages <= MANY // PAGE_ROWS + 1


def nobody_reads(data: Path) -> bool:
    """Whether no transaction keeps the write-ahead log from being emptied."""
    (file,) = (data / "ledger").glob("generation-*.sqlite")
    connection = sqlite3.connect(file)
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return busy == 0
    finally:
        connection.close()


def test_who_leaves_in_the_middle_costs_nothing_more(heard: Path) -> None:
    with DirectoryFront(heard) as front:
        watched = Watched(front)
        with serving(create(watched)) as client:  # type: ignore[arg-type]
            with client.stream("GET", "/retrieve/here") as answer:
                next(answer.iter_bytes())
            watched.go_on.set()
            assert client.get("/api/v1/posts", params={"since": f"{HOUR}:00:00Z", "limit": 1}).status_code == 200
