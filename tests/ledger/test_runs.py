"""Sorted runs: merged range by range, they hold what they held."""

from __future__ import annotations

import sqlite3

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lapwing.ledger.sqlite import runs as module
from lapwing.ledger.sqlite.runs import Runs

KEYS = st.lists(st.integers(-5, 12), max_size=40)


def fresh() -> Runs:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, store TEXT, level INTEGER, rows INTEGER)")
    connection.execute(
        "CREATE TABLE pages (id INTEGER PRIMARY KEY, store TEXT, run INTEGER, low INTEGER, high INTEGER, rows INTEGER, blob BLOB)"
    )
    return Runs(connection, "keys")


def frame(keys: list[int], run: int = 0) -> pl.DataFrame:
    sorted_keys = pl.Series("key", sorted(keys), dtype=pl.Int64)
    return pl.DataFrame([sorted_keys, pl.Series("post", range(len(keys)), dtype=pl.Int64) + 1000 * run])


def rows(store: Runs) -> list[tuple[int, int]]:
    return sorted(row for part in store.range(-100, 100, "post") for row in part.iter_rows())


@given(st.lists(KEYS, min_size=1, max_size=6), st.integers(1, 9), st.integers(1, 20))
def test_merged_runs_hold_what_they_held(several: list[list[int]], page_rows: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE_ROWS", page_rows)
        patch.setattr(module, "MERGED_AT_ONCE", at_once)
        store = fresh()
        made = [run for number, keys in enumerate(several) if (run := store.append(frame(keys, number))) is not None]
        assume(made)
        before = rows(store)

        store.merge(made, lambda part: part.sort("key"))

        assert rows(store) == before
        counts = store.connection.execute("SELECT level, rows FROM runs").fetchall()
        assert counts == [(1, len(before))]
        spans = store.connection.execute("SELECT low, high FROM pages ORDER BY id").fetchall()
        assert spans == sorted(spans)


@given(st.lists(KEYS, min_size=2, max_size=4), st.integers(1, 6))
def test_rows_of_one_key_are_combined_together(several: list[list[int]], at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE_ROWS", 2)
        patch.setattr(module, "MERGED_AT_ONCE", at_once)
        store = fresh()
        made = [run for keys in several if (run := store.append(frame(keys))) is not None]
        assume(made)

        store.merge(made, lambda part: part.group_by("key").agg(pl.len().cast(pl.Int64).alias("post")).sort("key"))

        every = [key for keys in several for key in keys]
        assert rows(store) == sorted((key, every.count(key)) for key in set(every))
