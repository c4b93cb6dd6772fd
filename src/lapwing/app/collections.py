"""Collections: kept from their topics, and read by whoever asks."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from lapwing.app import cursors
from lapwing.app.asking import query_of
from lapwing.app.opening import Directory
from lapwing.app.times import written
from lapwing.config import Configuration
from lapwing.engine.collecting import Collector
from lapwing.errors import UnknownName, UsageError
from lapwing.ledger.sqlite import document_search, documents
from lapwing.ledger.sqlite.document_search import NEWEST, Found
from lapwing.ledger.sqlite.documents import OUTCOMES, Kept
from lapwing.model import Records
from lapwing.settings import Collection

log_lines = logging.getLogger("lapwing.app")

NO_TOPICS = ("raw.", "_lapwing.")
"""Posts and what is ours: no documents."""


def collect(path: Path, configuration: Configuration, stop: Callable[[], bool]) -> None:
    """Keep the configured collections of a data directory until `stop` says so: the body of a child process.

    A collection that cannot be kept as it is configured is said in the log, and left as it is; the others go on.
    """
    directory = Directory(path, configuration)
    try:
        collector(directory).run(stop)
    finally:
        directory.close()


def collector(directory: Directory) -> Collector:
    """A reader of the topics of the configured collections, ready to run."""
    wanted = []
    for collection in directory.configuration.collections:
        try:
            wanted.append(agreed(directory, collection))
        except UsageError as refused:
            log_lines.error("%s", refused)
    keeper = documents.Documents(directory.ledger)
    return Collector(directory.log, keeper, list(wanted), directory.clock, f"collector-{os.getpid()}")


def agreed(directory: Directory, collection: Collection) -> Kept:
    """The collection as it is configured; built again from the log where its key or topic was changed.

    Raises `UsageError` where that would lose what the log no longer holds.
    """
    if collection.topic.startswith(NO_TOPICS):
        raise UsageError(
            f"collection {collection.name!r}: {collection.topic} holds posts, or what is ours",
            "name a topic of your own; posts are read with `lapwing posts`",
        )
    store = directory.ledger.store
    before = next((kept for kept in documents.listed(store) if kept.name == collection.name), None)
    changed = before is not None and (before.topic, before.key) != (collection.topic, collection.key)
    if before is not None and changed:
        if _expired(directory, before):
            raise UsageError(
                f"collection {before.name!r} was made from {before.topic} by the key {before.key!r}, and cannot be made "
                f"again from {collection.topic} by {collection.key!r}: the log no longer holds all that is in it",
                "give the changed collection another name; the old one stays readable",
            )
        log_lines.warning("collection %r is made again from %s by %r", *msgspec.structs.astuple(collection))
    return documents.agree(store, collection.name, collection.topic, collection.key)


def _expired(directory: Directory, kept: Kept) -> bool:
    """Whether the log dropped anything that this collection had read."""
    group = documents.reader_of(kept.topic, kept.name)
    read = {
        partition: offset for (topic, partition), (_, _, offset) in directory.ledger.claims().items() if topic == group
    }
    spans = directory.log.spans()
    return any(spans.get((kept.topic, partition), (1, 1))[0] > 0 for partition, offset in read.items() if offset)


def behind(directory: Directory) -> int:
    """Records in the topics of the configured collections that were not yet worked through."""
    claims = directory.ledger.claims()
    waiting = 0
    for collection in directory.configuration.collections:
        group = documents.reader_of(collection.topic, collection.name)
        for (topic, partition), (first, end) in directory.log.spans().items():
            if topic == collection.topic:
                waiting += end - max(first, claims.get((group, partition), (None, 0, 0))[2])
    return waiting


def send_again(directory: Directory, letter: dict[str, Any], record: bytes) -> None:
    """Put a dead letter of a collection (`letters.shown`), perhaps mended, into its topic once more.

    When it can be read, the dead letter is marked as retried in the transaction that keeps the document. Other readers of
    the topic get the record again too.
    """
    now_us = directory.clock.now_us()
    records = Records(
        source=letter["source"], network="", format="json", values=[record], received_at_us=[now_us],
        cursors=[str(letter["id"])],
    )  # fmt: skip
    directory.log.append(letter["topic"], records, now_us=now_us)


def work_off(directory: Directory, stop: Callable[[], bool] = lambda: False) -> None:
    """Work until the topics of collections are worked through, here or in whichever process has them."""
    collector(directory).run(lambda: behind(directory) == 0 or stop())


def named(directory: Directory, name: str) -> Kept | None:
    """The collection of this name; None where it is configured and nothing was read yet; raises `UnknownName`."""
    kept = {each.name: each for each in documents.listed(directory.ledger.store)}
    configured = [each.name for each in directory.configuration.collections]
    if name not in kept and name not in configured:
        raise UnknownName("collection", name, sorted({*kept, *configured}))
    return kept.get(name)


def listing(directory: Directory) -> list[dict[str, Any]]:
    """Every collection, with what became of the records of its topic."""
    store = directory.ledger.store
    rows = store.connection.execute(f"SELECT name, topic, key, {', '.join(OUTCOMES)} FROM collections ORDER BY name")
    found = [dict(zip(("name", "topic", "key", *OUTCOMES), row, strict=True)) for row in rows]
    return [each | {"documents": each["stored"] - each["removed"]} for each in found]


def page(directory: Directory, name: str, query: str | None, limit: int, after: str | None = None) -> dict[str, Any]:
    """So many documents that match, newest first, and the cursor of the next page: `{"documents": […], "next": …}`."""
    kept, node, before = named(directory, name), query_of(query), read_cursor(after)
    if kept is None:
        return {"documents": [], "next": None}
    some = list(islice(document_search.found(directory.ledger.store, kept, node, before), limit + 1))
    more = cursors.write(some[limit - 1].number) if len(some) > limit else None
    return {"documents": [shaped(each) for each in some[:limit]], "next": more}


def shown(directory: Directory, name: str, key: str) -> dict[str, Any]:
    """The document of a key; raises `UsageError` where there is none."""
    kept = named(directory, name)
    found = document_search.shown(directory.ledger.store, kept, key) if kept else None
    if found is None:
        raise UsageError(
            f"the collection {name!r} has no document {key!r}", f"`lapwing collection {name} list` shows them"
        )
    return shaped(found)


def exported(directory: Directory, name: str, query: str | None = None) -> Iterator[bytes]:
    """Every document that matches, newest first, as the bytes of one JSON object each; in constant memory."""
    kept, node = named(directory, name), query_of(query)
    if kept is not None:
        for each in document_search.found(directory.ledger.store, kept, node):
            yield each.body


def shaped(found: Found) -> dict[str, Any]:
    """A document with what is known of it, in the shape that is promised to programs."""
    return {
        "key": found.key,
        "source": found.source,
        "received_at": written(found.received_at_us),
        "document": msgspec.Raw(found.body),
    }


def read_cursor(text: str | None) -> int:
    """Where a page begins; raises `UsageError` for what is none of ours."""
    if text is None:
        return NEWEST
    number = cursors.read(text, int)
    if number is None:
        raise UsageError(f"cursor {text!r} is not one that we gave", "start without one")
    return min(max(number, 0), NEWEST)
