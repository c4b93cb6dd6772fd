"""A million posts go out as NDJSON and as CSV, and the server grows no more than for a tenth of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cli.running import status
from serving.test_serving import process

MANY = 1_000_000
GROWTH_BYTES_MAX = 64 << 20
"""For ten times as much; all of it is some 600 MB."""


def written(file: Path) -> Path:
    with file.open("wb") as out:
        for number in range(MANY):
            out.write(status(number, f"storm number{number}") + b"\n")
    return file


def lines_of(client: httpx.Client, asked: dict[str, object]) -> Iterator[str]:
    with client.stream("GET", "/api/v1/posts", params=asked) as answer:
        assert answer.status_code == 200
        yield from answer.iter_lines()


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_a_million_posts_go_out_in_constant_memory(tmp_path: Path, data_dir: Path, format: str) -> None:
    command = [
        sys.executable,
        "-m",
        "lapwing",
        "--data",
        str(data_dir),
        "ingest",
        str(written(tmp_path / "all.ndjson")),
    ]
    subprocess.run(command, check=True)
    heading = 1 if format == "csv" else 0
    with process(data_dir) as (running, address), httpx.Client(base_url=address, timeout=60) as client:
        server, peaks = psutil.Process(running.pid), []
        for limit in (MANY // 10, MANY):
            most, found = 0, 0
            for found, _ in enumerate(lines_of(client, {"format": format, "limit": limit}), 1):
                if found % 10_000 == 0:
                    most = max(most, server.memory_info().rss)
            assert found == limit + heading
            peaks.append(most)
    assert peaks[1] - peaks[0] < GROWTH_BYTES_MAX, peaks
