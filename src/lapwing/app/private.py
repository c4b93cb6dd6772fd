"""Answers without the names of people: each author under a pseudonym that is always the same in one data directory; and
without the numbers of few.

A pseudonym is an HMAC-SHA256 (RFC 2104) of the author's id, cut to 80 bits. Posts stay personal data: a text that is
quoted word for word can be looked up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lapwing.app.secret_keys import PSEUDONYMS, key_of
from lapwing.contracts import Counting
from lapwing.errors import UsageError

BYTES = 10
MENTION = "@someone"
ADDRESS = "https://removed"
_MENTIONS = re.compile(r"(?<![\w/@])[@＠][\w](?:[\w.-]*[\w])?(?:@[\w](?:[\w.-]*[\w])?)?")
"""``@ada``, ``@ada@social.example``, ``@ada.example.com``."""
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESSES = re.compile(r"https?://\S+", re.IGNORECASE)
_DIDS = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]+")


def pseudonym(key: bytes, kind: str, name: str) -> str:
    """``author-k3j2…`` or ``post-…``: the same for the same name and key, and nothing else to be seen in it."""
    digest = hmac.digest(key, f"{kind}\0{name}".encode("utf-8", "surrogatepass"), hashlib.sha256)[:BYTES]
    return f"{kind}-{base64.b32encode(digest).decode().lower()}"


def hidden(key: bytes) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What makes a post, as it is given out, one without names: ids are pseudonyms, mentions, web and mail addresses in
    the text are tokens, the address of the post and what its author's profile says go. A place stays.
    """

    def of(row: dict[str, Any]) -> dict[str, Any]:
        place = row.get("place")
        if place is not None:
            place = place | {"evidence": None if place["by"] == "profile" else place["evidence"]}
        return row | {
            "uid": pseudonym(key, "post", row["uid"]),
            "author": pseudonym(key, "author", row["author"]) if row["author"] else "",
            "author_name": None,
            "text": None if row["text"] is None else _nameless(row["text"]),
            "url": None,
            "about": pseudonym(key, "post", row["about"]) if row["about"] else None,
            "place": place,
        }

    return of


def without_names(directory: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Posts, as they are given out, without names; `directory` keeps the key of the pseudonyms."""
    return list(map(hidden(key_of(directory, PSEUDONYMS)), rows))


def without_few(rows: list[dict[str, Any]], at_least: int) -> list[dict[str, Any]]:
    """Counts, as they are given out, without the numbers of rows that fewer people are behind."""
    none = dict.fromkeys(("posts", "reposts", "people"))
    return [row | none if row["people"] < at_least else row for row in rows]


def check_alone(counting: Counting) -> None:
    """Raise `UsageError` where numbers that are hidden could be told from others beside them."""
    if counting.table is not None:
        raise UsageError("with a table beside the counts, hidden numbers could be told", "leave one of the two away")


def _nameless(text: str) -> str:
    """The text with tokens in the place of mentions, mail addresses, network ids and web addresses, which name people."""
    text = _ADDRESSES.sub(ADDRESS, text)
    text = _MENTIONS.sub(MENTION, _DIDS.sub(MENTION, text))
    return _MAIL.sub(MENTION, text)
