"""Reading collections: one document, pages of them newest first, and those that a query matches.

The index says which documents may match, in the order of their numbers, so that a page of a word that a million documents
have is found without reading a million entries; every hit is verified against the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import polars as pl

from lapwing.containers.documents import text_of
from lapwing.ledger.sqlite.documents import Kept
from lapwing.ledger.sqlite.postings import code_of, prefix_range
from lapwing.ledger.sqlite.store import Store
from lapwing.text.query import And, Node, Not, Or, Phrase, Prefix, Word, matches
from lapwing.text.words import PREFIX_CHARACTERS

PAGE_DOCUMENTS = 500
NEWEST = 1 << 62
COUNTED_MAX = 2_000
"""Words are as good as one another for beginning with when more documents than this have each."""
PREFIXED_MAX = 50_000
"""A beginning that more words of documents have is left to the verification: then every page has some that match."""
STARTS_MAX = 8
"""With more words to begin with, what else a query says is left to the verification."""

Range = tuple[int, int]
"""The lowest and the highest code of terms."""


class Found(msgspec.Struct, frozen=True):
    """A document as it is kept."""

    number: int
    key: str
    received_at_us: int
    source: str
    body: bytes


_COLUMNS = "number, key, received_at_us, source, body"


def shown(store: Store, kept: Kept, key: str) -> Found | None:
    """The document of a key."""
    row = store.connection.execute(
        f"SELECT {_COLUMNS} FROM documents WHERE collection = ? AND key = ? AND body IS NOT NULL", (kept.id, key)
    ).fetchone()
    return Found(*row) if row else None


def count(store: Store, kept: Kept) -> int:
    """How many documents there are."""
    (number,) = store.connection.execute("SELECT stored - removed FROM collections WHERE id = ?", (kept.id,)).fetchone()
    return int(number)


def found(store: Store, kept: Kept, query: Node | None = None, before: int = NEWEST) -> Iterator[Found]:
    """Documents that match, newest first, of lower numbers than `before`; a page of them is in memory at a time.

    A document's number is that of its key, so that pages neither repeat nor lose one that is replaced meanwhile.
    """
    page_of = _pages(store, kept, query)
    while page := page_of(before):
        store.check()
        before = page[-1].number
        yield from page if query is None else _verified(page, query)


def _verified(page: list[Found], query: Node) -> Iterator[Found]:
    hit = matches(query, pl.Series([text_of(each.body) for each in page], dtype=pl.String))
    yield from (each for each, right in zip(page, hit, strict=True) if right)


def _pages(store: Store, kept: Kept, query: Node | None) -> Callable[[int], list[Found]]:
    """What gives the next documents that may match, below a number."""
    statement = _statement(store, kept, query)

    def page(before: int) -> list[Found]:
        with store.snapshot():
            numbers = [row[0] for row in store.connection.execute(statement, {"before": before})]
            rows = store.select(f"SELECT {_COLUMNS} FROM documents WHERE number IN ({{}})", numbers)
            return sorted((Found(*row) for row in rows), key=lambda each: -each.number)

    return page


def _statement(store: Store, kept: Kept, query: Node | None) -> str:
    """SQL for the numbers of the next page. What is put into it are our own numbers, never a word of the query."""
    starts = _starts(store, kept, query) if query is not None else None
    if query is None or starts is None:
        return (
            f"SELECT number FROM documents WHERE collection = {kept.id} AND body IS NOT NULL AND number < :before "
            f"ORDER BY number DESC LIMIT {PAGE_DOCUMENTS}"
        )
    condition = _condition(store, kept, query) if len(starts) <= STARTS_MAX else None
    parts = [
        f"SELECT d.document FROM document_terms d WHERE {_within('d', kept, codes)} AND d.document < :before"
        + (f" AND {condition}" if condition else "")
        for codes in starts
    ]
    return f"{' UNION '.join(parts)} ORDER BY 1 DESC LIMIT {PAGE_DOCUMENTS}"


def _within(table: str, kept: Kept, codes: Range) -> str:
    low, high = codes
    terms = f"= {low}" if low == high else f"BETWEEN {low} AND {high}"
    return f"{table}.collection = {kept.id} AND {table}.term {terms}"


def _starts(store: Store, kept: Kept, node: Node) -> list[Range] | None:
    """Terms of which every document that matches has one, and few documents any; None where nothing says."""
    if isinstance(node, Word | Phrase):
        return _rarest(store, kept, [[(code_of(term),) * 2] for term in dict.fromkeys(node.terms)])
    if isinstance(node, Prefix):
        return [prefix_range(node.term)] if _selective(store, kept, node) else None
    if isinstance(node, And):
        parts = [_starts(store, kept, part) for part in node.parts]
        return _rarest(store, kept, [part for part in parts if part is not None])
    if isinstance(node, Or):
        every: list[Range] = []
        for part in node.parts:
            starts = _starts(store, kept, part)
            if starts is None:
                return None
            every += starts
        return list(dict.fromkeys(every))
    assert isinstance(node, Not)
    return None


def _rarest(store: Store, kept: Kept, choices: list[list[Range]]) -> list[Range] | None:
    if len(choices) < 2:
        return choices[0] if choices else None

    return min(choices, key=lambda choice: sum(_entries(store, kept, codes, COUNTED_MAX) for codes in choice))


def _entries(store: Store, kept: Kept, codes: Range, limit: int) -> int:
    """How many entries of the index have these codes; no more than `limit` are counted."""
    some = f"SELECT 1 FROM document_terms d WHERE {_within('d', kept, codes)} LIMIT {limit}"
    (number,) = store.connection.execute(f"SELECT count(*) FROM ({some})").fetchone()
    return int(number)


def _selective(store: Store, kept: Kept, node: Prefix) -> bool:
    """Whether few enough words begin like this; the index knows beginnings of three characters."""
    long = len(node.term) >= PREFIX_CHARACTERS
    return long and _entries(store, kept, prefix_range(node.term), PREFIXED_MAX) < PREFIXED_MAX


def _condition(store: Store, kept: Kept, node: Node) -> str | None:
    """What is known of the terms of a document that matches; None where nothing is."""
    if isinstance(node, Word | Phrase):
        return _joined(" AND ", [_holding(kept, term) for term in dict.fromkeys(node.terms)])
    if isinstance(node, Prefix):
        if not _selective(store, kept, node):
            return None
        having = f"SELECT p.document FROM document_terms p WHERE {_within('p', kept, prefix_range(node.term))}"
        return f"d.document IN ({having})"
    if isinstance(node, And):
        return _joined(" AND ", [_condition(store, kept, part) for part in node.parts])
    if isinstance(node, Or):
        parts = [_condition(store, kept, part) for part in node.parts]
        return None if None in parts else _joined(" OR ", parts)
    assert isinstance(node, Not)
    return None


def _holding(kept: Kept, term: str) -> str:
    code = code_of(term)
    return (
        f"EXISTS (SELECT 1 FROM document_terms e WHERE {_within('e', kept, (code, code))} AND e.document = d.document)"
    )


def _joined(word: str, parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return f"({word.join(known)})" if known else None
