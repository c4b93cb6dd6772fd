"""Posts for benchmarks: as many as asked, each with an id of its own, spread over a day."""

from __future__ import annotations

import json

import pytest

from lapwing.demo import posts


@pytest.mark.parametrize("order", ["time", "shuffled"])
def test_x_posts_are_about_a_kilobyte_and_all_different(order: str) -> None:
    lines = list(posts(3000, 5, order, "x_v2"))
    records = [json.loads(line) for line in lines]
    ids = [int(record["data"]["id"]) for record in records]
    assert len(set(ids)) == 3000
    assert (ids == sorted(ids)) == (order == "time")
    assert all(line.endswith(b"}\n") and line.count(b"\n") == 1 for line in lines)
    assert 850 < sum(map(len, lines)) / 3000 < 1300
    assert len({record["data"]["created_at"][11:13] for record in records}) == 24
    assert all(record["includes"]["users"][0]["id"] == record["data"]["author_id"] for record in records)
    assert len({record["data"]["author_id"] for record in records}) > 500


def test_jetstream_posts_have_a_record_key_of_their_own() -> None:
    records = [json.loads(line) for line in posts(3000, 5, "shuffled", "jetstream")]
    uris = {f"{record['did']}/{record['commit']['rkey']}" for record in records}
    assert len(uris) == 3000
    assert {len(record["did"]) for record in records} == {32}
    assert {len(record["commit"]["rkey"]) for record in records} == {13}


def test_the_same_seed_makes_the_same_posts() -> None:
    assert list(posts(500, 5)) == list(posts(500, 5)) != list(posts(500, 6))
