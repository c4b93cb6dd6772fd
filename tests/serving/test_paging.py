"""Pages of counts over long ranges: cut anywhere, they are the rows of the whole, and stay so while posts arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.running import ingest, lapwing, lines, status
from lapwing.app.front import DirectoryFront
from lapwing.contracts import Asked, Counting
from lapwing.errors import UsageError

CITIES = ("Perth, Australia", "Melbourne, Australia", "Jakarta, Indonesia")
DAYS = ("2024-01-31", "2024-02-01", "2024-02-02", "2024-06-30", "2025-12-31")


def posts(first: int, days: tuple[str, ...] = DAYS) -> list[bytes]:
    """Of each day three hours; in Perth a post each hour, in Melbourne two, in Jakarta three, and one nowhere."""
    made = [
        (f"Flood in {city}" if city else "Flood", f"{day}T{hour}:59:59.999999Z")
        for day in days
        for hour in ("00", "12", "23")
        for city, count in zip((*CITIES, ""), (1, 2, 3, 1), strict=True)
        for _ in range(count)
    ]
    return [status(first + number, text, created_at=at) for number, (text, at) in enumerate(made)]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heard")
    assert ingest(folder / "data", lines(folder / "a.ndjson", *posts(0))).code == 0
    return folder / "data"


@pytest.fixture(scope="module")
def front(heard: Path) -> Iterator[DirectoryFront]:
    with DirectoryFront(heard) as front:
        yield front


def every(front: DirectoryFront, asked: Asked, counting: Counting, limit: int) -> list[dict[str, Any]]:
    """All rows, so many at a time; no page but the last is short."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = front.counts(asked, counting, limit, after)
        rows += page.rows
        if page.next is None:
            return rows
        assert len(page.rows) == limit
        after = page.next


QUESTIONS: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {}, []),
    ({}, {"window": "1h"}, ["--window", "1h"]),
    ({}, {"window": "1d", "by": "country"}, ["--window", "1d", "--by", "country"]),
    ({}, {"window": "7d", "by": "none"}, ["--window", "7d", "--by", "none"]),
    ({}, {"window": "1h", "top": 2}, ["--window", "1h", "--top", "2"]),
    ({}, {"top": 1, "bottom": 1, "sort": "people"}, ["--top", "1", "--bottom", "1", "--sort", "people"]),
    ({"country": ("AU",)}, {"window": "1d", "top": 1}, ["--country", "AU", "--window", "1d", "--top", "1"]),
    ({"since": "2024-02-01"}, {"window": "1h"}, ["--since", "2024-02-01", "--window", "1h"]),
    (
        {"since": "2024-02-01T12:30:00Z", "until": "2024-06-30T13:00:00Z"},
        {"window": "1d"},
        ["--since", "2024-02-01T12:30:00Z", "--until", "2024-06-30T13:00:00Z", "--window", "1d"],
    ),
    ({}, {"window": "all"}, ["--window", "all"]),
    ({}, {"window": "all", "top": 2, "by": "country"}, ["--window", "all", "--top", "2", "--by", "country"]),
    ({"place": ("Melbourne",)}, {"top": 3}, ["--place", "Melbourne", "--top", "3"]),
    ({"lang": ("xx",)}, {"top": 3}, ["--lang", "xx", "--top", "3"]),
]


@pytest.mark.parametrize("limit", [7, 1_000])
@pytest.mark.parametrize(("asked", "counting", "words"), QUESTIONS, ids=[" ".join(words) for _, _, words in QUESTIONS])
def test_pages_are_the_rows_of_the_whole(
    heard: Path, front: DirectoryFront, asked: dict[str, Any], counting: dict[str, Any], words: list[str], limit: int
) -> None:
    whole = lapwing(heard, "counts", "--json", *words).json
    assert every(front, Asked(**asked), Counting(**counting), limit) == whole


def test_there_are_as_many_rows_as_were_made(front: DirectoryFront) -> None:
    rows = every(front, Asked(), Counting(window="1h"), 11)
    assert len(rows) == len(DAYS) * 3 * 4
    assert [(row["place"] or {}).get("name") for row in rows[:4]] == [None, "Jakarta", "Perth", "Melbourne"]
    assert [row["posts"] for row in rows[:4]] == [1, 3, 1, 2]
    ranked = every(front, Asked(), Counting(window="1h", top=2), 1)
    assert [row["place"]["name"] for row in ranked[:4]] == ["Jakarta", "Melbourne", "Jakarta", "Melbourne"]


def test_a_ranking_stays_while_posts_arrive(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ingest(data, lines(tmp_path / "a.ndjson", *posts(0, DAYS[:2])))
    counting = Counting(window="1h", top=2)
    with DirectoryFront(data) as front:
        first = front.counts(Asked(), counting, 3)
        more = [
            status(1_000 + number, f"Flood in {CITIES[0]}", created_at="2024-02-01T12:00:00Z") for number in range(40)
        ]
        ingest(data, lines(tmp_path / "b.ndjson", *more))  # Perth has the most now
        rows = [*first.rows, *front.counts(Asked(), counting, 100, first.next).rows]
        assert [row["place"]["name"] for row in rows] == ["Jakarta", "Melbourne"] * 6
        assert front.counts(Asked(), counting, 1).rows[0]["place"]["name"] == "Perth"


@pytest.mark.parametrize("cursor", ["", "x", "kpGR", "k88ABhnRKcaIAM4AH3yj", "gA", "👻"])
def test_a_cursor_of_nobody(front: DirectoryFront, cursor: str) -> None:
    with pytest.raises(UsageError, match="is not one that we gave"):
        front.counts(Asked(), Counting(), 10, cursor)
    with pytest.raises(UsageError, match="is not one that we gave"):
        front.places(Asked(), 10, cursor)
