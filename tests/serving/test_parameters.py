"""A parameter that a route does not have is told, on every route; and one value given twice, where it takes one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from lapwing import config
from lapwing.app.serving import application
from lapwing.serving.parameters import OPEN
from serving.asking import serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = config.parse('[serve]\nquery_budget = "60s"\n', environment={})
    data = tmp_path_factory.mktemp("parameters") / "data"
    with ExitStack() as open_, serving(application(data, settings, open_)) as client:
        yield client


def wrong(answer: httpx.Response) -> dict[str, str]:
    """What is told of each parameter."""
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    return {each["where"]: each["what"] for each in answer.json()["errors"]}


def test_every_route_refuses_what_it_does_not_have(client: httpx.Client) -> None:
    asked = 0
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            if path not in OPEN:
                filled = path.replace("{id}", "1").replace("{", "").replace("}", "")
                told = wrong(client.request(method, filled, params={"zzzz": "1"}))
                assert told["zzzz"].startswith("there is no such parameter; there are "), (method, path)
                asked += 1
    assert asked > 30


TOLD: dict[str, dict[str, str]] = {
    "/api/v1/stream?topic=counts": {"topic": "there is no such parameter; did you mean topics?"},
    "/api/v1/status?foo=1": {"foo": "there is no such parameter; there are none here"},
    "/search/here/keyword/storm/size/1?limit=7&foo=1": dict.fromkeys(
        ("limit", "foo"), "there is no such parameter; there are none here"
    ),
    "/api/v1/posts?limit=1&limit=2": {"limit": "it takes one value, and is given more than once"},
    "/api/v1/counts?with=a&with=a": {"with": "it takes one value, and is given more than once"},
    "/api/v1/stream?topics=counts&topics=posts": {"topics": "it takes one value, and is given more than once"},
    "/api/v1/posts?zzzz=1&zzzz=2&limit=0": {"zzzz": "there is no such parameter; there are ", "limit": "'0' is less"},
}


@pytest.mark.parametrize(("path", "told"), TOLD.items())
def test_what_is_told(client: httpx.Client, path: str, told: dict[str, Any]) -> None:
    found = wrong(client.get(path))
    assert found.keys() == told.keys()
    assert all(found[name].startswith(what) for name, what in told.items())


@pytest.mark.parametrize(
    "path", ["/healthz?foo=1", "/readyz?foo=1", "/api/v1/posts?lang=en&lang=ja", "/openapi.json?v=2", "/docs?foo=1"]
)
def test_what_may_repeat_and_who_brings_parameters_of_their_own(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_pages_and_webhooks_are_told_nothing_of_it(client: httpx.Client) -> None:
    assert client.get("/search?q=storm&foo=1").status_code in (200, 503)  # 503 where the page was not built
    assert client.post("/webhooks/none?foo=1").status_code == 404
