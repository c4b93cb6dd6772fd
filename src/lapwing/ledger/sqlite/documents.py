"""Documents that are not posts: kept once for each key of a collection, together with how far its topic was read.

A collection reads its topic as a reader of its own, so that one topic may feed several; its offsets stand beside those of
posts, under `reader_of`. Of two documents with one key the later counts: in one partition by offset, in different ones by
when they were appended.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import msgspec
import polars as pl

from lapwing.containers.documents import Document, read_document, text_of
from lapwing.contracts import Claimed
from lapwing.errors import Fenced
from lapwing.ledger.sqlite import leases
from lapwing.ledger.sqlite.accounting import HASH_BYTES, insert_dead_letter
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.postings import codes_of
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Chunk, DeadLetter, Read
from lapwing.text.words import cut_hashed

READER = "@"
"""Stands between topic and collection in the name of a reader; no topic has it in its name."""
FORMAT = "document"
"""The format of dead letters that are documents; those of networks are accounted for, these by their collection."""
OUTCOMES = ("received", "stored", "replaced", "removed", "ignored", "refused")
"""What became of the records of a collection; the first is the sum of the others. What is older than what is kept, and
the removal of what is not there, is ignored, and so is what was refused before."""


class Kept(msgspec.Struct, frozen=True):
    """A collection, as the ledger has it."""

    id: int
    name: str
    topic: str
    key: str


class Arrived(msgspec.Struct, frozen=True):
    """A record of a collection's topic, and where it stood."""

    partition: int
    offset: int
    appended_at_us: int
    received_at_us: int
    source: str
    record: bytes
    said: Document | str
    letter: int = 0
    """The number of the dead letter that this record is, or mends."""


class Row(msgspec.Struct, frozen=True):
    """What is kept for a key already."""

    number: int
    partition: int
    offset: int
    appended_at_us: int
    there: bool


def reader_of(topic: str, name: str) -> str:
    """Under which name the offsets of a collection stand among the partitions."""
    return f"{topic}{READER}{name}"


def listed(store: Store) -> list[Kept]:
    """Every collection that ever read something, by name."""
    rows = store.connection.execute("SELECT id, name, topic, key FROM collections ORDER BY name")
    return [Kept(*row) for row in rows]


def agree(store: Store, name: str, topic: str, key: str) -> Kept:
    """The collection as it is wanted: made, found, or emptied where it was kept by another key or of another topic."""
    with store.transaction() as connection:
        row = connection.execute("SELECT id, name, topic, key FROM collections WHERE name = ?", (name,)).fetchone()
        if row is None:
            connection.execute("INSERT INTO collections (name, topic, key) VALUES (?, ?, ?)", (name, topic, key))
        elif row[2:] != (topic, key):
            _empty(store, Kept(*row))
            connection.execute("UPDATE collections SET topic = ?, key = ? WHERE id = ?", (topic, key, row[0]))
        (number,) = connection.execute("SELECT id FROM collections WHERE name = ?", (name,)).fetchone()
    return Kept(number, name, topic, key)


def _empty(store: Store, kept: Kept) -> None:
    """Forget the documents and offsets; whoever still reads for what it was is fenced off by the epoch."""
    for table in ("documents", "document_terms"):
        store.connection.execute(f"DELETE FROM {table} WHERE collection = ?", (kept.id,))
    zeros = ", ".join(f"{outcome} = 0" for outcome in OUTCOMES)
    store.connection.execute(f"UPDATE collections SET {zeros} WHERE id = ?", (kept.id,))
    store.connection.execute(
        "UPDATE partitions SET next_offset = 0, unheard = 0, epoch = epoch + 1, owner = NULL WHERE topic = ?",
        (reader_of(kept.topic, kept.name),),
    )


class Documents:
    """The ledger as whoever collects sees it."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger

    def stands(self, kept: Kept) -> bool:
        """Whether the collection is still kept like this."""
        return kept in listed(self.ledger.store)

    def claim(self, kept: Kept, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition for a collection; None while another holds it."""
        return self.ledger.claim(reader_of(kept.topic, kept.name), partition, owner, now_us)

    def renew(self, owner: str, now_us: int) -> None:
        """Say that what this owner holds is held; it is no worker among those that share the partitions of posts."""
        with self.ledger.store.transaction() as connection:
            connection.execute(
                "UPDATE partitions SET heartbeat_us = ?, pid = ? WHERE owner = ?", (now_us, os.getpid(), owner)
            )

    def release(self, owner: str) -> None:
        """Give up everything of this owner."""
        self.ledger.release(owner)

    def save(self, kept: Kept, claimed: Claimed, chunks: list[Chunk], now_us: int) -> int:
        """Make the documents in chunks, and how far they reach, durable together; the offset that follows.

        Raises `Fenced` if the partition was taken over or the collection changed, `DiskFull` if there is no room; then
        nothing was changed.
        """
        arrived = list(_arrived(kept, claimed, chunks))
        end = chunks[-1].base_offset + len(chunks[-1].records.values)
        start = claimed.next_offset
        read = Read(
            origin=claimed.id, epoch=claimed.epoch, from_offset=start, to_offset=end, records=len(arrived), own=0
        )
        store = self.ledger.store
        with store.transaction() as connection:
            leases.advance(connection, read)
            if not self.stands(kept):
                raise Fenced(f"the collection {kept.name!r} is kept in another way now", "its new reader goes on")
            connection.execute(
                "UPDATE partitions SET unheard = unheard + ? WHERE id = ?", (end - start - len(arrived), read.origin)
            )
            store.mark("documents.fenced")
            _write(store, kept, arrived, now_us)
        return end


def _arrived(kept: Kept, claimed: Claimed, chunks: list[Chunk]) -> Iterator[Arrived]:
    for chunk in chunks:
        for row, record in enumerate(chunk.records.values):
            offset = chunk.base_offset + row
            if offset >= claimed.next_offset:
                said = read_document(record, kept.key)
                times = (chunk.appended_at_us, chunk.records.received_at_us[row])
                cursor = chunk.records.cursors[row] if chunk.records.cursors else ""
                letter = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
                yield Arrived(chunk.partition, offset, *times, chunk.records.source, record, said, letter)


def _write(store: Store, kept: Kept, arrived: list[Arrived], now_us: int) -> None:
    """Refuse what is no document, keep the last of each key, and count what became of all of them."""
    tally = dict.fromkeys(OUTCOMES, 0) | {"received": len(arrived)}
    known = _known(store, kept, [each.said.key for each in arrived if isinstance(each.said, Document)])
    last: dict[str, Arrived] = {}
    for each in arrived:
        if isinstance(each.said, str):
            tally["refused" if _refuse(store, kept, each, now_us) else "ignored"] += 1
            continue
        if each.letter:
            _take_back(store, kept, each.letter)
        key, before = each.said.key, known.get(each.said.key)
        there = before is not None and before.there
        if before is not None and not _later(each, before):
            tally["ignored"] += 1
            continue
        gone = each.said.body is None
        tally[("removed" if there else "ignored") if gone else ("replaced" if there else "stored")] += 1
        known[key] = Row(before.number if before else 0, each.partition, each.offset, each.appended_at_us, not gone)
        last[key] = each
    _keep(store, kept, {key: (each, known[key].number) for key, each in last.items()})
    store.mark("documents.written")
    changed = ", ".join(f"{outcome} = {outcome} + ?" for outcome in OUTCOMES)
    store.connection.execute(
        f"UPDATE collections SET {changed} WHERE id = ?", (*(tally[name] for name in OUTCOMES), kept.id)
    )


def _known(store: Store, kept: Kept, keys: list[str]) -> dict[str, Row]:
    statement = (
        "SELECT key, number, partition, offset, appended_at_us, body IS NOT NULL FROM documents "
        f"WHERE collection = {kept.id} AND key IN ({{}})"
    )
    rows = store.select(statement, list(dict.fromkeys(keys)))
    return {key: Row(number, partition, offset, at, bool(there)) for key, number, partition, offset, at, there in rows}


def _later(each: Arrived, before: Row) -> bool:
    if each.partition == before.partition:
        return each.offset > before.offset
    return (each.appended_at_us, each.partition) > (before.appended_at_us, before.partition)


def _refuse(store: Store, kept: Kept, each: Arrived, now_us: int) -> bool:
    """Keep a dead letter; whether it was not there yet."""
    name = hashlib.sha256(f"{FORMAT}\0{kept.name}\0".encode() + each.record).digest()[:HASH_BYTES]
    letter = DeadLetter(
        topic=kept.topic,
        partition=each.partition,
        offset=each.offset,
        source=each.source,
        network="",
        format=FORMAT,
        reason=f"collection {kept.name!r}: {each.said}",
        received_at_us=each.received_at_us,
        record=each.record,
    )
    return insert_dead_letter(store, name, letter, now_us)


def _take_back(store: Store, kept: Kept, letter: int) -> None:
    """A dead letter of this topic that can be read now is one no longer."""
    store.connection.execute(
        "UPDATE dead_letters SET retried = 1 WHERE id = ? AND topic = ? AND format = ?", (letter, kept.topic, FORMAT)
    )


def _keep(store: Store, kept: Kept, last: dict[str, tuple[Arrived, int]]) -> None:
    """Write what is kept now; a document keeps the number that its key got first."""
    _index(store, kept, _bodies(store, [number for _, number in last.values() if number]), add=False)
    written = []
    for key, (each, known) in last.items():
        assert isinstance(each.said, Document)
        values = (each.partition, each.offset, each.appended_at_us, each.received_at_us, each.source, each.said.body)
        row = store.connection.execute(
            "INSERT INTO documents (collection, key, partition, offset, appended_at_us, received_at_us, source, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET partition = excluded.partition, "
            "offset = excluded.offset, appended_at_us = excluded.appended_at_us, received_at_us = excluded.received_at_us, "
            "source = excluded.source, body = excluded.body RETURNING number",
            (kept.id, key, *values),
        ).fetchone()
        assert known in (0, row[0]), "a key keeps its number"
        if each.said.body is not None:
            written.append((row[0], each.said.text))
    _index(store, kept, written, add=True)


def _bodies(store: Store, numbers: list[int]) -> list[tuple[int, str]]:
    statement = "SELECT number, body FROM documents WHERE body IS NOT NULL AND number IN ({})"
    return [(number, text_of(body)) for number, body in store.select(statement, numbers)]


def _index(store: Store, kept: Kept, texts: list[tuple[int, str]], *, add: bool) -> None:
    statement = (
        "INSERT INTO document_terms VALUES (?, ?, ?)"
        if add
        else "DELETE FROM document_terms WHERE collection = ? AND term = ? AND document = ?"
    )
    store.connection.executemany(statement, sorted((kept.id, code, number) for number, code in terms_of(texts)))


def terms_of(texts: list[tuple[int, str]]) -> set[tuple[int, int]]:
    """The number and the code of each different term of each text."""
    if not texts:
        return set()
    hashes = cut_hashed(pl.Series([text for _, text in texts], dtype=pl.String))["term_hashes"]
    frame = pl.DataFrame({"number": [number for number, _ in texts], "hash": hashes}).explode("hash").drop_nulls()
    return set(zip(frame["number"].to_list(), codes_of(frame["hash"].to_numpy()).tolist(), strict=True))
