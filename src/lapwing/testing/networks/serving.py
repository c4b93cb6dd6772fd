"""A server on loopback in a thread of its own, which can be taken down and brought back, and whose answers can be spoilt."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from aiohttp import web

from lapwing.testing.networks.faults import ON_ANSWER, ON_CONNECT, Fault, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Outcome = TypeVar("Outcome")

DEADLINE_S = 20.0
"""The longest that a test's thread waits for the server's."""
DRIPS = 10
"""The pieces of a slow answer."""
FOREVER_S = 3600.0
ACCEPTING_TURNS = 5
"""A connection that was accepted belongs to the server after fewer turns of the loop."""
HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>the proxy in front</body></html>"


class Route(NamedTuple):
    """What is answered where."""

    method: str
    path: str
    handler: Handler
    streams: bool = False
    """Whether the answer goes on until somebody ends it."""


@dataclass(slots=True)
class Asked:
    """A request as it came, and the status of the answer; 0 while there is none."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes
    status: int = 0


@dataclass
class Server:
    """Serves the routes; `refuse` writes what this network says for a 429 or a 401."""

    routes: list[Route]
    faults: Faults
    refuse: Callable[[Fault], web.Response]
    requests: list[Asked] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        """Nothing runs before `start`."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Event | None = None
        self._runner: web.AppRunner | None = None
        self._held: socket.socket | None = None
        self._listening: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen, at first on a port that is free and ever after on the same; does nothing where it listens already."""
        if self._thread is None:
            ready = threading.Event()
            self._thread = threading.Thread(target=lambda: asyncio.run(self._live(ready)), daemon=True)
            self._thread.start()
            assert ready.wait(DEADLINE_S), "the server's thread did not start"
        self.wait_for(self._up())

    def stop(self) -> None:
        """Go down: what is open is cut, and connections are refused; the port stays ours."""
        self.wait_for(self._down())

    def close(self) -> None:
        """End for good."""
        if self._thread is None or self._loop is None or self._ended is None:
            return
        self.stop()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(DEADLINE_S)
        if self._held is not None:
            self._held.close()
        self._thread = self._loop = self._held = None

    def on_loop(self, call: Callable[[], None]) -> None:
        """Run on the server's thread, soon; not at all where there is none."""
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside the answers; only from the server's own thread."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def go_down(self, seconds: float) -> None:
        """Go down, and come back after a while; only from the server's own thread."""
        self.spawn(self._down_and_up(seconds))

    def wait_for(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Run something on the server's thread and give what comes of it; never from that thread itself."""
        assert self._loop is not None, "enter the fake first: with …Fake() as fake"
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    async def _live(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        ready.set()
        await self._ended.wait()

    async def _up(self) -> None:
        if self._runner is not None:
            return
        app = web.Application(middlewares=[self._guard])
        for route in self.routes:
            app.router.add_route(route.method, route.path, route.handler)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
        await runner.setup()
        self._listening, self._held = self._held or self._bound(), None
        await web.SockSite(runner, self._listening).start()
        self._runner = runner

    async def _down(self) -> None:
        runner, self._runner = self._runner, None
        if runner is None or self._listening is None:
            return
        asyncio.get_running_loop().remove_reader(self._listening)
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)  # who was accepted at the last moment would be left open for ever
        for connection in runner.server.connections if runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()
        self._held = self._bound()

    async def _down_and_up(self, seconds: float) -> None:
        await self._down()
        await asyncio.sleep(seconds)
        await self._up()

    def _bound(self) -> socket.socket:
        """Take the port without listening: whoever connects is refused, and nobody else gets it."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", self.port))
        self.port = taken.getsockname()[1]
        return taken

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Write the request down, and spoil the answer if something is to go wrong."""
        streams = any(route.streams and route.handler == request.match_info.handler for route in self.routes)
        query = {name: request.query.getall(name) for name in request.query}
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = b"" if streams else await request.read()
        asked = Asked(request.method, request.path, query, headers, body)
        self.requests.append(asked)
        at = f"{request.method} {request.path}"
        fault = self.faults.take(ON_CONNECT if streams else ON_ANSWER, at, "on connect" if streams else "")
        try:
            response = await (handler(request) if fault is None else self._spoil(fault, request, handler))
        except web.HTTPException as refusal:
            asked.status = refusal.status
            raise
        asked.status = response.status
        return response

    async def _spoil(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        match fault.kind:
            case "cut":
                return _cut(request)
            case "down":
                self.go_down(0.3 if fault.seconds is None else fault.seconds)
                return _cut(request)
            case "stall":
                await asyncio.sleep(FOREVER_S if fault.seconds is None else fault.seconds)
                return await handler(request)
            case "half" | "slow":
                return await _drip(request, await handler(request), fault)
            case "500" | "502" | "503":
                return html(int(fault.kind))
            case _:
                return self.refuse(fault)


def html(status: int) -> web.Response:
    """Answer as the proxy in front of a service does that is not there."""
    return web.Response(status=status, text=HTML.format(f"{status} Service Unavailable"), content_type="text/html")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _drip(request: web.Request, whole: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """Send the answer in pieces, or half of it and no more, although its length was announced."""
    body = whole.body if isinstance(whole, web.Response) else None
    if not isinstance(body, bytes) or not body:
        return _cut(request) if fault.kind == "half" else whole
    headers = {name: value for name, value in whole.headers.items() if name.lower() != "content-length"}
    answer = web.StreamResponse(status=whole.status, headers=headers)
    answer.content_length = len(body)
    await answer.prepare(request)
    if fault.kind == "half":
        await answer.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return answer
    step = max(1, -(-len(body) // DRIPS))
    for start in range(0, len(body), step):
        await answer.write(body[start : start + step])
        await asyncio.sleep((0.2 if fault.seconds is None else fault.seconds) / DRIPS)
    return answer
