"""People, or all that one source brought, taken out of the ledger: first out of sight, then out of the file.

`hide` takes their posts out of answers and counts in one commit, so that whoever follows the ledger is told by name what
is gone. `erase` then empties their places in the blocks, and drops their words, names and keys; places stay, since posts
are numbered without a hole. `scrub` writes the file anew, so that nothing of them is left in free pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import zstandard
from numpy.typing import NDArray

from lapwing.ledger.sqlite import flagged, rollups, standing
from lapwing.ledger.sqlite.blocks import Block, Blocks, encode
from lapwing.ledger.sqlite.documents import FORMAT as DOCUMENT
from lapwing.ledger.sqlite.keys import HASH_BITS, WAITING
from lapwing.ledger.sqlite.postings import ROW_BITS, chunks, decoded
from lapwing.ledger.sqlite.runs import Runs
from lapwing.ledger.sqlite.store import Store
from lapwing.model import KINDS
from lapwing.windows.activity import summed

REPOST = KINDS.index("repost")
NOTHING = re.compile(rb"(?!)")
"""Matches nowhere."""


class Doomed(msgspec.Struct, frozen=True):
    """What is to go."""

    seqs: NDArray[np.int64]
    """Sorted sequence numbers: every content of the posts, and of reposts of them."""
    names: frozenset[str] = frozenset()
    """Uids and aliases of the posts."""
    authors: frozenset[str] = frozenset()
    """Who is forgotten; empty where a source is purged."""


Find = Callable[[Store], Doomed]


class Erased(msgspec.Struct, frozen=True):
    """How many of each kind went."""

    posts: int
    changes: int
    dead_letters: int
    documents: int


def by_people(store: Store, theirs: Callable[[pl.Series], pl.Series], known: Iterable[str] = ()) -> Doomed:
    """All posts by some people, and others' reposts of them, which carry their words. Reads every block."""
    with store.snapshot():
        authors, seqs = set(known), [np.empty(0, np.int64)]
        for block in store.facts.listed():
            column = store.facts.read(block, "author")["author"]
            hits = theirs(column)
            if hits.any():
                seqs.append(block.low + hits.arg_true().to_numpy().astype(np.int64))
                authors |= set(column.filter(hits))
        changed = pl.Series([name for (name,) in store.connection.execute("SELECT author FROM author_changes")])
        authors |= set(changed.cast(pl.String).filter(theirs(changed.cast(pl.String))))
        own, names = _whole(store, np.concatenate(seqs))
        shared = _about(store, names, authors, reposts=True)
        return Doomed(_whole(store, np.concatenate([own, shared]))[0], frozenset(names), frozenset(authors))


def by_source(store: Store, column: str, name: str) -> Doomed:
    """All posts that came from a source and that no other saw, or (`column` is "network") all of a network."""
    table = {"source": "sources", "network": "networks"}[column]
    with store.snapshot():
        row = store.connection.execute(f"SELECT id FROM {table} WHERE name = ?", (name,)).fetchone()
        seqs = [np.empty(0, np.int64)]
        for block in store.facts.listed() if row else []:
            hits = (store.facts.read(block, column)[column] == row[0]).arg_true().to_numpy()
            seqs.append(block.low + hits.astype(np.int64))
        found, names = _whole(store, np.concatenate(seqs))
        if column == "source" and row:
            others = store.connection.execute("SELECT root FROM sightings WHERE source != ?", row).fetchall()
            seen, _ = _whole(store, np.array([root for (root,) in others], dtype=np.int64))
            found, names = _whole(store, np.setdiff1d(found, seen))
    return Doomed(found, frozenset(names))


def _whole(store: Store, seqs: NDArray[np.int64]) -> tuple[NDArray[np.int64], set[str]]:
    """All contents of the posts that these belong to, and every name of the posts; places that are empty are left out."""
    edits = dict(store.connection.execute("SELECT seq, root FROM versions"))
    roots = {edits.get(seq, seq) for seq in seqs.tolist()}
    contents = np.array(sorted(roots | {seq for seq, root in edits.items() if root in roots}), dtype=np.int64)
    facts = store.uids_at(contents, "alias").filter(pl.col("uid") != "")
    names = {name for column in ("uid", "alias") for name in facts[column].to_list() if name}
    statement = "SELECT alias FROM sightings WHERE alias != '' AND root IN ({})"
    return facts["seq"].to_numpy(), names | {alias for (alias,) in store.select(statement, list(roots))}


def _about(store: Store, names: set[str], authors: set[str], *, reposts: bool) -> NDArray[np.int64]:
    """Contents that are about these posts, or about any by these people whose name says so: reposts, or the others."""
    if not names and not authors:
        return np.empty(0, np.int64)
    starts = [f"{author}/" for author in authors if "/" in author or ":" in author]
    found = [np.empty(0, np.int64)]
    for block in store.texts.listed():
        about = store.texts.read(block, "about")["about"]
        hits = about.is_in(list(names)).fill_null(False)
        if starts:
            hits |= about.str.contains_any(starts).fill_null(False)
        if hits.any():
            found.append(block.low + hits.arg_true().to_numpy().astype(np.int64))
    seqs = np.concatenate(found)
    kinds = store.facts.at(seqs, "kind")
    return kinds.filter((pl.col("kind") == REPOST) == reposts)["seq"].to_numpy()


def hide(store: Store, find: Find, marks: Iterable[bytes], now_us: int) -> Doomed:
    """Take what is found out of sight and out of the counts, as one commit, and know these people from now on."""
    with store.transaction() as connection:
        connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", ((mark, now_us) for mark in marks))
        doomed = find(store)
        (number,) = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM commits").fetchone()
        corrections = standing.forget(store, doomed.seqs.tolist(), number)
        if corrections.height:
            store.activity.append(summed(corrections))
            rollups.mark_touched(store, corrections)
        end = store.number("next_seq")
        connection.execute("INSERT INTO commits VALUES (?, ?, ?, ?)", (number, now_us, end, end))
        store.mark("ledger.forgotten_hidden")
    return doomed


def erase(store: Store, doomed: Doomed, naming: re.Pattern[bytes] = NOTHING, source: str = "") -> Erased:
    """Drop what `hide` hid; dead letters and documents in which `naming` finds somebody; and all dead letters of `source`,
    a source or a network; in one transaction.
    """
    with store.transaction():
        edits = set(doomed.seqs.tolist()) & {seq for (seq,) in store.connection.execute("SELECT seq FROM versions")}
        about = _about(store, set(doomed.names), set(doomed.authors), reposts=False)
        _empty_blocks(store.facts, doomed.seqs, _without_facts)
        _empty_blocks(store.texts, doomed.seqs, _without_texts)
        _empty_blocks(store.texts, about, lambda frame, rows, _: _nulled(frame, rows, ("about",)))
        for block, rows in _holding(store.facts, doomed.seqs):
            _unindex(store, block, rows)
        _drop_keys(store, doomed)
        flagged.forget(store, doomed.seqs.tolist())
        _merge_all(store.activity, summed)
        changes = _drop_narrow(store, doomed)
        posts = len(doomed.seqs) - len(edits)
        for key, number in (("forgotten_posts", posts), ("forgotten_changes", changes)):
            store.connection.execute("UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE key = ?", (number, key))
        letters, documents = _drop_letters(store, naming, source), _drop_documents(store, naming)
        store.mark("ledger.erased")
    for cached in (store.facts, store.texts, store.activity, store.keys.runs):
        cached.forget()
    return Erased(posts, changes, letters, documents)


Empty = Callable[[pl.DataFrame, pl.Series, Block], pl.DataFrame]
"""A block's frame, which of its rows are to be emptied (Boolean), and the block."""


def _holding(blocks: Blocks, seqs: NDArray[np.int64]) -> list[tuple[Block, NDArray[np.int64]]]:
    """The blocks that hold any of them, each with its rows."""
    found = []
    for block in blocks.listed():
        inside = seqs[slice(*np.searchsorted(seqs, [block.low, block.low + block.rows]))]
        if len(inside):
            found.append((block, inside - block.low))
    return found


def _empty_blocks(blocks: Blocks, seqs: NDArray[np.int64], empty: Empty) -> None:
    """Write the blocks that hold these anew; they get new ids, since a block never changes."""
    for block, rows in _holding(blocks, np.sort(seqs)):
        gone = np.zeros(block.rows, dtype=bool)
        gone[rows] = True
        blocks.rewrite(block, encode(empty(blocks.read(block), pl.Series(gone), block)))


def _without_facts(frame: pl.DataFrame, gone: pl.Series, block: Block) -> pl.DataFrame:
    empty = {"uid": "", "author": "", "created_at_us": block.from_us} | dict.fromkeys(
        ("uid_form", "version", "kind", "area", "place_by", "confidence_percent"), 0
    )
    schema = frame.schema
    cleared = [
        pl.when(gone).then(pl.lit(value, schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in empty.items()
    ]
    return _nulled(frame.with_columns(cleared), gone, ("alias", "lang"))


def _without_texts(frame: pl.DataFrame, gone: pl.Series, _: Block) -> pl.DataFrame:
    cleared = pl.when(gone).then(pl.lit("")).otherwise(pl.col("text")).alias("text")
    nulled = ("author_name", "profile", "url", "about", "place_evidence")
    return _nulled(frame.with_columns(cleared), gone, nulled)


def _nulled(frame: pl.DataFrame, gone: pl.Series, names: tuple[str, ...]) -> pl.DataFrame:
    return frame.with_columns(pl.when(~gone).then(pl.col(name)).alias(name) for name in names)


def _unindex(store: Store, block: Block, rows: NDArray[np.int64]) -> None:
    """Take the words of some rows out of the index of their block."""
    kept = [np.empty(0, np.uint64)]
    blobs = store.connection.execute("SELECT blob FROM postings WHERE low = ? ORDER BY code", (block.low,)).fetchall()
    for (blob,) in blobs:
        codes, found = decoded(blob)
        packed = (codes << np.uint64(ROW_BITS)) | found.astype(np.uint64)
        kept.append(packed[~np.isin(found, rows)])
    store.connection.execute("DELETE FROM postings WHERE low = ?", (block.low,))
    store.postings.add(block.low, list(chunks(np.concatenate(kept))))


def _drop_keys(store: Store, doomed: Doomed) -> None:
    """Names lead nowhere any more, and nothing waits for these posts and people."""
    names = pl.Series("name", sorted(doomed.names | doomed.authors), dtype=pl.String)
    hashes = names.to_frame().select(pl.col("name").nchash.xxh3_64() % (1 << HASH_BITS))  # type: ignore[attr-defined]
    waits = hashes["name"].cast(pl.Int64).implode()
    seqs = pl.Series(doomed.seqs).implode()

    def others(frame: pl.DataFrame) -> pl.DataFrame:
        waiting = (pl.col("post") == WAITING) & (pl.col("key") % (1 << HASH_BITS)).is_in(waits)
        return frame.filter(~(waiting | pl.col("post").is_in(seqs))).sort("key")

    _merge_all(store.keys.runs, others)


def _merge_all(runs: Runs, combine: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Write all runs anew as one."""
    every = [
        run for (run,) in runs.connection.execute("SELECT id FROM runs WHERE store = ? ORDER BY id", (runs.store,))
    ]
    if every:
        runs.merge(every, combine)


def _drop_narrow(store: Store, doomed: Doomed) -> int:
    """Rows of the narrow tables; how many of them were accounted for as changes."""
    seqs = [(seq,) for seq in doomed.seqs.tolist()]
    run = store.connection.executemany
    changes = run("DELETE FROM versions WHERE seq = ?", seqs).rowcount if seqs else 0
    run("DELETE FROM sightings WHERE root = ?", seqs)
    names = {(name,) for name in doomed.names}
    for author in doomed.authors:
        within = store.connection.execute("SELECT name FROM deletes WHERE instr(name, ?)", (f"{author}/",))
        names |= set(within.fetchall())
        changes += store.connection.execute("DELETE FROM author_changes WHERE author = ?", (author,)).rowcount
    return changes + (run("DELETE FROM deletes WHERE name = ?", sorted(names)).rowcount if names else 0)


def _drop_letters(store: Store, naming: re.Pattern[bytes], source: str) -> int:
    """Dead letters that name somebody or are of a source; their records are accounted for as filtered from now on."""
    rows = store.connection.execute("SELECT id, source, network, format, retried, reason, record FROM dead_letters")
    found = [
        row[:5]
        for row in rows
        if (source and source in row[1:3])
        or naming.search(zstandard.decompress(row[6]))
        or naming.search(row[5].encode())
    ]
    for number, of, network, form, retried in found:
        store.connection.execute("DELETE FROM dead_letters WHERE id = ?", (number,))
        if retried or form == DOCUMENT:
            continue
        known = store.source_id(of, network)
        store.connection.execute(
            "UPDATE accounting SET refused = refused - 1, filtered = filtered + 1 WHERE source = ?", (known,)
        )
        store.connection.execute(
            "INSERT INTO filtered VALUES (?, 'forgotten', 1) ON CONFLICT DO UPDATE SET records = records + 1", (known,)
        )
    return len(found)


def _drop_documents(store: Store, naming: re.Pattern[bytes]) -> int:
    """Documents in which somebody is named, with their keys; what was stored counts as ignored from now on."""
    rows = store.connection.execute("SELECT number, collection, key, body FROM documents")
    found = [row for row in rows if naming.search(row[3] or b"") or naming.search(row[2].encode())]
    for number, collection, _, body in found:
        store.connection.execute("DELETE FROM documents WHERE number = ?", (number,))
        store.connection.execute(
            "DELETE FROM document_terms WHERE collection = ? AND document = ?", (collection, number)
        )
        if body is not None:
            store.connection.execute(
                "UPDATE collections SET stored = stored - 1, ignored = ignored + 1 WHERE id = ?", (collection,)
            )
    return len(found)


def scrub(store: Store) -> bool:
    """Write the file anew and cut its write-ahead log off, so that no free page holds what was there; drop generations
    that are no longer used. False where a reader still holds the old state: then ask again.
    """
    with store.lock:
        for file in store.path.parent.glob("generation-*.sqlite*"):
            if not file.name.startswith(store.path.name):
                Path(file).unlink(missing_ok=True)
        store.connection.execute("VACUUM")
        return cut_off(store)


def cut_off(store: Store) -> bool:
    """Empty the write-ahead log; False where a reader still needs it."""
    busy, _, _ = store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
