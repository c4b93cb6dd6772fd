"""What is wrong with a parameter, in plain words: its name, what was given, and what may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

GIVEN_CHARACTERS_MAX = 80
WORDS = {
    "missing": "it is missing",
    "int_parsing": "{given} is no whole number",
    "int_type": "{given} is no whole number",
    "int_from_float": "{given} is no whole number",
    "int_parsing_size": "{given} is too large a number",
    "string_type": "{given} is no text",
    "bool_parsing": "{given} is neither true nor false",
    "greater_than_equal": "{given} is less than {ge}",
    "less_than_equal": "{given} is more than {le}",
    "string_too_short": "it has fewer than {min_length} characters",
    "string_too_long": "it has more than {max_length} characters",
    "given_twice": "it takes one value, and is given more than once",
    "too_long": "it is given more than {max_length} times",
}
"""By the kinds of mistakes of pydantic, with what it knows of each."""


def told(mistake: Mapping[str, Any], known: Iterable[str]) -> dict[str, str]:
    """Where a mistake is and what, for people; `known` are the parameters that the route has."""
    parts = [str(part) for part in mistake["loc"]]
    where = ".".join(parts[1:]) or parts[0]
    return {"where": where, "what": _what(mistake, where, list(known))}


def _what(mistake: Mapping[str, Any], where: str, known: list[str]) -> str:
    given, about = repr(mistake.get("input"))[:GIVEN_CHARACTERS_MAX], mistake.get("ctx") or {}
    if mistake["type"] == "extra_forbidden":
        near = get_close_matches(where, known, n=1, cutoff=0.6)
        meant = (
            f"did you mean {near[0]}?" if near else "there are " + ", ".join(known) if known else "there are none here"
        )
        return f"there is no such parameter; {meant}"
    if mistake["type"] == "literal_error":
        return f"{given} is none of " + ", ".join(re.findall(r"'([^']*)'", str(about.get("expected"))))
    words = WORDS.get(mistake["type"])
    return words.format(given=given, **about) if words else str(mistake["msg"])
