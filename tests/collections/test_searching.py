"""Reading collections: pages that stay stable, hits that are right, exports that are whole; and the command line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest
from collecting_house import House

from cli.running import lapwing
from lapwing.containers.documents import text_of
from lapwing.ledger.sqlite import document_search
from lapwing.text.query import matches, parse

WORDS = ["rain", "snow", "#rain", "raining", "hail", "Sturm", "嵐が来る", "@ada"]
QUERIES = [
    "rain",
    "#rain",
    "rain snow",
    "rain OR hail",
    "-rain",
    "rain -snow",
    '"rain snow"',
    "rai*",
    "ra*",
    "rain (snow OR hail)",
    "(rai* hail) OR sturm",
    "嵐",
    "嵐が",
    "@ada -hail",
    "nothing",
    "snow hail nothing",
]


def fill(house: House, chance: random.Random, count: int) -> None:
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(0, 4))) for _ in range(count)]
    house.put("observations", *(json.dumps({"id": n, "in": [{"text": text}]}) for n, text in enumerate(texts)))
    house.work()


@pytest.mark.parametrize("query", QUERIES)
def test_search_finds_what_matches_and_nothing_else(house: House, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_search, "PAGE_DOCUMENTS", 7)
    fill(house, random.Random(9), 120)
    bodies = house.bodies("seen")
    right = matches(parse(query), pl.Series([text_of(body) for body in bodies]))
    expected = [str(json.loads(body)["id"]) for body, hit in zip(bodies, right, strict=True) if hit]
    assert house.keys("seen", query) == expected


def test_very_many_words(house: House) -> None:
    fill(house, random.Random(9), 50)
    query = " OR ".join(f"w{number}" for number in range(130)) + " OR hail"
    assert house.keys("seen", query) == house.keys("seen", "hail")


def test_names_of_fields_are_no_text(house: House) -> None:
    house.put("observations", '{"id": "a", "rain": "snow", "n": 7}')
    house.work()
    assert house.keys("seen", "rain") == []
    assert house.keys("seen", "snow") == ["a"]


def test_pages_hold_every_document_once_while_more_arrive(house: House) -> None:
    fill(house, random.Random(1), 10)
    first = house.page("seen", limit=4)
    house.put("observations", '{"id": 3, "text": "again"}', '{"id": "new"}')
    house.work()
    second = house.page("seen", limit=4, after=first["next"])
    third = house.page("seen", limit=4, after=second["next"])
    keys = [each["key"] for page in (first, second, third) for each in page["documents"]]
    assert keys == [str(number) for number in reversed(range(10))]
    assert third["next"] is None
    assert house.keys("seen")[0] == "new"


def configuration(folder: Path) -> Path:
    path = folder / "lapwing.toml"
    path.write_text('[[collection]]\nname = "seen"\ntopic = "observations"\nkey = "id"\n', "utf-8")
    return path


def test_the_command_line(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configuration(tmp_path)
    data = tmp_path / "data"
    house.put("observations", '{"id": "a", "text": "rain \\u001b[2J"}', '{"id": "b", "text": "snow"}')
    house.work()
    listed = lapwing(data, "collection", "seen", "list", "--json", "--limit", 1).json
    assert [each["key"] for each in listed["documents"]] == ["b"]
    again = lapwing(data, "collection", "seen", "list", "--json", "--after", listed["next"]).json
    assert again["documents"][0]["document"] == {"id": "a", "text": "rain \x1b[2J"}
    assert again["next"] is None
    assert b"\x1b" not in lapwing(data, "collection", "seen", "list").out
    found = lapwing(data, "collection", "seen", "search", "snow OR hail", "--json").json
    assert [each["key"] for each in found["documents"]] == ["b"]
    assert lapwing(data, "collection", "seen", "show", "b").json == {"id": "b", "text": "snow"}
    assert lapwing(data, "collection", "seen", "show", "b", "--json").json["source"] == "program"
    exported = lapwing(data, "collection", "seen", "export").out.splitlines()
    assert [json.loads(line)["id"] for line in exported] == ["b", "a"]


def test_what_is_not_there_is_said(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configuration(tmp_path)
    data = house.directory.path
    house.directory.ledger.store.number("generation")
    assert lapwing(data, "collection", "seen", "list", "--json").json == {"documents": [], "next": None}
    unknown = lapwing(data, "collection", "sean", "list")
    assert (unknown.code, "did you mean 'seen'?" in unknown.err) == (2, True)
    missing = lapwing(data, "collection", "seen", "show", "x")
    assert (missing.code, "has no document 'x'" in missing.err) == (2, True)
    wrong = lapwing(data, "collection", "seen", "list", "--after", "?")
    assert (wrong.code, "is not one that we gave" in wrong.err) == (2, True)
    mistake = lapwing(data, "collection", "seen", "search", "(")
    assert (mistake.code, "column" in mistake.err) == (2, True)
