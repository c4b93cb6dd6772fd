"""Every route of the OpenAPI document, asked what nobody would ask: nothing breaks, nothing is answered that is not written.

All checks of schemathesis, over the application as it is served to others, with a token that may do everything. Left out
is the live stream, which never ends. A name or a cursor that there is not is 400, a record that is not what its topic
takes is 422, so is a page of more rows than an export alone may have, and no schema can tell which those are.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.running import ingest, lines, numbers, status
from cli.running import lapwing as command
from lapwing import config
from lapwing.app.serving import application
from serving.asking import serving

SETTINGS = """
[serve]
host = "0.0.0.0"
query_budget = "60s"
requests_per_minute = 100000000

[[collection]]
name = "quakes"
topic = "quakes"
key = "id"
"""
CHECKS = """
hooks = "hooks.py"

[checks]
positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409]

[[operations]]
include-path = ["/api/v1/topics/{topic}", "/enqueue/{topic}"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422]

[[operations]]
include-path = ["/api/v1/posts", "/api/v1/counts", "/api/v1/places", "/api/v1/errors", "/api/v1/incidents", "/api/v1/collections/{name}"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422]

[[operations]]
include-path = "/api/v1/devices/join"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 429]
"""
HOOKS = """
import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return b"".join(json.dumps(each).encode() + b"\\n" for each in (value if isinstance(value, list) else [value]))
"""


@pytest.fixture
def served(data_dir: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Where a server with posts and a dead letter answers, and the token for it."""
    posts = lines(tmp_path / "posts.ndjson", status(1), status(2, "A storm over Perth"), status(3, created_at="never"))
    assert numbers(ingest(data_dir, posts)) == [3, 2, 0, 0, 0, 1]
    token = command(data_dir, "token", "create", "fuzzer", "--scope", "admin").out.decode().strip()
    with ExitStack() as open_, serving(application(data_dir, config.parse(SETTINGS, environment={}), open_)) as client:
        permitted = {"authorization": f"Bearer {token}"}
        assert client.get("/api/v1/status").status_code == 401
        assert client.get("/api/v1/status", headers=permitted).status_code == 200
        yield str(client.base_url), token


def fuzz(served: tuple[str, str], folder: Path, seed: int, seconds: int) -> None:
    address, token = served
    (folder / "schemathesis.toml").write_text(CHECKS)
    (folder / "hooks.py").write_text(HOOKS)
    words = ["--max-time", str(seconds), "--checks", "all", "--exclude-path", "/api/v1/stream", "--seed", str(seed)]
    words += ["--generation-database", "none", "--suppress-health-check", "all", "--continue-on-failure", "--no-color"]
    words += ["--header", f"Authorization: Bearer {token}"]
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", *words],
        cwd=folder, capture_output=True, text=True, timeout=seconds + 120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.full
@pytest.mark.timeout(300)
def test_nothing_breaks_in_two_minutes(served: tuple[str, str], tmp_path: Path, chance: random.Random) -> None:
    fuzz(served, tmp_path, chance.getrandbits(32), 100)


@pytest.mark.long
@pytest.mark.timeout(2_400)
def test_nothing_breaks_in_half_an_hour(served: tuple[str, str], tmp_path: Path, chance: random.Random) -> None:
    fuzz(served, tmp_path, chance.getrandbits(32), 1_800)
