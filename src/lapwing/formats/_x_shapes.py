"""The shapes in which posts of X's API v2 come, as typed values: stream lines, rows of archives, flattened posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lapwing.formats._reading import UNREADABLE
from lapwing.formats._x_compliance import COMPLIANCE_EVENTS

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""


class Box(msgspec.Struct, gc=False):
    bbox: list[float] | None = None


class Point(msgspec.Struct, gc=False):
    coordinates: list[float] | None = None


class Place(msgspec.Struct, gc=False):
    id: str | None = None
    full_name: str | None = None
    country_code: str | None = None
    geo: Box | None = None


class Geo(msgspec.Struct, gc=False):
    """Where a post was sent from; flattened ones have the place inside."""

    place_id: str | None = None
    coordinates: Point | None = None
    full_name: str | None = None
    country_code: str | None = None
    geo: Box | None = None


class User(msgspec.Struct, gc=False):
    id: str | int | None = None
    username: str | None = None
    location: str | None = None


class Note(msgspec.Struct, gc=False):
    text: str | None = None


class Reference(msgspec.Struct, gc=False):
    """Another post; flattened ones have its text inside."""

    type: str | None = None
    id: str | None = None
    text: str | None = None
    note_tweet: Note | None = None
    note_post: Note | None = None


class Post(msgspec.Struct, gc=False):
    author_id: str | int | None = None
    created_at: str | None = None
    edit_history_tweet_ids: list[str] | None = None
    edit_history_post_ids: list[str] | None = None
    geo: Geo | None = None
    id: str | int | None = None
    lang: str | None = None
    text: str | None = None
    referenced_tweets: list[Reference] | None = None
    referenced_posts: list[Reference] | None = None
    note_tweet: Note | None = None
    note_post: Note | None = None
    author: User | None = None


class Includes(msgspec.Struct, gc=False):
    users: list[User] | None = None
    places: list[Place] | None = None
    tweets: list[Reference] | None = None
    posts: list[Reference] | None = None


class Nested(msgspec.Struct, gc=False):
    """A line of a stream."""

    data: Post | None = None
    includes: Includes | None = None


class Document(msgspec.Struct, gc=False):
    data: Post | None = None
    includes: Includes | None = None
    key: str | None = msgspec.field(name="_id", default=None)


class Row(msgspec.Struct, gc=False):
    """A row of a class archive."""

    id: str | int | None = None
    doc: Document | None = None


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell the shapes apart."""

    data: msgspec.Raw = ABSENT
    doc: msgspec.Raw = ABSENT
    key: msgspec.Raw = ABSENT
    value: msgspec.Raw = ABSENT
    id: msgspec.Raw = ABSENT
    text: msgspec.Raw = ABSENT
    author_id: msgspec.Raw = ABSENT
    user: msgspec.Raw = ABSENT
    errors: msgspec.Raw = ABSENT
    event: msgspec.Raw = ABSENT
    action: msgspec.Raw = ABSENT
    redacted_at: msgspec.Raw = ABSENT


class ProbedDocument(msgspec.Struct, gc=False):
    data: msgspec.Raw = ABSENT


Part = tuple[list[Post | None], list[Includes | None]]
_probe = msgspec.json.Decoder(Probe).decode
_probe_document = msgspec.json.Decoder(ProbedDocument).decode


def _of_nested(made: Sequence[Nested | None]) -> Part:
    return (
        [None if each is None else each.data for each in made],
        [None if each is None else each.includes for each in made],
    )


def _of_rows(made: Sequence[Row | None]) -> Part:
    """Many documents of class archives have the id only outside the post."""
    documents = [None if row is None else row.doc for row in made]
    posts = [None if document is None else document.data for document in documents]
    for i in [i for i, post in enumerate(posts) if post is not None and post.id is None]:
        row, document, post = made[i], documents[i], posts[i]
        if row is not None and document is not None and post is not None:
            post.id = row.id if row.id is not None else document.key
    return posts, [None if document is None else document.includes for document in documents]


def _of_flat(made: Sequence[Post | None]) -> Part:
    """Give what is inlined the shape of what is included."""
    posts: list[Post | None] = []
    includes: list[Includes | None] = []
    for post in made:
        if post is None or post.text is None or post.author_id is None:
            posts.append(None)  # the other shapes have an id on top as well
            includes.append(None)
            continue
        users = [post.author] if post.author is not None else None
        posts.append(post)
        includes.append(Includes(users=users, tweets=post.referenced_tweets or post.referenced_posts))
    return posts, includes


class Shape(msgspec.Struct, frozen=True):
    """How one of the shapes is read."""

    decode: Callable[[bytes], Any]
    part: Callable[[Sequence[Any]], Part]


SHAPES = {
    "nested": Shape(msgspec.json.Decoder(Nested).decode, _of_nested),
    "row": Shape(msgspec.json.Decoder(Row).decode, _of_rows),
    "flat": Shape(msgspec.json.Decoder(Post).decode, _of_flat),
}


def shape_of(value: bytes) -> str | None:
    """Name the shape of a record; None when it is not one of ours."""
    try:
        probe = _probe(value)
        if probe.doc is not ABSENT:
            return "row" if _probe_document(probe.doc).data is not ABSENT else None
    except UNREADABLE:
        return None
    if probe.key is not ABSENT and probe.value is not ABSENT and probe.id is not ABSENT:
        return "row"
    if probe.data is not ABSENT:
        return "nested" if probe.event is ABSENT else None
    if probe.id is not ABSENT and probe.text is not ABSENT and probe.author_id is not ABSENT:
        return "flat" if probe.user is ABSENT else None
    return None


def recognises(value: bytes) -> bool:
    """Whether a record is a post of the API v2 in one of its shapes, or one of its messages."""
    shape = shape_of(value)
    try:
        if shape != "nested":
            return shape is not None or _is_message(_probe(value))
        data = _probe(value).data
        return bytes(data)[:2] == b"[{" or _is_post_or_event(data)
    except UNREADABLE:
        return False


def _is_message(probe: Probe) -> bool:
    """Whether this is a list of errors, or a line of a compliance job."""
    if probe.id is not ABSENT and probe.action is not ABSENT and probe.redacted_at is not ABSENT:
        return True
    return bytes(probe.errors)[:2] == b"[{"


def _is_post_or_event(data: msgspec.Raw) -> bool:
    """Look inside: `data` is a name that many protocols use."""
    inside = _probe(data)
    if inside.id is not ABSENT:
        return inside.text is not ABSENT or inside.author_id is not ABSENT
    names = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    return len(names) == 1 and not COMPLIANCE_EVENTS.isdisjoint(names)
