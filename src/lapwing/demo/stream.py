"""As many posts as a benchmark wants, faster than anything can read them.

The texts and people are those of an evening; ids, times and authors are new for each post, and only spliced in.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Literal

import msgspec
import numpy as np

from lapwing.demo import happenings
from lapwing.demo.evening import POST, REPOST, Posts
from lapwing.demo.evening import posts as make_posts
from lapwing.demo.happenings import ACCIDENT, FLOOD
from lapwing.demo.identifiers import instants, snowflakes, tids
from lapwing.demo.jetstream_records import facets
from lapwing.demo.people import JETSTREAM, People, people
from lapwing.demo.phrases import LANGUAGES, Texts, Whole, array
from lapwing.demo.scene import POSTS, START_US, Options
from lapwing.demo.wording import Cell, quoted, whole
from lapwing.demo.x_v2_records import LANGUAGE_TAGS, QUIET, RULE, entities, geo, place_object, user_object

Order = Literal["time", "shuffled"]
Network = Literal["x_v2", "jetstream"]

CHUNK = 20_000
DAY_US = 86_400_000_000
DAY_START_US = START_US - 8 * 3_600_000_000
CYCLES_OF_A_PERSON = 4
"""After so many rounds through the texts, other people say them."""


class Pool(msgspec.Struct, frozen=True):
    """Pieces of records; columns of bytes, one row for each text."""

    person: Whole
    pieces: list[Texts]


def posts(count: int, seed: int, order: Order = "time", network: Network = "x_v2") -> Iterator[bytes]:
    """Give `count` posts of 24 hours, each a line of JSON as its network sends it, with ids of their own."""
    random = np.random.default_rng((seed, 200))
    scale = min(max(count / POSTS * 1.5, 0.01), 1.0)
    pool = _pool(random, Options(scale=scale), network)
    lines = _x_lines if network == "x_v2" else _jetstream_lines
    shuffle = _stride(count) if order == "shuffled" else 1
    for first in range(0, count, CHUNK):
        number = np.arange(first, min(first + CHUNK, count))
        yield from lines(pool, number, number * shuffle % count, count)


def _stride(count: int) -> int:
    """Give a step that visits every number below `count` once, far from the one before."""
    step = max(1, round(count * 0.6180339887))
    while gcd(step, count) > 1:
        step += 1
    return step


def _pool(random: np.random.Generator, options: Options, network: Network) -> Pool:
    everybody = people(random, options, happenings.crowds())
    said = make_posts(random, options, everybody)
    usual = (said.kind != REPOST) & (said.happening != FLOOD) & (said.happening != ACCIDENT)
    if network == "x_v2":
        usual &= everybody.network[said.author] != JETSTREAM
    rows = random.permutation(np.flatnonzero(usual))
    make = _x_pieces if network == "x_v2" else _jetstream_pieces
    pieces = [make(everybody, _cell(said, row)) for row in rows.tolist()]
    return Pool(said.author[rows], [array(column) for column in zip(*pieces, strict=True)])


def _cell(said: Posts, row: int) -> Cell:
    text, code = said.said, LANGUAGES[int(said.language[row])]
    where = int(said.by[row]), int(said.place[row])
    return Cell(
        row, int(said.author[row]), "", text.body[row], text.tags[row], text.url[row], code, POST, -1, *where, ""
    )


def _x_pieces(everybody: People, cell: Cell) -> tuple[bytes, ...]:
    """What comes before the id, between id and author, and after the author."""
    text, who = whole(cell), cell.author
    place = geo(cell)
    user = user_object("900000000000000000", everybody.handle[who], everybody.name[who], everybody.profile[who])
    before_id, after_id = user.split("900000000000000000")
    tagged = f',"places":[{place_object(cell.place)}]' if place else ""
    return (
        f"{entities(cell, text)}{place}".encode(),
        (
            f'"lang":"{LANGUAGE_TAGS.get(cell.lang, cell.lang)}","possibly_sensitive":false,{QUIET},'
            f'"reply_settings":"everyone","text":{quoted(text)}}},"includes":{{"users":[{before_id}'
        ).encode(),
        f"{after_id}]{tagged}}},{RULE}}}\n".encode(),
    )


_X_LINE = (
    b'{"data":{"author_id":"%b","conversation_id":"%b","created_at":"%b.000Z","edit_history_tweet_ids":["%b"],%b'
    b'"id":"%b",%b%b%b'
)


def _x_lines(pool: Pool, number: Whole, moment: Whole, count: int) -> Iterator[bytes]:
    at, times_us = number % len(pool.person), DAY_START_US + moment * DAY_US // count
    ids = list(map(b"%d".__mod__, snowflakes(times_us, moment).tolist()))
    authors = list(map(b"%d".__mod__, _authors(pool, number).tolist()))
    seconds = _SECONDS[(times_us - DAY_START_US) // 1_000_000]
    before, after, end = (column[at] for column in pool.pieces)
    return map(_X_LINE.__mod__, zip(authors, ids, seconds, ids, before, ids, after, authors, end, strict=True))


def _authors(pool: Pool, number: Whole) -> Whole:
    """Give the numbers of accounts: whoever says a text has one profile in all rounds."""
    cycle = number // (len(pool.person) * CYCLES_OF_A_PERSON)
    return 900_000_000_000_000_000 + (pool.person[number % len(pool.person)] + cycle * 1_000_000) * 10_007


def _jetstream_pieces(everybody: People, cell: Cell) -> tuple[bytes, ...]:
    """The author without the last letters, and the record behind its date."""
    text = whole(cell)
    account = everybody.account[cell.author]
    did = account if account.startswith("did") else f"did:plc:{int(account):024d}".translate(_LETTERS)
    return did[:-4].encode(), f'{facets(cell, text)}"langs":["{cell.lang}"],"text":{quoted(text)}}}'.encode()


_JETSTREAM_LINE = (
    b'{"did":"%b%b","time_us":%d,"kind":"commit","commit":{"rev":"%b","operation":"create",'
    b'"collection":"app.bsky.feed.post","rkey":"%b","record":{"$type":"app.bsky.feed.post","createdAt":"%b.%03dZ",'
    b'%b,"cid":"bafyrei%b%b%b%b"}}\n'
)


def _jetstream_lines(pool: Pool, number: Whole, moment: Whole, count: int) -> Iterator[bytes]:
    at, times_us = number % len(pool.person), DAY_START_US + moment * DAY_US // count
    keys = tids(times_us, moment).tolist()
    cycles = _CYCLES[number // (len(pool.person) * CYCLES_OF_A_PERSON) % len(_CYCLES)]
    seconds = _SECONDS[(times_us - DAY_START_US) // 1_000_000]
    millis, heard = (times_us // 1000 % 1000).tolist(), (times_us + 700_000).tolist()
    did, record = (column[at] for column in pool.pieces)
    rows = zip(did, cycles, heard, keys, keys, seconds, millis, record, keys, keys, keys, keys, strict=True)
    return map(_JETSTREAM_LINE.__mod__, rows)


_SECONDS = array([text.encode() for text in instants(DAY_START_US + 1_000_000 * np.arange(86_400), "s")])
_CYCLES = array([f"{number:04b}".translate(str.maketrans("01", "qz")).encode() for number in range(16)])
_LETTERS = str.maketrans("0189", "abyz")
"""A DID has no digits but 2 to 7."""
