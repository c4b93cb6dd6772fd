"""What is refused is refused in plain words: what is wrong where, and what there is instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cli.running import ingest, lines, status
from lapwing import config
from lapwing.app.front import DirectoryFront
from lapwing.serving.api import create
from lapwing.serving.wording import told
from serving.asking import serving

SETTINGS = """
[[collection]]
name = "quakes"
topic = "quakes"
key = "id"

[[table]]
name = "income"
file = "income.csv"
key = "code"
name_column = "city"
country = "AU"
population = "people"
"""
INCOME = "code,city,people,=income\n1,Perth,1000,50\n2,Melbourne,4000,60\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("refusals")
    posts = [status(1, "A storm over Perth"), status(2, "Rain in Sydney, Australia"), status(3, "nowhere")]
    assert ingest(folder / "data", lines(folder / "here.ndjson", *posts)).code == 0
    (folder / "income.csv").write_text(INCOME)
    settings = config.parse(SETTINGS, file=str(folder / "lapwing.toml"), environment={})
    with DirectoryFront(folder / "data", settings) as front, serving(create(front)) as client:
        yield client


@pytest.mark.parametrize(
    ("mistake", "what"),
    [
        ({"type": "missing", "loc": ("header", "x")}, "it is missing"),
        ({"type": "int_parsing", "loc": ("query", "limit"), "input": "ten"}, "'ten' is no whole number"),
        (
            {"type": "less_than_equal", "loc": ("query", "top"), "input": "900", "ctx": {"le": 100}},
            "'900' is more than 100",
        ),
        (
            {"type": "extra_forbidden", "loc": ("query", "wher"), "input": ""},
            "there is no such parameter; did you mean where?",
        ),
        (
            {"type": "extra_forbidden", "loc": ("query", "zz"), "input": ""},
            "there is no such parameter; there are where, when",
        ),
        ({"type": "something_new", "loc": ("query", "q"), "msg": "as pydantic says"}, "as pydantic says"),
    ],
)
def test_every_kind_of_mistake_in_plain_words(mistake: dict[str, Any], what: str) -> None:
    assert told(mistake, ["where", "when"]) == {"where": mistake["loc"][1], "what": what}


def test_a_path_that_names_nothing_offers_what_its_route_has(client: httpx.Client) -> None:
    one = client.get("/api/v1/collections/quake").json()
    assert (one["status"], one["detail"]) == (404, "no collection is called 'quake'")
    assert one["next_step"] == "did you mean 'quakes'?"
    other = client.get("/api/v1/collections/x").json()
    assert other["next_step"] == "known: quakes"  # and not the sources, which are not asked here
    both = client.get("/retrieve/x").json()
    assert (both["detail"], both["next_step"]) == (
        "no source or collection is called 'x'",
        "known: bluesky, here, quakes",
    )
    assert client.get("/retrieve/quakes").json() == []


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/api/v1/posts", "/api/v1/posts?format=csv", "/retrieve/here", "/docs", "/api/v1/posts?limit=0"],
)
def test_head_says_what_get_would_without_a_body(client: httpx.Client, path: str) -> None:
    asked, got = client.head(path), client.get(path)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "content-disposition"):
        assert asked.headers.get(name) == got.headers.get(name)


def test_head_of_what_is_only_posted(client: httpx.Client) -> None:
    answer = client.head("/api/v1/errors/1/retry")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_counts_beside_a_table(client: httpx.Client) -> None:
    asked = {"window": "all", "with": "income", "sort": "posts"}
    rows = client.get("/api/v1/counts", params=asked).json()["counts"]
    beside = {(row["place"] or {}).get("name"): row["with"] for row in rows}
    perth = {"code": 1, "city": "Perth", "people": 1000, "=income": 50, "per_1000": 1.0}
    assert beside == {"Perth": perth, "Sydney": None, None: None}
    heading, *cells = client.get("/api/v1/counts", params=asked | {"format": "csv"}).text.splitlines()
    assert heading.endswith(",with.code,with.city,with.people,with.=income,with.per_1000")
    (line,) = [line for line in cells if "Perth" in line]
    assert line.endswith(",1,Perth,1000,50,1.0")
    unknown = client.get("/api/v1/counts", params={"with": "incomes"})
    assert (unknown.status_code, unknown.json()["next_step"]) == (400, "did you mean 'income'?")
    assert "with" not in client.get("/api/v1/counts").json()["counts"][0]


def test_the_documents_parameters_are_those_that_a_mistake_offers(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/api/v1/words"]["get"]
    names = [each["name"] for each in operation["parameters"]]
    what = client.get("/api/v1/words?zzz=1").json()["errors"][0]["what"]
    assert what == "there is no such parameter; there are " + ", ".join(names)
