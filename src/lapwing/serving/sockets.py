"""Sockets that listen before anybody answers: who connects meanwhile waits in the kernel, instead of being refused.

They can be handed to another process, and to several: each connection is taken by one of them.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import psutil

from lapwing.errors import UsageError

BACKLOG = 2_048
"""So many connections may wait, as far as the kernel lets them."""
Sockets = tuple[socket.socket, ...]
"""One for each address that a name has."""


def listen(host: str, port: int) -> Sockets:
    """What listens on every address of `host`; port 0 takes one that is free, the same on all of them.

    Raises `UsageError` where there is no such address, or the port is taken; it says by whom, if we may know.
    """
    opened: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            chosen = opened[0].getsockname()[1] if opened else port
            made = socket.create_server((address, chosen), family=family, backlog=BACKLOG)
            # Made anew from its number it knows that it is TCP, without which accepted connections would wait to send.
            opened.append(socket.socket(fileno=made.detach()))
    except OSError as problem:
        close(opened)
        who = _listeners(port)
        taken = f"something else listens on port {port} of {host}"
        raise UsageError(
            f"serve.port: {taken}{who}" if who else f"serve.port: {taken}, or it is not ours to take ({problem})",
            "end that, or choose another port, as in LAPWING__SERVE__PORT=8081",
        ) from problem
    return tuple(opened)


def close(sockets: tuple[socket.socket, ...] | list[socket.socket]) -> None:
    """Listen no more, in this process; one that was handed the sockets goes on."""
    for each in sockets:
        each.close()


def address_of(sockets: Sockets) -> tuple[str, int]:
    """The address and the port, as they are."""
    host, port = sockets[0].getsockname()[:2]
    return str(host), int(port)


def written(sockets: Sockets, *, https: bool) -> str:
    """The address as one asks it: ``http://127.0.0.1:8080``."""
    host, port = address_of(sockets)
    return f"{'https' if https else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise UsageError(
            f"serve.host: there is no address {host!r} here", "write 127.0.0.1, or this machine's own"
        ) from None
    # A machine without IPv6 still has a name for its loopback address.
    usable = [(family, str(end[0])) for family, _, _, _, end in found if family == socket.AF_INET or socket.has_ipv6]
    return list(dict.fromkeys(usable))


def _listeners(port: int) -> str:
    """Which processes listen there, as far as we may see: `` (process 12, python)``."""
    with contextlib.suppress(psutil.Error, OSError):
        pids = {each.pid for each in psutil.net_connections("tcp") if each.pid and _listens(each, port)}
        found = {_first(psutil.Process(pid), port) for pid in pids}
        named = [f"process {each.pid}, {each.name()}" for each in sorted(found, key=lambda each: each.pid)]
        return f" ({'; '.join(named)})" if named else ""
    return ""


def _listens(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port)


def _first(process: psutil.Process, port: int) -> psutil.Process:
    """The one that was first: of processes that share a socket the one that started the others."""
    with contextlib.suppress(psutil.Error):
        parent = process.parent()
        if parent is not None and any(_listens(each, port) for each in parent.net_connections("tcp")):
            return _first(parent, port)
    return process
