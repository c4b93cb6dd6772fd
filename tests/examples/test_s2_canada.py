"""Canadian cities live: two apps of X side by side, each in a topic of its own, counted as they come."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.running_up import eventually, up
from lapwing.testing.networks import XFake

EXAMPLES = Path(__file__).parents[2] / "examples"
EAST, WEST = ("Toronto", "Montréal"), ("Vancouver",)
WINDOW_US = 300_000_000


def said(fake: XFake, cities: tuple[str, ...]) -> list[Any]:
    """The posts of these cities that the fake has invented."""
    return [post for post in fake.stock.posts.values() if post.place in cities]


def rows_of(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/counts", params=asked)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["counts"]
    return rows


@pytest.mark.full
def test_two_sources_two_cities_two_topics(tmp_path: Path) -> None:
    with XFake(seed=5, token="east") as east, XFake(seed=6, token="west") as west:
        settings = {
            "LAPWING__SOURCE__X_EAST__URL": east.url,
            "LAPWING__SOURCE__X_WEST__URL": west.url,
            "X_TOKEN": "east",
            "X_TOKEN_WEST": "west",
        }
        with up(EXAMPLES / "s2_canada.toml", tmp_path / "data", **settings) as client:
            eventually(lambda: east.listeners and west.listeners)
            east.say(120)
            west.say(120)
            posts = said(east, EAST) + said(west, WEST)
            assert len(posts) > 20

            def all_there() -> bool:
                status = client.get("/api/v1/status").json()
                return bool(status["accounting"]["stored"] >= len(posts))

            eventually(all_there)
            expected: Counter[tuple[int, str]] = Counter()
            people: dict[tuple[int, str], set[str]] = defaultdict(set)
            for post in posts:
                window = post.at_us // WINDOW_US
                expected[window, post.place] += 1
                people[window, post.place].add(str(post.author))
            found = rows_of(client, window="5m", limit=1000)
            assert {row["place"]["country"] for row in found} == {"CA"}
            counted = sorted((row["window"], row["place"]["name"], row["posts"], row["people"]) for row in found)
            wanted = sorted((place, count, len(people[window, place])) for (window, place), count in expected.items())
            assert sorted(each[1:] for each in counted) == wanted
            chosen = rows_of(client, window="15m", place=["Vancouver"])
            assert {row["place"]["name"] for row in chosen} == {"Vancouver"}
            assert sum(row["posts"] for row in chosen) == len(said(west, WEST))
            top = rows_of(client, window="1h", since="1h", top=5, bottom=5)
            assert {row["place"]["name"] for row in top} == {*EAST, *WEST}
            status = client.get("/api/v1/status").json()
            assert {source["name"]: source["state"] for source in status["listening"]} == {
                "x.east": "live",
                "x.west": "live",
            }
            topics = {each["topic"] for each in status["partitions"] if each["next_offset"]}
            assert {"raw.x.east", "raw.x.west"} <= topics
