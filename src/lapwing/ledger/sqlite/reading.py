"""Posts, newest first: by filters, by words, page after page while more arrive."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import names
from lapwing.ledger.sqlite.blocks import FACTS, TEXTS
from lapwing.ledger.sqlite.searching import candidates
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters, Selection
from lapwing.ledger.sqlite.store import Store
from lapwing.text.query import Node, matching

VERIFIED_AT_ONCE = 2_000
VERIFIED_MIN = 32
ENTRY_BYTES = 400
"""About so much does it take in memory to remember of a text that it matches."""
CANDIDATES_MIN = 400
"""Fewer candidates than this wait for those of the next block."""
SHOWN = tuple(name for name in FACTS if name not in ("origin", "offset"))
"""The facts that an answer shows: all but where in the log a post came from."""


class Cursor(msgspec.Struct, frozen=True, order=True):
    """Where a page ended: the time and the sequence number of its last post."""

    created_at_us: int
    seq: int


NEWEST = Cursor(TIME_MAX, TIME_MAX)


class _Posts(msgspec.Struct, frozen=True):
    """Posts, newest first."""

    seqs: np.ndarray
    times_us: np.ndarray

    def some(self, which: slice | np.ndarray) -> _Posts:
        return _Posts(self.seqs[which], self.times_us[which])

    def with_(self, others: _Posts) -> _Posts:
        seqs, times = np.append(self.seqs, others.seqs), np.append(self.times_us, others.times_us)
        return _Posts(seqs, times).some(np.lexsort((seqs, times))[::-1])


_NONE = _Posts(np.empty(0, np.int64), np.empty(0, np.int64))


def posts(store: Store, filters: Filters, query: Node | None, limit: int, after: Cursor = NEWEST) -> list[Row]:
    """At most `limit` posts older than `after`, newest first, with facts and texts; texts are None once expired.

    Candidates of several blocks are looked at together when they are few: reading costs more by the call than by the
    post.
    """
    with store.snapshot():
        return rows(store, _newest(Selection(store, filters), query, limit, after).seqs)


def _newest(selection: Selection, query: Node | None, limit: int, after: Cursor) -> _Posts:
    best = _NONE
    waiting: list[np.ndarray] = []
    enough = limit if query is None else max(CANDIDATES_MIN, 4 * limit)
    for block in selection.blocks("to_us DESC, low DESC"):
        if len(best.seqs) == limit and block.to_us < best.times_us[-1]:
            break
        selection.store.check()
        if block.from_us <= after.created_at_us:
            waiting.append(candidates(selection.store.postings, block, query))
        if sum(map(len, waiting)) >= enough:
            best, waiting = _best(selection, best, waiting, (query, limit, after)), []
    return _best(selection, best, waiting, (query, limit, after))


Wish = tuple[Node | None, int, Cursor]
"""What is looked for, how many of it, and after which post."""


def _best(selection: Selection, best: _Posts, waiting: list[np.ndarray], wish: Wish) -> _Posts:
    """The newest of what was found and of what truly matches among the candidates."""
    query, limit, after = wish
    if not waiting:
        return best
    seqs, times = selection.passing(np.sort(np.concatenate(waiting)))
    fits = (times < after.created_at_us) | ((times == after.created_at_us) & (seqs < after.seq))
    if len(best.seqs) == limit:
        fits &= times >= best.times_us[-1]
    passing = _Posts(seqs[fits], times[fits])
    newest = passing.some(np.argsort(passing.times_us, kind="stable")[::-1])  # they come in the order of their numbers
    found = newest.some(slice(limit)) if query is None else _verified(selection.store, newest, query, limit)
    return best.with_(found).some(slice(limit))


def _verified(store: Store, found: _Posts, query: Node, limit: int) -> _Posts:
    """The first posts, so many, whose text truly matches; reads only as far as needed."""
    kept = _NONE
    # Nearly all that have a word match; what collides, or has the words of a phrase elsewhere, is looked for further on.
    step = min(max(limit + limit // 4, VERIFIED_MIN), VERIFIED_AT_ONCE)
    for start in range(0, len(found.seqs), step):
        store.check()
        some = found.some(slice(start, start + step))
        true = [seq for seq, holds in _holding(store, query, np.sort(some.seqs)) if holds]
        kept = kept.with_(some.some(np.isin(some.seqs, true)))
        if len(kept.seqs) >= limit:
            break
    return kept.some(slice(limit))


def _holding(store: Store, query: Node, seqs: np.ndarray) -> Iterator[tuple[int, bool]]:
    """Posts (sorted), and whether their text truly matches; what expired is left out. Remembered, since the newest posts
    are looked through again whenever the same is asked.
    """
    asked = (str(store.path), "holds", str(query))
    labels = {seq: (*asked, block.id, seq) for block, some in store.texts.parts(seqs) for seq in some.tolist()}
    known = dict(zip(labels, store.memory.among(list(labels.values())), strict=True))
    unknown = np.array([seq for seq, holds in known.items() if holds is None], dtype=np.int64)
    there, texts = store.texts.lists(unknown, "text")
    for seq, holds in zip(there, matching(query, texts["text"]), strict=True):
        known[seq] = holds
        store.memory.keep(labels[seq], holds, ENTRY_BYTES + len(asked[2]))
    yield from known.items()


KEPT_AT_ONCE = 200
"""Of an answer with more posts none is kept."""
Row = Mapping[str, Any]
"""A post with its `seq`, the facts in `SHOWN` and its texts, by their names."""


def rows(store: Store, seqs: np.ndarray) -> list[Row]:
    """Some posts (in any order) with all that an answer shows, in the same order; texts are None once expired.

    A few are kept in memory: what was shown to somebody is mostly shown to others, or again; an export reads all once.
    """
    order = np.sort(seqs)
    if len(seqs) > KEPT_AT_ONCE:
        read = _read(store, order)
        return [read[seq] for seq in seqs.tolist() if seq in read]
    labels = _labels(store, order)
    found: dict[int, Row] = {}
    missing = []
    for seq, row in zip(labels, store.memory.among(list(labels.values())), strict=True):
        if row is None:
            missing.append(seq)
        else:
            found[seq] = row
    for seq, row in _read(store, np.array(missing, dtype=np.int64)).items():
        found[seq] = row
        store.memory.keep(labels[seq], row, _bytes(row))
    return [found[seq] for seq in seqs.tolist() if seq in found]


def _labels(store: Store, seqs: np.ndarray) -> dict[int, tuple[Any, ...]]:
    """Under what posts (sorted) are kept: the blocks that their facts and texts lie in never change."""
    texts = {seq: block.id for block, some in store.texts.parts(seqs) for seq in some.tolist()}
    file = str(store.path)
    return {
        seq: (file, "post", block.id, texts.get(seq), seq)
        for block, some in store.facts.parts(seqs) for seq in some.tolist()
    }  # fmt: skip


def _bytes(row: Row) -> int:
    return sys.getsizeof(row) + sum(map(sys.getsizeof, row.values()))


_EXPIRED = (None,) * len(TEXTS)


def _read(store: Store, seqs: np.ndarray) -> dict[int, Row]:
    """Posts (sorted) as they lie on the disk."""
    there, facts = store.facts.lists(seqs, *SHOWN)
    texts_there, texts = store.texts.lists(seqs, *TEXTS)
    said = dict(zip(texts_there, zip(*texts.values(), strict=True), strict=True))
    found: dict[int, Row] = {}
    for seq, *values in zip(there, *facts.values(), strict=True):
        row = (
            {"seq": seq}
            | dict(zip(facts, values, strict=True))
            | dict(zip(TEXTS, said.get(seq, _EXPIRED), strict=True))
        )
        found[seq] = row | {"uid": names.whole(row["uid"], row["uid_form"], row["author"])}
    return found


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
