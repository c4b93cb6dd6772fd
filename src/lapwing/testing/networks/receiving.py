"""What every fake of the receiving end offers to a test: a server, what it accepted, faults, and what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import msgspec
from aiohttp import web

from lapwing.testing.networks.faults import Fault, Faults
from lapwing.testing.networks.serving import Asked, Route, Server


class Receiving:
    """A service on loopback that takes alerts. Each is one class that stands on this one and adds its routes."""

    def __init__(self, routes: list[Route], refuse: Callable[[Fault], web.Response]) -> None:
        """Nothing was received."""
        self._faults = Faults()
        self._server = Server(routes, self._faults, refuse)
        self.received: list[dict[str, Any]] = []
        """What was accepted, in order."""

    def __enter__(self) -> Self:
        """Listen on a port of loopback."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Cut everything and end the thread."""
        self._server.close()

    @property
    def url(self) -> str:
        """Where it is: ``http://127.0.0.1:40123``."""
        assert self._server.port, "enter the fake first: with …Fake() as fake"
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def requests(self) -> list[Asked]:
        """Everything that was asked, in order."""
        return self._server.requests

    def start(self) -> None:
        """Come up, on the port that it had before."""
        self._server.start()

    def stop(self) -> None:
        """Go down: connections are refused until `start`."""
        self._server.stop()

    def fault(self, kind: str, *, times: int = 1, after_s: float | None = None, seconds: float | None = None) -> None:
        """Let something go wrong with the next requests; see `faults.py` for the kinds."""
        self._faults.arm(Fault(kind, seconds, after_s), times)


def answered(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with a JSON value."""
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def retry_after(fault: Fault) -> dict[str, str]:
    """Say when to come again, where the fault says when."""
    return {} if fault.after_s is None else {"Retry-After": str(max(1, round(fault.after_s)))}
