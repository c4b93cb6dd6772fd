"""How X writes what it says: posts with what they refer to, in both generations of names, and its problems."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from lapwing.testing.networks.posts import Post
from lapwing.testing.networks.x_rules import COUNTRIES

PROBLEMS = "https://api.x.com/2/problems/"
SHORT_CHARACTERS = 280
RETWEET_CHARACTERS = 140

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOXES = {
    "Toronto": [-79.64, 43.4, -78.9, 43.86],
    "Montréal": [-73.97, 45.41, -73.47, 45.7],
    "Vancouver": [-123.22, 49.2, -123.02, 49.32],
    "Calgary": [-114.32, 50.84, -113.86, 51.21],
    "Ottawa": [-76.35, 44.96, -75.25, 45.54],
    "Perth": [115.68, -32.46, 116.24, -31.62],
    "Melbourne": [144.59, -38.43, 145.51, -37.51],
    "Halifax": [-63.7, 44.6, -63.5, 44.7],
}
_POST_NAMES = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "note_tweet": "note_post",
    "tweets": "posts",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
}


class Fields(NamedTuple):
    """What the client asked to be told of each post, and to be given with it."""

    post: frozenset[str]
    expansions: frozenset[str]
    generation: str


class Said(NamedTuple):
    """A post as it was at one moment: edits are posts of their own."""

    post: Post
    text: str
    id: str


def time_of(at_us: int) -> str:
    """Write a time as ``2026-11-22T03:00:00.000Z``."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def username(author: int) -> str:
    """Give the name of somebody: ``marta_7``."""
    return f"marta_{author}"


def place_id(place: str) -> str:
    """Give a place's id: 16 hexadecimal digits."""
    return place.encode().hex()[:16].ljust(16, "0")


def data(said: Said, fields: Fields) -> dict[str, Any]:
    """Write a post with the fields that were asked for; id, text and edit history always."""
    post, text, id = said
    every: dict[str, Any] = {
        "author_id": str(4_000_000_000 + post.author),
        "created_at": time_of(post.at_us if id == post.ids[0] else post.edited_us or post.at_us),
        "lang": post.lang,
        "conversation_id": post.ids[0],
        "possibly_sensitive": False,
        "public_metrics": dict.fromkeys(("retweet_count", "reply_count", "like_count", "quote_count"), 0),
        "geo": {"place_id": place_id(post.place)} if post.place else None,
        "referenced_tweets": [{"type": "retweeted", "id": _bare(post.notes["about"])}]
        if "about" in post.notes
        else None,
        "note_tweet": {"text": html.escape(text, quote=False)} if len(text) > SHORT_CHARACTERS else None,
    }
    short = text if len(text) <= SHORT_CHARACTERS else text[: SHORT_CHARACTERS - 1] + "…"
    whole: dict[str, Any] = {"id": id, "text": html.escape(short, quote=False)}
    whole["edit_history_tweet_ids"] = [*post.ids[: post.ids.index(id) + 1]]
    whole |= {name: value for name, value in every.items() if name in fields.post and value is not None}
    changes = post.notes.get("record")
    if isinstance(changes, dict):
        whole = {name: each for name, each in {**whole, **changes}.items() if each is not None}
    return _renamed(whole) if fields.generation == "post" else whole


def _bare(uid: object) -> str:
    return str(uid).removeprefix("x:")


def includes(several: Iterable[Said], known: dict[str, Post], fields: Fields) -> dict[str, Any]:
    """Write what the posts refer to, as far as it was asked for; each of them once."""
    users: dict[int, Any] = {}
    places: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for said in several:
        post = said.post
        original = known.get(str(post.notes.get("about", "")))
        if "author_id" in fields.expansions:
            users[post.author] = _user(post.author)
        if "geo.place_id" in fields.expansions and post.place:
            places[post.place] = _place(post.place)
        if original is not None and "referenced_tweets.id" in fields.expansions and not original.deleted:
            others[original.uid] = data(Said(original, original.text, original.ids[0]), fields)
        if original is not None and "referenced_tweets.id.author_id" in fields.expansions:
            users[original.author] = _user(original.author)
    every: dict[str, Any] = {"users": users, "places": places, "tweets": others}
    found = {name: list(these.values()) for name, these in every.items() if these}
    return _renamed(found) if fields.generation == "post" else found


def _user(author: int) -> dict[str, Any]:
    return {
        "id": str(4_000_000_000 + author),
        "name": f"Marta {author}",
        "username": username(author),
        "created_at": "2015-03-01T10:00:00.000Z",
        "protected": False,
        "verified": False,
        "location": "the moon",
        "public_metrics": {"followers_count": 10, "following_count": 50, "tweet_count": 900, "listed_count": 0},
    }


def _place(place: str) -> dict[str, Any]:
    country = COUNTRIES.get(place, "CA")
    return {
        "id": place_id(place),
        "full_name": f"{place}, {country}",
        "name": place,
        "country": {"AU": "Australia", "CA": "Canada"}[country],
        "country_code": country,
        "place_type": "city",
        "geo": {"type": "Feature", "bbox": _BOXES.get(place, [0.0, 0.0, 0.1, 0.1]), "properties": {}},
    }


def _renamed(value: dict[str, Any]) -> dict[str, Any]:
    """Write the names of the newer generation, all the way down."""
    return {_POST_NAMES.get(name, name): _renamed_within(each) for name, each in value.items()}


def _renamed_within(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed_within(each) for each in value]
    return _renamed(value) if isinstance(value, dict) else value


def problem(kind: str, title: str, status: int, **more: Any) -> dict[str, Any]:
    """Write what went wrong, as RFC 9457 has it."""
    where = kind if kind == "about:blank" else PROBLEMS + kind
    return {"title": title, "detail": title, "type": where, "status": status} | more


def disconnect(kind: str) -> dict[str, Any]:
    """Write what is said in a stream before it is ended."""
    detail = "This stream has been disconnected upstream for operational reasons."
    said = {"title": "operational-disconnect", "disconnect_type": kind, "detail": detail}
    return {"errors": [said | {"type": PROBLEMS + "operational-disconnect"}]}
