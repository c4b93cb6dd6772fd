"""Answers as rows for a terminal or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

POST_COLUMNS = (
    "uid",
    "network",
    "source",
    "kind",
    "author",
    "author_name",
    "text",
    "lang",
    "created_at",
    "received_at",
    "url",
    "about",
    "place_id",
    "place_name",
    "country",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A spreadsheet takes a cell that begins like this for a formula; a quote before it makes it text (OWASP)."""

SEPARATORS = (";", "\t")
"""What some spreadsheets split at beside the comma."""

TEXT_CHARACTERS_MAX = 600


def post_row(post: dict[str, Any]) -> list[str]:
    """Time, place, author and text of a post, on one line each."""
    place = post["place"]
    where = f"{place['name']} {place['country']}" if place else (post["country"] or "")
    text = "(expired)" if post["text"] is None else shortened(printable(post["text"]))
    return [
        post["created_at"][:19].replace("T", " "),
        where,
        printable(post["author_name"] or post["author"])[:24],
        text,
    ]


def shortened(text: str) -> str:
    """A text of a length that people read in a table; `--json` has all of it."""
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]} … ({len(text):,} characters)"


def printable(text: str) -> str:
    """Text without what would move a terminal's cursor or hide other text."""
    return " ".join("".join(char if char.isprintable() or char in "\u200d\u200c" else " " for char in text).split())


def safe(value: Any) -> str | int | float | Decimal:
    """A cell that no spreadsheet takes for a formula; a number stays one."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def sheet_of(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV that is safe to open; the texts of a row are all quoted where one has another separator in it."""
    out = io.StringIO()
    plain, quoted = csv.writer(out), csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        cells = [safe(cell) for cell in row]
        split = any(sign in cell for cell in cells if isinstance(cell, str) for sign in SEPARATORS)
        (quoted if split else plain).writerow(cells)
    return out.getvalue()
