"""Half a request is not waited for: its head has a deadline, and so has silence within its body. Answers have none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from socket import create_connection, socket
from typing import Any

import pytest

from lapwing.serving import patience
from lapwing.serving.running import Listening, run
from lapwing.serving.sockets import listen

SHORT_S = 0.4
WAIT_S = 20.0


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, and answers slowly."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    for _ in range(3):
        await asyncio.sleep(SHORT_S if scope["path"] == "/slow" else 0)
        await send({"type": "http.response.body", "body": b".", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where a server answers that waits for a moment only."""
    monkeypatch.setattr(patience, "HEAD_S", SHORT_S)
    monkeypatch.setattr(patience, "SILENCE_S", SHORT_S)
    up, stop = threading.Event(), threading.Event()
    sockets = listen("127.0.0.1", 0)
    thread = threading.Thread(
        target=run, args=(application, Listening(sockets=sockets), stop.is_set, lambda _: up.set())
    )
    thread.start()
    try:
        assert up.wait(WAIT_S)
        yield int(sockets[0].getsockname()[1])
    finally:
        stop.set()
        thread.join(WAIT_S)


def rest(client: socket) -> bytes:
    """What comes until the server closes."""
    client.settimeout(WAIT_S)
    found = b""
    while piece := client.recv(65_536):
        found += piece
    return found


HEAD = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "half",
    [
        b"GET / HT",
        HEAD,
        HEAD + b"Content-Length: 9\r\n\r\nhalf",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nha",
    ],
)
def test_half_a_request_is_let_go_of(port: int, half: bytes) -> None:
    with create_connection(("127.0.0.1", port), WAIT_S) as client:
        client.sendall(half)
        said = rest(client)
    assert said.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"application/problem+json" in said


def test_a_connection_on_which_nothing_comes_is_only_closed(port: int) -> None:
    with create_connection(("127.0.0.1", port), WAIT_S) as client:
        assert rest(client) == b""


def test_a_head_that_trickles_is_let_go_of_on_a_connection_that_was_kept(port: int) -> None:
    with create_connection(("127.0.0.1", port), WAIT_S) as client:
        client.sendall(HEAD + b"Content-Length: 1\r\n\r\n.")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        client.sendall(HEAD)
        client.settimeout(SHORT_S / 4)
        said = b""
        while b"408" not in said:
            assert time.monotonic() - began < WAIT_S
            client.sendall(b"X-More: 1\r\n")
            try:
                said += client.recv(65_536)
            except TimeoutError:
                continue


def test_a_body_that_trickles_and_an_answer_that_takes_long_are_waited_for(port: int) -> None:
    with create_connection(("127.0.0.1", port), WAIT_S) as client:
        client.sendall(b"POST /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(SHORT_S / 4)
            client.sendall(b".")
        said = rest(client)
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\n...")
