"""A server as `lapwing serve` runs it, on a small data directory, and a client that asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import httpx
import uvicorn

from lapwing import config
from lapwing.app.front import DirectoryFront
from lapwing.serving.api import create

DEADLINE_S = 30.0


class Server(uvicorn.Server):
    """uvicorn in a thread; says when it answers."""

    def __init__(self, app: Any) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=5))
        self.up = threading.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    @property
    def port(self) -> int:
        return int(self.servers[0].sockets[0].getsockname()[1])


@contextmanager
def serving(app: Any) -> Iterator[httpx.Client]:
    """A client of the application, over a real connection."""
    server = Server(app)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.up.wait(DEADLINE_S)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=DEADLINE_S) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)


@contextmanager
def asked(data: Path, budget: str = "60s") -> Iterator[httpx.Client]:
    """A client of a data directory."""
    settings = config.parse(f'[serve]\nquery_budget = "{budget}"', environment={})
    with DirectoryFront(data, settings) as front, serving(create(front)) as client:
        yield client
