"""A timeline of a Mastodon server as it was seen: how far, and which posts lately, so that edits and deletes are noticed.

Ids are `milliseconds << 16` on Mastodon, of the time at which a post was *made*; one that reaches the server late has
an id below others that were there before (`Mastodon::Snowflake`). So a timeline is always read again for some time
back. Other software has ids that tell no time; there only what is newer than the last id is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

BITS = 16
PLAUSIBLE_US = 1_460_000_000_000_000
"""Ids tell times since 2016; a smaller number is none."""
AHEAD_US = 86_400_000_000
IDS_MAX = 200_000
"""So many posts are remembered at most; the oldest go first."""

ID = re.compile(r"^(?!None$)[A-Za-z0-9_-]{1,64}$")
"""What an id may be; it becomes a part of addresses."""

EventName = Literal["update", "status.update", "delete"]


class Account(msgspec.Struct, gc=False):
    """Who wrote a status."""

    uri: str | None = None
    url: str | None = None
    acct: str | None = None


class Status(msgspec.Struct, gc=False):
    """Of a status, what a source has to know."""

    id: str | int | None = None
    uri: str | None = None
    edited_at: str | None = None
    account: Account | None = None


class Event(msgspec.Struct, gc=False):
    """A record: what a server said, wrapped so that nothing inside can pass for the wrapping."""

    event: EventName
    host: str
    payload: str


class Known(NamedTuple):
    """What was seen of a post."""

    edited_at: str | None
    author: str


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode = msgspec.json.Decoder(Status).decode
_encode = msgspec.json.Encoder().encode


def rank(id: str) -> tuple[int, str]:
    """The order of ids: the longer is the later."""
    return len(id), id


def time_of(id: str) -> int | None:
    """The microseconds in an id; None where it tells no time."""
    if not (id.isascii() and id.isdigit() and len(id) < 20):
        return None
    at_us = (int(id) >> BITS) * 1000
    return at_us if at_us >= PLAUSIBLE_US else None


def id_at(at_us: int) -> str:
    """The lowest id of a time."""
    return str(max(at_us, 0) // 1000 << BITS)


def author_of(status: Status) -> str:
    """The global id of who wrote it, as the format names it."""
    account = status.account or Account()
    if account.uri or account.url:
        return account.uri or account.url or ""
    name = account.acct or ""
    if "@" in name or not name:
        return name
    try:
        return f"{name}@{urlsplit(status.uri or '').hostname or ''}"
    except ValueError:
        return name


class Page(NamedTuple):
    """What of a page, or of some events, is new."""

    values: list[bytes]
    keys: list[str]


class Timeline:
    """One timeline: the public one, or that of a hashtag."""

    def __init__(self, host: str, tag: str = "") -> None:
        self.host, self.tag = host, tag
        self.last = ""
        """The greatest id that was seen; "" before the first."""
        self.known: dict[str, Known] = {}

    def take(self, rows: Iterable[bytes], ids: set[str]) -> Page:
        """What of these statuses was not seen, or was edited since, in this order; their ids are added to `ids`."""
        page = Page([], [])
        for row in rows:
            status = self._status(row)
            if status is None:
                self._add(page, "update", row, "")
                continue
            id = str(status.id)
            ids.add(id)
            before, author = self.known.get(id), author_of(status)
            if before is None or before.edited_at != status.edited_at:
                self._add(page, "update" if before is None else "status.update", row, author)
                self.known[id] = Known(status.edited_at, author)
            self.last = max(self.last, id, key=rank)
        return page

    def gone(self, id: str) -> Page:
        """A post that was taken back."""
        page, known = Page([], []), self.known.pop(id, None)
        self._add(page, "delete", id.encode(), known.author if known else "")
        return page

    def start(self, back_us: int, now_us: int, heard_us: int = 0) -> str:
        """After which id to read, to see again what was made in so much time before the last one.

        What was made before `heard_us` need not be seen again.
        """
        last_us = time_of(self.last)
        if last_us is None:
            return self.last
        last_us = min(last_us, now_us)
        return id_at(max(last_us - back_us, min(last_us, heard_us)))

    def between(self, start: str, end: str) -> list[str]:
        """The ids that are known after `start`, up to `end`."""
        return [id for id in self.known if rank(start) < rank(id) <= rank(end)]

    def forget_before(self, back_us: int) -> None:
        """Remember nothing that is longer before the last post, and never more than `IDS_MAX`."""
        last_us = time_of(self.last)
        if last_us is not None:
            low = rank(id_at(last_us - back_us))
            for id in [id for id in self.known if rank(id) <= low]:
                del self.known[id]
        for id in list(self.known)[: max(0, len(self.known) - IDS_MAX)]:
            del self.known[id]

    @staticmethod
    def _status(row: bytes) -> Status | None:
        try:
            status = _decode(row)
        except UNREADABLE:
            return None
        return status if ID.match(str(status.id)) else None

    def _add(self, page: Page, event: EventName, payload: bytes, author: str) -> None:
        page.values.append(_encode(Event(event, self.host, payload.decode("utf-8", "replace"))))
        page.keys.append(author)


def oldest_first(rows: Sequence[msgspec.Raw]) -> list[bytes]:
    """The rows of a page, which come newest first, turned round."""
    return [bytes(row) for row in reversed(rows)]
