"""The API itself, every route asked by everybody, under the tables of the guard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from lapwing.app.front import DirectoryFront
from lapwing.app.receiving import DirectoryReceivers
from lapwing.hearing import Delivery
from lapwing.serving import devices, live, webhooks, writing
from lapwing.serving.api import create
from lapwing.serving.security import undeclared
from serving.matrix import expected, matrix, policy
from serving.test_security import EXPOSED, LOOPBACK, WITHOUT_TOKENS


class Quiet:
    """Takes what is handed in and keeps nothing; nothing ever changes."""

    def accept(self, topic: str, body: bytes, lines: bool, key: str | None) -> Future[dict[str, Any]]:
        done: Future[dict[str, Any]] = Future()
        done.set_result({"topic": topic, "records": 0, "repeated": False})
        return done

    def find(self, name: str) -> str:
        return name

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Future[Delivery]:
        done: Future[Delivery] = Future()
        done.set_result(Delivery())
        return done

    def last(self) -> int:
        return 0

    def since(self, commit: int) -> None:
        return None


class Moments:
    """A clock on which a minute passes between any two looks."""

    def __init__(self) -> None:
        self._s = 0.0

    def __call__(self) -> float:
        self._s += 60
        return self._s


@pytest.fixture
def api(data_dir: Path) -> Iterator[FastAPI]:
    with DirectoryFront(data_dir) as front:
        told = [live.router(live.Broadcast(Quiet())), devices.receiving(DirectoryReceivers(front.with_own), Moments())]
        yield create(front, extra=[writing.router(Quiet()), webhooks.router(Quiet()), *told])


def test_every_route_declares_a_permission(api: FastAPI) -> None:
    assert undeclared(api) == []


@pytest.mark.parametrize(
    ("host", "has_tokens", "table"),
    [("127.0.0.1", True, LOOPBACK), ("127.0.0.1", False, WITHOUT_TOKENS), ("192.0.2.7", True, EXPOSED)],
    ids=["loopback", "loopback-without-tokens", "exposed"],
)
def test_every_route_answers_everybody_as_the_table_says(host: str, has_tokens: bool, table: str, api: FastAPI) -> None:
    found = matrix(api, lambda: policy(host, has_tokens=has_tokens))
    assert found == {key: expected(table, key[0], key[1]) for key in found}
    assert ("write", "POST", "/api/v1/topics/{id}") in found
    assert ("read", "GET", "/api/v1/stream") in found
    assert ("public", "POST", "/webhooks/{id}") in found
    assert ("receive", "POST", "/api/v1/devices/mine/test") in found
    assert ("public", "POST", "/api/v1/devices/join") in found
    assert ("public", "GET", "/healthz") in found
