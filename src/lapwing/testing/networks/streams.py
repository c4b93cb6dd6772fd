"""One listener of a stream: what it is sent, how it is spoilt, and how it is kept alive."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import WSMsgType, web

from lapwing.testing.networks.faults import ON_SILENCE, REFUSALS, Fault, Faults
from lapwing.testing.networks.serving import FOREVER_S

if TYPE_CHECKING:
    from lapwing.testing.networks.posts import Event
    from lapwing.testing.networks.serving import Server

AGAIN = 3
"""How many messages come twice where some do."""
RECENT = 20
"""How far a stream goes back in time."""
BATCH = 256
"""Messages that are sent before others have their turn."""


class Gone(Exception):
    """The connection ended, whoever ended it."""


class Outlet(NamedTuple):
    """A connection that things are written to."""

    send: Callable[[bytes], Awaitable[None]]
    half: Callable[[bytes], Awaitable[None]]
    """Half of a message and not a byte more; what comes next is the end."""
    close: Callable[[int], Awaitable[None]]
    """The clean end, with a WebSocket's code where it is one."""
    transport: asyncio.Transport | None
    path: str

    def abort(self) -> None:
        """Cut it."""
        if self.transport is not None:
            self.transport.abort()


def chunked(request: web.Request, response: web.StreamResponse) -> Outlet:
    """Write to an answer in chunks, already begun."""
    transport = _transport(request)

    async def half(data: bytes) -> None:
        # A chunk that announces its whole length: the client knows that it has not got all.
        if transport is not None:
            transport.write(b"%x\r\n" % len(data) + data[: max(1, len(data) // 2)])
            transport.close()

    async def close(code: int) -> None:
        del code  # An answer in chunks ends when its handler returns.

    return Outlet(response.write, half, close, transport, request.path)


def framed(request: web.Request, socket: web.WebSocketResponse, *, binary: bool = False) -> Outlet:
    """Write to a WebSocket, already open: text frames, or binary ones."""
    transport = _transport(request)
    opcode = WSMsgType.BINARY if binary else WSMsgType.TEXT

    async def send(data: bytes) -> None:
        await socket.send_frame(data, opcode)

    async def half(data: bytes) -> None:
        if transport is not None:
            transport.write(_frame_head(len(data), opcode) + data[: max(1, len(data) // 2)])
            transport.close()

    async def close(code: int) -> None:
        await socket.close(code=code)

    return Outlet(send, half, close, transport, request.path)


def _frame_head(length: int, opcode: int) -> bytes:
    """Write what stands before the payload of an unmasked frame (RFC 6455, section 5.2)."""
    if length < 126:
        return struct.pack("!BB", 0x80 | opcode, length)
    if length < 1 << 16:
        return struct.pack("!BBH", 0x80 | opcode, 126, length)
    return struct.pack("!BBQ", 0x80 | opcode, 127, length)


def _transport(request: web.Request) -> asyncio.Transport | None:
    return request.transport


class Listener:
    """What one open stream gets: events from a position on, in the form that `write` gives them."""

    def __init__(self, outlet: Outlet, faults: Faults, server: Server) -> None:
        """Has heard nothing yet."""
        self.outlet = outlet
        self.sent = 0
        self.wake = asyncio.Event()
        self.last_words: deque[bytes] = deque()
        """Sent before anything else as soon as there is something: what ends the stream, or has nothing to do with posts."""
        self.ending = 0
        """The code with which to end, as soon as the last words are said; 0 goes on."""
        self.form = ""
        """In which form it is written to, where a network has several."""
        self._faults = faults
        self._server = server
        self._recent: deque[bytes] = deque(maxlen=RECENT)
        self._at = f"stream {outlet.path}"

    async def follow(
        self,
        events: list[Event],
        position: int,
        write: Callable[[Event], bytes | None],
        keep_alive: tuple[bytes, float] | None = None,
    ) -> None:
        """Send what is there and what comes, until the connection ends; between, a sign of life in its rhythm."""
        try:
            while True:
                self.wake.clear()
                await self._say_last_words()
                await self._suffer_in_silence()
                batch = events[position : position + BATCH]
                for event in batch:
                    message = write(event)
                    if message is not None:
                        await self.send(message)
                position += len(batch)
                await (asyncio.sleep(0) if batch else self._wait(keep_alive))
        except (Gone, ConnectionError):
            return

    async def send(self, message: bytes) -> None:
        """Send one message, or what becomes of it."""
        fault = self._faults.take(("half", "slow", "duplicate", "back"), self._at) if self._faults.armed else None
        if self.outlet.transport is None or self.outlet.transport.is_closing():
            raise Gone
        if fault is not None:
            await self._spoil(fault, message)
        await self.outlet.send(message)
        self._recent.append(message)
        self.sent += 1

    async def _spoil(self, fault: Fault, message: bytes) -> None:
        if fault.kind == "half":
            await self.outlet.half(message)
            raise Gone
        if fault.kind == "slow":
            await asyncio.sleep(0.2 if fault.seconds is None else fault.seconds)
            return
        again = list(self._recent)
        for old in again[-AGAIN:] if fault.kind == "duplicate" else again:
            await self.outlet.send(old)

    async def _say_last_words(self) -> None:
        while self.last_words:
            await self.outlet.send(self.last_words.popleft())
        if self.ending:
            await self.outlet.close(self.ending)
            raise Gone

    async def _suffer_in_silence(self) -> None:
        if not self._faults.armed:
            return
        if self._faults.peek(REFUSALS) is not None:
            # A refusal needs a request: the stream is cut, and whoever comes back is refused.
            self._faults.note("cut", self._at, "so that the next request can be refused")
            self.outlet.abort()
            raise Gone
        fault = self._faults.take(tuple(kind for kind in ON_SILENCE if kind not in REFUSALS), self._at)
        if fault is None:
            return
        if fault.kind == "stall":
            await asyncio.sleep(FOREVER_S if fault.seconds is None else fault.seconds)
            return
        if fault.kind == "down":
            self._server.go_down(0.3 if fault.seconds is None else fault.seconds)
        self.outlet.abort()
        raise Gone

    async def _wait(self, keep_alive: tuple[bytes, float] | None) -> None:
        try:
            async with asyncio.timeout(None if keep_alive is None else keep_alive[1]):
                await self.wake.wait()
        except TimeoutError:
            if keep_alive is not None:
                await self.outlet.send(keep_alive[0])


async def converse(
    socket: web.WebSocketResponse, speak: Awaitable[None], hear: Callable[[str], Awaitable[None]] | None = None
) -> None:
    """Speak until either side ends it, and hear what the client says; without `hear`, a client that speaks is cut off."""
    speaking = asyncio.ensure_future(speak)
    hearing = asyncio.ensure_future(_hear(socket, hear))
    try:
        await asyncio.wait((speaking, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (speaking, hearing):
            task.cancel()
        await asyncio.gather(speaking, hearing, return_exceptions=True)


async def _hear(socket: web.WebSocketResponse, hear: Callable[[str], Awaitable[None]] | None) -> None:
    async for message in socket:
        if hear is None or message.type is not WSMsgType.TEXT:
            await socket.close(code=1003)
            return
        await hear(message.data)
