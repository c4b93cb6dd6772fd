"""Records read as typed values, and the reason in plain words for each that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from lapwing.model import Refused

Read = TypeVar("Read")
Whole = TypeVar("Whole", bytes, msgspec.Raw)

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)
"""All that msgspec raises for bytes that are not what was asked for."""

REASON_CHARACTERS_MAX = 200

AT_ONCE = 512
"""So many records are typed values at the same time: they are given back before they leave the processor's cache."""

_MALFORMED = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "nothing",
}


def read(values: Sequence[Whole], decode: Callable[[Whole], Read]) -> tuple[list[Read | None], list[Refused]]:
    """Give each record's value, None where it cannot be read, and why those were refused."""
    made: list[Read | None] = []
    refused: list[Refused] = []
    pending = iter(values)
    while True:
        try:
            made.extend(map(decode, pending))  # stops at the first bad record; what came before it is kept
            return made, refused
        except UNREADABLE as error:
            refused.append(Refused(len(made), explain(bytes(values[len(made)]), error)))
            made.append(None)


def explain(value: bytes, error: Exception) -> str:
    """Say in words why `value` could not be read."""
    return _explain(value, error)[:REASON_CHARACTERS_MAX]


def _explain(value: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeError):
        return _not_unicode(value)
    words = str(error)
    return _wrong_type(words) if isinstance(error, msgspec.ValidationError) else _not_json(value, words)


def _not_json(value: bytes, words: str) -> str:
    if not value.strip():
        return "an empty record"
    if "surrogate" in words or ("truncated" in words and _ends_well(value)):
        return "a lone surrogate in a text: not Unicode"
    if "truncated" in words:
        return f"truncated JSON: it ends in the middle, at byte {len(value)}"
    malformed = _MALFORMED.match(words)
    return f"not JSON: {malformed[1]} at byte {malformed[2]}" if malformed else f"not JSON: {words}"


def _ends_well(value: bytes) -> bool:
    """msgspec calls a text that ends in half a surrogate pair truncated, wherever the record ends."""
    return value.rstrip().endswith(b"}") and _LONE_SURROGATE.search(value) is not None


def _not_unicode(value: bytes) -> str:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    return "a text that is not Unicode"


def _wrong_type(words: str) -> str:
    what, _, where = words.partition(" - at `$")
    names = re.findall(r"`([^`]+)`", what)
    if not what.startswith("Expected ") or len(names) != 2:
        return f"{where.strip('.`')}: {what}" if where else what
    wanted = " or ".join(_WORDS.get(each, each) for each in names[0].split(" | ") if each != "null")
    found = _WORDS.get(names[1], names[1])
    return f"{where.strip('.`') or 'the record'} should be {wanted}, not {found}"
