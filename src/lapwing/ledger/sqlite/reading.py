"""Posts, newest first: by filters, by words, page after page while more arrive."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import names
from lapwing.ledger.sqlite.blocks import FACTS, TEXTS, Block
from lapwing.ledger.sqlite.searching import candidates
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters, Selection
from lapwing.ledger.sqlite.store import Store
from lapwing.text.query import Node, matches

VERIFIED_AT_ONCE = 2_000
CANDIDATES_MIN = 400
"""Fewer candidates than this wait for those of the next block."""
SHOWN = tuple(name for name in FACTS if name not in ("origin", "offset"))
"""The facts that an answer shows: all but where in the log a post came from."""


class Cursor(msgspec.Struct, frozen=True, order=True):
    """Where a page ended: the time and the sequence number of its last post."""

    created_at_us: int
    seq: int


NEWEST = Cursor(TIME_MAX, TIME_MAX)


def posts(store: Store, filters: Filters, query: Node | None, limit: int, after: Cursor = NEWEST) -> pl.DataFrame:
    """At most `limit` posts older than `after`, newest first, with facts and texts; texts are null once expired.

    Candidates of several blocks are verified together when they are few: reading texts costs more by the call than by
    the post.
    """
    with store.snapshot():
        return _newest(store, filters, query, limit, after)


def _newest(store: Store, filters: Filters, query: Node | None, limit: int, after: Cursor) -> pl.DataFrame:
    nothing = pl.DataFrame(schema={"seq": pl.Int64, "created_at_us": pl.Int64})
    best, waiting = nothing, nothing
    enough = limit if query is None else max(CANDIDATES_MIN, 4 * limit)
    selection = Selection(store, filters)
    for block in selection.blocks("to_us DESC, low DESC"):
        if best.height == limit and block.to_us < best["created_at_us"][-1]:
            break
        if block.from_us <= after.created_at_us:
            waiting = pl.concat([waiting, _candidates(selection, block, query, after)])
        if waiting.height >= enough:
            best, waiting = _best(store, best, waiting, query, limit), nothing
    return complete(store, _best(store, best, waiting, query, limit))


def _best(store: Store, best: pl.DataFrame, waiting: pl.DataFrame, query: Node | None, limit: int) -> pl.DataFrame:
    """The newest of what was found and of what truly matches among the candidates."""
    newest = waiting.sort("created_at_us", "seq", descending=True)
    found = newest if query is None else _verified(store, newest, query, limit)
    return pl.concat([best, found]).sort("created_at_us", "seq", descending=True).head(limit)


def _candidates(selection: Selection, block: Block, query: Node | None, after: Cursor) -> pl.DataFrame:
    """Posts of one block that pass the filters and may match: `seq`, `created_at_us`."""
    rows = None if query is None else candidates(selection.store.postings, block, query)
    if rows is not None and len(rows) == 0:
        return pl.DataFrame(schema={"seq": pl.Int64, "created_at_us": pl.Int64})
    found = selection.rows(block, among=rows).select("seq", "created_at_us")
    older = (pl.col("created_at_us") < after.created_at_us) | (
        (pl.col("created_at_us") == after.created_at_us) & (pl.col("seq") < after.seq)
    )
    return found.filter(older)


def _verified(store: Store, found: pl.DataFrame, query: Node, limit: int) -> pl.DataFrame:
    """The first `limit` rows whose text truly matches; reads texts only as far as needed."""
    kept: list[pl.DataFrame] = []
    count, step = 0, min(max(limit, 100), VERIFIED_AT_ONCE)
    for start in range(0, found.height, step):
        some = found[start : start + step]
        true = some.filter(pl.col("seq").is_in(matching(store, some["seq"], query).implode()))
        kept.append(true)
        count += true.height
        if count >= limit:
            return pl.concat(kept).head(limit)
    return pl.concat(kept) if kept else found.head(0)


def matching(store: Store, seqs: pl.Series, query: Node) -> pl.Series:
    """Those of the posts whose text matches, in rising order; a post whose text expired does not."""
    texts = store.texts.at(np.sort(seqs.to_numpy()), "text")
    if texts.is_empty():
        return pl.Series(dtype=pl.Int64)
    return texts["seq"].filter(matches(query, texts["text"]))


def texts_of(store: Store, filters: Filters, query: Node | None, posts_max: int) -> Iterator[pl.DataFrame]:
    """`text` and `lang` of the matching posts, block after block, newest blocks first, up to `posts_max`."""
    selection = Selection(store, filters)
    left = posts_max
    for block in selection.blocks("to_us DESC, low DESC"):
        if left <= 0:
            return
        rows = None if query is None else candidates(store.postings, block, query)
        if rows is not None and len(rows) == 0:
            continue
        found = selection.rows(block, "lang", among=rows)
        texts = store.texts.at(found["seq"].to_numpy(), "text")
        if texts.is_empty():
            continue
        texts = texts.join(found, on="seq", maintain_order="left")
        if query is not None:
            texts = texts.filter(matches(query, texts["text"]))
        yield texts.select("text", "lang").head(left)
        left -= texts.height


def complete(store: Store, found: pl.DataFrame) -> pl.DataFrame:
    """The rows of `found` (`seq`, in any order) with all columns, in the same order."""
    seqs = np.sort(found["seq"].to_numpy())
    if not len(seqs):
        return found.head(0)
    facts = names.restored(store.facts.at(seqs, *SHOWN))
    texts = store.texts.at(seqs, *TEXTS)
    rows = facts.join(texts, on="seq", how="left")
    return found.select("seq").join(rows, on="seq", how="left", maintain_order="left")


def sightings(store: Store, seqs: list[int]) -> dict[int, list[str]]:
    """The names of further sources that saw each post, beside the first."""
    marks = ",".join(str(seq) for seq in seqs) or "NULL"
    rows = store.connection.execute(
        f"SELECT x.seq, s.name FROM (SELECT root AS seq, source FROM sightings WHERE root IN ({marks}) UNION "
        f"SELECT v.seq, t.source FROM versions v JOIN sightings t ON t.root = v.root WHERE v.seq IN ({marks})) x "
        "JOIN sources s ON s.id = x.source ORDER BY s.name"
    )
    found: dict[int, list[str]] = {}
    for seq, name in rows:
        found.setdefault(seq, []).append(name)
    return found
