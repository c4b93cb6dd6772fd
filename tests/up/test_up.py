"""`lapwing up` as a whole: its configuration is read again while it runs, its children come back, it ends when told."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

import lapwing
from cli.running import lapwing as command
from cli.running import status
from examples.running_up import eventually, up

FUNCTION = '[[function]]\nname = "{name}"\nfrom = "numbers"\nto = "{name}"\nrun = "mine:{name}"\neach = true\n'
MINE = "def double(n):\n    return {'n': 2 * n['n']}\n\n\ndef triple(n):\n    return {'n': 3 * n['n']}\n"
JSON = {"content-type": "application/json"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    file = tmp_path / "lapwing.toml"
    file.write_text(FUNCTION.format(name="double"))
    return file


def values(topic: str, data: Path) -> list[int]:
    return sorted(value["n"] for value in lapwing.consume(topic, data=data, follow=False))


def save(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


def functions(client: httpx.Client) -> dict[str, Any]:
    return {each["name"]: each for each in client.get("/api/v1/status").json()["functions"]}


@pytest.mark.full
@pytest.mark.timeout(240)
def test_the_configuration_is_read_again_and_a_mistake_changes_nothing(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(config, data) as client:
        assert client.post("/api/v1/topics/numbers", json={"n": 1}).status_code == 202
        eventually(lambda: values("double", data) == [2])

        save(config, "[[function]\n")
        eventually(lambda: "was saved with a mistake" in (tmp_path / "said.txt").read_text())
        client.post("/api/v1/topics/numbers", json={"n": 2})
        eventually(lambda: values("double", data) == [2, 4])

        save(config, FUNCTION.format(name="double") + FUNCTION.format(name="triple"))
        eventually(lambda: values("triple", data) == [3, 6])  # a new function begins at the first record
        assert set(functions(client)) == {"double", "triple"}


@pytest.mark.full
@pytest.mark.timeout(240)
def test_a_part_that_is_killed_comes_back(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(config, data) as client:

        def processes() -> dict[str, int]:
            return {each["name"]: each["pid"] for each in client.get("/api/v1/status").json()["processes"]}

        before = eventually(lambda: {"worker-1", "functions", "serve"} <= set(found := processes()) and found)
        for name in ("worker-1", "functions"):
            os.kill(before[name], signal.SIGKILL)
        client.post("/enqueue/raw.mastodon", content=status(1), headers=JSON)
        client.post("/enqueue/numbers", json={"n": 5})
        eventually(lambda: values("double", data) == [10])
        eventually(lambda: client.get("/api/v1/status").json()["accounting"]["stored"] == 1)
        assert "worker-1 died (signal SIGKILL)" in (tmp_path / "said.txt").read_text()


@pytest.mark.full
@pytest.mark.timeout(240)
def test_a_port_that_is_taken_is_said_before_anything_is_started(config: Path, tmp_path: Path) -> None:
    with up(config, tmp_path / "data") as client:
        config.write_text(f"[serve]\nport = {client.base_url.port}\n")
        other = command(tmp_path / "other", "--config", config, "up")
    assert other.code == 2
    assert f"something else listens on port {client.base_url.port}" in other.err


@pytest.mark.full
@pytest.mark.timeout(240)
def test_metrics_say_what_the_status_says(config: Path, tmp_path: Path) -> None:
    with up(config, tmp_path / "data") as client:
        client.post("/enqueue/raw.mastodon", content=status(1), headers=JSON)
        eventually(lambda: 'lapwing_records_total{outcome="stored",source="http"} 1.0' in client.get("/metrics").text)
        metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    for name in ("lapwing_lag_records 0.0", "lapwing_posts 1.0", 'lapwing_process_resident_bytes{process="serve"}'):
        assert name in metrics.text
