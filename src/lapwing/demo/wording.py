"""What every network's records are written from: the evening's columns as Python values, and texts in JSON."""

from __future__ import annotations

import html
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from lapwing.demo.identifiers import instants
from lapwing.demo.phrases import LANGUAGES
from lapwing.demo.plan import Evening
from lapwing.demo.scene import places

__all__ = ["Cell", "Wording", "quoted"]


class Cell(NamedTuple):
    """One post as its network writes it."""

    row: int
    author: int
    key: str
    body: str
    tags: str
    url: str
    lang: str
    kind: int
    about: int
    by: int
    place: int
    created: str
    """RFC 3339 to the microsecond, without the Z."""


class Wording:
    """Gives posts and edits row by row; Python lists, because they are read one value at a time."""

    def __init__(self, evening: Evening) -> None:
        posts, heard, edits = evening.posts, evening.heard, evening.edits
        self.evening = evening
        self.account, self.handle, self.name = evening.people.account, evening.people.handle, evening.people.name
        self.profile = evening.people.profile
        self.located = evening.people.located.tolist()
        self.language = [LANGUAGES[code] for code in evening.people.language.tolist()]
        self.server = evening.people.server.tolist()
        self.cid = heard.cid
        self.created_us = posts.created_us.tolist()
        self.received_us = heard.received_us.tolist()
        self.second_server = heard.second_server.tolist()
        columns = (
            range(len(posts.author)), posts.author.tolist(), heard.key, posts.said.body, posts.said.tags, posts.said.url,
            [LANGUAGES[code] for code in posts.language.tolist()], posts.kind.tolist(), posts.about.tolist(),
            posts.by.tolist(), posts.place.tolist(), instants(posts.created_us, "us"),
        )  # fmt: skip
        self.cells = list(map(Cell, *columns))
        self.edited = dict(zip(edits.row.tolist(), range(len(edits.row)), strict=True))
        self.edited_at = instants(edits.at_us, "us")

    def edit(self, number: int) -> Cell:
        """Give a post as it is after its edit."""
        edits = self.evening.edits
        return self.cells[int(edits.row[number])]._replace(body=edits.body[number], place=int(edits.place[number]))


def whole(cell: Cell) -> str:
    """Give a post's text with hashtags and address."""
    return cell.body + (" " + cell.tags if cell.tags else "") + (" " + cell.url if cell.url else "")


def escaped(text: str) -> str:
    """Write a text as X does, with three characters as HTML entities."""
    return html.escape(text, quote=False) if "&" in text or "<" in text or ">" in text else text


def spans(text: str, words: str) -> list[tuple[int, int, str]]:
    """Find where the words at the end of a text stand."""
    found, at = [], len(text)
    for word in reversed(words.split()):
        at = text.rfind(word, 0, at)
        if at >= 0:
            found.append((at, at + len(word), word))
    return found[::-1]


def box(place: int) -> tuple[float, float, float, float]:
    """Give the rectangle that a platform draws around a city: west, south, east, north."""
    longitude, latitude = places()[place].longitude, places()[place].latitude
    return longitude - 0.18, latitude - 0.12, longitude + 0.18, latitude + 0.12


def point(row: int, place: int) -> tuple[float, float]:
    """Give the longitude and latitude of a post that carries them, within a few hundred metres of the middle."""
    city = places()[place]
    return round(city.longitude + (row % 61 - 30) / 10_000, 5), round(city.latitude + (row % 53 - 26) / 10_000, 5)
