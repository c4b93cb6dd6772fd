"""`safe_fetch`: one request to an address that somebody typed, which never reaches a machine of our own network.

The address is read by one parser alone, the one that connects. It is https, without a password, at port 443 or another that
the configuration allows. Its name is resolved, and the socket is made for exactly the address that was looked at, so that a
name which leads elsewhere a moment later (DNS rebinding) leads nowhere. Redirects are not followed. Time and size of the
answer have an end.

Import it late, inside `send`: aiohttp takes a while.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from yarl import URL

from lapwing.hearing import Disconnected
from lapwing.internet.addresses import is_public, is_this_machine
from lapwing.telling import Surroundings, Undeliverable

Decoded = TypeVar("Decoded")

HTTPS_PORT = 443
TIMEOUT_S = 20.0
BYTES_MAX = 1 << 16
URL_CHARACTERS_MAX = 2_048
NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None)
"""Deadlines are kept by the clock that the notifier was handed."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and within which limits."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    ports: frozenset[int] = frozenset({HTTPS_PORT})
    private: bool = False
    """Whether it may be in our own network, or this machine, http included there: where the operator says so."""
    timeout_s: float = TIMEOUT_S
    bytes_max: int = BYTES_MAX


class Reply(msgspec.Struct, frozen=True):
    """What was answered; a status that is an error is for the caller to judge."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes
    host: str

    def json(self, shape: type[Decoded], default: Decoded) -> Decoded:
        """The body as a value of a type, or the default where it is none."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return default


def checked(url: str, ports: frozenset[int] = frozenset({HTTPS_PORT}), private: bool = False) -> URL:
    """The address as it is connected to; raises `Undeliverable` for one that may not be.

    Names are resolved later; what a name leads to is looked at when the socket is made.
    """
    if len(url) > URL_CHARACTERS_MAX or any(ord(each) <= 32 or ord(each) == 127 or each == "\\" for each in url):
        raise Undeliverable("this is no web address", "write it as https://host/…")
    try:
        found = URL(url)
        host, port = found.raw_host or "", found.port
    except (ValueError, UnicodeError):
        raise Undeliverable("this is no web address", "write it as https://host/…") from None
    if found.user is not None or found.password is not None:
        raise Undeliverable("the address holds a password", "leave it out")
    here = private and (host == "localhost" or is_this_machine(host))
    if not host or (found.scheme != "https" and not (here and found.scheme == "http")):
        raise Undeliverable("the address does not begin with https://", "write it as https://host/…")
    if private:
        return found
    if port not in ports:
        raise Undeliverable(f"port {port} is not one that may be asked", "use 443, or allow it with `ports`")
    if not (is_public(host) if _is_numeric(host) else "." in host.rstrip(".")):
        raise Undeliverable(f"{host} is not on the public internet", "give a public address")
    return found


def _is_numeric(host: str) -> bool:
    """Whether some parser may take this for an IP address: decimal, octal and hexadecimal forms too (WHATWG URL, 3.5)."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.lower().startswith("0x")


async def safe_fetch(request: Request, surroundings: Surroundings) -> Reply:
    """The answer to one request.

    Raises `Undeliverable` for an address that may not be asked, `Disconnected` for one that cannot be reached now; no
    message holds more of the address than its host. Of a long answer only the beginning is read.
    """
    url = checked(request.url, request.ports, request.private)
    session = sessions_of(surroundings).of(request.private)
    host = url.host or ""
    with _trouble(host):
        async with (
            surroundings.time.within(request.timeout_s),
            session.request(
                request.method, url, headers=dict(request.headers), data=request.body, allow_redirects=False
            ) as answer,
        ):
            body = await _whole(answer, request.bytes_max)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, headers, body, host)


class Sessions:
    """The connections of all channels of a process; those that may be private are apart from those that may not."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        """`resolver` is who is asked for names: the machine's own, unless said."""
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def of(self, private: bool) -> aiohttp.ClientSession:
        """The session for such addresses, made when it is first needed."""
        if private not in self._sessions:
            checks: dict[str, Any] = {} if private else {"socket_factory": public_socket}
            self._sessions[private] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, resolver=self._resolver, **checks), timeout=NO_TIMEOUT, auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=False,
                headers={"User-Agent": f"Lapwing/{version('lapwing')}", "Accept-Encoding": "identity"},
            )  # fmt: skip
        return self._sessions[private]

    async def close(self) -> None:
        """End every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def sessions_of(surroundings: Surroundings) -> Sessions:
    """The connections of this process."""
    shared: Sessions = surroundings.shared.setdefault("sessions", Sessions())
    return shared


def public_socket(found: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """A socket for an address that was resolved; `OSError` for one inside a network, whatever name led there."""
    family, kind, protocol, _, address = found
    if not is_public(str(address[0])):
        raise OSError("its name leads to an address that is not public")
    return socket.socket(family, kind, protocol)


@contextmanager
def _trouble(host: str) -> Iterator[None]:
    """Whatever goes wrong with a connection, as `Disconnected` with a sentence that names the host and no more."""
    try:
        yield
    except aiohttp.ClientConnectorDNSError:
        raise Disconnected(f"{host}: nobody knows this name (DNS)") from None
    except aiohttp.ClientConnectorCertificateError:
        raise Disconnected(f"{host}: its certificate is not valid") from None
    except aiohttp.ClientConnectorError as problem:
        raise Disconnected(f"{host}: no connection ({problem.os_error.strerror or problem.os_error})") from None
    except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError) as problem:
        raise Disconnected(f"{host}: {type(problem).__name__}") from None
    except TimeoutError:
        raise Disconnected(f"{host} did not answer in time") from None
    except OSError as problem:
        raise Disconnected(f"{host}: {problem.strerror or problem}") from None


async def _whole(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The body, as far as it may go; the status is what counts, so nothing depends on the rest."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > bytes_max:
            break
    return b"".join(parts)[:bytes_max]
