"""When a host that refuses says to come again, in every form in which hosts say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WAIT_S_MAX = 86_400.0
"""No longer is believed of a host that asks us to wait."""
EPOCH_S_MIN = 1_000_000_000
"""A larger number is a time, a smaller one a number of seconds."""

RESETS = ("x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset")
REMAINING = ("x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining")


def until_us(headers: Mapping[str, str], now_us: int) -> int | None:
    """When a host that refuses says to come again; None where it does not say. Header names are in small letters."""
    at_us = _retry_after_us(headers.get("retry-after", ""), now_us)
    if at_us is None:
        at_us = _seconds_us(headers.get("x-ratelimit-reset-after", ""), now_us)
    for name in RESETS:
        if at_us is None:
            at_us = _reset_us(headers.get(name, ""), now_us)
    return None if at_us is None else min(max(at_us, now_us), now_us + round(WAIT_S_MAX * 1e6))


def used_up(headers: Mapping[str, str]) -> bool:
    """Whether the host says that nothing is left before its reset."""
    return any(headers.get(name, "").strip() == "0" for name in REMAINING)


def _seconds_us(text: str, now_us: int) -> int | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return now_us + round(min(seconds, WAIT_S_MAX) * 1e6) if seconds >= 0 else None


def _retry_after_us(text: str, now_us: int) -> int | None:
    """Seconds, or a date (RFC 9110, section 10.2.3)."""
    if (at_us := _seconds_us(text, now_us)) is not None:
        return at_us
    try:
        return _utc_us(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None


def _reset_us(text: str, now_us: int) -> int | None:
    """Seconds since 1970, seconds from now, or a time as Mastodon writes it."""
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return round(min(seconds, 1e11) * 1e6) if seconds >= EPOCH_S_MIN else _seconds_us(text, now_us)
    try:
        return _utc_us(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _utc_us(at: datetime) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)
