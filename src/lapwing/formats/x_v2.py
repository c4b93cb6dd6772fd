"""Posts of X's API v2: stream lines, pages, flattened posts and the rows of class archives.

The facts come from X's own documentation and OpenAPI description (2.162 to 2.167). Names changed from "tweet" to
"post" in August 2026, and both are read. An edit is a new post with a new id: here the first id of the history is the
uid, the place in the history the version, and the post's own id an alias. twarc's `flatten` puts authors, places and
referenced posts inside the post; class archives are CouchDB rows, `{"id", "key", "value", "doc"}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from lapwing.contracts import Format
from lapwing.formats import _x_posts
from lapwing.formats._reading import AT_ONCE, UNREADABLE, explain, read
from lapwing.formats._rows import Columns, Outcome, completed
from lapwing.formats._times import instants_us, snowflake_us, snowflakes_us
from lapwing.formats._x_compliance import sort_other
from lapwing.formats._x_lines import KINDS, read_lines
from lapwing.formats._x_pages import PAGE, split
from lapwing.formats._x_posts import (
    POST,
    REPOST,
    as_texts,
    blank,
    identify,
    middle,
    set_place,
    set_point,
    without_problems,
)
from lapwing.formats._x_shapes import SHAPES, Geo, Includes, Place, Post, Reference, Shape, recognises, shape_of
from lapwing.model import Decoded, Records

_PROBED_RECORDS_MAX = 20
_GATHERED = ("record", "id", "kind", "author", "text", "lang", "about", "said", "author_name", "profile")


class Found(msgspec.Struct):
    """Posts, each with its record and what was included."""

    records: list[int]
    posts: list[Post]
    includes: list[Includes | None]


class Gathered(msgspec.Struct):
    """What the posts of a batch say so far: columns, and by row what only few have."""

    columns: dict[str, list[Any]] = msgspec.field(default_factory=lambda: {name: [] for name in _GATHERED})
    edits: list[tuple[int, list[str]]] = []
    places: list[tuple[int, Geo, Place | Geo | None]] = []


def decode(records: Records) -> Decoded:
    """Read a batch; most batches have one shape, and lines of streams are read whole columns at once."""
    probed = (shape_of(value) for value in records.values[:_PROBED_RECORDS_MAX])
    name = next((name for name in probed if name), "nested")
    read_at_once = read_lines(records.values) if name == "nested" else None
    if read_at_once is None:
        return _one_by_one(records, SHAPES[name])
    columns, rest = read_at_once
    whole = _x_posts.finish(records, Outcome(), columns, columns["said"], sound=True)
    return completed(whole, records, rest, lambda some: _one_by_one(some, SHAPES[name]))


def _one_by_one(records: Records, shape: Shape) -> Decoded:
    """Read any post; what does not have the shape of the batch is read in its own."""
    outcome, gathered, values = Outcome(), Gathered(), records.values
    for start in range(0, len(values), AT_ONCE):
        _gather(_find(values[start : start + AT_ONCE], start, shape, outcome), gathered)
    columns: Columns = dict(gathered.columns)
    ids = identify(columns["id"])
    columns |= {"uid": ids.names, "uid_time_us": snowflakes_us(ids.numbers)}
    _add_edits(columns, gathered.edits)
    _add_places(columns, gathered.places)
    if ids.problems:
        for row, reason in ids.problems.items():
            outcome.refuse(columns["record"][row], reason)
        rows, _ = without_problems(ids)
        columns = {name: _picked(values, rows) for name, values in columns.items()}
    said = columns["said"]
    return _x_posts.finish(records, outcome, columns | {"created_at_us": instants_us(said)}, said)


def _find(values: Sequence[bytes], start: int, shape: Shape, outcome: Outcome) -> Found:
    """Read some records in the shape of the batch's first; `start` is the place of the first. What has no post in that
    shape is read by itself, in its own, so that what a record says does not depend on its company.
    """
    made, _ = read(values, shape.decode)
    posts, includes = shape.part(made)
    lacking = [i for i, post in enumerate(posts) if post is None or post.id is None]
    if not lacking:
        return Found(list(range(start, start + len(values))), posts, includes)  # type: ignore[arg-type]  # none is None
    for i in lacking:
        posts[i], includes[i] = _alone(start + i, values[i], outcome)
    there = [(start + i, post, includes[i]) for i, post in enumerate(posts) if post is not None]
    return Found([i for i, _, _ in there], [post for _, post, _ in there], [part for _, _, part in there])


def _alone(record: int, value: bytes, outcome: Outcome) -> tuple[Post | None, Includes | None]:
    """Read one record in its own shape, or put it where it belongs."""
    shape = SHAPES[shape_of(value) or "nested"]
    try:
        posts, includes = shape.part([shape.decode(value)])
    except UNREADABLE as error:
        outcome.refuse(record, explain(value, error))
        return None, None
    if posts[0] is None or posts[0].id is None:
        sort_other(record, value, outcome)
        return None, None
    return posts[0], includes[0]


def _gather(found: Found, gathered: Gathered) -> None:
    """Note what some posts say; loops only over those rows that have what is rare."""
    posts, first = found.posts, len(gathered.columns["record"])
    columns: Columns = {
        "record": found.records,
        "id": [post.id for post in posts],
        "kind": [POST] * len(posts),
        "author": as_texts([post.author_id for post in posts]),
        "text": [post.text for post in posts],
        "lang": [post.lang for post in posts],
        "about": [None] * len(posts),
        "said": [post.created_at for post in posts],
    }
    _add_authors(columns, found)
    _add_references(columns, found)
    for name, values in columns.items():
        gathered.columns[name] += values
    gathered.edits += [
        (row, history)
        for row, post in enumerate(posts, first)
        if (history := post.edit_history_tweet_ids or post.edit_history_post_ids) and len(history) > 1
    ]
    gathered.places += [
        (first + row, geo, _place(geo, found.includes[row]))
        for row, post in enumerate(posts)
        if (geo := post.geo) is not None and (geo.place_id is not None or geo.coordinates is not None or geo.full_name)
    ]


def _picked(values: Any, rows: list[int]) -> Any:
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]


def _add_authors(columns: Columns, found: Found) -> None:
    handles: list[str | None] = []
    homes: list[str | None] = []
    for post, includes in zip(found.posts, found.includes, strict=True):
        user = None
        if includes is not None and includes.users:
            user = includes.users[0]  # nearly always the author
            if user.id != post.author_id:
                user = next((each for each in includes.users if each.id == post.author_id), None)
        handles.append(None if user is None else user.username)
        homes.append(None if user is None else user.location or None)
    columns["author_name"] = handles
    columns["profile"] = homes


def _add_references(columns: Columns, found: Found) -> None:
    """Kind, what it is about, and whole texts: of a long post its note, of a repost that of the original."""
    telling = [
        (row, post, post.referenced_tweets or post.referenced_posts)
        for row, post in enumerate(found.posts)
        if post.referenced_tweets or post.referenced_posts or post.note_tweet or post.note_post
    ]
    for row, post, references in telling:
        note = post.note_tweet or post.note_post
        columns["text"][row] = (note and note.text) or columns["text"][row]
        if not references:
            continue
        other = references[0] if len(references) == 1 else max(references, key=_kind)
        kind = _kind(other)
        if kind == POST:
            continue
        columns["kind"][row] = kind
        columns["about"][row] = other.id
        if kind == REPOST:
            columns["text"][row] = _original(other, found.includes[row]) or post.text


def _kind(reference: Reference) -> int:
    """A repost of a quote is a repost, a quote in a reply a quote: the kinds are in this order."""
    return KINDS.get(reference.type or "", POST)


def _original(other: Reference, includes: Includes | None) -> str | None:
    original = other
    for included in (includes and (includes.tweets or includes.posts)) or ():
        if included.id == other.id:
            original = included
            break
    note = original.note_tweet or original.note_post
    return note.text if note is not None and note.text else original.text


def _add_edits(columns: Columns, edits: list[tuple[int, list[str]]]) -> None:
    if not edits:
        return
    height = len(columns["uid"])
    columns |= {"version": [0] * height, "alias": [None] * height, "alias_time_us": [0] * height}
    columns["uid"] = list(columns["uid"])
    for row, history in edits:
        own = columns["uid"][row]
        if history[0] == own or not snowflake_us(history[0]):
            continue
        columns["version"][row] = history.index(own) if own in history else len(history)
        columns["uid"][row], columns["alias"][row] = history[0], own
        columns["alias_time_us"][row] = columns["uid_time_us"][row]
        columns["uid_time_us"][row] = snowflake_us(history[0])


def _add_places(columns: Columns, places: list[tuple[int, Geo, Place | Geo | None]]) -> None:
    if not places:
        return
    names = ("longitude", "latitude", "place_name", "place_country", "place_longitude", "place_latitude")
    columns |= blank(len(columns["uid"]), names)
    for row, geo, place in places:
        if geo.coordinates is not None:
            set_point(columns, row, "", geo.coordinates.coordinates)
        if place is not None:
            set_place(columns, row, place.full_name, place.country_code)
            set_point(columns, row, "place_", middle(None if place.geo is None else place.geo.bbox))


def _place(geo: Geo, includes: Includes | None) -> Place | Geo | None:
    if geo.full_name is not None or geo.place_id is None:
        return geo
    included = (includes.places or []) if includes is not None else []
    return next((each for each in included if each.id == geo.place_id), None)


EXAMPLE = [
    b'{"data":{"id":"2140000000000000001","text":"Hail as big as plums &amp; the tram stopped",'
    b'"author_id":"77","created_at":"2027-01-05T10:00:00.000Z","lang":"en","geo":{"place_id":"p1"}},'
    b'"includes":{"users":[{"id":"77","username":"ada_example","location":"Perth"}],"places":[{"id":"p1",'
    b'"full_name":"Perth, Western Australia","country_code":"AU","geo":{"bbox":[115.6,-32.5,116.1,-31.6]}}]}}',
    b'{"data":{"delete":{"tweet":{"id":"2140000000000000001","author_id":"77"},"event_at":"2027-01-05T10:09:00.000Z"}}}',
]

FORMAT = Format(network="x", recognises=recognises, decode=decode, split=split, page=PAGE, example=EXAMPLE)
