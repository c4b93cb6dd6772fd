"""Under which ids the posts go, and when each is heard: on time or late, on a second server, or again."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from lapwing.demo.evening import REPOST, Posts
from lapwing.demo.identifiers import local_ids, snowflakes, strings, tids, tokens
from lapwing.demo.people import JETSTREAM, MASTODON, SERVERS, People
from lapwing.demo.phrases import Whole
from lapwing.demo.scene import MINUTE_US

SECOND_US = 1_000_000
LATE, SEEN_TWICE = 0.01, 0.6
LATE_MINUTES_MIN, LATE_MINUTES_MAX = 10, 45
LAG_SECONDS = (3.0, 0.8, 1.2, 3.0)
"""How long each format's posts take to us, on average."""

ELSEWHERE = 1 << 20
"""Moves the numbers from which a second server makes its own id of a post."""


class Arrivals(msgspec.Struct, frozen=True):
    """One row for each post and repost."""

    key: list[str]
    """X's id, Bluesky's record key, or the id on the author's Mastodon server."""
    uid: list[str]
    cid: list[str]
    """Bluesky's content id; empty elsewhere."""
    received_us: Whole
    late: npt.NDArray[np.bool_]
    second_server: Whole
    """Which other Mastodon server shows the post, or -1."""
    second_us: Whole

    @property
    def last_us(self) -> Whole:
        """When the post has been heard everywhere."""
        return np.maximum(self.received_us, self.second_us)


def arrivals(random: np.random.Generator, people: People, posts: Posts) -> Arrivals:
    """Give every post its id and its way."""
    count, network = len(posts.author), people.network[posts.author]
    lag = random.exponential(1, count) * np.array(LAG_SECONDS)[network] + 0.3
    late = (random.random(count) < LATE) & (posts.kind != REPOST) & (posts.first == 0)
    lag[late] += 60 * random.uniform(LATE_MINUTES_MIN, LATE_MINUTES_MAX, int(late.sum()))
    received_us = posts.created_us + (lag * SECOND_US).astype(np.int64)
    twice = (network == MASTODON) & (random.random(count) < SEEN_TWICE)
    server = people.server[posts.author]
    second = np.where(twice, (server + random.integers(1, len(SERVERS), count)) % len(SERVERS), -1)
    delay = (random.exponential(15, count) * SECOND_US).astype(np.int64) + SECOND_US
    key = keys(people, posts)
    return Arrivals(
        key=key,
        uid=_uids(people, posts, key),
        cid=_content_ids(random, network),
        received_us=received_us,
        late=late,
        second_server=second,
        second_us=np.where(twice, received_us + np.minimum(delay, 2 * MINUTE_US), -1),
    )


def keys(people: People, posts: Posts) -> list[str]:
    """Make the ids; the time inside is the post's."""
    network, number = people.network[posts.author], np.arange(len(posts.author))
    made = np.where(
        network == MASTODON, local_ids(posts.created_us, number), snowflakes(posts.created_us, number)
    ).astype(str)
    blue = network == JETSTREAM
    made[blue] = tids(posts.created_us[blue], number[blue]).astype(str)
    return made.tolist()  # type: ignore[no-any-return]  # numpy does not say of what the list is


def local_key(created_us: int, row: int) -> str:
    """Give the id of a post on a server that is not its author's."""
    return str(local_ids(np.array([created_us]), np.array([row + ELSEWHERE]))[0])


def _uids(people: People, posts: Posts, key: list[str]) -> list[str]:
    """Name each post as the whole world does."""
    made = []
    repost = (posts.kind == REPOST).tolist()
    network, account, handle, server = people.network.tolist(), people.account, people.handle, people.server.tolist()
    for who, own, again in zip(posts.author.tolist(), key, repost, strict=True):
        if network[who] == JETSTREAM:
            made.append(f"at://{account[who]}/app.bsky.feed.{'repost' if again else 'post'}/{own}")
        elif network[who] == MASTODON:
            made.append(f"https://{SERVERS[server[who]]}/users/{handle[who]}/statuses/{own}")
        else:
            made.append("x:" + own)
    return made


def _content_ids(random: np.random.Generator, network: Whole) -> list[str]:
    blue = np.flatnonzero(network == JETSTREAM)
    made = [""] * len(network)
    for row, word in zip(blue.tolist(), strings(tokens(random, len(blue), 52)), strict=True):
        made[row] = "bafyrei" + word
    return made
