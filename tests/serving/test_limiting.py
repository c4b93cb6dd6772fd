"""So many requests of each client, by a clock that is moved by hand."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lapwing.serving.limiting import Buckets
from lapwing.serving.security import guarded
from serving.matrix import ASKERS, HOST, SECRETS, Answer, ask, policy
from serving.test_security import small


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def limited(**more: Any) -> tuple[Any, Hands]:
    clock = Hands()
    return guarded(small(), policy(clock=clock, requests_per_minute=3, **more)), clock


def statuses(guard: Any, times: int, *headers: tuple[str, str], peer: str = "127.0.0.1") -> list[int]:
    return [ask(guard, "GET", "/healthz", (HOST, *headers), peer=peer).status for _ in range(times)]


def test_too_many_requests_wait_for_the_bucket_to_fill() -> None:
    guard, clock = limited()
    assert statuses(guard, 4) == [200, 200, 200, 429]
    answer: Answer = ask(guard, "GET", "/healthz")
    assert (answer.status, answer["retry-after"]) == (429, "20")
    assert b"wait 20 s" in answer.body
    clock.now_s += 19
    assert ask(guard, "GET", "/healthz")["retry-after"] == "1"
    clock.now_s += 1
    assert statuses(guard, 2) == [200, 429]
    clock.now_s += 86_400
    assert statuses(guard, 4) == [200, 200, 200, 429]


def test_each_client_has_a_bucket_and_a_token_is_a_client_wherever_it_comes_from() -> None:
    guard, _ = limited()
    assert statuses(guard, 4) == [200, 200, 200, 429]
    assert statuses(guard, 1, peer="192.0.2.1") == [200]
    reader = ASKERS["read"][1]
    assert statuses(guard, 2, reader) + statuses(guard, 2, reader, peer="192.0.2.9") == [200, 200, 200, 429]
    assert statuses(guard, 1, ASKERS["write"][1]) == [200]


def test_one_customers_many_addresses_are_one_client() -> None:
    guard, _ = limited()
    found = [statuses(guard, 1, peer=f"2001:db8::{number}")[0] for number in range(1, 5)]
    assert found == [200, 200, 200, 429]
    assert statuses(guard, 1, peer="2001:db8:0:1::1") == [200]


def forwarded(guard: Any, *chains: str, peer: str) -> list[int]:
    return [statuses(guard, 1, ("x-forwarded-for", chain), peer=peer)[0] for chain in chains]


def test_what_is_forwarded_is_believed_of_trusted_proxies_only() -> None:
    guard, _ = limited(trusted_proxies=["10.0.0.0/8", "::1"])
    # One client behind the proxy, whatever it writes to the left of what the proxy says.
    chains = ["198.51.100.1", "1.1.1.1, 198.51.100.1", "2.2.2.2,198.51.100.1, 10.0.0.9", "198.51.100.1:5000"]
    assert forwarded(guard, *chains, peer="10.0.0.5") == [200, 200, 200, 429]
    assert forwarded(guard, "[2001:db8::7]:90", peer="::1") == [200]
    # A stranger who says that he speaks for others is one client.
    strangers = ["198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"]
    assert forwarded(guard, *strangers, peer="203.0.113.1") == [200, 200, 200, 429]
    # What is no address counts as the proxy itself.
    assert forwarded(guard, "x", "", "unknown, ?", "_hidden", peer="10.0.0.6") == [200, 200, 200, 429]


def test_https_is_believed_of_trusted_proxies_only() -> None:
    guard, _ = limited(trusted_proxies=["10.0.0.5"], hosts=["posts.example"])
    headers = (("host", "posts.example"), ("x-forwarded-proto", "https"))
    trusted, stranger = (ask(guard, "GET", "/healthz", headers, peer=peer) for peer in ("10.0.0.5", "10.0.0.6"))
    assert trusted["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in dict(stranger.headers)


def test_wrong_tokens_are_limited_and_logged_and_the_right_one_still_passes(caplog: pytest.LogCaptureFixture) -> None:
    clock = Hands()
    guard = guarded(small(), policy(clock=clock))
    with caplog.at_level(logging.WARNING, "lapwing.serving"):
        assert statuses(guard, 12, ASKERS["wrong"][1]) == [401] * 10 + [429] * 2
        assert statuses(guard, 1, ASKERS["revoked"][1], peer="192.0.2.1") == [401]
    assert statuses(guard, 1, ASKERS["read"][1]) == [200]
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "refused a token from 127.0.0.1: unknown (nobody's)"
    assert messages[-1] == "refused a token from 192.0.2.1: revoked (gone)"
    assert len(messages) == 11
    assert not any(secret in message for secret in SECRETS.values() for message in messages)
    clock.now_s += 6
    assert statuses(guard, 2, ASKERS["wrong"][1]) == [401, 429]


def test_memory_is_bounded_and_the_quietest_client_is_forgotten() -> None:
    clock = Hands()
    buckets = Buckets(1, clock, clients_max=3)
    assert [buckets.wait_s(client) for client in "abc"] == [0, 0, 0]
    assert buckets.wait_s("a") == 60  # heard again: now b is the quietest
    assert buckets.wait_s("d") == 0
    assert len(buckets) == 3
    assert buckets.wait_s("a") == 60
    assert buckets.wait_s("b") == 0
