"""Real files, which are not ours to keep here: LAPWING_SAMPLES names their folder; without it this file is not collected."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from formats.reading_samples import batch
from lapwing import catalog
from lapwing.containers.cutting import cut, peek
from lapwing.containers.decompress import decompress
from lapwing.containers.detection import detect

FOLDER = os.environ["LAPWING_SAMPLES"]

EXPECTED = {
    "throughput/twitter_v1_sample_stream_2015-08-16.jsonl.gz": ("x_v1", 7338, 961, 0, 0),
    "replay/x_v1/aidr_1k_random_tweets.txt": ("x_v1", 877, 0, 0, 1),
    "replay/x_v1/emojimapper_sample_tweets.json": ("x_v1", 368, 0, 0, 0),
    "replay/x_v2/brexit.jsonl": ("x_v2", 100, 0, 0, 0),
    "replay/x_v2/edited_after.jsonl": ("x_v2", 1, 0, 0, 0),
    "replay/x_v2/entities_test.jsonl": ("x_v2", 474, 0, 0, 0),
    "replay/x_v2/flat.jsonl": ("x_v2", 100, 0, 0, 0),
    "replay/class_archive/twitter-1mb.json": ("x_v2", 999, 0, 0, 0),
    "replay/class_archive/mastodon-106k.ndjson": ("mastodon", 0, 0, 0, 32),
    "replay/mastodon/mastodon_au_toot_sample.json": ("mastodon", 15, 0, 0, 0),
    "replay/bluesky/jetstream_expected_v1.jsonl": ("jetstream", 32, 2, 118, 0),
}
"""Format, posts, changes, filtered, refused."""


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_file_is_read_whole(name: str) -> None:
    expected, *counts = EXPECTED[name]
    format = catalog.load("formats", expected)
    head, chunks = peek(decompress([(Path(FOLDER) / name).read_bytes()]))
    records = [record for made in cut(chunks, detect(head)) for record in made.records]
    if format.split is not None:
        records = [part for record in records for part in (format.split(record) or [record])]
    decoded = format.decode(batch(expected, records))
    filtered = sum(decoded.filtered.values())
    assert [decoded.posts.height, decoded.changes.height, filtered, len(decoded.refused)] == counts
