"""From a query to candidate rows of a block: sorted runs of the index, joined by what the query says.

Candidates may be too many, never too few: codes collide, and a phrase is only known to have its words. Whoever asks
verifies them against the text.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from lapwing.ledger.sqlite.blocks import Block
from lapwing.ledger.sqlite.postings import PREFIX_CHARS, Postings, codes_of, prefix_range
from lapwing.text.query import And, Node, Not, Or, Phrase, Prefix, Word

Rows = np.ndarray | None
"""Sorted row numbers in a block; None stands for all of them."""


def candidates(postings: Postings, block: Block, node: Node) -> Rows:
    """The rows of a block that may match."""
    if isinstance(node, Word | Phrase):
        return _all_of([_holding(postings, block, term) for term in dict.fromkeys(node.terms)])
    if isinstance(node, Prefix):
        if len(node.term) < PREFIX_CHARS:
            return None
        return postings.rows(block.low, *prefix_range(node.term)).astype(np.int64)
    if isinstance(node, And):
        return _all_of([candidates(postings, block, part) for part in node.parts])
    if isinstance(node, Or):
        return _any_of([candidates(postings, block, part) for part in node.parts])
    assert isinstance(node, Not)
    return None  # what a word is not in cannot be known before the text is read


@lru_cache(maxsize=1_000)
def _code(term: str) -> int:
    return int(codes_of(pl.Series([term]))[0])


def _holding(postings: Postings, block: Block, term: str) -> np.ndarray:
    code = _code(term)
    return postings.rows(block.low, code, code).astype(np.int64)


def _all_of(parts: list[Rows]) -> Rows:
    known = sorted((part for part in parts if part is not None), key=len)
    if not known:
        return None
    result = known[0]
    for part in known[1:]:
        result = np.intersect1d(result, part, assume_unique=True)
    return result


def _any_of(parts: list[Rows]) -> Rows:
    if any(part is None for part in parts):
        return None
    return np.unique(np.concatenate([part for part in parts if part is not None])) if parts else np.empty(0, np.int64)
