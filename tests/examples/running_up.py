"""`lapwing up` as its users run it: a process tree, asked over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

WAIT_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(ask: Callable[[], Any]) -> Any:
    """What `ask` gives, once it is something."""
    deadline = time.monotonic() + WAIT_S
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def up(config: Path, data: Path, **settings: str) -> Iterator[httpx.Client]:
    """A running tree and a client of it; at the end it is asked to stop, and must."""
    port = free_port()
    environment = os.environ | {"LAPWING__SERVE__PORT": str(port)} | settings
    command = [sys.executable, "-m", "lapwing", "--config", str(config), "--data", str(data), "up", "--workers", "1"]
    said = (data.parent / "said.txt").open("w+b")
    with (
        said,
        subprocess.Popen(command, env=environment, stderr=said) as tree,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S) as client,
    ):
        try:
            eventually(lambda: tree.poll() is not None or answers(client))
            assert tree.poll() is None, (data.parent / "said.txt").read_text()
            yield client
        finally:
            tree.send_signal(signal.SIGTERM)
            code = tree.wait(WAIT_S)
    assert code == 0, (data.parent / "said.txt").read_text()
