"""Which addresses a source may ask: TLS everywhere but on this machine, and nobody is sent on to a stranger."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from lapwing.hearing import RefusedBySource, Unfit
from lapwing.internet.addresses import is_public

SECURE = ("https", "wss")
PLAIN = ("http", "ws")
SCHEMES_OF_SOCKETS = {"http": "ws", "https": "wss", "ws": "http", "wss": "https"}
PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def host_of(url: str) -> str:
    """The host, and the port where it is not the usual one: what a limit is kept for."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    return host if port in (None, PORTS.get(parts.scheme)) else f"{host}:{port}"


def is_loopback(url: str) -> bool:
    """Whether an address names this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def checked(url: str) -> str:
    """The same address; raises `RefusedBySource` for one that may not be asked."""
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.scheme in (*SECURE, *PLAIN) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound or any(character.isspace() or ord(character) < 32 for character in url):
        raise RefusedBySource(f"{url[:200]!r} is no address", "write it as https://host")
    if parts.username or parts.password:
        raise RefusedBySource(f"the address of {parts.hostname} holds a password", "give it as a secret instead")
    if parts.scheme in PLAIN and not is_loopback(url):
        what = f"{parts.scheme}:// is not encrypted, so it is for this machine alone, and not for {parts.hostname}"
        raise RefusedBySource(what, f"write {parts.scheme}s://")
    return url


def unfit(options: object, *names: str) -> Unfit | None:
    """The first of these options whose address, or one of whose addresses, may not be asked."""
    for name in names:
        value = getattr(options, name)
        for number, url in enumerate(value if isinstance(value, list) else [value]):
            try:
                checked(url)
            except RefusedBySource as problem:
                place = f"[{number}]" if isinstance(value, list) else ""
                return Unfit(f"{name}{place}", problem.what, problem.next_step)
    return None


def sent_on(url: str, location: str) -> str:
    """Where a redirect leads; raises `RefusedBySource` unless it is the same host, as safe as before."""
    target = urljoin(url, location)
    if host_of(target) != host_of(url) or (urlsplit(url).scheme in SECURE and urlsplit(target).scheme in PLAIN):
        raise RefusedBySource(
            f"{host_of(url)} sends us on to {host_of(target)[:200] or 'nowhere'}",
            "if that is right, write that address",
        )
    return checked(target)


def named_by(url: str, named: str) -> str:
    """An address that the server at `url` names, checked: it never leads to this machine from elsewhere.

    Raises `RefusedBySource`.
    """
    if is_loopback(named) and not is_loopback(url):
        raise RefusedBySource(f"{host_of(url)} names an address on this machine", "ask its administrator")
    return checked(named)


def swapped(url: str) -> str:
    """The same address for sockets instead of requests, or the other way round."""
    scheme, _, rest = url.partition("://")
    return f"{SCHEMES_OF_SOCKETS.get(scheme, scheme)}://{rest}"


def public_socket(found: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """A socket to a public address; `OSError` for one inside a network, whatever name led there."""
    family, kind, protocol, _, address = found
    if not is_public(str(address[0])):
        raise OSError(f"{address[0]} is not a public address")
    return socket.socket(family, kind, protocol)
