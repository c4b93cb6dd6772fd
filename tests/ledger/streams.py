"""Random streams of records from three networks, with what each record says beside it, for the model to count."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime

START_US = 1_767_603_600_000_000  # 2026-01-05T09:00:00Z
FINAL = (1 << 63) - 1
TID = "234567abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Content:
    uid: str
    version: int
    author: str
    created_us: int
    repost: bool
    place: int
    network: str
    alias: str | None


@dataclass(frozen=True)
class Delete:
    name: str
    version: int


@dataclass(frozen=True)
class Author:
    author: str
    operation: str
    version: int


@dataclass(frozen=True)
class Event:
    source: str
    network: str
    format: str
    record: bytes
    says: Content | Delete | Author | None


def iso(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"


def tid(us: int) -> str:
    value = us << 10
    return "".join(TID[(value >> (5 * place)) & 31] for place in reversed(range(13)))


def snowflake(us: int) -> int:
    return (us // 1000 - 1_288_834_974_657) << 22


def stream(seed: int, posts: int = 25, first: int = 0) -> list[Event]:
    """The records of some posts with their edits, deletes, sightings and authors' changes, repeated and shuffled."""
    chance = random.Random(seed)
    events: list[Event] = []
    for number in range(first, first + posts):
        made = {"mastodon": mastodon, "x": x, "bluesky": bluesky}[
            chance.choice(["mastodon", "mastodon", "x", "bluesky"])
        ]
        events += made(chance, number)
    for author in range(4):
        if chance.random() < 0.3:
            events += account(chance, author)
    events += chance.choices(events, k=len(events) // 4)
    if chance.random() < 0.8:
        chance.shuffle(events)
    return events


def moment(chance: random.Random) -> int:
    return START_US + chance.randrange(7000) * 1_000_000


def mastodon(chance: random.Random, number: int) -> list[Event]:
    created = moment(chance)
    uid, author = f"https://a.example/s/{number}", f"https://a.example/u/{chance.randrange(4)}"
    versions = [
        0,
        *sorted(created + step * 1_000_000 for step in chance.sample(range(1, 900), chance.choice([0, 0, 1, 2]))),
    ]
    servers = chance.sample(["a.example", "b.example", "c.example"], chance.choice([1, 1, 2, 3]))
    local = {server: str(((created // 1000 + chance.randrange(5000)) << 16) + number) for server in servers}
    events = []
    for version in versions:
        place = chance.randrange(5)
        for server in servers:
            status = {
                "id": local[server],
                "uri": uid,
                "url": uid,
                "created_at": iso(created),
                "visibility": "public",
                "language": "en",
                "edited_at": iso(version) if version else None,
                "content": f"<p>place {place}</p>",
                "spoiler_text": "",
                "account": {"id": "1", "acct": "u", "uri": author, "url": author, "fields": []},
                "in_reply_to_id": None,
                "reblog": None,
            }
            record = {"event": "status.update" if version else "update", "payload": json.dumps(status)}
            says = Content(uid, version, author, created, False, place, "mastodon", f"{server}/{local[server]}")
            events.append(Event(server, "mastodon", "mastodon", json.dumps(record).encode(), says))
    if chance.random() < 0.3:
        server = chance.choice(servers)
        record = json.dumps({"event": "delete", "payload": local[server]}).encode()
        events.append(Event(server, "mastodon", "mastodon", record, Delete(f"{server}/{local[server]}", FINAL)))
    return events


def x(chance: random.Random, number: int) -> list[Event]:
    created = moment(chance)
    identity = snowflake(created) + number
    author, repost, place = str(chance.randrange(4)), chance.random() < 0.4, chance.randrange(5)
    history = [str(identity)]
    if not repost and chance.random() < 0.3:
        history.append(str(snowflake(created + 60_000_000) + number))
    events = []
    for index, own in enumerate(history):
        place = chance.randrange(5)
        data = {
            "id": own,
            "text": f"place {place}",
            "author_id": author,
            "created_at": iso(created + index * 60_000_000),
            "lang": "en",
            "edit_history_tweet_ids": history[: index + 1],
        }
        if repost:
            data["referenced_tweets"] = [{"type": "retweeted", "id": "1"}]
        alias = f"x:{own}" if index else None
        says = Content(f"x:{identity}", index, f"x:{author}", created + index * 60_000_000, repost, place, "x", alias)
        events.append(Event("stream", "x", "x_v2", json.dumps({"data": data}).encode(), says))
    if chance.random() < 0.3:
        own = chance.choice(history)
        record = {
            "delete": {
                "status": {"id": int(own), "id_str": own, "user_id": int(author), "user_id_str": author},
                "timestamp_ms": "1767603600000",
            }
        }
        events.append(Event("stream", "x", "x_v1", json.dumps(record).encode(), Delete(f"x:{own}", FINAL)))
    return events


def bluesky(chance: random.Random, number: int) -> list[Event]:
    created = moment(chance)
    did = f"did:plc:{chance.randrange(4):024d}"
    repost = chance.random() < 0.3
    collection = "app.bsky.feed.repost" if repost else "app.bsky.feed.post"
    rkey = tid(created + number) if chance.random() < 0.8 else f"self-{number}"
    uid = f"at://{did}/{collection}/{rkey}"
    revision, events = created, []
    for step in chance.choice(
        [["create"], ["create"], ["create", "delete"], ["create", "update"], ["create", "delete", "create"]]
    ):
        if step == "update" and repost:
            continue
        revision += chance.randrange(1, 10) * 1_000_000
        commit = {"rev": tid(revision), "operation": step, "collection": collection, "rkey": rkey}
        says: Content | Delete = Delete(uid, revision)
        if step != "delete":
            place = 0 if repost else chance.randrange(5)
            record = {"$type": collection, "createdAt": iso(created), "text": f"place {place}", "langs": ["en"]}
            if repost:
                record = {
                    "$type": collection,
                    "createdAt": iso(created),
                    "subject": {"uri": "at://did:plc:o/app.bsky.feed.post/3k", "cid": "b"},
                }
            commit |= {"record": record, "cid": "bafy"}
            says = Content(uid, revision, did, created, repost, place, "bluesky", None)
        event = {"did": did, "time_us": revision, "kind": "commit", "commit": commit}
        events.append(Event("jetstream", "bluesky", "jetstream", json.dumps(event).encode(), says))
    if chance.random() < 0.2:
        like = {
            "did": did,
            "time_us": revision,
            "kind": "commit",
            "commit": {**commit, "collection": "app.bsky.feed.like", "operation": "create", "record": {}},
        }
        events.append(Event("jetstream", "bluesky", "jetstream", json.dumps(like).encode(), None))
    return events


def account(chance: random.Random, number: int) -> list[Event]:
    did = f"did:plc:{number:024d}"
    events, at = [], START_US
    for _ in range(chance.randrange(1, 4)):
        at += chance.randrange(1, 2400) * 1_000_000
        active, status = chance.choice([(False, "deleted"), (False, "deactivated"), (True, None)])
        body = {"active": active, "did": did, "seq": 1, "time": iso(at)} | ({"status": status} if status else {})
        record = {"did": did, "time_us": at, "kind": "account", "account": body}
        operation = "author_show" if active else {"deleted": "author_delete", "deactivated": "author_hide"}[status]
        events.append(
            Event("jetstream", "bluesky", "jetstream", json.dumps(record).encode(), Author(did, operation, at))
        )
    return events
