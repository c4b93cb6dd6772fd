"""The guard before the HTTP API: which requests reach it at all, and what every answer carries.

    answers only under our own names      421   no other site's name can be pointed at us (DNS rebinding)
    a page of ours must be the newest     412   an old page never speaks with a new API; it loads itself anew
    a token that is given must be valid   401   wrong, expired and revoked ones are never passed over
    so many requests of each client       429   with `Retry-After`
    no writing from other sites' pages    403   `Sec-Fetch-Site` and `Origin`
    what the route declares that it needs 401, 403

Plain ASGI: nothing is buffered, so that streams and server-sent events pass as they come.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from lapwing.errors import UsageError
from lapwing.serving.addresses import Hosts, Proxies, from_another_site, is_loopback, plain_name, was_forwarded
from lapwing.serving.identity import RANK, Identity, Permission, Rejection, Scope
from lapwing.serving.limiting import Buckets
from lapwing.serving.permissions import declare, declared, needed, requires, show_permissions, undeclared
from lapwing.serving.problems import problem

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Asked

__all__ = [
    "Identity", "Permission", "Policy", "Rejection", "Scope",
    "asker", "declare", "declared", "guarded", "may_start", "requires", "show_permissions", "undeclared",
]  # fmt: skip

log_lines = logging.getLogger("lapwing.serving")

FAILURES_PER_MINUTE = 10
"""So many wrong tokens of one address are answered with 401 and logged; then 429, unlogged."""

READING = ("GET", "HEAD", "OPTIONS")

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
ON_EVERY_ANSWER = {
    b"content-security-policy": CONTENT_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    # Not `no-referrer`: browsers would then send `Origin: null` with what our own forms send.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
OVER_TLS = {b"strict-transport-security": b"max-age=31536000"}


class Policy(Struct, frozen=True, kw_only=True):
    """Whom the server answers; `clock` tells seconds that never go back."""

    host: str
    hosts: Sequence[str] = ()
    trusted_proxies: Sequence[str] = ()
    requests_per_minute: int = 1_200
    tokens: Callable[[str], Identity | Rejection]
    has_tokens: Callable[[], bool]
    clock: Callable[[], float]
    build: str = ""
    """Which build of the page is served; every answer says it, and a page says it when it asks. Empty: none was built."""


class Refusal(Struct, frozen=True):
    """An answer instead of the route's own."""

    status: int
    detail: str
    next_step: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class TokenGone(Exception):
    """The token that an answer is for does not count any more."""


STANDING_S = 5.0
"""So often it is looked whether the token of a long answer still counts."""
PAGE = "x-lapwing-page"
"""In which header a page says which build it is."""
BUILD = b"x-lapwing-build"
"""In which header every answer says which build is served."""
CREATE = "run `lapwing token create NAME --scope {scope}` and send `Authorization: Bearer lw_…`"
WRONG_HOST = Refusal(
    421,
    "this server is not asked under that name",
    "use its own name or address, or add the name to `hosts` in [serve]",
)
ADD_DEVICE = "add the device at /receiver with a code from the page Rules"
OLD_PAGE = Refusal(412, "this page is older than the server", "load it again")
OTHER_SITE = Refusal(
    403,
    "a page of another site asks to change something here",
    "open this server's own page, or ask from a program; behind a proxy, have it pass on the Host header unchanged",
)


def may_start(host: str, has_tokens: bool) -> None:
    """Raise `UsageError` where others could ask who have no token: on any address but loopback, before there is one."""
    if not is_loopback(host) and not has_tokens:
        raise UsageError(
            f"serve.host: {host} can be reached by others, and there is no token",
            "run `lapwing token create NAME --scope read` first, or listen on 127.0.0.1",
        )


def guarded(app: FastAPI, policy: Policy) -> ASGIApp:
    """The application as it is served; nothing of it should be reachable otherwise. OpenAPI says the permissions.

    The server beneath must leave `X-Forwarded-For` to us: `uvicorn.Config(…, proxy_headers=False)`.
    """
    show_permissions(app)
    return Guard(app, policy)


class Guard:
    """Judges each request, and lets the application answer or answers itself."""

    def __init__(self, app: FastAPI, policy: Policy) -> None:
        self._app = app
        self._policy = policy
        self._hosts = Hosts(policy.host, policy.hosts)
        self._proxies = Proxies(policy.trusted_proxies)
        self._on_loopback = is_loopback(policy.host)
        self._on_every_answer = ON_EVERY_ANSWER | ({BUILD: policy.build.encode()} if policy.build else {})
        self._requests = Buckets(policy.requests_per_minute, policy.clock)
        self._failures = Buckets(min(FAILURES_PER_MINUTE, policy.requests_per_minute), policy.clock)

    async def __call__(self, scope: Asked, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # there are none here
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Asked, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        send = self._with_headers(scope, headers, send)
        verdict = self._judge(scope, headers)
        if isinstance(verdict, Refusal):
            await _answer_to(verdict)(scope, receive, send)
            return
        if verdict["identity"] is not None:
            send = self._while_it_stands(headers, verdict["permission"], send)
        try:
            await self._app({**scope, "state": {**scope.get("state", {}), **verdict}}, receive, send)
        except TokenGone:
            name = verdict["identity"].name
            log_lines.warning("an answer to %s was broken off: its token does not count any more", name)

    def _judge(self, scope: Asked, headers: dict[str, list[str]]) -> Refusal | dict[str, Any]:
        """Why not; or what the application is told about who asks."""
        if not self._hosts.answers(headers):
            return WRONG_HOST
        if self._policy.build and headers.get(PAGE, [self._policy.build]) != [self._policy.build]:
            return OLD_PAGE
        peer = _peer(scope)
        client = self._proxies.client(peer, headers)
        who = self._identify(headers)
        if isinstance(who, Rejection):
            return self._reject(who, client)
        wait_s = self._requests.wait_s(f"token {who.name}" if who else f"address {client}")
        if wait_s:
            return _too_many(wait_s)
        https = self._proxies.is_https(scope["scheme"], peer, headers)
        if scope["method"] not in READING and from_another_site(headers, https=https):
            return OTHER_SITE
        permission = needed(self._app, scope)
        forwarded = was_forwarded(headers)
        may_write = self._permit("write", who, forwarded) is None
        refusal = self._permit(permission, who, forwarded)
        return refusal or {"identity": who, "client": client, "permission": permission, "may_write": may_write}

    def _identify(self, headers: dict[str, list[str]]) -> Identity | Rejection | None:
        """Whose token it is; None where none is given."""
        given = headers.get("authorization", [])
        if not given:
            return None
        scheme, _, token = given[0].strip().partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer":
            return Rejection("malformed")
        return self._policy.tokens(token.strip())

    def _reject(self, rejection: Rejection, client: str) -> Refusal:
        """The answer to a wrong token; the log says whose and from where, and never the token."""
        wait_s = self._failures.wait_s(client)
        if wait_s:
            return _too_many(wait_s)
        log_lines.warning("refused a token from %s: %s (%s)", client, rejection.reason, rejection.name or "nobody's")
        detail = {
            "malformed": "the Authorization header is not one `Bearer lw_…`",
            "unknown": "nobody has this token",
            "unreadable": "the server cannot read its tokens at the moment",
        }.get(rejection.reason, f"this token is {rejection.reason}")
        return _unauthorized(detail, CREATE.format(scope="read|write|admin"), error=b', error="invalid_token"')

    def _permit(self, permission: Permission, who: Identity | None, forwarded: bool) -> Refusal | None:
        """Why this is not allowed; None where it is."""
        if permission == "public":
            return None
        if who is not None:
            if RANK[who.scope] >= RANK[permission]:
                return None
            return Refusal(
                403,
                f"this needs the scope {permission}, and the token {who.name!r} has {who.scope}",
                ADD_DEVICE if permission == "receive" else f"use a token that was made with --scope {permission}",
            )
        if self._on_loopback and not forwarded and (permission == "read" or not self._policy.has_tokens()):
            return None
        step = ADD_DEVICE if permission == "receive" else CREATE.format(scope=permission)
        return _unauthorized(f"this needs a token with the scope {permission}", step)

    def _while_it_stands(self, headers: dict[str, list[str]], permission: Permission, send: Send) -> Send:
        """`send` that breaks off a long answer, unfinished, soon after the token was revoked or ran out."""
        looked_s = self._policy.clock()

        async def sending(message: Message) -> None:
            nonlocal looked_s
            if self._policy.clock() - looked_s >= STANDING_S:
                looked_s = self._policy.clock()
                if not self._stands(headers, permission):
                    raise TokenGone
            await send(message)

        return sending

    def _stands(self, headers: dict[str, list[str]], permission: Permission) -> bool:
        who = self._identify(headers)
        if isinstance(who, Rejection):
            return who.reason == "unreadable"
        return self._permit(permission, who, forwarded=False) is None

    def _with_headers(self, scope: Asked, headers: dict[str, list[str]], send: Send) -> Send:
        """`send` that puts the security headers on the answer, in place of the application's own."""
        ours = self._on_every_answer
        named = (headers.get("host") or [""])[0]
        if plain_name(named) != "localhost" and self._proxies.is_https(scope["scheme"], _peer(scope), headers):
            ours = ours | OVER_TLS  # localhost is every program's on this machine, and must not be bound to TLS

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in ours]
                message = {**message, "headers": [*own, *ours.items()]}
            await send(message)

        return sending


def _headers(scope: Asked) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _peer(scope: Asked) -> str:
    return str((scope.get("client") or ("unknown",))[0])


def _unauthorized(detail: str, next_step: str, error: bytes = b"") -> Refusal:
    return Refusal(401, detail, next_step, ((b"www-authenticate", b'Bearer realm="lapwing"' + error),))


def _too_many(wait_s: float) -> Refusal:
    seconds = max(ceil(wait_s), 1)
    return Refusal(
        429, "too many requests", f"wait {seconds} s, and ask less often", ((b"retry-after", str(seconds).encode()),)
    )


def _answer_to(refusal: Refusal) -> Response:
    answer = problem(refusal.status, refusal.detail, refusal.next_step)
    answer.headers["cache-control"] = "no-store"
    answer.raw_headers.extend(refusal.headers)
    return answer


def asker(request: Request) -> str:
    """The name of the token that asks; ``http`` where none was needed."""
    return getattr(request.scope.get("state", {}).get("identity"), "name", "") or "http"
