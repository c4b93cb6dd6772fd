"""Who may ask the HTTP API for what: exact tables over every route, and what no answer may ever carry."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse
from hypothesis import given
from hypothesis import strategies as st

from lapwing.errors import ConfigError, UsageError
from lapwing.serving.identity import Identity, Rejection
from lapwing.serving.security import declare, declared, guarded, may_start, requires, show_permissions, undeclared
from serving.matrix import ASKERS, HOST, SECRETS, ask, expected, matrix, policy

LOOPBACK = """
what    how   nobody  read  receive  write  admin  expired  revoked  wrong  wrong-host  cross-site  origin
public  GET   ok      ok    ok       ok     ok     401      401      401    421         ok          ok
public  POST  ok      ok    ok       ok     ok     401      401      401    421         403         403
read    GET   ok      ok    ok       ok     ok     401      401      401    421         ok          ok
read    POST  ok      ok    ok       ok     ok     401      401      401    421         403         403
receive GET   401     403   ok       ok     ok     401      401      401    421         ok          ok
receive POST  401     403   ok       ok     ok     401      401      401    421         403         403
write   GET   401     403   403      ok     ok     401      401      401    421         ok          ok
write   POST  401     403   403      ok     ok     401      401      401    421         403         403
admin   GET   401     403   403      403    ok     401      401      401    421         ok          ok
admin   POST  401     403   403      403    ok     401      401      401    421         403         403
"""
EXPOSED = LOOPBACK.replace("read    GET   ok ", "read    GET   401").replace("read    POST  ok ", "read    POST  401")
WITHOUT_TOKENS = LOOPBACK.replace("401     403", "ok      403")


def small() -> FastAPI:
    """One route of each kind, in routers within routers, with parameters, mounted, and one that is a literal `{id}`."""
    app = FastAPI(docs_url=None, redoc_url=None)
    outer, inner = APIRouter(prefix="/api"), APIRouter(prefix="/v1", dependencies=[requires("read")])

    async def say(name: str = "") -> dict[str, str]:
        return {"said": name}

    inner.get("/posts")(say)
    inner.get("/incidents/{name}")(say)
    inner.post("/incidents/{name}/confirm", dependencies=[requires("write")])(say)
    inner.put("/rules/{name:path}", dependencies=[requires("write")])(say)
    inner.get("/letters/{name}", dependencies=[requires("write")])(say)
    inner.post("/feedback")(say)
    outer.include_router(inner)
    app.include_router(outer)
    app.delete("/api/v1/rules/{name}", dependencies=[requires("admin")])(say)
    app.get("/devices/mine", dependencies=[requires("receive")])(say)
    app.put("/devices/mine", dependencies=[requires("receive")])(say)
    app.get("/tokens", dependencies=[requires("admin")])(say)
    app.get("/healthz", dependencies=[requires("public")])(say)
    app.post("/webhooks/{name}", dependencies=[requires("public")])(say)
    app.post("/forgotten")(say)
    app.mount("/files", FastAPI(openapi_url=None))
    declare(app, "/files", "public")
    declare(app, "/openapi.json", "public")
    return app


@pytest.mark.parametrize(
    ("host", "has_tokens", "table"),
    [("127.0.0.1", True, LOOPBACK), ("127.0.0.1", False, WITHOUT_TOKENS), ("192.0.2.7", True, EXPOSED)],
    ids=["loopback", "loopback-without-tokens", "exposed"],
)
def test_every_route_answers_everybody_as_the_table_says(host: str, has_tokens: bool, table: str) -> None:
    found = matrix(small(), lambda: policy(host, has_tokens=has_tokens))
    assert found == {key: expected(table, key[0], key[1]) for key in found}
    assert ("write", "PUT", "/api/v1/rules/{id}") in found
    assert ("read", "GET", "/api/v1/incidents/1") in found
    assert {permission for permission, _, _ in found} == {"public", "read", "receive", "write", "admin"}


def test_a_route_that_declares_nothing_is_named_and_needs_the_most() -> None:
    app = small()
    assert undeclared(app) == ["POST /forgotten"]
    assert ("PUT", "/api/v1/rules/{name:path}", "write") in declared(app)
    guard = guarded(app, policy())
    assert [ask(guard, "POST", "/forgotten", ASKERS[who]).status for who in ("write", "admin")] == [403, 200]


def test_what_does_not_exist_is_the_applications_to_say() -> None:
    guard = guarded(small(), policy("192.0.2.7"))
    assert ask(guard, "GET", "/nothing").status == 404
    assert ask(guard, "POST", "/healthz").status == 405
    assert ask(guard, "GET", "/healthz/").status in (307, 404)


def test_a_body_is_not_read_for_one_who_may_not_send_it() -> None:
    app = FastAPI()

    @app.post("/topics", dependencies=[requires("write")])
    async def topics(value: dict[str, Any]) -> None: ...

    guard = guarded(app, policy())
    assert ask(guard, "POST", "/topics").status == 401  # without a token: nothing is said of the body
    assert ask(guard, "POST", "/topics", ASKERS["write"]).status == 422


def test_openapi_says_what_each_operation_needs() -> None:
    app = small()
    show_permissions(app)
    schema = app.openapi()
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    paths = schema["paths"]
    assert paths["/api/v1/posts"]["get"]["x-permission"] == "read"
    assert paths["/api/v1/posts"]["get"]["security"] == [{}, {"token": []}]
    confirm = paths["/api/v1/incidents/{name}/confirm"]["post"]
    assert (confirm["x-permission"], confirm["security"]) == ("write", [{"token": []}])
    assert {"401", "403", "421", "429"} <= set(confirm["responses"])
    assert "security" not in paths["/healthz"]["get"]


def test_refusals_are_problems_with_a_next_step() -> None:
    guard = guarded(small(), policy())
    missing = ask(guard, "POST", "/api/v1/incidents/1/confirm")
    assert missing["content-type"] == "application/problem+json"
    assert missing["www-authenticate"] == 'Bearer realm="lapwing"'
    assert json.loads(missing.body) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "this needs a token with the scope write",
        "next_step": "run `lapwing token create NAME --scope write` and send `Authorization: Bearer lw_…`",
    }
    expired = ask(guard, "GET", "/api/v1/posts", ASKERS["expired"])
    assert expired["www-authenticate"].endswith('error="invalid_token"')
    assert json.loads(expired.body)["detail"] == "this token is expired"
    small_scope = ask(guard, "POST", "/api/v1/incidents/1/confirm", ASKERS["read"])
    assert json.loads(small_scope.body)["detail"] == "this needs the scope write, and the token 'reader' has read"
    for asker in ("wrong-host", "cross-site"):
        assert set(json.loads(ask(guard, "POST", "/forgotten", ASKERS[asker]).body)) >= {"type", "title", "next_step"}


STRICT = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def test_every_answer_carries_the_strict_headers_once_and_none_of_cors() -> None:
    app = small()

    @app.get("/lax", dependencies=[requires("public")])
    async def lax() -> StreamingResponse:
        return StreamingResponse(iter([b"x"]), headers={"Content-Security-Policy": "default-src *"})

    @app.get("/broken", dependencies=[requires("public")])
    async def broken() -> None:
        raise RuntimeError

    guard = guarded(app, policy())
    for path, asker in [("/lax", "nobody"), ("/none", "origin"), ("/tokens", "nobody"), ("/broken", "nobody")]:
        answer = ask(guard, "GET", path, ASKERS[asker])
        assert {name: answer[name] for name in STRICT} == STRICT
        names = [name for name, _ in answer.headers]
        assert [name for name in names if names.count(name) > 1 or name.startswith("access-control")] == []
        assert "strict-transport-security" not in names
    assert "strict-transport-security" not in dict(ask(guard, "GET", "/healthz", scheme="https").headers)  # localhost
    named = ask(guard, "GET", "/healthz", (("host", "127.0.0.1"),), scheme="https")
    assert named["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("bound", "asked", "answered"),
    [
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LOCALHOST.:8080", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "[0:0:0:0:0:0:0:1]", True),
        ("127.0.0.1", "posts.example:443", True),  # in `hosts`
        ("127.0.0.1", "evil.posts.example", False),
        ("127.0.0.1", "posts.example.evil", False),
        ("127.0.0.1", "localhost@evil.example", False),
        ("127.0.0.1", "192.0.2.7", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "localhost:x", False),
        ("192.0.2.7", "192.0.2.7:8080", True),
        ("192.0.2.7", "192.0.2.8:8080", False),
        ("0.0.0.0", "192.0.2.8:8080", True),  # an address is nobody's to point elsewhere
        ("::", "[2001:db8::1]:8080", True),
        ("0.0.0.0", "evil.example", False),
        ("0.0.0.0", "0x7f.1", False),
    ],
)
def test_it_answers_only_under_its_own_names(bound: str, asked: str, answered: bool) -> None:
    guard = guarded(small(), policy(bound, hosts=["Posts.Example"]))
    assert ask(guard, "GET", "/healthz", (("host", asked),)).status == (200 if answered else 421)


@pytest.mark.parametrize("given", ["Basic YTpi", "Bearer", "", SECRETS["admin"], f"Token {SECRETS['admin']}"])
def test_what_is_no_bearer_token_is_wrong_too(given: str) -> None:
    guard = guarded(small(), policy())
    assert ask(guard, "GET", "/healthz", (HOST, ("authorization", given))).status == 401
    assert ask(guard, "GET", "/healthz", (HOST, ("authorization", f"bEARER  {SECRETS['admin']} "))).status == 200
    assert ask(guard, "GET", "/healthz", (*ASKERS["admin"], ("authorization", given))).status == 401


def test_two_names_or_none_are_refused() -> None:
    guard = guarded(small(), policy())
    assert [ask(guard, "GET", "/healthz", hosts).status for hosts in ((), (HOST, HOST))] == [421, 421]


@pytest.mark.parametrize(
    ("headers", "scheme", "status"),
    [
        ([("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")], "http", 200),
        ([("sec-fetch-site", "none")], "http", 200),
        ([("sec-fetch-site", "same-site")], "http", 403),
        ([("origin", "http://localhost:8081")], "http", 403),
        ([("origin", "http://127.0.0.1:8080")], "http", 403),
        ([("origin", "null")], "http", 403),
        ([("origin", "chrome-extension://localhost:8080")], "http", 403),
        ([("origin", "http://localhost:8080")], "https", 403),
        ([("origin", "https://localhost:8080")], "https", 200),
        ([("origin", "http://localhost:8080"), ("origin", "http://localhost:8080")], "http", 403),
    ],
)
def test_pages_of_other_sites_write_nothing(headers: list[tuple[str, str]], scheme: str, status: int) -> None:
    guard = guarded(small(), policy(has_tokens=False))
    assert ask(guard, "POST", "/api/v1/incidents/1/confirm", (HOST, *headers), scheme=scheme).status == status


def test_what_was_passed_on_is_not_from_this_machine() -> None:
    guard = guarded(small(), policy(has_tokens=False))
    for header in (("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("x-real-ip", "127.0.0.1")):
        assert ask(guard, "GET", "/api/v1/posts", (HOST, header)).status == 401
        assert ask(guard, "GET", "/api/v1/posts", (HOST, header, ASKERS["read"][1])).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost", "::ffff:127.0.0.1"])
def test_on_loopback_it_starts_without_tokens(host: str) -> None:
    may_start(host, False)
    may_start("0.0.0.0", True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "posts.example", "localhost.example"])
def test_elsewhere_it_does_not(host: str) -> None:
    with pytest.raises(UsageError, match="lapwing token create"):
        may_start(host, False)


def test_configured_addresses_that_are_none_are_blamed() -> None:
    with pytest.raises(ConfigError, match=r"serve\.hosts\[1\]"):
        guarded(small(), policy(hosts=["posts.example", "https://posts.example"]))
    with pytest.raises(ConfigError, match=r"serve\.trusted_proxies\[0\]"):
        guarded(small(), policy(trusted_proxies=["proxy"]))


def test_a_stream_passes_as_it_comes() -> None:
    app = FastAPI()

    @app.get("/stream", dependencies=[requires("read")])
    async def stream() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()

        return StreamingResponse(events(), media_type="text/event-stream")

    answer = ask(guarded(app, policy()), "GET", "/stream")
    assert (answer.status, answer.body) == (200, b"data: 1\n\n")


@pytest.mark.parametrize(
    "fate", [Rejection("revoked", "reader"), Rejection("expired", "reader"), Rejection("unreadable")]
)
def test_a_long_answer_is_broken_off_when_its_token_counts_no_more(fate: Rejection) -> None:
    app, told, standing = FastAPI(), [], [Identity("reader", "read")]

    @app.get("/stream", dependencies=[requires("read")])
    async def stream() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            for number in range(5):
                if number == 3:
                    standing[:] = [fate]
                told.append(number)
                yield b"data: %d\n\n" % number

        return StreamingResponse(events(), media_type="text/event-stream")

    guard = guarded(app, policy(tokens=lambda _: standing[0]))
    answer = ask(guard, "GET", "/stream", ASKERS["read"])
    assert answer.status == 200
    assert told == ([0, 1, 2, 3, 4] if fate.reason == "unreadable" else [0, 1, 2, 3])
    assert b"data: 3" not in answer.body or fate.reason == "unreadable"


def test_a_handler_knows_who_asks() -> None:
    app = FastAPI()
    seen = []

    @app.get("/who", dependencies=[requires("read")])
    async def who(request: Request) -> None:
        seen.append((request.state.identity, request.state.client))

    guard = guarded(app, policy())
    ask(guard, "GET", "/who", ASKERS["write"])
    ask(guard, "GET", "/who")
    assert seen == [(Identity("writer", "write"), "127.0.0.1"), (None, "127.0.0.1")]


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=20, max_size=60)
SHAPE = st.sampled_from(["Bearer {}", "bearer  {}", "Basic {}", "{}", "Bearer {} x", "Bearer {},{}", "Bearer\t{}"])


@given(token=TOKEN, shape=SHAPE, reason=st.sampled_from(["unknown", "expired", "revoked", "unreadable", None]))
def test_no_answer_and_no_log_line_contains_a_token(token: str, shape: str, reason: Any) -> None:
    found = Identity("reader", "read") if reason is None else Rejection(reason, "old")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(f"{record.getMessage()} {record.__dict__}")  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        guard = guarded(small(), policy(tokens=lambda _: found))
        for method, path in [("GET", "/api/v1/posts"), ("POST", "/forgotten"), ("GET", "/none")]:
            answer = ask(guard, method, path, (HOST, ("authorization", shape.replace("{}", token))))
            assert answer.status in (200, 401, 403, 404)
            assert token not in f"{answer.headers}{answer.body!r}"
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert [line for line in lines if token in line] == []
    assert reason is None or any("refused a token from 127.0.0.1" in line for line in lines)


def test_secrets_of_the_matrix_are_told_apart() -> None:
    assert len(set(SECRETS.values())) == 7
