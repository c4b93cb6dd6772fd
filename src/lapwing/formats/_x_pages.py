"""Pages of X's API v2 cut into records: one for each post, with those included objects that it refers to."""

from __future__ import annotations

import re

import msgspec

from lapwing.formats._reading import UNREADABLE

PAGE = re.compile(rb'\s*\{\s*"(?!data"\s*:\s*\{|doc"|delete")')
"""How a page may begin: with anything but one post. Its `data`, a list, may stand behind other fields."""


class Page(msgspec.Struct, gc=False):
    """Several posts and what they refer to, as they came."""

    data: list[msgspec.Raw]
    includes: dict[str, list[msgspec.Raw]] = {}


class Named(msgspec.Struct, gc=False):
    id: str | int | None = None


class Placed(msgspec.Struct, gc=False):
    place_id: str | None = None


class Referring(msgspec.Struct, gc=False):
    author_id: str | int | None = None
    geo: Placed | None = None
    referenced_tweets: list[Named] | None = None
    referenced_posts: list[Named] | None = None


_page = msgspec.json.Decoder(Page).decode
_named = msgspec.json.Decoder(Named).decode
_referring = msgspec.json.Decoder(Referring).decode
_encode = msgspec.json.Encoder().encode


def split(value: bytes) -> list[bytes] | None:
    """Give one record for each post of a page, or None when the record is not a page."""
    if not PAGE.match(value):
        return None
    try:
        page = _page(value)
        included = {part: _by_id(objects) for part, objects in page.includes.items()}
    except UNREADABLE:
        return None
    return [_record(post, included) for post in page.data]


def _by_id(objects: list[msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {str(_named(each).id): each for each in objects}


def _record(post: msgspec.Raw, included: dict[str, dict[str, msgspec.Raw]]) -> bytes:
    parts = {}
    for part, wanted in _wanted(post).items():
        there = [included[part][each] for each in wanted if each in included.get(part, {})]
        if there:
            parts[part] = there
    return _encode({"data": post, "includes": parts} if parts else {"data": post})


def _wanted(post: msgspec.Raw) -> dict[str, list[str]]:
    """Give the ids of what a post refers to, by the part of `includes` that holds it."""
    try:
        one = _referring(post)
    except UNREADABLE:
        return {}  # decoding will say what is wrong with it
    references = [str(each.id) for each in one.referenced_tweets or one.referenced_posts or ()]
    return {
        "users": [str(one.author_id)],
        "places": [one.geo.place_id] if one.geo is not None and one.geo.place_id is not None else [],
        "tweets": references,
        "posts": references,
    }
