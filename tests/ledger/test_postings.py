"""The index of a block: every term finds its rows, however the postings fall into chunks."""

from __future__ import annotations

import sqlite3

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from lapwing.ledger.sqlite import postings
from lapwing.ledger.sqlite.postings import Postings, chunks, code_of, codes_of, packed, prefix_range
from lapwing.text.words import hash_terms


def stored(rows: list[tuple[int, str]], low: int = 0) -> Postings:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE postings (low INTEGER, code INTEGER, blob BLOB)")
    index = Postings(connection)
    terms = pl.Series([term for _, term in rows], dtype=pl.String)
    numbers = np.array([row for row, _ in rows], dtype=np.int64)
    index.add(low, list(chunks(packed(numbers, codes_of(hash_terms(terms).to_numpy())))))
    return index


def rows_of(index: Postings, term: str, low: int = 0) -> list[int]:
    code = code_of(term)
    return index.rows(low, code, code).tolist()


def test_a_term_finds_the_rows_that_hold_it() -> None:
    index = stored([(0, "flood"), (0, "perth"), (2, "flood"), (65_535, "flood")])

    assert rows_of(index, "flood") == [0, 2, 65_535]
    assert rows_of(index, "perth") == [0]
    assert rows_of(index, "quake") == []


def test_a_prefix_is_a_range_of_terms() -> None:
    index = stored([(0, "flood"), (1, "flooded"), (2, "floor"), (3, "perth")])

    assert index.rows(0, *prefix_range("flooded")).tolist() == [0, 1, 2]  # more than asked for; the text decides


def test_a_frequent_term_at_the_end_of_a_chunk_stays_whole() -> None:
    frequent = [(row, "the") for row in range(postings.CHUNK_POSTINGS + 10)]
    rare = [(row, f"word{row}") for row in range(50)]
    index = stored(frequent + rare)

    assert rows_of(index, "the") == list(range(postings.CHUNK_POSTINGS + 10))
    assert all(rows_of(index, f"word{row}") == [row] for row in range(50))


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from("abcdefgh")), max_size=80), st.integers(1, 9))
def test_any_postings_come_back_from_chunks_of_any_size(rows: list[tuple[int, str]], size: int) -> None:
    before, postings.CHUNK_POSTINGS = postings.CHUNK_POSTINGS, size
    try:
        index = stored(rows)
    finally:
        postings.CHUNK_POSTINGS = before

    for term in "abcdefgh":
        assert rows_of(index, term) == sorted({row for row, each in rows if each == term})


def test_merged_blocks_find_their_rows_at_their_new_places() -> None:
    index = stored([(0, "flood"), (1, "perth")], low=100)
    terms = packed(np.array([0, 1]), np.array([code_of("flood")] * 2, dtype=np.uint64))
    index.add(102, list(chunks(terms)))

    index.merge([100, 102], 100)

    assert rows_of(index, "flood", low=100) == [0, 2, 3]
    assert rows_of(index, "perth", low=100) == [1]
    assert rows_of(index, "flood", low=102) == []
