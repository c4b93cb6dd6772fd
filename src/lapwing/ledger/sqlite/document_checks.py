"""What is promised of collections, checked against what is on the disk; part of `verify`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lapwing.containers.documents import read_document, text_of
from lapwing.ledger.sqlite.documents import OUTCOMES, Kept, listed, reader_of, terms_of
from lapwing.ledger.sqlite.store import Store

CHECKED_AT_ONCE = 1_000


def broken(store: Store) -> Iterator[str]:
    """What does not hold of collections: each record counted, each document kept once, and found by its words."""
    for kept in listed(store):
        counts = store.connection.execute(
            f"SELECT {', '.join(OUTCOMES)} FROM collections WHERE id = ?", (kept.id,)
        ).fetchone()
        tally = dict(zip(OUTCOMES, counts, strict=True))
        if tally["received"] != sum(counts[1:]):
            yield f"{kept.name}: {counts[0]} records came in, {sum(counts[1:])} are accounted for"
        (read,) = store.connection.execute(
            "SELECT coalesce(sum(next_offset - unheard), 0) FROM partitions WHERE topic = ?",
            (reader_of(kept.topic, kept.name),),
        ).fetchone()
        if read != tally["received"]:
            yield f"{kept.name}: {read} records were read from the log, {tally['received']} were accounted for"
        yield from _broken_documents(store, kept, tally["stored"] - tally["removed"])


def _broken_documents(store: Store, kept: Kept, expected: int) -> Iterator[str]:
    rows = store.connection.execute(
        "SELECT number, key, body FROM documents WHERE collection = ? AND body IS NOT NULL", (kept.id,)
    )
    there = terms = 0
    while some := rows.fetchmany(CHECKED_AT_ONCE):
        there += len(some)
        yield from (f"{kept.name}: the document {key!r} says another key" for key in _misnamed(kept, some))
        wanted = terms_of([(number, text_of(body)) for number, _, body in some])
        terms += len(wanted)
        probe = "SELECT 1 FROM document_terms WHERE collection = ? AND term = ? AND document = ?"
        lost = [each for each in wanted if not store.connection.execute(probe, (kept.id, each[1], each[0])).fetchone()]
        if lost:
            yield f"{kept.name}: document {lost[0][0]} is not found by all of its words"
    if there != expected:
        yield f"{kept.name}: {there} documents are there, {expected} were accounted for"
    (indexed,) = store.connection.execute(
        "SELECT count(*) FROM document_terms WHERE collection = ?", (kept.id,)
    ).fetchone()
    if indexed != terms:
        yield f"{kept.name}: {indexed} words are in the index, {terms} in the documents"


def _misnamed(kept: Kept, rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for _, key, body in rows:
        found = read_document(body, kept.key)
        if isinstance(found, str) or found.key != key:
            yield key
