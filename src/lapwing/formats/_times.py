"""Times out of texts and ids, whole columns at once, in UTC microseconds since 1970.

Sources: RFC 3339; X's snowflake ids (milliseconds since 1288834974657 above 22 bits); the AT Protocol's TID (base 32,
"sortable" alphabet, microseconds above 10 bits of clock id); Mastodon's ids (milliseconds above 16 bits); days from a
civil date by H. Hinnant, "chrono-compatible low-level date algorithms".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

Texts = Sequence[str | None] | pl.Series
Bytes = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
Whole = np.ndarray[tuple[int], np.dtype[np.int64]]
Times = tuple[Whole, np.ndarray[tuple[int], np.dtype[np.bool_]]]

SNOWFLAKE_MIN = 30_000_000_000
"""Ids below were counted up one by one, before November 2010, and hold no time."""
TID_CHARACTERS = 13
UNKNOWN_US = -(1 << 62)
"""Stands for a time that cannot be read; before every date that can be."""
YEAR_2006_US = 1_136_073_600_000_000
YEAR_2016_US = 1_451_606_400_000_000
YEAR_2100_US = 4_102_444_800_000_000

_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_DISCORD_EPOCH_MS = 1_420_070_400_000
_CALENDAR_MS = 253_402_300_800_000  # the year 10000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND_US = 1_000_000
_MONTH_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TID_LETTERS = b"234567abcdefghijklmnopqrstuvwxyz"
_TID_DIGITS = np.array([_TID_LETTERS.find(letter) % 100 for letter in range(256)], dtype=np.uint8)  # 99: none


def instants_us(texts: Texts) -> Whole:
    """Read RFC 3339 times; `UNKNOWN_US` where a text is none."""
    return _column(texts, _rfc3339)


def old_instants_us(texts: Texts) -> Whole:
    """Read times as X v1.1 writes them (``Sun Nov 22 03:04:05 +0000 2026``), or RFC 3339; `UNKNOWN_US` for others."""
    return _column(texts, _ruby)


def instant_us(text: str | None) -> int | None:
    """Read one RFC 3339 time; None where the text is none."""
    if not text or len(text) < 10:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return (instant - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def _column(texts: Texts, parse: Callable[[Bytes], Times]) -> Whole:
    """Parse texts of the same length together; what the fast reading does not know is read one by one."""
    alike = _alike(texts) if isinstance(texts, pl.Series) else None
    there = [text or "" for text in texts] if alike is None else []
    lengths = set(map(len, there))
    if alike is not None:
        times, known = parse(alike)
    elif len(lengths) == 1 and 0 not in lengths:
        times, known = parse(_letters(there))
    else:
        times = np.zeros(len(texts), dtype=np.int64)
        known = np.zeros(len(texts), dtype=np.bool_)
        for length in lengths - {0}:
            where = [i for i, text in enumerate(there) if len(text) == length]
            times[where], known[where] = parse(_letters([there[i] for i in where]))
    for i in np.flatnonzero(~known).tolist():
        time_us = instant_us(texts[i])
        times[i] = UNKNOWN_US if time_us is None else time_us
    return times


def _alike(texts: pl.Series) -> Bytes | None:
    """ASCII texts of one length as rows of letters; None where they are not so."""
    sizes = texts.str.len_bytes()
    if texts.null_count() or not len(texts) or not (size := sizes[0]) or sizes.min() != size or sizes.max() != size:
        return None
    letters = np.frombuffer(texts.str.join("").item().encode(), dtype=np.uint8)
    return letters.reshape(len(texts), -1) if letters.max() < 128 else None


def _letters(texts: list[str]) -> Bytes:
    """Texts of the same length as rows of letters; what is not ASCII becomes a question mark."""
    return np.frombuffer("".join(texts).encode("ascii", "replace"), dtype=np.uint8).reshape(len(texts), -1)


def _nothing(letters: Bytes) -> Times:
    return np.zeros(len(letters), dtype=np.int64), np.zeros(len(letters), dtype=np.bool_)


def _rfc3339(letters: Bytes) -> Times:
    """``2026-11-22T03:04:05.678Z`` with any number of digits; other offsets are for the slow reading."""
    length = letters.shape[1]
    if length < 20 or length == 21 or length > 30:
        return _nothing(letters)
    known = (letters[:, 10] == ord("T")) & (letters[:, length - 1] == ord("Z"))
    for place, mark in ((4, "-"), (7, "-"), (13, ":"), (16, ":")):
        known &= letters[:, place] == ord(mark)
    year, known = _digits(letters[:, 0:4], known)
    month, known = _digits(letters[:, 5:7], known)
    day, known = _digits(letters[:, 8:10], known)
    clock, known = _clock_us(letters[:, 11:19], known)
    if length > 20:
        known &= letters[:, 19] == ord(".")
        figures = min(length - 21, 6)
        fraction, known = _digits(letters[:, 20 : 20 + figures], known)
        clock = clock + fraction * 10 ** (6 - figures)
    days, known = _days(year, month, day, known)
    return days * 86_400 * _SECOND_US + clock, known


def _ruby(letters: Bytes) -> Times:
    """``Sun Nov 22 03:04:05 +0000 2026``, always with this offset and English month names."""
    if letters.shape[1] != 30:
        return _nothing(letters)
    known = (letters[:, 19:26] == np.frombuffer(b" +0000 ", dtype=np.uint8)).all(axis=1)
    month = np.zeros(len(letters), dtype=np.int64)
    for number, name in enumerate(_MONTH_NAMES, 1):
        month[(letters[:, 4:7] == np.frombuffer(name.encode(), dtype=np.uint8)).all(axis=1)] = number
    day, known = _digits(letters[:, 8:10], known)
    clock, known = _clock_us(letters[:, 11:19], known)
    year, known = _digits(letters[:, 26:30], known)
    days, known = _days(year, month, day, known)
    return days * 86_400 * _SECOND_US + clock, known


def _digits(letters: Bytes, known: np.ndarray) -> Times:
    total = np.zeros(len(letters), dtype=np.int64)
    for place in range(letters.shape[1]):
        digit = letters[:, place] - np.uint8(ord("0"))  # below "0" wraps around to more than 9
        known = known & (digit <= 9)
        total = total * 10 + digit
    return total, known


def _clock_us(letters: Bytes, known: np.ndarray) -> Times:
    hour, known = _digits(letters[:, 0:2], known)
    minute, known = _digits(letters[:, 3:5], known)
    second, known = _digits(letters[:, 6:8], known)
    known = known & (hour < 24) & (minute < 60) & (second < 60)
    return ((hour * 60 + minute) * 60 + second) * _SECOND_US, known


def _days(year: Whole, month: Whole, day: Whole, known: np.ndarray) -> Times:
    """Count days since 1970-01-01 in the proleptic Gregorian calendar."""
    known = known & (month >= 1) & (month <= 12) & (day >= 1)
    known &= day <= _MONTH_DAYS[np.where(known, month, 0)]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    known &= ~((month == 2) & (day == 29) & ~leap)
    year = np.where(month <= 2, year - 1, year)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468, known


def snowflakes_us(ids: Whole) -> Whole:
    """Give the times inside X's ids; 0 for those that were counted."""
    return np.where(ids >= SNOWFLAKE_MIN, ((ids >> 22) + _SNOWFLAKE_EPOCH_MS) * 1000, 0)


def snowflake_us(name: str) -> int:
    """Give the time inside one of X's ids; 0 if there is none."""
    if not (name.isascii() and name.isdigit() and len(name) < 20):
        return 0
    number = int(name)
    return ((number >> 22) + _SNOWFLAKE_EPOCH_MS) * 1000 if SNOWFLAKE_MIN <= number < 1 << 63 else 0


def tids_us(tids: Sequence[str] | pl.Series) -> Whole:
    """Give the times inside the AT Protocol's TIDs; 0 where one is not a TID between 2006 and 2100."""
    if not len(tids):
        return np.zeros(0, dtype=np.int64)
    letters = _alike(tids) if isinstance(tids, pl.Series) else None
    if letters is None or letters.shape[1] != TID_CHARACTERS:
        letters = _letters([tid if len(tid) == TID_CHARACTERS else "-------------" for tid in tids])
    digits = np.ascontiguousarray(_TID_DIGITS[letters].T)  # one row for each place
    valid = (digits.max(axis=0) < 32) & (digits[0] < 8)  # the highest bit of 64 is always 0
    numbers = np.zeros(len(tids), dtype=np.int64)
    for place in digits:
        numbers <<= 5
        numbers |= place
    times = numbers >> 10
    return np.where(valid & (times >= YEAR_2006_US) & (times < YEAR_2100_US), times, 0)


def mastodon_id_us(name: str) -> int:
    """Give the time inside a Mastodon server's own id; 0 if it is not a number or the time is not in 2016 to 2100."""
    if not (name.isascii() and name.isdigit() and len(name) < 20):
        return 0
    time_us = (int(name) >> 16) * 1000
    return time_us if YEAR_2016_US <= time_us < YEAR_2100_US else 0


def milliseconds_us(since_1970_ms: float | None) -> int:
    """Read milliseconds since 1970; `UNKNOWN_US` for none, and for what no calendar reaches."""
    if since_1970_ms is None or not abs(since_1970_ms) < _CALENDAR_MS:
        return UNKNOWN_US
    return int(since_1970_ms) * 1000


def discord_id_us(name: str) -> int:
    """Give the time inside one of Discord's ids (milliseconds since 2015 above 22 bits); 0 if it is not a number."""
    if not (name.isascii() and name.isdigit() and len(name) <= 20):
        return 0
    number = int(name)
    return ((number >> 22) + _DISCORD_EPOCH_MS) * 1000 if number < 1 << 64 else 0
