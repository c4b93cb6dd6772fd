"""Everything of a batch that can be made before the lock is taken: keys, what is known by now, encoded blocks.

What was found known here is known for good; what was found new is looked up once more inside the transaction, in the
runs that others wrote meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import names, postings
from lapwing.ledger.sqlite.blocks import FACTS, FACTS_ROWS_MAX, TEXTS, TEXTS_ROWS_MAX, Block
from lapwing.ledger.sqlite.blocks import encode as encode_block
from lapwing.ledger.sqlite.keys import WAITING, key_of
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Batch
from lapwing.windows.areas import area_of


class Encoded(msgspec.Struct, frozen=True):
    """Posts in the order of their sequence numbers, as the blobs that will be written; counted from 0."""

    posts: pl.DataFrame
    facts: list[tuple[Block, bytes]]
    texts: list[tuple[Block, bytes]]
    postings: list[tuple[int, list[tuple[int, bytes]]]]


class Prepared(msgspec.Struct, frozen=True):
    """A batch, split into what seems new and what was heard before."""

    batch: Batch
    fresh: Encoded
    again: pl.DataFrame
    """Rows whose uid is known, with `root`, the sequence number of its first content, or null if that is in `fresh`."""
    waited: pl.Series
    """Uids of fresh posts for which a delete may be waiting."""
    changes: pl.DataFrame
    """CHANGES with `source` as a number."""
    as_of_run: int


def prepare(store: Store, batch: Batch) -> Prepared:
    """Split and encode a batch; reads the ledger, writes nothing but new source names."""
    numbers = {heard.source: store.source_id(heard.source, heard.network) for heard in batch.heard}
    numbers |= {covered.source: store.source_id(covered.source, covered.network) for covered in batch.covered}
    by_number = coded("source", numbers, pl.UInt32())
    with store.snapshot():  # the names of sources and networks have their numbers by now: nothing inside writes
        as_of_run = store.keys.runs.newest_run()
        posts = keyed(store, batch.posts.with_columns(by_number))
        fresh, again, waited = split(store, posts)
    return Prepared(batch, encode(fresh), again, waited, batch.changes.with_columns(by_number), as_of_run)


def held(store: Store, posts: pl.DataFrame) -> pl.Series:
    """The lowest version that is held of each post (`uid`, `uid_time_us`), null where none is."""
    with store.snapshot():
        keys = posts.select(key_of("uid", "uid_time_us").alias("key"))["key"]
        found = store.keys.find(keys).filter(pl.col("post") != WAITING)
        met = confirmed(store, found, posts["uid"])
        roots = np.unique(met["root"].to_numpy())
        first = store.facts.at(roots, "version").select("seq", "version")
        edits = list(store.select("SELECT root, version FROM versions WHERE root IN ({})", roots.tolist()))
    every = pl.concat([first, pl.DataFrame(edits, schema=first.schema, orient="row")])
    lowest = every.group_by("seq").agg(pl.col("version").min())
    versions = met.join(lowest, left_on="root", right_on="seq").select("at", "version")
    places = posts.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("at"))
    return places.join(versions, on="at", how="left", maintain_order="left")["version"]


def coded(column: str, numbers: dict[str, int], dtype: pl.DataType) -> pl.Expr:
    """Names as their numbers; polars wants at least one of them."""
    return pl.col(column).replace_strict(numbers, return_dtype=dtype) if numbers else pl.lit(None, dtype).alias(column)


def keyed(store: Store, posts: pl.DataFrame) -> pl.DataFrame:
    """The posts with everything that facts need: keys, numbers for names, the area."""
    networks = {name: store.network_id(name) for name in posts["network"].unique()}
    return posts.with_columns(
        key_of("uid", "uid_time_us").alias("uid_key"),
        key_of("alias", "alias_time_us").alias("alias_key"),
        names.author_hash(),
        area_of().alias("area"),
        (pl.col("place_confidence") * 100).round().cast(pl.UInt8).alias("confidence_percent"),
        coded("network", networks, pl.UInt8()),
    )


def split(store: Store, posts: pl.DataFrame, after_run: int = 0) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """Fresh rows, rows heard before (with `root`), and the uids of fresh rows that something may wait for."""
    first = posts.filter(pl.col("uid").is_first_distinct())
    found = store.keys.find(first["uid_key"], after_run)
    known = confirmed(store, found.filter(pl.col("post") != WAITING), first["uid"])
    first = first.with_row_index("at").join(known, on="at", how="left", maintain_order="left")
    fresh = first.filter(pl.col("root").is_null())
    roots = first.filter(pl.col("root").is_not_null()).select("uid", "root")
    again = posts.filter(~pl.col("uid").is_first_distinct() | pl.col("uid").is_in(roots["uid"].implode()))
    again = again.join(roots, on="uid", how="left", maintain_order="left")
    return fresh.drop("at", "root"), again, _waited(store, fresh, found, after_run)


def _waited(store: Store, fresh: pl.DataFrame, found: pl.DataFrame, after_run: int) -> pl.Series:
    """Uids of fresh posts whose uid, alias or author has a key that something waits under."""
    waiting = fresh.filter(pl.col("at").is_in(found.filter(pl.col("post") == WAITING)["at"].implode()))["uid"]
    parts = [waiting]
    for name, key in (("alias", pl.col("alias_key")), ("author", author_key("author_hash"))):
        named = fresh.filter(pl.col(name).is_not_null()).select("uid", key.alias("key"))
        met = store.keys.find(named["key"], after_run).filter(pl.col("post") == WAITING)
        parts.append(named["uid"].gather(met["at"]))
    return pl.concat(parts).unique()


def author_key(hash_column: str) -> pl.Expr:
    """The key under which a change of an author waits: a slice of its own, so that other look-ups do not meet it."""
    return (pl.col(hash_column) % (1 << 40)).cast(pl.Int64) + (64 << 40)


def confirmed(store: Store, found: pl.DataFrame, uids: pl.Series) -> pl.DataFrame:
    """Of the candidates (`at`, `post`), those whose post truly has this name: `at`, `root`. Others shared a key."""
    if found.is_empty():
        return pl.DataFrame(schema={"at": pl.UInt32, "root": pl.Int64})
    facts = store.uids_at(np.unique(found["post"].to_numpy()), "alias")
    asked = found.with_columns(uids.gather(found["at"]).alias("name"))
    pairs = asked.join(facts, left_on="post", right_on="seq")
    same = pairs.filter((pl.col("uid") == pl.col("name")) | (pl.col("alias") == pl.col("name")).fill_null(False))
    by_alias = _by_sighting(store, pairs, same)
    return (
        pl.concat([same.select("at", "post"), by_alias])
        .unique("at")
        .select(pl.col("at").cast(pl.UInt32), pl.col("post").alias("root"))
    )


def _by_sighting(store: Store, pairs: pl.DataFrame, same: pl.DataFrame) -> pl.DataFrame:
    """Candidates whose name is an alias given by a later sighting."""
    rest = pairs.join(same, on=["at", "post"], how="anti")
    true = [
        (at, post)
        for at, post, name in rest.select("at", "post", "name").iter_rows()
        if store.connection.execute("SELECT 1 FROM sightings WHERE root = ? AND alias = ?", (post, name)).fetchone()
    ]
    return pl.DataFrame(true, schema={"at": pl.Int64, "post": pl.Int64}, orient="row")


def encode(posts: pl.DataFrame) -> Encoded:
    """Sort by time and encode as blocks, numbered from 0."""
    posts = posts.sort("created_at_us")
    compact = names.shortened(posts)
    facts = list(_blobs(compact.select(list(FACTS)), posts["created_at_us"], FACTS_ROWS_MAX))
    texts = list(_blobs(compact.select(list(TEXTS)), posts["created_at_us"], TEXTS_ROWS_MAX))
    index = [(block.low, _index(posts[block.low : block.low + block.rows])) for block, _ in facts]
    return Encoded(posts, facts, texts, index)


def _blobs(frame: pl.DataFrame, times: pl.Series, rows_max: int) -> Iterator[tuple[Block, bytes]]:
    for low in range(0, frame.height, rows_max):
        part, span = frame[low : low + rows_max], times[low : low + rows_max]
        yield Block(0, low, part.height, int(span.min()), int(span.max())), encode_block(part)  # type: ignore[arg-type]


def _index(posts: pl.DataFrame) -> list[tuple[int, bytes]]:
    return list(postings.chunks(postings.postings_of(posts["term_hashes"])))


def write(store: Store, posts: Encoded, low: int, now_us: int) -> None:
    """Write blocks and index of contents that get the sequence numbers from `low` on, inside the caller's transaction."""
    for blocks, blobs in ((store.facts, posts.facts), (store.texts, posts.texts)):
        for block, blob in blobs:
            blocks.add(msgspec.structs.replace(block, low=low + block.low), blob, now_us)
    for start, chunks in posts.postings:
        store.postings.add(low + start, chunks)
