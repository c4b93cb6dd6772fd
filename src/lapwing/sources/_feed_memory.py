"""What is remembered of feeds from one look to the next, and from one start to the next: the cursor of `feeds`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from lapwing.hearing import Lost
from lapwing.sources._feed_documents import ENTRIES_MAX, Entry

NAME_BYTES, CONTENT_BYTES = 9, 6
NAME_LETTERS, LETTERS = 12, 20
KEPT_MIN = 200
"""So many entries at least are remembered of a feed, and twice as many as it lists."""
LOST_MAX = 50


class Place(msgspec.Struct, omit_defaults=True):
    """How far one feed was read."""

    sure_us: int
    """Up to when nothing of it is missing."""
    due_us: int = 0
    """Not to be asked before."""
    etag: str = ""
    modified: str = ""
    moved: str = ""
    """Where it is now, after a redirect for good."""
    ttl_s: float = 0.0
    """How long it wants to be left alone, as it says itself."""
    gone_us: int = 0
    """When it said that it is gone for good."""
    seen: str = ""
    """`LETTERS` for each entry: the beginnings of the hashes of its name and of its content, in base 64."""


class Cursor(msgspec.Struct):
    """Where every feed of a source is, and what of the time before is missing although it may be claimed later."""

    feeds: dict[str, Place]
    lost: list[Lost] = []


class Seen:
    """Which entries were heard, and what they said; the oldest are forgotten."""

    def __init__(self, text: str) -> None:
        self._contents = {
            text[at : at + NAME_LETTERS]: text[at + NAME_LETTERS : at + LETTERS] for at in range(0, len(text), LETTERS)
        }

    def __len__(self) -> int:
        return len(self._contents)

    def knows(self, entry: Entry) -> bool:
        """Whether it was heard, whatever it said."""
        return _hash(entry.name.encode(), NAME_BYTES) in self._contents

    def says_the_same(self, entry: Entry) -> bool:
        """Whether it was heard as it is."""
        return self._contents.get(_hash(entry.name.encode(), NAME_BYTES)) == _hash(entry.content, CONTENT_BYTES)

    def add(self, entry: Entry) -> None:
        """It was heard, and is the newest."""
        name = _hash(entry.name.encode(), NAME_BYTES)
        self._contents.pop(name, None)
        self._contents[name] = _hash(entry.content, CONTENT_BYTES)

    def forget(self, listed: int) -> None:
        """Keep what a document of so many entries needs, and no more."""
        kept = min(ENTRIES_MAX, max(KEPT_MIN, 2 * listed))
        for name in list(self._contents)[: max(0, len(self._contents) - kept)]:
            del self._contents[name]

    def text(self) -> str:
        """The same as a text."""
        return "".join(name + content for name, content in self._contents.items())


def _hash(value: bytes, size: int) -> str:
    return base64.urlsafe_b64encode(sha256(value).digest()[:size]).decode()


class Claims:
    """What a source of several feeds may say that it surely heard: what all of them were heard up to."""

    def __init__(self, sure_us: int, lost: Sequence[Lost]) -> None:
        self._until_us, self._begun = sure_us, False
        self.lost = list(lost)

    def lose(self, lost: Lost) -> None:
        """Something of one feed is missing; it is said when that time is claimed, which may be later."""
        self.lost = [*self.lost, lost][-LOST_MAX:]

    def upto(self, sure_us: int) -> tuple[int | None, int | None, tuple[Lost, ...]]:
        """From when, up to when, and without what; None for nothing new."""
        if sure_us <= self._until_us and self._begun:
            return None, None, ()
        low, high = self._until_us, max(sure_us, self._until_us)
        missing = tuple(
            Lost(max(each.from_us, low), min(each.to_us, high), each.reason)
            for each in self.lost
            if each.from_us < high and each.to_us > low
        )
        self.lost = [each for each in self.lost if each.to_us > high]
        from_us = None if self._begun else low
        self._until_us, self._begun = high, True
        return from_us, high, missing
