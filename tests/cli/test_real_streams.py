"""Real files through the command line, twice, and one of them backwards. Not collected without LAPWING_SAMPLES."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from cli.running import ingest, lapwing, numbers, standing

FOLDER = Path(os.environ["LAPWING_SAMPLES"])
ENDINGS = (".json", ".jsonl", ".ndjson", ".txt", ".gz")
FILES = [
    path for part in ("replay", "throughput") for path in sorted((FOLDER / part).rglob("*")) if path.suffix in ENDINGS
]
STREAM = FOLDER / "throughput" / "twitter_v1_sample_stream_2015-08-16.jsonl.gz"


def test_all_of_it_twice(data_dir: Path) -> None:
    assert len(FILES) > 10
    received, *_, refused = numbers(ingest(data_dir, *FILES))
    assert refused == 33  # 32 lines that nobody knows, and one of broken UTF-8
    again = numbers(ingest(data_dir, *FILES))
    assert (again[0], again[1], again[3], again[5]) == (received, 0, 0, 0)
    standing(data_dir)
    assert lapwing(data_dir, "verify").code == 0


def test_a_stream_says_the_same_backwards(tmp_path: Path, data_dir: Path) -> None:
    """88 of its deletes are of posts that it holds; backwards, they come before what they delete."""
    backwards = tmp_path / STREAM.name.removesuffix(".gz")
    backwards.write_bytes(b"\n".join(reversed(gzip.decompress(STREAM.read_bytes()).split(b"\n"))))
    answers = []
    for data, file in ((data_dir, STREAM), (tmp_path / "other", backwards)):
        assert ingest(data, file).code == 0
        assert lapwing(data, "status", "--json").json["posts"]["hidden"] == 88
        answers.append(lapwing(data, "counts", "--json").out)
        assert lapwing(data, "verify").code == 0
    assert answers[0] == answers[1]
