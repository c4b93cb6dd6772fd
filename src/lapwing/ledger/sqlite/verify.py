"""Every promise of the ledger, checked against what is on the disk. Each check says what it found, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite import document_checks, names, standing
from lapwing.ledger.sqlite.documents import FORMAT as DOCUMENT
from lapwing.ledger.sqlite.documents import READER
from lapwing.ledger.sqlite.incidents import READER as INCIDENTS_READER
from lapwing.ledger.sqlite.postings import ROW_BITS, decoded, postings_of
from lapwing.ledger.sqlite.store import Store
from lapwing.text.words import cut_hashed
from lapwing.windows.activity import ACTIVITY, summed

Spans = dict[tuple[str, int], tuple[int, int]]


class Finding(msgspec.Struct, frozen=True):
    """One promise: what it says, and what broke it (empty when it holds)."""

    promise: str
    broken: list[str]


def verify(store: Store, spans: Spans) -> Iterator[Finding]:
    """Check everything; `spans` are the log's first and next offsets. Reads one snapshot, so work may go on."""
    with store.snapshot():
        for promise, check in CHECKS.items():
            yield Finding(promise, list(check(store)))
        yield Finding("the log was read without a hole, and no further than it goes", list(_offsets(store, spans)))


def _file(store: Store) -> Iterator[str]:
    for (line,) in store.connection.execute("PRAGMA quick_check"):
        if line != "ok":
            yield line


def _sequence(store: Store) -> Iterator[str]:
    listed = store.facts.listed()
    expected = store.number("expired_posts") + store.number("expired_edits")  # what expired went from the front
    for block in listed:
        if block.low != expected:
            yield f"posts {expected} to {block.low - 1} are missing"
        if store.facts.read(block, "version").height != block.rows:
            yield f"the block at {block.low} does not hold its {block.rows} posts"
        expected = block.low + block.rows
    if expected != store.number("next_seq"):
        yield f"{expected} posts are there, {store.number('next_seq')} were given a number"
    holes = store.connection.execute("SELECT count(*), coalesce(max(number), 0) FROM commits").fetchone()
    if holes[0] != holes[1]:
        yield f"{holes[0]} commits are numbered up to {holes[1]}"


def _identity(store: Store) -> Iterator[str]:
    edits = {seq for (seq,) in store.connection.execute("SELECT seq FROM versions")} | _forgotten(store)
    hashes = []
    for block in store.facts.listed():
        facts = names.restored(store.facts.read(block, "uid", "uid_form", "author"))
        first = ~pl.Series(np.arange(block.low, block.low + block.rows)).is_in(list(edits))
        hashes.append(facts.filter(first).select(pl.col("uid").nchash.xxh3_64())["uid"])  # type: ignore[attr-defined]
    every = pl.concat(hashes) if hashes else pl.Series(dtype=pl.UInt64)
    if (double := every.len() - every.n_unique()) > 0:
        yield f"{double} posts are there twice"
    stored, changes = store.connection.execute(
        "SELECT coalesce(sum(stored), 0), coalesce(sum(changes), 0) FROM accounting"
    ).fetchone()
    expired_posts, expired_edits = store.number("expired_posts"), store.number("expired_edits")
    expired_posts += store.number("forgotten_posts")
    expired_edits += store.number("forgotten_changes")
    if stored != every.len() + expired_posts:
        yield f"{every.len()} posts are there and {expired_posts} expired, {stored} were accounted as stored"
    (kept,) = store.connection.execute(
        "SELECT (SELECT count(*) FROM versions) + (SELECT count(*) FROM deletes) + (SELECT count(*) FROM author_changes)"
    ).fetchone()
    if kept + expired_edits != changes:
        yield f"{kept} changes are there and {expired_edits} expired, {changes} were accounted"


def _forgotten(store: Store) -> set[int]:
    """The places of posts of people who were forgotten."""
    rows = store.connection.execute("SELECT seq FROM hidden WHERE reason = ?", (standing.FORGOTTEN,))
    return {seq for (seq,) in rows}


def _accounts(store: Store) -> Iterator[str]:
    rows = store.connection.execute(
        "SELECT s.name, received, stored + duplicates + changes + filtered + refused FROM accounting a JOIN sources s ON s.id = a.source"
    )
    for source, received, rest in rows:
        if received != rest:
            yield f"{source}: {received} records came in, {rest} are accounted for"
    refused, kept = store.connection.execute(
        "SELECT (SELECT coalesce(sum(refused), 0) FROM accounting), "
        "(SELECT count(*) FROM dead_letters WHERE retried = 0 AND format != ?)",
        (DOCUMENT,),
    ).fetchone()
    if refused != kept:
        yield f"{refused} records were refused, {kept} dead letters are kept"


def _counts(store: Store) -> Iterator[str]:
    counted = list(store.activity.range(0, 1 << 62, "area", "network", "author", "posts", "reposts"))
    recounted = [standing.activity_in(store, block, -1) for block in store.facts.listed()]
    if counted or recounted:
        left = summed(pl.concat([frame.select(list(ACTIVITY)) for frame in counted] + recounted))
        if left.height:
            yield f"{left.height} windows count something else than their posts say, first: {left.row(0, named=True)}"


def _standing(store: Store) -> Iterator[str]:
    edits = dict(store.connection.execute("SELECT seq, root FROM versions"))
    hidden = dict(store.connection.execute("SELECT seq, reason FROM hidden WHERE reason != ?", (standing.FORGOTTEN,)))
    roots = {edits.get(seq, seq) for seq in hidden} | set(edits.values())
    deletes = [name for (name,) in store.connection.execute("SELECT DISTINCT name FROM deletes")]
    roots |= _named(store, deletes)
    for seq, reason in standing.wanted_of(store, sorted(roots)).items():
        if hidden.get(seq) != reason:
            yield f"post {seq} is {'hidden' if seq in hidden else 'shown'} against what is known of it"


def _named(store: Store, deletes: list[str]) -> set[int]:
    """The posts that deletes name, found without the keys: by reading every name."""
    wanted = pl.Series(deletes, dtype=pl.String).implode()
    found: set[int] = set()
    for block in store.facts.listed():
        facts = names.restored(store.facts.read(block, "uid", "uid_form", "author", "alias"))
        hit = facts["uid"].is_in(wanted) | facts["alias"].is_in(wanted).fill_null(False)
        found |= {block.low + int(row) for row in hit.arg_true()}
    edits = dict(store.connection.execute("SELECT seq, root FROM versions"))
    found |= {
        root
        for (root,) in store.connection.execute("SELECT root FROM sightings WHERE alias IN (SELECT name FROM deletes)")
    }
    return {edits.get(seq, seq) for seq in found}


def _index(store: Store) -> Iterator[str]:
    for block in store.facts.listed():
        texts = store.texts.at(np.arange(block.low, block.low + block.rows), "text")
        if texts.height != block.rows:
            continue  # expired: the index goes with the text, or waits for it
        expected = postings_of(cut_hashed(texts["text"])["term_hashes"])
        blobs = store.connection.execute("SELECT blob FROM postings WHERE low = ? ORDER BY code", (block.low,))
        parts = [(codes << np.uint64(ROW_BITS)) | rows for codes, rows in (decoded(blob) for (blob,) in blobs)]
        found = np.concatenate(parts) if parts else np.empty(0, np.uint64)
        if not np.array_equal(found, expected):
            yield f"the index of the posts from {block.low} on differs from their texts"


def _offsets(store: Store, spans: Spans) -> Iterator[str]:
    total = 0
    rows = store.connection.execute("SELECT topic, partition, next_offset, unheard FROM partitions")
    for group, partition, next_offset, unheard in rows:
        topic, of_collection, _ = group.partition(READER)
        if group == INCIDENTS_READER:  # it reads commits
            continue
        total += 0 if of_collection else next_offset - unheard
        if next_offset > spans.get((topic, partition), (0, 0))[1]:
            yield f"{topic}/{partition} was read to {next_offset}, and ends at {spans.get((topic, partition), (0, 0))[1]}"
    (received,) = store.connection.execute("SELECT coalesce(sum(received), 0) FROM accounting").fetchone()
    if received != total:
        yield f"{total} records were read from the log, {received} were accounted for"


def _keys(store: Store) -> Iterator[str]:
    """Every post is found again by its name; done on the names that carry no time too, since their slice is in the name."""
    for page in store.keys.runs.pages(-(1 << 62), 1 << 62):
        frame = store.keys.runs.read(page, "key", "post")
        if not bool((frame["key"].diff().drop_nulls() >= 0).all()):
            yield f"page {page.id} of the keys is not sorted"
    low = store.number("expired_posts") + store.number("expired_edits")
    (rows,) = store.connection.execute("SELECT coalesce(sum(rows), 0) FROM facts").fetchone()
    posts = _all_keys(store).filter(pl.col("post") >= low)["post"].n_unique()
    (edits,) = store.connection.execute(
        "SELECT (SELECT count(*) FROM versions WHERE seq >= ?1) + "
        "(SELECT count(*) FROM hidden WHERE reason = ?2 AND seq >= ?1)",
        (low, standing.FORGOTTEN),
    ).fetchone()
    if posts != rows - edits:
        yield f"{rows - edits} posts are there, {posts} can be found by name"


def _all_keys(store: Store) -> pl.DataFrame:
    frames = list(store.keys.runs.range(-(1 << 62), 1 << 62, "post"))
    return pl.concat(frames) if frames else pl.DataFrame(schema={"key": pl.Int64, "post": pl.Int64})


CHECKS: dict[str, Callable[[Store], Iterator[str]]] = {
    "the file is sound": _file,
    "posts are numbered without a hole": _sequence,
    "every post is there once": _identity,
    "every post is found by its name": _keys,
    "every record is accounted for": _accounts,
    "windows count what their posts say": _counts,
    "edits, deletes and authors decide what stands": _standing,
    "the index holds the words of the texts": _index,
    "every document is kept once, and found by its words": document_checks.broken,
}
