"""From a query to candidate rows of a block: sorted runs of the index, joined by what the query says.

Candidates may be too many, never too few: codes collide, and a phrase is only known to have its words. Whoever asks
verifies them against the text.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lapwing.ledger.sqlite.blocks import Block
from lapwing.ledger.sqlite.postings import Postings, code_of, prefix_range
from lapwing.text.query import And, Node, Not, Or, Phrase, Prefix, Word
from lapwing.text.words import PREFIX_CHARACTERS

Rows = np.ndarray | None
"""Sorted row numbers in a block; None stands for all of them."""


def candidates(postings: Postings, block: Block, query: Node | None) -> np.ndarray:
    """The sorted sequence numbers of a block's posts that may match; all of them without a query."""
    rows = None if query is None else _rows(postings, block, query)
    return block.seqs if rows is None else block.low + rows


def _rows(postings: Postings, block: Block, node: Node) -> Rows:
    if isinstance(node, Word | Phrase):
        terms = list(dict.fromkeys(node.terms))
        return _all_of(len(terms), (_holding(postings, block, term) for term in terms))
    if isinstance(node, Prefix):
        if len(node.term) < PREFIX_CHARACTERS:
            return None
        return postings.rows_of(block, *prefix_range(node.term))
    if isinstance(node, And):
        return _all_of(len(node.parts), (_rows(postings, block, part) for part in node.parts))
    if isinstance(node, Or):
        return _any_of([_rows(postings, block, part) for part in node.parts])
    assert isinstance(node, Not)
    return None  # what a word is not in cannot be known before the text is read


def _holding(postings: Postings, block: Block, term: str) -> np.ndarray:
    code = code_of(term)
    return postings.rows_of(block, code, code)


def _all_of(count: int, parts: Iterator[Rows]) -> Rows:
    """What is in all of so many parts; as few rows as there are parts left are sooner verified than looked up."""
    result: Rows = None
    for number, part in enumerate(parts, 1):
        if part is not None:
            result = part if result is None else np.intersect1d(result, part, assume_unique=True)
        if result is not None and len(result) <= count - number:
            break
    return result


def _any_of(parts: list[Rows]) -> Rows:
    if any(part is None for part in parts):
        return None
    some = [part for part in parts if part is not None and len(part)]
    if len(some) > 1:
        return np.unique(np.concatenate(some))
    return some[0] if some else np.empty(0, np.int64)
