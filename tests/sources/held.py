"""What somebody who listened holds in the end: records put together as the ledger would, by uid and version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from random import Random
from typing import Any

import msgspec

from lapwing import catalog
from lapwing.hearing import Source, SourceChunk, Surroundings
from lapwing.model import OPERATIONS, Records
from lapwing.testing.networks.posts import Truth
from sources.hearing import HurriedTime

DEADLINE_S = 60.0
LATER_US = 4_000_000_000_000_000


class Held(msgspec.Struct):
    """Posts by uid with their text, what was deleted, and how often anything was heard."""

    posts: dict[str, str]
    deleted: set[str]
    refused: list[str]
    records: int


def held(source: Source, values: list[bytes], format: str | None = None) -> Held:
    """The posts in some records; a delete that names a server's own id is resolved by the sightings."""
    name = format or source.format
    records = Records(
        source="heard", network=source.network, format=name, values=values, received_at_us=[LATER_US] * len(values)
    )
    decoded = catalog.load("formats", name).decode(records)
    newest: dict[str, tuple[int, str]] = {}
    aliases: dict[str, str] = {}
    for row in decoded.posts.iter_rows(named=True):
        newest[row["uid"]] = max(newest.get(row["uid"], (-1, "")), (row["version"], row["text"] or ""))
        if row.get("alias"):
            aliases[row["alias"]] = row["uid"]
    deleted = set()
    for row in decoded.changes.iter_rows(named=True):
        if OPERATIONS[row["operation"]] == "delete":
            deleted.add(aliases.get(row["name"], row["name"]))
    posts = {uid: text for uid, (_, text) in newest.items() if uid not in deleted}
    return Held(posts, deleted, [each.reason for each in decoded.refused], len(values))


def missing(truth: Truth, what: Held) -> set[str]:
    """The uids of posts that are true and not held, or held with a text that is no longer true."""
    return {uid for uid, text in truth.posts.items() if what.posts.get(uid) != text}


def unheard(truth: Truth, what: Held) -> set[str]:
    """The uids of posts that are true and not held; for hard cases, whose text is not shown as it was written."""
    return set(truth.posts) - set(what.posts)


def surroundings_of(options: Any, time: HurriedTime, shared: dict[str, Any] | None = None) -> Surroundings:
    """What `read` is handed where no engine runs."""
    return Surroundings(
        name="heard", time=time, chance=Random(1), options=options, changed=asyncio.Event(),
        shared={} if shared is None else shared,
    )  # fmt: skip


def chunks_until(
    source: Source, options: Any, after: str, time: HurriedTime, enough: Callable[[list[SourceChunk]], bool]
) -> list[SourceChunk]:
    """What `read` yields, in a process of its own as it were, until it is enough."""

    async def run() -> list[SourceChunk]:
        surroundings = surroundings_of(options, time)
        found: list[SourceChunk] = []
        try:
            async with asyncio.timeout(DEADLINE_S), aclosing(source.read(options, after, surroundings)) as chunks:
                async for chunk in chunks:
                    found.append(chunk)
                    if enough(found):
                        return found
        finally:
            for shared in surroundings.shared.values():
                await shared.close()
        return found

    return asyncio.run(run())


def values_of(chunks: list[SourceChunk]) -> list[bytes]:
    """All records of some chunks."""
    return [value for chunk in chunks for value in chunk.values]
