"""What changed since a commit, in the shape of the answers: what the live stream tells everybody once a second."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

import numpy as np
import polars as pl

from lapwing.app import answers
from lapwing.app.incidents import shaped
from lapwing.app.opening import Directory
from lapwing.app.status import accounting
from lapwing.app.times import written
from lapwing.ledger.sqlite import counting, reading
from lapwing.ledger.sqlite.incidents import COLUMNS
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import WINDOW_US
from lapwing.serving.live import TOPICS
from lapwing.windows.areas import COUNTRY_AREAS

POSTS_MAX = 20
"""So many of the newest posts are told of at a time."""
SEQS_MAX = 200_000
"""Of more new posts than this only the newest are looked at; `partly` says so."""
REMOVED_MAX = 10_000
"""So many removed posts are told of by name; of more, who listens should read everything anew."""
INCIDENTS_MAX = 50
BEHIND_MAX = 100
"""The stage of incidents is seldom so many commits behind."""
WINDOWS_MAX = 36
"""Counts of so many of the newest windows that changed are told of."""


def last_commit(directory: Directory) -> int:
    """The number of the newest commit; 0 before the first."""
    (number,) = directory.ledger.store.connection.execute("SELECT coalesce(max(number), 0) FROM commits").fetchone()
    return int(number)


def changed_since(directory: Directory, commit: int, topics: Set[str] = frozenset(TOPICS)) -> dict[str, Any] | None:
    """``{"commit", "generation", "reset", "partly", "removed": […]}``, and of ``{"counts": […], "posts": […], "incidents": […],
    "status": {…}}`` what `topics` ask for; None if nothing changed. `removed` are uids of which nothing stands any more.

    Values are absolute: telling of a change twice changes nothing. `reset` is true where the commit is not one of this
    ledger (it was built again): who listens reads everything anew.
    """
    store = directory.ledger.store
    with store.snapshot():
        last = last_commit(directory)
        if last == commit:
            return None
        reset = commit > last
        seqs, partly = (_none(), False) if reset else _touched(store, commit)
        told: dict[str, Callable[[], Any]] = {
            "counts": lambda: _counts(directory, seqs),
            "posts": lambda: _posts(store, seqs),
            "incidents": lambda: [] if reset else _incidents(store, commit),
            "status": lambda: standing(directory),
        }
        return {
            "commit": last,
            "generation": store.number("generation"),
            "reset": reset,
            "partly": partly,
            "removed": [] if reset or "posts" not in topics else _removed(store, commit),
        } | {topic: tell() for topic, tell in told.items() if topic in topics}


def standing(directory: Directory) -> dict[str, Any]:
    """How things stand, in a few numbers."""
    connection = directory.ledger.store.connection
    (letters,) = connection.execute("SELECT count(*) FROM dead_letters WHERE retried = 0").fetchone()
    (workers,) = connection.execute("SELECT count(*) FROM workers").fetchone()
    return {
        "at": written(directory.clock.now_us()),
        "accounting": accounting(directory),
        "lag_records": directory.behind(),
        "dead_letters": letters,
        "workers": workers,
    }


def _none() -> np.ndarray:
    return np.empty(0, dtype=np.int64)


def _touched(store: Store, commit: int) -> tuple[np.ndarray, bool]:
    """Sequence numbers of contents that came, or began or ceased to stand, after a commit; whether some were left out."""
    low, high = store.connection.execute(
        "SELECT coalesce(min(seq_low), 0), coalesce(max(seq_high), 0) FROM commits WHERE number > ?", (commit,)
    ).fetchone()
    flipped = store.connection.execute("SELECT seq FROM flips WHERE number > ? LIMIT ?", (commit, SEQS_MAX)).fetchall()
    first = max(low, high - SEQS_MAX)
    seqs = np.union1d(np.arange(first, high), np.array([seq for (seq,) in flipped], dtype=np.int64))
    return seqs.astype(np.int64), first > low or len(flipped) == SEQS_MAX


def _counts(directory: Directory, seqs: np.ndarray) -> list[dict[str, Any]]:
    """The rows of the windows and places that these contents are, or were, counted in; 0 where nothing is left."""
    store = directory.ledger.store
    facts = store.facts.at(seqs, "created_at_us", "area")
    if facts.is_empty():
        return []
    city = pl.when(pl.col("area") < COUNTRY_AREAS).then(pl.col("area")).otherwise(0).cast(pl.UInt32).alias("area")
    window = (pl.col("created_at_us") // WINDOW_US * WINDOW_US).alias("window_us")
    touched = facts.select(window, city).unique()
    windows = touched["window_us"].unique().sort(descending=True).head(WINDOWS_MAX)
    told = touched.join(_counted(store, windows), on=["window_us", "area"], how="left").fill_null(0)
    told = told.filter(pl.col("window_us") >= windows[-1]).sort("window_us", "area")
    everything = Filters(since_us=windows[-1], until_us=windows[0] + WINDOW_US)
    return answers.counted_rows(store, everything, answers.Wanted(WINDOW_US), told, directory.as_of())


def _counted(store: Store, windows: pl.Series) -> pl.DataFrame:
    """What these windows count, by place; side by side they are read at once."""
    last, first = windows[0], windows[-1]
    spans = [(first, last)] if last - first <= 2 * WINDOWS_MAX * WINDOW_US else [(each, each) for each in windows]
    return pl.concat(
        counting.counts(store, Filters(since_us=low, until_us=high + WINDOW_US), WINDOW_US, "place")
        for low, high in spans
    )


def _posts(store: Store, seqs: np.ndarray) -> list[dict[str, Any]]:
    """The newest of them that stand."""
    newest = seqs[-2 * POSTS_MAX :]
    if not len(newest):
        return []
    hidden = store.hidden_among(int(newest[0]), int(newest[-1]) + 1)
    there = newest[~np.isin(newest, hidden)][-POSTS_MAX:]
    return answers.shown(store, reading.rows(store, there[::-1]))


def _incidents(store: Store, commit: int) -> list[dict[str, Any]]:
    """The incidents that changed with a commit, or later; those with the latest evidence first. The stage of incidents
    comes a moment behind the commits, so that some are told of more than once; their values are absolute.
    """
    names = ", ".join(COLUMNS)
    count = "(SELECT count(*) FROM incident_changes c WHERE c.incident = incidents.mark)"
    found = store.connection.execute(
        f"SELECT {names}, {count} FROM incidents WHERE state > 0 AND number >= ? ORDER BY last_us DESC LIMIT ?",
        (commit - BEHIND_MAX, INCIDENTS_MAX),
    )
    return shaped(store, [dict(zip((*COLUMNS, "changes"), row, strict=True)) for row in found])


def _removed(store: Store, commit: int) -> list[str]:
    """The uids of posts that ceased to stand after a commit, and of which no other content stands; the latest first."""
    rows = store.connection.execute(
        "SELECT f.seq, coalesce(v.root, f.seq) FROM flips f LEFT JOIN versions v ON v.seq = f.seq "
        "WHERE f.number > ? AND NOT f.visible ORDER BY f.number DESC LIMIT ?",
        (commit, REMOVED_MAX),
    ).fetchall()
    roots = list(dict.fromkeys(root for _, root in rows))
    contents = [(root, root) for root in roots]
    contents += [(seq, root) for seq, root in store.select("SELECT seq, root FROM versions WHERE root IN ({})", roots)]
    hidden = {seq for (seq,) in store.select("SELECT seq FROM hidden WHERE seq IN ({})", [seq for seq, _ in contents])}
    standing_roots = {root for seq, root in contents if seq not in hidden}
    gone = [root for root in roots if root not in standing_roots]
    names = dict(store.uids_at(np.array(sorted(gone), dtype=np.int64)).select("seq", "uid").iter_rows())
    return [names[root] for root in gone if names.get(root)]
