"""What a record of a collection says: the key of a document, and the document itself or that it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

KEY_CHARACTERS_MAX = 1_000
REMOVAL = "_deleted"
"""A document in which this is true takes away what is kept for its key."""

FIELDS_SHOWN_MAX = 8


class Document(msgspec.Struct, frozen=True):
    """A document as it is kept."""

    key: str
    body: bytes | None
    """Compact JSON, on one line; None for a removal."""
    text: str
    """Every text in it, for searching: the values, not the names of the fields."""


def read_document(record: bytes, field: str) -> Document | str:
    """The document in a record, told apart by a field of its own; or why there is none, in words for a person.

    A key is a text or a whole number, and 5 is the same key as "5".
    """
    try:
        value = msgspec.json.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return f"this is not JSON: {problem}"
    if not isinstance(value, dict):
        return f"this is {_kind(value)}, and a collection keeps JSON objects"
    if field not in value:
        names = ", ".join(list(value)[:FIELDS_SHOWN_MAX]) or "nothing"
        return f"there is no {field!r} in this document, by which the collection tells them apart; there is: {names}"
    if wrong := _wrong_key(value[field], field):
        return wrong
    key = str(value[field])
    if value.get(REMOVAL) is True:
        return Document(key, None, "")
    return Document(key, msgspec.json.format(record, indent=-1), " ".join(texts_in(value)))


def _wrong_key(key: Any, field: str) -> str:
    """What is wrong with a key; empty when nothing is."""
    if isinstance(key, bool) or not isinstance(key, str | int):
        return f"{field!r} is {_kind(key)} in this document; a key is a text or a whole number"
    if not 0 < len(str(key)) <= KEY_CHARACTERS_MAX:
        return f"{field!r} has {len(str(key))} characters in this document; a key has 1 to {KEY_CHARACTERS_MAX}"
    return ""


def text_of(body: bytes) -> str:
    """Every text in a document that was kept."""
    return " ".join(texts_in(msgspec.json.decode(body)))


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a JSON value, in its order; names of fields are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
