"""Faults for replays, as networks make them: repeats, other orders, connections that break and go back, posts deleted.

What is chosen follows from a seed alone, and which posts are deleted from the seed and their names, so that two replays
with the same seed have the same posts, whatever their speed.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from random import Random
from typing import Any
from zlib import crc32

import msgspec

from lapwing.app.times import read_duration, written
from lapwing.contracts import Format
from lapwing.errors import UsageError
from lapwing.model import Records

OVERLAP_RECORDS = 50
"""So many records come again when a connection breaks."""
DECODED_AT_ONCE = 1_000
DELETED_AFTER_US = 1_000_000
REORDER_US_MAX = 3_600_000_000

Heard = tuple[int, int, int, Records]
"""When (UTC microseconds), the file and the place in it, and one record."""


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How often what goes wrong: shares of the records, 0 to 1, and by how much the order may be off."""

    disconnect: float = 0.0
    duplicate: float = 0.0
    delete: float = 0.0
    reorder_us: int = 0


def parse(text: str) -> Faults:
    """`disconnect=0.01,duplicate=0.05,reorder=30s,delete=0.02`; raises `UsageError` for anything else."""
    said: dict[str, Any] = {}
    for part in filter(None, text.replace(" ", "").split(",")):
        name, _, value = part.partition("=")
        if name == "reorder":
            said["reorder_us"] = read_duration(value, "--faults reorder")
            if said["reorder_us"] > REORDER_US_MAX:
                raise UsageError(f"--faults reorder={value} is more than an hour", "write 30s or 5m")
        elif name in ("disconnect", "duplicate", "delete"):
            said[name] = _share(name, value)
        else:
            known = "disconnect, duplicate, reorder, delete"
            raise UsageError(
                f"--faults: there is no fault {name!r}", f"known: {known}; as in duplicate=0.05,reorder=30s"
            )
    return Faults(**said)


def _share(name: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"--faults {name}={value!r} is no share", "write a number from 0 to 1")
    return share


def with_faults(stream: Iterator[Heard], faults: Faults, seed: int, formats: Mapping[str, Format]) -> Iterator[Heard]:
    """The stream as a bad network would bring it."""
    chance = Random(seed)  # noqa: S311  (a test's faults, repeatable by their seed)
    if faults.delete:
        stream = _with_deletes(stream, (faults.delete, seed), formats)
    if faults.duplicate:
        stream = _with_duplicates(stream, faults.duplicate, chance)
    if faults.disconnect:
        stream = _with_breaks(stream, faults.disconnect, chance)
    if faults.reorder_us:
        stream = _reordered(stream, faults.reorder_us, chance)
    return stream


def _with_duplicates(stream: Iterator[Heard], share: float, chance: Random) -> Iterator[Heard]:
    for heard in stream:
        yield heard
        if chance.random() < share:
            yield heard


def _with_breaks(stream: Iterator[Heard], share: float, chance: Random) -> Iterator[Heard]:
    """A source that reconnects goes back a little, and says again what it said last."""
    last: deque[Heard] = deque(maxlen=OVERLAP_RECORDS)
    for heard in stream:
        yield heard
        last.append(heard)
        if chance.random() < share:
            at_us = heard[0]
            yield from ((at_us, *rest) for _, *rest in last)  # type: ignore[misc]


def _reordered(stream: Iterator[Heard], most_us: int, chance: Random) -> Iterator[Heard]:
    """Each record is late by up to `most_us`."""
    waiting: list[tuple[int, int, Heard]] = []
    for number, heard in enumerate(stream):
        while waiting and waiting[0][0] <= heard[0]:
            at_us, _, late = heapq.heappop(waiting)
            yield (at_us, *late[1:])
        heapq.heappush(waiting, (heard[0] + int(chance.random() * most_us), number, heard))
    while waiting:
        at_us, _, late = heapq.heappop(waiting)
        yield (at_us, *late[1:])


def _with_deletes(stream: Iterator[Heard], chosen: tuple[float, int], formats: Mapping[str, Format]) -> Iterator[Heard]:
    """Some posts are deleted a second later, each in its network's own words."""
    waiting: list[tuple[int, int, Heard]] = []
    count = 0
    while some := list(islice(stream, DECODED_AT_ONCE)):
        deletes = _deletes(some, chosen, formats)
        for place, heard in enumerate(some):
            while waiting and waiting[0][0] <= heard[0]:
                yield heapq.heappop(waiting)[2]
            yield heard
            if place in deletes:
                count += 1
                heapq.heappush(waiting, (deletes[place][0], count, deletes[place]))
    yield from (heapq.heappop(waiting)[2] for _ in range(len(waiting)))


def _deletes(some: list[Heard], chosen: tuple[float, int], formats: Mapping[str, Format]) -> dict[int, Heard]:
    """For some records, by their place: the delete of their post, where it is chosen."""
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for place, (_, _, _, record) in enumerate(some):
        kinds.setdefault((record.source, record.network, record.format), []).append(place)
    found: dict[int, Heard] = {}
    for (source, network, form), places in kinds.items():
        if form not in DELETES or form not in formats:
            continue
        records = Records(
            source=source, network=network, format=form, values=[some[place][3].values[0] for place in places],
            received_at_us=[some[place][3].received_at_us[0] for place in places],
        )  # fmt: skip
        posts = formats[form].decode(records).posts
        for row, uid, alias, author in posts.select("record", "uid", "alias", "author").iter_rows():
            if crc32(f"{chosen[1]}:{uid}".encode()) / 2**32 >= chosen[0]:
                continue
            at_us, file, number, record = some[places[row]]
            value = DELETES[form](uid, alias or "", author, (record.received_at_us[0] + DELETED_AFTER_US, source))
            delete = msgspec.structs.replace(
                record, values=[value], received_at_us=[record.received_at_us[0] + DELETED_AFTER_US]
            )
            found[places[row]] = (at_us + DELETED_AFTER_US, file, number, delete)
    return found


def _jetstream(uid: str, alias: str, author: str, about: tuple[int, str]) -> bytes:  # noqa: ARG001  (one shape for all)
    did, collection, key = uid.removeprefix("at://").split("/", 2)
    commit = {"rev": "3zzzzzzzzzzzz", "operation": "delete", "collection": collection, "rkey": key}
    return msgspec.json.encode({"did": did, "time_us": about[0], "kind": "commit", "commit": commit})


def _mastodon(uid: str, alias: str, author: str, about: tuple[int, str]) -> bytes:  # noqa: ARG001  (one shape for all)
    host, _, number = alias.rpartition("/")
    where = {} if host == about[1] else {"host": host}
    return msgspec.json.encode({"event": "delete", **where, "payload": number})


def _x_v2(uid: str, alias: str, author: str, about: tuple[int, str]) -> bytes:  # noqa: ARG001  (one shape for all)
    named = {"id": uid.removeprefix("x:"), "author_id": author.removeprefix("x:")}
    return msgspec.json.encode({"data": {"delete": {"tweet": named, "event_at": written(about[0])}}})


def _x_v1(uid: str, alias: str, author: str, about: tuple[int, str]) -> bytes:  # noqa: ARG001  (one shape for all)
    post, user = uid.removeprefix("x:"), author.removeprefix("x:")
    named = {"id": int(post), "id_str": post, "user_id": int(user), "user_id_str": user}
    return msgspec.json.encode({"delete": {"status": named, "timestamp_ms": str(about[0] // 1000)}})


DELETES: dict[str, Callable[[str, str, str, tuple[int, str]], bytes]] = {
    "jetstream": _jetstream,
    "mastodon": _mastodon,
    "x_v2": _x_v2,
    "x_v1": _x_v1,
}
"""How a post is deleted, by format: from its uid, alias, author, and when and by which source. Others are left alone."""
