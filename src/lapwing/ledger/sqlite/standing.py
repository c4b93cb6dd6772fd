"""Which content of a post stands. A function of the *set* of contents, deletes and author changes, never of their order.

A post's contents are its first and its edits. The one with the highest version stands, unless a delete of that version
or a later one names the post, or its author is gone. When that changes, the counts are corrected by what was hidden
and what came to light, in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite.blocks import Block
from lapwing.ledger.sqlite.names import author_hash
from lapwing.ledger.sqlite.store import Store
from lapwing.model import OPERATIONS
from lapwing.windows.activity import activity_of

SUPERSEDED, DELETED, AUTHOR_GONE, FORGOTTEN = range(4)
"""Why a content is hidden; the last is for ever."""

AUTHOR_DELETE, AUTHOR_HIDE, AUTHOR_SHOW = (
    OPERATIONS.index(name) for name in ("author_delete", "author_hide", "author_show")
)
COUNTED = ("kind", "created_at_us", "area", "network")


class Content(msgspec.Struct, frozen=True):
    """One content of a post, as far as its standing goes."""

    seq: int
    version: int
    author: str
    created_at_us: int


def settle(store: Store, roots: Iterable[int], number: int) -> pl.DataFrame:
    """Bring the standing of these posts up to date, inside the caller's transaction; returns the activity to add."""
    roots = sorted(set(roots))
    return _flip(store, wanted_of(store, roots), number) if roots else pl.DataFrame()


def forget(store: Store, seqs: Iterable[int], number: int) -> pl.DataFrame:
    """Hide these contents for ever, inside the caller's transaction; returns the activity to add."""
    return _flip(store, dict.fromkeys(seqs, FORGOTTEN), number)


def wanted_of(store: Store, roots: list[int]) -> dict[int, int | None]:
    """For each content of these posts: None if it stands, otherwise why it must be hidden."""
    contents, names_of = _contents(store, roots)
    deleted = _latest_deletes(store, names_of)
    authors = _authors(store, {content.author for each in contents.values() for content in each})
    wanted: dict[int, int | None] = {}
    for root, each in contents.items():
        standing = max(each, key=lambda content: content.version)
        for content in each:
            wanted[content.seq] = SUPERSEDED
        wanted[standing.seq] = _reason(standing, deleted.get(root), authors)
    return wanted


def _reason(content: Content, deleted: int | None, authors: dict[str, dict[int, int]]) -> int | None:
    if deleted is not None and deleted >= content.version:
        return DELETED
    changes = authors.get(content.author, {})
    gone = content.created_at_us <= changes.get(AUTHOR_DELETE, -1)
    away = AUTHOR_HIDE in changes and changes[AUTHOR_HIDE] > changes.get(AUTHOR_SHOW, -1)
    return AUTHOR_GONE if gone or away else None


def _contents(store: Store, roots: list[int]) -> tuple[dict[int, list[Content]], dict[int, set[str]]]:
    """The contents of each post, and all names by which a delete may call it."""
    edits = store.select("SELECT seq, root FROM versions WHERE root IN ({})", roots)
    root_of = {root: root for root in roots} | dict(edits)
    facts = store.uids_at(np.array(sorted(root_of), dtype=np.int64), "alias", "version", "created_at_us")
    contents: dict[int, list[Content]] = defaultdict(list)
    names_of: dict[int, set[str]] = defaultdict(set)
    rows = facts.select("seq", "version", "author", "created_at_us", "uid", "alias").iter_rows()
    for seq, version, author, created_at_us, uid, alias in rows:
        contents[root_of[seq]].append(Content(seq, version, author, created_at_us))
        names_of[root_of[seq]] |= {uid, alias} - {None}
    for root, alias in store.select("SELECT root, alias FROM sightings WHERE alias != '' AND root IN ({})", roots):
        names_of[root].add(alias)
    return contents, names_of


def _latest_deletes(store: Store, names_of: dict[int, set[str]]) -> dict[int, int]:
    """The highest version of a delete, for each post that has one."""
    owner = {name: root for root, names in names_of.items() for name in names}
    latest: dict[int, int] = {}
    for name, version in store.select("SELECT name, version FROM deletes WHERE name IN ({})", list(owner)):
        latest[owner[name]] = max(version, latest.get(owner[name], version))
    return latest


def _authors(store: Store, authors: set[str]) -> dict[str, dict[int, int]]:
    """The latest version of each kind of change, for each author that has one."""
    if store.connection.execute("SELECT 1 FROM author_changes LIMIT 1").fetchone() is None:
        return {}
    latest: dict[str, dict[int, int]] = defaultdict(dict)
    statement = (
        "SELECT author, operation, max(version) FROM author_changes WHERE author IN ({}) GROUP BY author, operation"
    )
    for author, operation, version in store.select(statement, list(authors)):
        latest[author][operation] = version
    return latest


def _flip(store: Store, wanted: dict[int, int | None], number: int) -> pl.DataFrame:
    """Hide and show so that `wanted` (sequence number → reason, or None to stand) holds; the activity that follows."""
    hidden = dict(store.select("SELECT seq, reason FROM hidden WHERE seq IN ({})", list(wanted)))
    wanted = {seq: reason for seq, reason in wanted.items() if hidden.get(seq) != FORGOTTEN}
    hide = [(seq, reason, number) for seq, reason in wanted.items() if reason is not None and hidden.get(seq) != reason]
    show = [seq for seq, reason in wanted.items() if reason is None and seq in hidden]
    store.connection.executemany("INSERT OR REPLACE INTO hidden (seq, reason, number) VALUES (?, ?, ?)", hide)
    store.connection.executemany("DELETE FROM hidden WHERE seq = ?", [(seq,) for seq in show])
    signs = {seq: -1 for seq, _, _ in hide if seq not in hidden} | dict.fromkeys(show, 1)
    store.connection.executemany(
        "INSERT OR REPLACE INTO flips (number, seq, visible) VALUES (?, ?, ?)",
        [(number, seq, int(sign > 0)) for seq, sign in signs.items()],
    )
    parts = []
    for sign in (-1, 1):
        seqs = np.array(sorted(seq for seq, each in signs.items() if each == sign), dtype=np.int64)
        if len(seqs):
            facts = store.facts.at(seqs, "author", *COUNTED)
            parts.append(activity_of(facts.with_columns(author_hash()), sign))
    return pl.concat(parts) if parts else pl.DataFrame()


def activity_in(store: Store, block: Block, sign: int = 1) -> pl.DataFrame:
    """The activity of the posts of a block that stand, counted from their facts."""
    facts = store.facts.read(block, "author", *COUNTED)
    stands = np.ones(block.rows, dtype=bool)
    stands[store.hidden_among(block.low, block.low + block.rows) - block.low] = False
    return activity_of(facts.filter(pl.Series(stands)).with_columns(author_hash()), sign)
