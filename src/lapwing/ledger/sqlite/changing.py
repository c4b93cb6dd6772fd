"""Deletes, and authors who went or came back: kept for ever under their names, applied to what they find."""

from __future__ import annotations

import polars as pl

from lapwing.ledger.sqlite.accounting import Tally
from lapwing.ledger.sqlite.keys import WAITING, key_of
from lapwing.ledger.sqlite.names import author_hash
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
    """Let each new delete wait under its name, unless a post has that name already: those are returned."""
    rows = deletes.select("name", "version", "at_us", number=number)
    new = deletes.filter(_noted(store, "deletes (name, version, at_us, number)", rows))
    tally.tell_apart(deletes, new)
    if new.is_empty():
        return set()
    new = new.with_columns(key_of("name", "name_time_us").alias("key"))
    found = store.keys.find(new["key"]).filter(pl.col("post") != WAITING)
    met = confirmed(store, found, new["name"])
    waits = new.with_row_index("at").join(met, on="at", how="anti")
    store.keys.add(waits.select("key", pl.lit(WAITING, pl.Int64).alias("post")))
    return set(met["root"])


def _change_authors(store: Store, changes: pl.DataFrame, tally: Tally, number: int) -> set[int]:
    """Let each new change wait for posts to come; the posts of these authors that are there."""
    rows = changes.select("author", "operation", "version", number=number)
    new = changes.filter(_noted(store, "author_changes (author, operation, version, number)", rows))
    tally.tell_apart(changes, new)
    if new.is_empty():
        return set()
    keys = new.select(author_hash()).select(author_key("author_hash").alias("key"))
    store.keys.add(keys.with_columns(pl.lit(WAITING, pl.Int64).alias("post")))
    return _roots_by(store, new["author"].unique())


def _noted(store: Store, table: str, rows: pl.DataFrame) -> pl.Series:
    """Write rows of four columns, and tell for each whether it is new."""
    statement = f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?, ?)"
    new = [store.connection.execute(statement, row).rowcount == 1 for row in rows.iter_rows()]
    return pl.Series(new, dtype=pl.Boolean)


def _roots_by(store: Store, authors: pl.Series) -> set[int]:
    """The first contents of all posts by these authors; reads one column of every block."""
    seqs: set[int] = set()
    for block in store.facts.listed():
        named = store.facts.read(block, "author")["author"].is_in(authors.implode())
        seqs |= {block.low + int(row) for row in named.arg_true()}
    edits = dict(store.connection.execute("SELECT seq, root FROM versions"))
    return {edits.get(seq, seq) for seq in seqs}
