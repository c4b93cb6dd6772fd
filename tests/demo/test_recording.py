"""The evening as a recording: the same bytes for the same seed, in the order heard, as the networks write."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from functools import cache
from typing import Any

import zstandard

from lapwing.containers import recordings
from lapwing.demo import Options, Truth, generate, write_recording

SMALL = Options(scale=0.02)


@cache
def evening() -> tuple[list[bytes], Truth]:
    lines, truth = generate(7, SMALL)
    return list(lines), truth


@cache
def envelopes() -> list[dict[str, Any]]:
    return [json.loads(line) for line in evening()[0]]


def good() -> list[tuple[dict[str, Any], Any]]:
    """Envelopes with their records read, without those that were made broken."""
    bad = {
        envelopes()[line]["record"] if isinstance(envelopes()[line]["record"], str) else ""
        for line, _, _ in evening()[1].broken
    }
    kept = [each for each in envelopes() if isinstance(each["record"], str) and each["record"] not in bad]
    return [(each, json.loads(each["record"])) for each in kept]


def test_the_same_seed_makes_the_same_bytes_and_another_makes_others() -> None:
    options = Options(scale=0.01)
    first, again, other = (b"".join(generate(seed, options).lines) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_what_is_written_is_what_was_generated() -> None:
    stream, truth_stream = io.BytesIO(), io.BytesIO()
    truth = write_recording(stream, truth_stream, seed=7, scale=0.02)
    raw = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stream.getvalue())).read()
    lines = raw.splitlines(keepends=True)
    assert b"".join(lines[-len(evening()[0]) :]) == b"".join(evening()[0])
    assert truth == evening()[1]
    assert json.loads(truth_stream.getvalue())["accounting"]["received"] == len(evening()[0])
    covered = recordings.decode(lines[: -len(evening()[0])]).covered
    assert {(each.from_us, each.to_us, each.kind) for each in covered} == {(SMALL.start_us, SMALL.end_us, "heard")}
    assert {each.source for each in covered} == {each["source"] for each in envelopes()}


def test_every_line_is_an_envelope_in_the_order_heard() -> None:
    for each in envelopes():
        assert list(each) == ["v", "source", "network", "format", "received_at", "cursor", "record"]
        assert each["v"] == 1
        assert len(each["received_at"]) == len("2026-01-05T08:00:00.000000Z")
    moments = [each["received_at"] for each in envelopes()]
    assert moments == sorted(moments)
    assert Counter(each["format"] for each in envelopes()).keys() == {"x_v2", "x_v1", "mastodon", "jetstream"}
    assert {each["source"] for each in envelopes()} == {
        "x", "x-archive", "bluesky", "harbour.example", "kampung.example", "plaza.example",
    }  # fmt: skip


def test_what_is_not_utf_8_is_in_base64() -> None:
    hidden = [each["record"] for each in envelopes() if not isinstance(each["record"], str)]
    assert [list(each) for each in hidden] == [["base64"]]
    assert b"\xff\xfe" in base64.b64decode(hidden[0]["base64"])


def test_x_posts_bring_their_author_and_place_and_the_time_is_in_the_id() -> None:
    records = [record for each, record in good() if each["format"] == "x_v2"]
    for record in records:
        data, includes = record["data"], record["includes"]
        assert data["author_id"] == includes["users"][0]["id"]
        made_us = ((int(data["id"]) >> 22) + 1_288_834_974_657) * 1000
        assert data["created_at"] == _second(made_us)
        if "geo" in data:
            assert data["geo"]["place_id"] in [place["id"] for place in includes["places"]]
        for reference in data.get("referenced_tweets", []):
            assert reference["id"] == includes["tweets"][0]["id"]
        for tag in data.get("entities", {}).get("hashtags", []):
            assert data["text"][tag["start"] : tag["end"]] == "#" + tag["tag"]
    assert 900 < sum(len(each["record"]) for each, _ in good() if each["format"] == "x_v2") / len(records) < 1600
    assert any(len(record["data"]["edit_history_tweet_ids"]) == 2 for record in records)


def test_facets_of_bluesky_count_bytes() -> None:
    posts = [
        record["commit"]["record"]
        for each, record in good()
        if each["format"] == "jetstream" and "text" in record.get("commit", {}).get("record", {})
    ]
    marked = 0
    for post in posts:
        text = post["text"].encode()
        for facet in post.get("facets", []):
            piece = text[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
            feature = facet["features"][0]
            assert piece in (feature.get("uri"), "#" + feature.get("tag", ""))
            marked += 1
    assert marked > 100


def test_a_post_of_mastodon_has_one_uri_and_an_id_on_each_server() -> None:
    ids: dict[str, set[tuple[str, str]]] = {}
    taken = set()
    for each, record in good():
        if each["format"] == "mastodon" and record["event"] == "update":
            status = json.loads(record["payload"])
            ids.setdefault(status["uri"], set()).add((each["source"], status["id"]))
    sightings = Counter(len(seen) for seen in ids.values())
    assert sightings.keys() == {1, 2}
    assert sightings[2] == evening()[1].duplicates["seen on a second server"]
    for seen in ids.values():
        assert not seen & taken
        taken |= seen


def _second(time_us: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
