"""How long a request may be on its way: a head that does not end and a body that stops are not waited for.

Answers may take as long as they take; only what a client still owes has a deadline.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lapwing.serving.problems import MEDIA_TYPE, problem

HEAD_S = 20.0
"""So long may it take from the first byte, or from the connection, until the head of a request is there."""
SILENCE_S = 30.0
"""So long may a body stop in the middle."""


class Patience(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits only for the next request of a connection, and for ever within one."""

    _deadline: asyncio.TimerHandle | None = None
    _heard = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there; a head must follow."""
        super().connection_made(transport)
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request came; wait for what is missing of it."""
        self._heard = True
        super().data_received(data)
        if self._answering():
            self._stop_waiting()
            if self.cycle.more_body:
                self._wait(SILENCE_S)
        elif self._deadline is None:
            self._wait(HEAD_S)

    def _answering(self) -> bool:
        """Whether there is a request whose head is whole, and no whole answer to it."""
        return bool(self.cycle) and not self.cycle.response_complete  # there is no cycle before the first head

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._waited)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _waited(self) -> None:
        """Say that it took too long, where no answer has begun, and let go of the connection."""
        self._deadline = None
        if self.transport.is_closing() or self not in self.connections:  # gone, or a web socket's by now
            return
        if self._answering() and (self.flow.read_paused or self.cycle.waiting_for_100_continue):  # it is we who wait
            self._wait(SILENCE_S)
            return
        if self._heard and not (self._answering() and self.cycle.response_started):
            self.transport.write(TOO_LATE)  # a browser's spare connection, on which nothing came, is only closed
        self.transport.close()


def _too_late() -> bytes:
    """The answer that ends a connection."""
    body = bytes(problem(408, "the request did not come to its end in time", "send it again, all of it").body)
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return b"HTTP/1.1 408 Request Timeout\r\n" + head.encode() + body


TOO_LATE = _too_late()
