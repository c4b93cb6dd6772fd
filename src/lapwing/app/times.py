"""Times as people write them: RFC 3339, a day, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from lapwing.errors import UsageError

UNITS_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
LENGTH_US_MAX = 1_000 * 366 * UNITS_US["d"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """UTC microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def written(time_us: int) -> str:
    """RFC 3339 in UTC; fractions of a second only where there are any."""
    text = (EPOCH + timedelta(microseconds=time_us)).isoformat()
    return text.replace("+00:00", "Z")


def all_written(times_us: list[int]) -> list[str]:
    """As `written`, of many at once."""
    moments = np.datetime_as_string(np.array(times_us, dtype="datetime64[us]")).tolist()
    return [f"{moment.removesuffix('.000000')}Z" for moment in moments]


def written_out(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose times, in the columns that end in `_us`, are written; there is none where it is 0."""
    return {
        name.removesuffix("_us"): (written(value) if value else None) if name.endswith("_us") else value
        for name, value in row.items()
    }


def read_time(text: str, now_us: int, option: str) -> int:
    """Microseconds of ``2026-01-05T10:00:00Z``, ``2026-01-05`` or ``2h`` (ago); raises `UsageError` naming the option."""
    if re.fullmatch(r"\d+[smhdw]", text):
        return now_us - read_duration(text, option)
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        raise UsageError(
            f"{option}: {text!r} is not a time", "write 2026-01-05T10:00:00Z, 2026-01-05, or 2h for two hours ago"
        ) from None
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def read_duration(text: str, option: str) -> int:
    """Microseconds of ``90s``, ``5m``, ``2h``, ``7d``; raises `UsageError` naming the option."""
    match = re.fullmatch(r"(\d+)([smhdw])", text.strip())
    if match is None:
        raise UsageError(f"{option}: {text!r} is not a length of time", "write 90s, 5m, 2h or 7d")
    length_us = int(match[1]) * UNITS_US[match[2]]
    if length_us > LENGTH_US_MAX:
        raise UsageError(f"{option}: {text[:40]!r} is longer than all of history", "write 90s, 5m, 2h or 7d")
    return length_us
