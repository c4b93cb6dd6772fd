"""Every route asked by everybody: with each kind of token, under a wrong name, from another site's page.

For any application: what it declares is read from its routes. An answer of the guard is its status; everything that
the application itself says is `ok`, for it was let through.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

from fastapi import FastAPI

from lapwing.serving.identity import Identity, Rejection
from lapwing.serving.security import Policy, declared, guarded

SECRETS = {
    kind: f"lw_{kind}-{'s3cr3t' * 6}" for kind in ("read", "receive", "write", "admin", "expired", "revoked", "wrong")
}
ANSWERS: dict[str, Identity | Rejection] = {
    SECRETS["read"]: Identity("reader", "read"),
    SECRETS["receive"]: Identity("device-1", "receive"),
    SECRETS["write"]: Identity("writer", "write"),
    SECRETS["admin"]: Identity("chief", "admin"),
    SECRETS["expired"]: Rejection("expired", "old"),
    SECRETS["revoked"]: Rejection("revoked", "gone"),
}

Header = tuple[str, str]
HOST: Header = ("host", "localhost:8080")
ASKERS: dict[str, tuple[Header, ...]] = {
    "nobody": (HOST,),
    **{kind: (HOST, ("authorization", f"Bearer {secret}")) for kind, secret in SECRETS.items()},
    "wrong-host": (("host", "evil.example"), ("authorization", f"Bearer {SECRETS['admin']}")),
    "cross-site": (HOST, ("authorization", f"Bearer {SECRETS['admin']}"), ("sec-fetch-site", "cross-site")),
    "origin": (HOST, ("authorization", f"Bearer {SECRETS['admin']}"), ("origin", "https://evil.example")),
}
GUARD_SAYS = (401, 403, 421, 429)


class Answer(NamedTuple):
    """What came back: the status, the headers, and the body as far as it was waited for."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: Any) -> Any:
        return dict(self.headers)[name] if isinstance(name, str) else tuple.__getitem__(self, name)


def policy(host: str = "127.0.0.1", *, has_tokens: bool = True, **more: Any) -> Policy:
    """Everybody of `ANSWERS` is known; a minute passes between any two requests."""
    asked: dict[str, Any] = {
        "tokens": lambda secret: ANSWERS.get(secret, Rejection("unknown")),
        "has_tokens": lambda: has_tokens,
        "clock": count(step=60).__next__,
    }
    return Policy(host=host, **(asked | more))


def ask(
    app: Any,
    method: str,
    path: str,
    headers: tuple[Header, ...] = (HOST,),
    peer: str = "127.0.0.1",
    scheme: str = "http",
) -> Answer:
    """One request; of an answer that never ends, what comes first."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.replace("{", "%7B").replace("}", "%7D").encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers],
        "client": (peer, 50_000),
        "server": ("127.0.0.1", 8080),
    }
    return asyncio.run(asyncio.wait_for(_answer(app, scope), 10))


async def _answer(app: Any, scope: dict[str, Any]) -> Answer:
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(asked, None) or await asyncio.Event().wait()  # type: ignore[return-value]

    running = asyncio.create_task(app(scope, receive, sent.put))
    start, first = await sent.get(), await sent.get()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], headers, first.get("body", b""))


def operations(app: FastAPI, value: str = "1") -> Iterator[tuple[str, str, str, str]]:
    """Method, path as declared, permission, and two paths to ask: with `value` in each parameter, and with `{id}`."""
    for method, path, permission in declared(app):
        for filled in (value, "{id}"):
            asked = re.sub(r"\{[^}]+\}", lambda _: filled, path)  # noqa: B023
            if asked != path or filled == value or "{" in path:
                yield "GET" if method == "*" else method, asked, permission or "admin", path


def matrix(app: FastAPI, rules: Callable[[], Policy]) -> dict[tuple[str, str, str], dict[str, int | str]]:
    """(permission, method, path asked) → who asks → `ok` or the guard's status."""
    guard = guarded(app, rules())
    table: dict[tuple[str, str, str], dict[str, int | str]] = {}
    for method, asked, permission, _ in operations(app):
        row = table.setdefault((permission, method, asked), {})
        for asker, headers in ASKERS.items():
            status = ask(guard, method, asked, headers).status
            assert status < 500, f"{method} {asked} answers {asker} with {status}"
            row[asker] = status if status in GUARD_SAYS else "ok"
    return table


def expected(table: str, permission: str, method: str) -> dict[str, int | str]:
    """The row for this permission in a table such as those of test_security.py."""
    heading, *rows = (line.split() for line in table.strip().splitlines())
    kind = "GET" if method in ("GET", "HEAD", "OPTIONS") else "POST"
    (found,) = [row for row in rows if row[:2] == [permission, kind]]
    return {asker: int(cell) if cell.isdigit() else cell for asker, cell in zip(heading[2:], found[2:], strict=True)}
