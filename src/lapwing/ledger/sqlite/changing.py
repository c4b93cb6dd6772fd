"""Deletes, and authors who went or came back: kept for ever under their names, applied to what they find."""

from __future__ import annotations

import polars as pl

from lapwing.ledger.sqlite.accounting import Tally
from lapwing.ledger.sqlite.keys import WAITING, key_of
from lapwing.ledger.sqlite.prepare import author_key, confirmed
from lapwing.ledger.sqlite.store import Store
from lapwing.model import OPERATIONS

DELETE = OPERATIONS.index("delete")


def apply_changes(store: Store, changes: pl.DataFrame, tally: Tally, number: int) -> set[int]:
    """Note each new change once; returns the posts whose standing may differ now."""
    if changes.is_empty():
        return set()
    deletes = changes.filter(pl.col("operation") == DELETE)
    authors = changes.filter(pl.col("operation") != DELETE)
    return _delete(store, deletes, tally, number) | _change_authors(store, authors, tally, number)


def _delete(store: Store, deletes: pl.DataFrame, tally: Tally, number: int) -> set[int]:
    statement = "INSERT OR IGNORE INTO deletes (name, version, at_us, number) VALUES (?, ?, ?, ?)"
    new = [
        store.connection.execute(statement, (*row, number)).rowcount == 1
        for row in deletes.select("name", "version", "at_us").iter_rows()
    ]
    return _told(store, deletes, new, tally, key_of("name", "name_time_us"))


def _told(store: Store, changes: pl.DataFrame, new: list[bool], tally: Tally, key: pl.Expr) -> set[int]:
    """Count new changes and repeats; let the new ones wait under their key; the posts that have the name now."""
    flags = pl.Series(new, dtype=pl.Boolean)
    tally.add("changes", changes["source"].filter(flags))
    tally.add("duplicates", changes["source"].filter(~flags))
    fresh = changes.filter(flags).with_columns(key.alias("key"))
    if fresh.is_empty():
        return set()
    found = store.keys.find(fresh["key"]).filter(pl.col("post") != WAITING)
    met = confirmed(store, found, fresh["name"])
    waits = fresh.with_row_index("at").join(met, on="at", how="anti")
    store.keys.add(waits.select("key", pl.lit(WAITING, pl.Int64).alias("post")))
    return set(met["root"])


def _change_authors(store: Store, changes: pl.DataFrame, tally: Tally, number: int) -> set[int]:
    statement = "INSERT OR IGNORE INTO author_changes (author, operation, version, number) VALUES (?, ?, ?, ?)"
    new = pl.Series(
        [
            store.connection.execute(statement, (*row, number)).rowcount == 1
            for row in changes.select("author", "operation", "version").iter_rows()
        ],
        dtype=pl.Boolean,
    )
    tally.add("changes", changes["source"].filter(new))
    tally.add("duplicates", changes["source"].filter(~new))
    authors = changes.filter(new).select("author", pl.col("author").nchash.xxh3_64().alias("hash"))  # type: ignore[attr-defined]
    if authors.is_empty():
        return set()
    store.keys.add(authors.select(author_key("hash").alias("key"), pl.lit(WAITING, pl.Int64).alias("post")))
    return _roots_by(store, authors["author"].unique())


def _roots_by(store: Store, authors: pl.Series) -> set[int]:
    """The first contents of all posts by these authors; reads one column of every block."""
    seqs: set[int] = set()
    for block in store.facts.listed():
        named = store.facts.read(block, "author")["author"].is_in(authors.implode())
        seqs |= {block.low + int(row) for row in named.arg_true()}
    edits = dict(store.connection.execute("SELECT seq, root FROM versions"))
    return {edits.get(seq, seq) for seq in seqs}
