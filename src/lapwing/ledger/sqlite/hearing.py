"""Posts that were heard before: repeats, sightings by further sources, and edits, which are new contents of a known post."""

from __future__ import annotations

import numpy as np
import polars as pl

from lapwing.ledger.sqlite import flagged, standing
from lapwing.ledger.sqlite.accounting import Tally
from lapwing.ledger.sqlite.keys import WAITING
from lapwing.ledger.sqlite.prepare import Encoded, confirmed, encode, write
from lapwing.ledger.sqlite.store import Store


def rooted(store: Store, again: pl.DataFrame, fresh: Encoded, low: int) -> pl.DataFrame:
    """Repeats with `root` filled in where the first content came in this very batch, or by another worker meanwhile."""
    numbered = fresh.posts.select("uid", pl.int_range(low, low + pl.len(), dtype=pl.Int64).alias("new"))
    again = again.join(numbered, on="uid", how="left", maintain_order="left")
    again = again.with_columns(pl.coalesce("root", "new").alias("root")).drop("new")
    lost = again.filter(pl.col("root").is_null())
    if lost.is_empty():
        return again
    found = store.keys.find(lost["uid_key"]).filter(pl.col("post") != WAITING)
    known = confirmed(store, found, lost["uid"])
    lost = lost.drop("root").with_row_index("at").join(known, on="at").select(again.columns)
    return pl.concat([again.filter(pl.col("root").is_not_null()), lost])


def hear_again(store: Store, again: pl.DataFrame, tally: Tally) -> tuple[pl.DataFrame, set[int]]:
    """The edits, one row for each version that is new, and the posts that a waiting delete may now find."""
    if again.is_empty():
        return again, set()
    roots = np.unique(again["root"].to_numpy())
    first = store.facts.at(roots, "version", "source", "alias")
    again = again.join(first, left_on="root", right_on="seq", suffix="_first", maintain_order="left")
    edited = again.filter(pl.col("version") != pl.col("version_first"))
    edits = edited.join(
        _known_versions(store, edited["root"]), on=["root", "version"], how="anti", maintain_order="left"
    )
    edits = edits.unique(["root", "version"], keep="first", maintain_order=True)
    tally.tell_apart(again, edits)
    return edits, _sight(store, again)


def _known_versions(store: Store, roots: pl.Series) -> pl.DataFrame:
    rows = list(store.select("SELECT root, version FROM versions WHERE root IN ({})", roots.unique().to_list()))
    return pl.DataFrame(rows, schema={"root": pl.Int64, "version": pl.Int64}, orient="row")


def _sight(store: Store, again: pl.DataFrame) -> set[int]:
    """Note who else saw these posts, and under which alias; returns the posts for whose new alias a delete waits."""
    other = pl.col("source") != pl.col("source_first")
    renamed = pl.col("alias").is_not_null() & pl.col("alias").ne_missing(pl.col("alias_first"))
    sighted = again.filter(other | renamed).unique(["root", "source", "alias"], keep="first", maintain_order=True)
    new = [
        row
        for row in sighted.select("root", "source", "alias", "alias_key").iter_rows()
        if store.connection.execute(
            "INSERT OR IGNORE INTO sightings VALUES (?, ?, ?)", (*row[:2], row[2] or "")
        ).rowcount
    ]
    named = [(key, root) for root, _, alias, key in new if alias is not None]
    store.keys.add(pl.DataFrame(named, schema={"key": pl.Int64, "post": pl.Int64}, orient="row"))
    waiting = "SELECT 1 FROM deletes WHERE name = ?"
    return {root for root, _, alias, _ in new if alias and store.connection.execute(waiting, (alias,)).fetchone()}


def add_edits(store: Store, edits: pl.DataFrame, low: int, commit: tuple[int, int]) -> set[int]:
    """Write edits as further contents, hidden until their standing is settled; returns the posts they belong to."""
    if edits.is_empty():
        return set()
    number, now_us = commit
    encoded = encode(edits.drop("version_first", "source_first", "alias_first"))
    write(store, encoded, low, now_us)
    flagged.add(store, encoded.posts, low, number)
    rows = encoded.posts.select("root", "version", pl.int_range(low, low + pl.len(), dtype=pl.Int64).alias("seq"))
    store.connection.executemany("INSERT INTO versions VALUES (?, ?, ?)", rows.iter_rows())
    hidden = ((seq, standing.SUPERSEDED, number) for seq in rows["seq"])
    store.connection.executemany("INSERT INTO hidden VALUES (?, ?, ?)", hidden)
    named = encoded.posts.filter(pl.col("alias").is_not_null())
    store.keys.add(named.select(pl.col("alias_key").alias("key"), pl.col("root").alias("post")))
    return set(rows["root"])
