"""Ids and dates as each network writes them, whole columns at once; the time is inside the ids.

Sources: X's snowflake ids (milliseconds since 1288834974657 above 22 bits); the AT Protocol's TID (base 32 "sortable",
microseconds above 10 bits of clock id); Mastodon's ids (milliseconds above 16 bits).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
TID_ALPHABET = b"234567abcdefghijklmnopqrstuvwxyz"
TOKEN_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"
SCATTER = 2_654_435_761
"""Odd, so that multiplying by it visits all numbers below a power of two once (Knuth's multiplicative hashing)."""

_DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def snowflakes(times_us: Whole, numbers: Whole) -> Whole:
    """Make X's ids; different for different `numbers` below 4 million at the same time."""
    return (times_us // 1000 - SNOWFLAKE_EPOCH_MS << 22) | (numbers * SCATTER & 0x3FFFFF)


def local_ids(times_us: Whole, numbers: Whole) -> Whole:
    """Make the ids that a Mastodon server gives."""
    return (times_us // 1000 << 16) | (numbers * SCATTER & 0xFFFF)


def tids(times_us: Whole, numbers: Whole) -> npt.NDArray[np.bytes_]:
    """Make the AT Protocol's record keys."""
    values = (times_us << 10) | (numbers & 0x3FF)
    shifts = np.arange(60, -1, -5, dtype=np.int64)
    letters = np.frombuffer(TID_ALPHABET, dtype=np.uint8)[(values[:, None] >> shifts) & 31]
    return np.ascontiguousarray(letters).view("S13").ravel()


def tokens(random: np.random.Generator, count: int, length: int) -> npt.NDArray[np.bytes_]:
    """Make `count` random words in base 32, as content ids and DIDs are written."""
    letters = np.frombuffer(TOKEN_ALPHABET, dtype=np.uint8)[random.integers(0, 32, (count, length), dtype=np.uint8)]
    return np.ascontiguousarray(letters).view(f"S{length}").ravel()


def strings(values: npt.NDArray[np.bytes_]) -> list[str]:
    """Give ASCII columns as Python strings."""
    return values.astype(str).tolist()  # type: ignore[no-any-return]  # numpy does not say of what the list is


def instants(times_us: Whole, unit: str) -> list[str]:
    """Write RFC 3339 times without the Z, to the "s", "ms" or "us"."""
    return np.datetime_as_string(times_us.astype("datetime64[us]"), unit=unit).tolist()  # type: ignore[no-any-return,call-overload]


def old_instant(time_us: int, clock: str) -> str:
    """Write a time as X v1.1 does (``Mon Jan 05 08:00:00 +0000 2026``), from its RFC 3339 form, whatever the locale."""
    day = _DAYS[time_us // 86_400_000_000 % 7]
    return f"{day} {_MONTHS[int(clock[5:7]) - 1]} {clock[8:10]} {clock[11:19]} +0000 {clock[:4]}"
