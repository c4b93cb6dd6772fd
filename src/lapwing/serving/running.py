"""The server beneath the API: it listens, until it is told to stop, and then lets what is in hand be finished."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from socket import socket
from typing import TYPE_CHECKING

import msgspec
import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

DRAIN_S = 6
"""So long may answers that have begun go on once the server is to stop; then they are cut."""
KEEP_ALIVE_S = 15
CONNECTIONS_MAX = 2_000


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, and with which certificate."""

    host: str
    port: int
    tls_cert: str | None = None
    tls_key: str | None = None


class Listener(uvicorn.Server):
    """A server that asks somebody else whether to stop, and says where it listens."""

    def __init__(self, app: ASGIApp, listening: Listening, stop: Callable[[], bool], up: Callable[[str], None]) -> None:
        settings = uvicorn.Config(
            app, host=listening.host, port=listening.port, ssl_certfile=listening.tls_cert,
            ssl_keyfile=listening.tls_key, proxy_headers=False, server_header=False, log_config=None, access_log=False,
            lifespan="off", timeout_graceful_shutdown=DRAIN_S, timeout_keep_alive=KEEP_ALIVE_S,
            limit_concurrency=CONNECTIONS_MAX,
        )  # fmt: skip
        super().__init__(settings)
        self._stop, self._up = stop, up

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started us."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to go."""
        return self._stop() or await super().on_tick(counter)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets=sockets)
        if not self.should_exit:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            scheme = "https" if self.config.is_ssl else "http"
            self._up(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")


def run(app: ASGIApp, listening: Listening, stop: Callable[[], bool], up: Callable[[str], None]) -> None:
    """Serve until `stop` says so; `up` is told the address."""
    Listener(app, listening, stop, up).run()
