"""`lapwing serve` as a process: it says where it answers, and finishes what is in hand when it is told to stop."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import httpx
import pytest

from cli.running import ingest, lapwing, lines, status

MANY = 20_000


@contextmanager
def process(data: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server, and where it says that it answers."""
    command = [sys.executable, "-m", "lapwing", "--data", str(data), "serve", "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        try:
            address = re.search(r"http://\S+?(?=,)", running.stderr.readline())
            assert address is not None
            yield running, address[0]
        finally:
            running.kill()


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_stops_when_told(data_dir: Path, number: signal.Signals) -> None:
    with process(data_dir) as (running, address):
        with httpx.Client(base_url=address, timeout=30) as client:
            assert client.get("/readyz").json() == {"status": "ready"}
            handed = client.post("/api/v1/topics/observations", json={"id": 1})
            assert (handed.status_code, handed.json()["records"]) == (202, 1)
            for status_code, headers in ((422, {"Idempotency-Key": ""}), (415, {"Content-Encoding": "gzip"})):
                refused = client.post("/api/v1/topics/observations", json={"id": 1}, headers=headers)
                assert refused.status_code == status_code
            assert client.get("/api/v1/posts").json() == {"posts": [], "next": None}
            assert client.get("/docs").headers["content-security-policy"].startswith("default-src 'none'")
        running.send_signal(number)
        assert running.wait(10) == 0


@pytest.mark.full
def test_an_export_that_has_begun_is_finished(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", *(status(each, "storm") for each in range(MANY))))
    with process(data_dir) as (running, address), httpx.stream("GET", f"{address}/retrieve/a", timeout=30) as answer:
        running.send_signal(signal.SIGTERM)
        body = answer.read()
        assert body.count(b'"uid"') == MANY
        assert body.endswith(b"]")
        assert running.wait(15) == 0


def test_a_port_that_is_taken(data_dir: Path) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        done = lapwing(data_dir, "serve", "--port", taken.getsockname()[1])
    assert done.code == 2
    assert "something else listens on port" in done.err


def test_an_address_that_others_reach_needs_a_token(data_dir: Path) -> None:
    done = lapwing(data_dir, "serve", "--host", "0.0.0.0", "--port", 0)
    assert done.code == 2
    assert "lapwing token create" in done.err
