"""Posts, newest first: by filters, by words, page after page while more arrive."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import names
from lapwing.ledger.sqlite.blocks import FACTS, TEXTS
from lapwing.ledger.sqlite.searching import candidates
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters, Selection
from lapwing.ledger.sqlite.store import Store
from lapwing.text.query import Node, matches

VERIFIED_AT_ONCE = 2_000
FEW = 2
"""So many candidates for each post that is wanted are read whole at once."""
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

    Candidates of several blocks are looked at together when they are few: reading costs more by the call than by the
    post.
    """
    with store.snapshot():
        return _newest(Selection(store, filters), query, limit, after)


def _newest(selection: Selection, query: Node | None, limit: int, after: Cursor) -> pl.DataFrame:
    best = pl.DataFrame(schema={"seq": pl.Int64, "created_at_us": pl.Int64})
    waiting: list[np.ndarray] = []
    enough = limit if query is None else max(CANDIDATES_MIN, 4 * limit)
    for block in selection.blocks("to_us DESC, low DESC"):
        if best.height == limit and block.to_us < best["created_at_us"][-1]:
            break
        selection.store.check()
        if block.from_us <= after.created_at_us:
            waiting.append(candidates(selection.store.postings, block, query))
        if sum(map(len, waiting)) >= enough:
            best, waiting = _best(selection, best, waiting, (query, limit, after)), []
    whole = best.is_empty() and sum(map(len, waiting)) <= FEW * limit
    return complete(selection.store, _best(selection, best, waiting, (query, limit, after), whole=whole))


Wish = tuple[Node | None, int, Cursor]
"""What is looked for, how many of it, and after which post."""


def _best(
    selection: Selection, best: pl.DataFrame, waiting: list[np.ndarray], wish: Wish, *, whole: bool = False
) -> pl.DataFrame:
    """The newest of what was found and of what truly matches among the candidates; `whole`: with all columns."""
    query, limit, after = wish
    if not waiting:
        return best
    older = (pl.col("created_at_us") < after.created_at_us) | (
        (pl.col("created_at_us") == after.created_at_us) & (pl.col("seq") < after.seq)
    )
    facts, texts = (SHOWN, tuple(TEXTS)) if whole else ((), ("text",))
    passing = selection.rows(np.sort(np.concatenate(waiting)), *facts)
    newest = (
        passing.select("seq", *(facts or ("created_at_us",)))
        .filter(older)
        .sort("created_at_us", "seq", descending=True)
    )
    found = newest.head(limit) if query is None else _verified(selection.store, newest, (query, limit), texts)
    return pl.concat([best, found], how="diagonal").sort("created_at_us", "seq", descending=True).head(limit)


def _verified(store: Store, found: pl.DataFrame, wish: tuple[Node, int], names: tuple[str, ...]) -> pl.DataFrame:
    """The first rows, so many, whose text truly matches, with the columns in `names`; reads only as far as needed."""
    query, limit = wish
    kept: list[pl.DataFrame] = []
    count, step = 0, min(max(limit, 100), VERIFIED_AT_ONCE)
    for start in range(0, found.height, step):
        store.check()
        some = found[start : start + step]
        texts = store.texts.at(np.sort(some["seq"].to_numpy()), *names)
        if texts.is_empty():  # expired
            continue
        true = some.join(texts.filter(matches(query, texts["text"])), on="seq", maintain_order="left")
        kept.append(true)
        count += true.height
        if count >= limit:
            break
    return pl.concat(kept).head(limit) if kept else found.head(0)


def texts_of(store: Store, filters: Filters, query: Node | None) -> Iterator[pl.DataFrame]:
    """`text` and `lang` of the posts that may match (`text.query.matches` says), block after block, newest blocks first."""
    selection = Selection(store, filters)
    for block in selection.blocks("to_us DESC, low DESC"):
        found = selection.rows(candidates(store.postings, block, query), "lang")
        texts = store.texts.at(found["seq"].to_numpy(), "text")
        if texts.height == found.height:
            yield texts.select("text", found["lang"])
        elif texts.height:  # some expired
            yield texts.join(found, on="seq", maintain_order="left").select("text", "lang")


def complete(store: Store, found: pl.DataFrame) -> pl.DataFrame:
    """The rows of `found` (`seq`, in any order) with all columns, in the same order; what it has is not read again."""
    seqs = np.sort(found["seq"].to_numpy())
    if not len(seqs):
        return found.head(0)
    for blocks, wanted in ((store.facts, SHOWN), (store.texts, TEXTS)):
        missing = [name for name in wanted if name not in found.columns]
        if missing:
            found = found.join(blocks.at(seqs, *missing), on="seq", how="left", maintain_order="left")
    return names.restored(found).select("seq", *(name for name in SHOWN if name != "uid_form"), *TEXTS)


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
