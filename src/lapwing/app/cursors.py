"""Where a page ended, as opaque text."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")


def write(end: Any) -> str:
    """Any value that MessagePack has, as text that may stand in an address."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(end)).decode().rstrip("=")


def read(text: str, kind: type[Kind]) -> Kind | None:
    """What `write` was given; None for a text that it did not make."""
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError):
        return None
