"""Who asks, and what they may: kept apart from the web framework, so that the command line knows it too."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Scope = Literal["read", "receive", "write", "admin"]
"""What a token may do; each one includes those before it. `receive` is that of a device that is told of alerts."""

Permission = Literal["public", "read", "receive", "write", "admin"]
"""What a route declares that it needs."""

RANK: dict[str, int] = {"public": 0, "read": 1, "receive": 2, "write": 3, "admin": 4}


class Identity(Struct, frozen=True):
    """Whose token a request carries, and how far it goes."""

    name: str
    scope: Scope


class Rejection(Struct, frozen=True):
    """Why a token is not accepted; `name` is whose it was, where that is known."""

    reason: Literal["unknown", "expired", "revoked", "malformed", "unreadable"]
    name: str | None = None
