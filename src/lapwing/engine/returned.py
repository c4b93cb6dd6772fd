"""What a user's function is given, and what it returned as lines of JSON, or why that is nonsense."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.engine.posts import Post
from lapwing.engine.shapes import frames
from lapwing.model import RECORD_BYTES_MAX

INTEGER_BITS_MAX = 14_000
"""Python writes no number that is much longer."""
DEPTH_MAX = 20


class Given(msgspec.Struct, frozen=True):
    """What one call gets: posts as a frame, one post, or records of JSON; as bytes where it goes to another process."""

    data: Any
    """A frame, a `Post`, one record, or a list of records."""

    def arguments(self) -> Iterator[Any]:
        """As the function sees it, in one call for each. Raises for a record that is not JSON, or makes no frame."""
        if isinstance(self.data, bytes):
            yield msgspec.json.decode(self.data)
        elif isinstance(self.data, list):
            yield from frames([msgspec.json.decode(value) for value in self.data])
        else:
            yield self.data


def lines_of(returned: Any) -> list[bytes]:
    """One line of JSON for each value that goes on. Raises `TypeError` or `ValueError` for what cannot be written."""
    if returned is None:
        return []
    if isinstance(returned, pl.DataFrame):
        returned = list(returned.iter_rows(named=True))
    values = returned if isinstance(returned, list) else [returned]
    for value in values:
        if not isinstance(value, dict | Post):
            message = (
                f"returned nonsense: a {type(value).__name__}; return a DataFrame, a dict, a list of dicts, or None"
            )
            raise TypeError(message)
    return [line_of(value) for value in values]


def line_of(value: Any) -> bytes:
    """A value as JSON, strictly: no NaN, no infinity, nothing that another program could not read."""
    if isinstance(value, Post):
        value = value.written()
    try:
        line = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()
    except ValueError as problem:
        if (found := unwritable(value)) is None:
            raise
        message = f"returned nonsense: {found}"
        raise ValueError(message) from problem
    if len(line) > RECORD_BYTES_MAX:
        message = f"returned a value of {len(line):,} bytes; a record has at most {RECORD_BYTES_MAX:,}"
        raise ValueError(message)
    return line


def unwritable(value: Any, where: str = "") -> str | None:
    """Which number in a value JSON cannot say, and where it stands; None if there is none, or only in a deep nest."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{where or 'it'} is {value}, and JSON has no such number"
    if isinstance(value, int) and value.bit_length() > INTEGER_BITS_MAX:
        return f"{where or 'it'} is a number of about {round(value.bit_length() * math.log10(2)):,} digits, too large for JSON"
    if where.count(".") + where.count("[") >= DEPTH_MAX:
        return None
    inside: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        inside = ((f"{where}.{key}" if where else str(key), each) for key, each in value.items())
    elif isinstance(value, list | tuple):
        inside = ((f"{where}[{number}]", each) for number, each in enumerate(value))
    return next((found for name, each in inside if (found := unwritable(each, name)) is not None), None)


def _plain(value: Any) -> Any:
    """Times as RFC 3339, numbers of numpy as numbers, posts as `posts --json` writes them."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pl.Series):
        return value.to_list()
    if isinstance(value, Post):
        return value.written()
    message = f"returned nonsense: {type(value).__name__} is not JSON"
    raise TypeError(message)
