"""Asks servers: one client for all sources of a process, with limits, deadlines and addresses that are checked.

Import it late, inside `read`: it needs aiohttp, which takes a while. Trouble comes out as `Disconnected`, `RateLimited`
or `RefusedBySource`, and no message holds a token or the query of an address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import msgspec

from lapwing.hearing import Disconnected, RateLimited, RefusedBySource, Surroundings, Timekeeper
from lapwing.internet.waiting import until_us, used_up
from lapwing.sources._addresses import checked, host_of, public_socket, sent_on
from lapwing.sources._limits import Allowance, Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

Decoded = TypeVar("Decoded")

REDIRECTS_MAX = 5
BYTES_MAX = 16 << 20
SAID_MAX = 200
PING_S = 30.0
PROJECT = "a listening post for public posts"
REDIRECTS = (301, 302, 303, 307, 308)
REFUSAL_BYTES_MAX = 1 << 16
GOODBYE = aiohttp.ClientWSTimeout(ws_close=1.0)
"""No longer do we wait for the other side to say goodbye."""
NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None)
"""Deadlines are kept by the clock that the source was handed."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and within which limits."""

    url: str
    method: str = "GET"
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    timeout_s: float = 30.0
    """For the whole answer; of a stream or socket, until it begins."""
    bytes_max: int = BYTES_MAX
    passes: frozenset[int] = frozenset()
    """Statuses beside 2xx that are handed on and not raised, as 304."""
    pace: Pace | None = None
    """How often this host may be asked; None: as often as it does not say that it is too often."""
    lane: str = ""
    """Requests of another lane have limits of their own."""
    contact: str = ""
    """How to reach who runs this, for the `User-Agent`."""
    public: bool = False
    """Only at public addresses: for what a stranger names. No request ever reaches another machine of our network."""
    judge: Callable[[Reply], None] | None = None
    """Raises what a refusal means, where a network has meanings of its own; returns where it has none."""


class Reply(msgspec.Struct, frozen=True):
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters; of a name that comes twice, the first."""
    body: bytes
    url: str
    """Where it came from in the end."""
    moved_to: str | None = None
    """The same, where every step there was a permanent redirect (301, 308)."""

    def json(self, shape: type[Decoded]) -> Decoded:
        """The body as a value of a type; raises `Disconnected` for what is none, as a proxy's page."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Disconnected(f"{host_of(self.url)} answered with something else than was asked for") from None


class Http:
    """The client that all sources of a process share; `http_of` finds it."""

    def __init__(self, time: Timekeeper) -> None:
        self._time = time
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._allowances: dict[tuple[str, str], Allowance] = {}

    def allowance(self, url: str, lane: str = "") -> Allowance:
        """What a host still allows, for all sources."""
        return self._allowances.setdefault((host_of(url), lane), Allowance(self._time))

    async def ask(self, question: Question) -> Reply:
        """The whole answer. Waits where the pace or the host wants it."""
        await self._wait_for_turn(question)
        with trouble(question.url):
            async with self._time.within(question.timeout_s), self._answer(question) as (answer, moved):
                body = await _whole(answer, question.bytes_max)
                url = str(answer.url)
                reply = Reply(answer.status, _headers(answer), body, url, url if moved else None)
        self._judge(question, reply)
        return reply

    @asynccontextmanager
    async def stream(self, question: Question) -> AsyncIterator[aiohttp.StreamReader]:
        """The bytes of an answer that does not end. How long it may be silent is for the caller to watch."""
        await self._wait_for_turn(question)
        with trouble(question.url):
            async with self._time.within(question.timeout_s) as deadline, self._answer(question) as (answer, _):
                if answer.status != 200:
                    body = await _whole(answer, question.bytes_max)
                    self._judge(question, Reply(answer.status, _headers(answer), body, str(answer.url)))
                deadline.reschedule(None)
                yield answer.content

    @asynccontextmanager
    async def socket(
        self, question: Question, protocols: Sequence[str] = ()
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse[bool]]:
        """A WebSocket; texts come as bytes. Pinged every `PING_S`, so that a connection that is gone is noticed."""
        await self._wait_for_turn(question)
        refusal = aiohttp.TraceConfig()
        said: list[bytes] = []
        refusal.on_request_end.append(partial(_keep_refusal, said))
        refusal.on_request_redirect.append(_follow_no_stranger)
        connector = self._session(question).connector
        with trouble(question.url):
            async with aiohttp.ClientSession(
                connector=connector, connector_owner=False, trace_configs=[refusal], cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": user_agent()}, timeout=NO_TIMEOUT,
            ) as session:  # fmt: skip
                async with self._time.within(question.timeout_s):
                    try:
                        socket = await session.ws_connect(
                            checked(question.url), params=list(question.query), headers=_sent(question),
                            protocols=protocols, heartbeat=PING_S, max_msg_size=question.bytes_max, decode_text=False,
                            timeout=GOODBYE,
                        )  # fmt: skip
                    except aiohttp.WSServerHandshakeError as refused:
                        headers = {name.lower(): value for name, value in (refused.headers or {}).items()}
                        self._judge(question, Reply(refused.status, headers, b"".join(said), question.url))
                        raise Disconnected(f"{host_of(question.url)} opens no socket ({refused.status})") from None
                async with socket:
                    yield socket

    async def close(self) -> None:
        """End every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _wait_for_turn(self, question: Question) -> None:
        wait_s = self.allowance(question.url, question.lane).wait_s(question.pace)
        if wait_s > 0:
            await self._time.sleep(wait_s)

    @asynccontextmanager
    async def _answer(self, question: Question) -> AsyncIterator[tuple[aiohttp.ClientResponse, bool]]:
        """The answer at the end of all redirects, and whether each of them was for good."""
        url, query, session = checked(question.url), list(question.query), self._session(question)
        moved = True
        for step in range(REDIRECTS_MAX + 1):
            async with session.request(
                question.method, url, params=query, headers=_sent(question), data=question.body, allow_redirects=False
            ) as answer:
                location = answer.headers.get("Location", "")
                if answer.status not in REDIRECTS or answer.status in question.passes or not location:
                    yield answer, moved and step > 0
                    return
                if question.method != "GET":
                    raise RefusedBySource(f"{host_of(url)} moved elsewhere", "write the address where it is now")
                url, query = sent_on(str(answer.url), location), []
                moved = moved and answer.status in (301, 308)
        raise Disconnected(f"{host_of(url)} sends us round and round")

    def _session(self, question: Question) -> aiohttp.ClientSession:
        """The session for addresses of that kind, made when it is first needed."""
        if question.public not in self._sessions:
            checks: dict[str, Any] = {"socket_factory": public_socket} if question.public else {}
            self._sessions[question.public] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, **checks),
                timeout=NO_TIMEOUT,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": user_agent(question.contact)},
                read_bufsize=1 << 18,
            )
        return self._sessions[question.public]

    def _judge(self, question: Question, reply: Reply) -> None:
        """Remember what the host says of its limits; raise what its status means."""
        now_us, host = self._time.now_us(), host_of(question.url)
        again_us = until_us(reply.headers, now_us)
        limited = reply.status == 429 or (reply.status == 503 and "retry-after" in reply.headers)
        if limited or used_up(reply.headers):
            self.allowance(question.url, question.lane).block(again_us)
        if 200 <= reply.status < 300 or reply.status in question.passes:
            return
        if question.judge is not None:
            question.judge(reply)
        said = f"{host} answered {reply.status}{_said(reply.body)}"
        if limited:
            raise RateLimited(said, again_us)
        if reply.status >= 500 or reply.status in (408, 425) or reply.status < 200:
            raise Disconnected(said)
        next_step = {401: "look at the token", 403: "look at the token and what it may do"}
        raise RefusedBySource(said, next_step.get(reply.status, "look at the address and the options"))


def http_of(surroundings: Surroundings) -> Http:
    """The client of this process."""
    shared: Http = surroundings.shared.setdefault("http", Http(surroundings.time))
    return shared


def user_agent(contact: str = "") -> str:
    """Who we are, and how to reach who runs us."""
    return f"Lapwing/{version('lapwing')} (+{''.join(filter(str.isprintable, contact))[:SAID_MAX] or PROJECT})"


@contextmanager
def trouble(url: str) -> Iterator[None]:
    """Whatever goes wrong with a connection, as `Disconnected` with a sentence that names the host and no more."""
    host = host_of(url)
    try:
        yield
    except aiohttp.ClientConnectorDNSError:
        raise Disconnected(f"{host}: nobody knows this name (DNS)") from None
    except aiohttp.ClientConnectorCertificateError as problem:
        raise Disconnected(f"{host}: its certificate is not valid ({problem.certificate_error})") from None
    except aiohttp.ClientConnectorError as problem:
        raise Disconnected(f"{host}: no connection ({_reason(problem.os_error)})") from None
    except (aiohttp.ClientPayloadError, aiohttp.http_exceptions.HttpProcessingError):
        raise Disconnected(f"{host} broke off in the middle") from None
    except aiohttp.ServerDisconnectedError:
        raise Disconnected(f"{host} closed the connection") from None
    except aiohttp.InvalidURL:
        raise RefusedBySource(f"{url[:SAID_MAX]!r} is no address", "write it as https://host") from None
    except aiohttp.ClientError as problem:
        raise Disconnected(f"{host}: {type(problem).__name__}") from None
    except TimeoutError:
        raise Disconnected(f"{host} did not answer in time") from None
    except OSError as problem:
        raise Disconnected(f"{host}: {_reason(problem)}") from None


async def _keep_refusal(said: list[bytes], _: object, __: object, ended: aiohttp.TraceRequestEndParams) -> None:
    """Read why a socket was refused; aiohttp itself throws that away."""
    if ended.response.status != 101:
        said.append(await ended.response.content.read(REFUSAL_BYTES_MAX))


async def _follow_no_stranger(_: object, __: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """Refuse what leads elsewhere; aiohttp would follow it when it opens a socket."""
    sent_on(str(redirect.url), redirect.response.headers.get("Location", ""))


def _reason(problem: OSError) -> str:
    return problem.strerror or str(problem) or type(problem).__name__


def _sent(question: Question) -> dict[str, str]:
    agent = {"User-Agent": user_agent(question.contact)} if question.contact else {}
    return {**agent, **question.headers}


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers.items():
        found.setdefault(name.lower(), value)
    return found


async def _whole(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The body; raises `RefusedBySource` for one that is longer than allowed."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > bytes_max:
            what = f"{host_of(str(answer.url))} answered with more than {bytes_max >> 10:,} KiB"
            raise RefusedBySource(what, "see whether the address is right")
    return b"".join(parts)


def _said(body: bytes) -> str:
    """What an error says of itself, where it is a short text or an object with "error"; never a whole page."""
    text = body[:4096].decode("utf-8", "replace")
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        found = msgspec.json.decode(body)
        if isinstance(found, dict):
            text = " ".join(str(found[name]) for name in ("error", "title", "message", "detail") if name in found)
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return f": {text[:SAID_MAX]}" if text and not text.startswith("<") else ""
