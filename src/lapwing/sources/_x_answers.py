"""What X's refusals mean, and how long to wait after each kind, as its documentation asks.

Source: "Handling disconnections" and the problem types of X's API v2 (OpenAPI 2.162 to 2.167).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from lapwing.hearing import BackOff, Disconnected, RateLimited, RefusedBySource
from lapwing.internet.waiting import until_us

CONNECTION = BackOff(first_s=0.0, factor=1.0, step_s=0.25, max_s=16.0)
"""After trouble of the network: at once, then a quarter of a second more each time."""
SERVER = BackOff(first_s=5.0, factor=2.0, max_s=320.0, jitter=0.1)
"""After trouble of X's servers."""
LIMITED = BackOff(first_s=65.0, factor=2.0, max_s=960.0, jitter=0.07)
"""After too many requests, where X does not say when to come again: never less than a minute."""
SAID_MAX = 200


class Capped(Exception):
    """The account's posts are used up, for a month or for a day; nothing helps before the next one."""

    def __init__(self, what: str, monthly: bool) -> None:
        super().__init__(what)
        self.monthly = monthly


class Crowded(Exception):
    """Another connection has the place that we want."""


class Problem(msgspec.Struct):
    """One of X's problems, wherever it stands."""

    title: str | None = None
    detail: str | None = None
    type: str | None = None
    reason: str | None = None
    period: str | None = None
    connection_issue: str | None = None
    disconnect_type: str | None = None

    def said(self) -> str:
        """In X's own words, made printable."""
        parts = (self.disconnect_type or self.connection_issue or self.title, self.detail, self.reason)
        text = ": ".join(dict.fromkeys(part for part in parts if part))
        return "".join(each for each in text if each.isprintable())[:SAID_MAX]


class Problems(msgspec.Struct):
    """Several of them."""

    errors: list[Problem] = []


def problem_of(body: bytes) -> Problem:
    """The problem in an answer; an empty one for a proxy's page."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = msgspec.json.decode(body, type=Problems)
        own = msgspec.json.decode(body, type=Problem)
        return own if own.title or own.type or not found.errors else found.errors[0]
    return Problem()


def raise_meaning(status: int, headers: Mapping[str, str], body: bytes, now_us: int) -> None:
    """Raise what a refused request means: `Disconnected`, `RateLimited`, `RefusedBySource`, `Capped` or `Crowded`."""
    problem = problem_of(body)
    said = f"X answered {status}" + (f": {problem.said()}" if problem.said() else "")
    if status >= 500 or status in (408, 425):
        raise Disconnected(said, SERVER)
    if status == 409:
        raise Disconnected(f"{said}; the rules may not have reached the stream yet", SERVER)
    if status == 429:
        _raise_limit(problem, said, until_us(headers, now_us))
    steps = {
        401: "make a new bearer token in X's developer portal and put it where `token` says",
        402: "buy credits in X's developer portal",
        403: "see in X's developer portal what this app may read",
    }
    raise RefusedBySource(said, steps.get(status, "look at the options of this source"))


def _raise_limit(problem: Problem, said: str, again_us: int | None) -> None:
    if (problem.type or "").endswith("/usage-capped") or problem.title == "UsageCapExceeded":
        raise Capped(said, (problem.period or "Monthly").lower() != "daily")
    if problem.connection_issue == "TooManyConnections":
        raise Crowded(said)
    if problem.connection_issue:
        raise Disconnected(said, SERVER)
    raise RateLimited(said, again_us, LIMITED)


def raise_ending(problem: Problem) -> None:
    """Raise what an error in a stream means."""
    said = f"X ended the stream: {problem.said() or 'without a reason'}"
    if problem.connection_issue == "TooManyConnections":
        raise Crowded(said)
    if (problem.type or "").endswith("/usage-capped"):
        raise Capped(said, monthly=True)
    raise Disconnected(said, CONNECTION)
