"""What is taken back or put right: edits, deletes, some of them heard before their post, and one account that goes."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from lapwing.demo.arrivals import SECOND_US, Arrivals
from lapwing.demo.evening import MENTION, REPOST, Posts, city_names
from lapwing.demo.identifiers import snowflakes
from lapwing.demo.people import JETSTREAM, MASTODON, X_V2, People
from lapwing.demo.phrases import LANGUAGES, Texts, Whole, array, fill, phrases
from lapwing.demo.scene import MINUTE_US, Options, places

EDITED_ON_X, EDITED_ON_MASTODON, DELETED = 0.006, 0.03, 0.02
MOVED = 0.3
"""How many edits of posts that name a city put another in its place."""
LIKES, FOLLOWS = 0.25, 0.12
"""So many likes for each post on Bluesky, so many follows for each like."""
BY_NEW_NAME = 3
"""So many deletes of edited posts on X name the edit, not the original."""
LEAVER_POSTS_MIN, LEAVER_POSTS_MAX = 3, 15

Marks = npt.NDArray[np.bool_]


class Edits(msgspec.Struct, frozen=True):
    """One row for each edit; a post is edited at most once."""

    row: Whole
    at_us: Whole
    received_us: Whole
    second_us: Whole
    """When the second server says it, or -1."""
    body: Texts
    place: Whole
    key: list[str]
    """The new id that X gives."""


class Deletes(msgspec.Struct, frozen=True):
    """One row for each delete."""

    row: Whole
    at_us: Whole
    received_us: Whole
    early: Marks
    """Heard before the post."""
    name: list[str]
    """The id by which it names the post."""


class Leaver(msgspec.Struct, frozen=True):
    """Somebody on Bluesky who deletes the account, and with it all posts."""

    author: int
    at_us: int
    received_us: int


class Interests(msgspec.Struct, frozen=True):
    """Likes and follows on Bluesky, which are nothing to count."""

    who: Whole
    row: Whole
    """Of the post liked; or minus 1 minus the number of the person followed."""
    received_us: Whole


def interests(random: np.random.Generator, people: People, posts: Posts, heard: Arrivals) -> Interests:
    """Let people on Bluesky like posts and follow one another."""
    blue = np.flatnonzero(people.network == JETSTREAM)
    liked = np.flatnonzero((people.network[posts.author] == JETSTREAM) & (posts.kind != REPOST))
    liked = liked[random.integers(0, len(liked), round(LIKES * len(liked)))]
    count = round(FOLLOWS * len(liked))
    when = heard.received_us[liked] + (random.exponential(10 * MINUTE_US, len(liked))).astype(np.int64)
    first, last = int(posts.created_us[0]), int(posts.created_us.max())
    received_us = np.concatenate([np.minimum(when, last + MINUTE_US), random.integers(first, last, count)])
    return Interests(
        who=blue[random.integers(0, len(blue), len(received_us))],
        row=np.concatenate([liked, -1 - blue[random.integers(0, len(blue), count)]]),
        received_us=received_us,
    )


def edits(random: np.random.Generator, people: People, posts: Posts, heard: Arrivals) -> Edits:
    """Let people correct what they wrote, a few minutes later."""
    network = people.network[posts.author]
    share = np.where(network == X_V2, EDITED_ON_X, np.where(network == MASTODON, EDITED_ON_MASTODON, 0))
    able = (posts.kind != REPOST) & ~heard.late & (posts.happening == 0)
    row = np.flatnonzero(able & (random.random(len(network)) < share))
    wait = 30 * SECOND_US + (random.exponential(6, len(row)) * MINUTE_US).astype(np.int64)
    at_us = heard.last_us[row] + np.minimum(wait, 40 * MINUTE_US)
    lag = random.integers(SECOND_US // 2, 5 * SECOND_US, len(row))
    second = heard.second_server[row] >= 0
    body, place = _corrected(random, posts, row)
    return Edits(
        row=row,
        at_us=at_us,
        received_us=at_us + lag,
        second_us=np.where(second, at_us + lag + random.integers(SECOND_US, 60 * SECOND_US, len(row)), -1),
        body=body,
        place=place,
        key=snowflakes(at_us, row + len(network)).astype(str).tolist(),
    )


def _corrected(random: np.random.Generator, posts: Posts, row: Whole) -> tuple[Texts, Whole]:
    """Add a sentence to each text; in some that name a city, put another of the same language."""
    body, place, language = posts.said.body[row].copy(), posts.place[row].copy(), posts.language[row]
    for number, code in enumerate(LANGUAGES):
        at = np.flatnonzero(language == number)
        body[at] += phrases(code).join + fill(random, phrases(code).close, {}, len(at))
    moved = np.flatnonzero((posts.by[row] == MENTION) & (random.random(len(row)) < MOVED) & (posts.first[row] == 0))
    speaks = np.array([each.language for each in places()])
    starts, sizes = np.searchsorted(speaks, np.arange(len(LANGUAGES))), np.bincount(speaks)
    own = speaks[place[moved]]
    steps = 1 + random.integers(0, 1 << 30, len(moved)) % (sizes[own] - 1)
    there = starts[own] + (place[moved] - starts[own] + steps) % sizes[own]
    said, meant = city_names(place[moved], language[moved]), city_names(there, language[moved])
    parts = zip(body[moved], said, meant, strict=True)
    body[moved] = array([text.replace(old, new) for text, old, new in parts])
    place[moved] = there
    return body, place


def leaver(random: np.random.Generator, options: Options, people: People, posts: Posts, heard: Arrivals) -> Leaver:
    """Pick who deletes the account once all their posts have been heard."""
    count = np.bincount(posts.author, minlength=options.people)
    some = (people.network == JETSTREAM) & (count >= LEAVER_POSTS_MIN) & (count <= LEAVER_POSTS_MAX)
    some[posts.author[(posts.first > 0) | ((posts.happening > 0) & (posts.happening < 3))]] = False
    author = int(random.choice(np.flatnonzero(some)))
    last = int(heard.last_us[posts.author == author].max())
    at_us = max(last + 2 * MINUTE_US, options.end_us - 20 * MINUTE_US)
    return Leaver(author, at_us, at_us + SECOND_US)


def deletes(random: np.random.Generator, posts: Posts, heard: Arrivals, edited: Edits, gone: Leaver) -> Deletes:
    """Let people take posts back: most some time later, some of the late ones before we hear of the post."""
    count = len(posts.author)
    able = (posts.first == 0) & (posts.author != gone.author)
    able[edited.row] = False
    early = able & heard.late & (random.random(count) < 0.2)
    early |= able & heard.late & (np.cumsum(able & heard.late) <= 2)  # at any scale there is one
    plain = able & ~heard.late & (random.random(count) < DELETED)
    renamed = np.array(
        [at for at, key in enumerate(edited.key) if _is_x(heard.uid[edited.row[at]])][:BY_NEW_NAME], dtype=np.int64
    )
    row = np.concatenate([np.flatnonzero(early | plain), edited.row[renamed]])
    name = [heard.key[at] for at in row[: len(row) - len(renamed)].tolist()] + [
        edited.key[at] for at in renamed.tolist()
    ]
    wait = MINUTE_US + np.minimum(random.exponential(25, len(row)), 60) * MINUTE_US
    last_us = heard.last_us.copy()
    last_us[edited.row] = np.maximum(edited.received_us, edited.second_us)
    received_us = last_us[row] + wait.astype(np.int64)
    before = early[row]
    span = heard.received_us[row] - posts.created_us[row] - 10 * SECOND_US
    hasty = posts.created_us[row] + 5 * SECOND_US + (random.random(len(row)) * span).astype(np.int64)
    received_us = np.where(before, hasty, received_us)
    return Deletes(row=row, at_us=received_us - SECOND_US, received_us=received_us, early=before, name=name)


def _is_x(uid: str) -> bool:
    return uid.startswith("x:")
