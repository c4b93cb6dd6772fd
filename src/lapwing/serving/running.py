"""The server beneath the API: it answers on sockets that it is handed, until it is told to stop, and then lets what is in
hand be finished.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec
import uvicorn

from lapwing.serving.patience import Patience
from lapwing.serving.sockets import BACKLOG, Sockets, written

if TYPE_CHECKING:
    from starlette.types import ASGIApp

DRAIN_S = 6
"""So long may answers that have begun go on once the server is to stop; then they are cut."""
KEEP_ALIVE_S = 15
CONNECTIONS_MAX = 2_000


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """What listens, and with which certificate it answers."""

    sockets: Sockets
    tls_cert: str | None = None
    tls_key: str | None = None


class Listener(uvicorn.Server):
    """A server that asks somebody else whether to stop, and says where it answers."""

    def __init__(self, app: ASGIApp, listening: Listening, stop: Callable[[], bool], up: Callable[[str], None]) -> None:
        settings = uvicorn.Config(
            app, http=Patience, ssl_certfile=listening.tls_cert, ssl_keyfile=listening.tls_key, backlog=BACKLOG,
            proxy_headers=False, server_header=False, log_config=None, access_log=False,
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        await super().startup(sockets=sockets)
        self._up(written(tuple(sockets or ()), https=self.config.is_ssl))


def run(app: ASGIApp, listening: Listening, stop: Callable[[], bool], up: Callable[[str], None]) -> None:
    """Serve until `stop` says so; `up` is told the address once it answers."""
    Listener(app, listening, stop, up).run(sockets=list(listening.sockets))
