"""What changed since a commit, as absolute values, so that copies can be kept elsewhere and made again at any time.

A step may show a state that is newer than its commit number; the commits in between will show it again. Values are
absolute and numbers only rise, so a copy that keeps the highest (generation, number) for each key is right in the end,
however often it crashes and repeats itself.
"""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite.reading import complete
from lapwing.ledger.sqlite.store import Store
from lapwing.model import WINDOW_US
from lapwing.windows.activity import counted

COMMITS_MAX = 100
"""So many commits are at most taken together."""


class Step(msgspec.Struct, frozen=True):
    """Everything that the commits up to `number` touched, as it is now."""

    generation: int
    number: int
    standing: pl.DataFrame
    """Posts that stand, with facts and texts."""
    gone: list[str]
    """Uids of posts of which nothing stands."""
    windows: pl.DataFrame
    """window_us, area, network, posts, reposts, people; all 0 where nothing is left."""


def step_after(store: Store, number: int, commits_max: int = COMMITS_MAX) -> Step | None:
    """The next step after a commit number, 0 for the beginning; None when there is nothing new.

    When `generation` differs from that of the step before, the copy begins again from 0 under the new generation.
    """
    with store.snapshot():
        (last,) = store.connection.execute(
            "SELECT min(?, coalesce(max(number), 0)) FROM commits", (number + commits_max,)
        ).fetchone()
        if last <= number:
            return None
        roots, seqs = _touched(store, number, last)
        standing, gone = _as_it_is(store, roots)
        return Step(store.number("generation"), last, standing, gone, _windows(store, seqs))


def _touched(store: Store, after: int, last: int) -> tuple[list[int], np.ndarray]:
    """The posts whose standing or content some commits touched, and the sequence numbers of all their contents."""
    span = (after, last)
    (low, high) = store.connection.execute(
        "SELECT coalesce(min(seq_low), 0), coalesce(max(seq_high), 0) FROM commits WHERE number > ? AND number <= ?",
        span,
    ).fetchone()
    flipped = [
        seq for (seq,) in store.connection.execute("SELECT seq FROM flips WHERE number > ? AND number <= ?", span)
    ]
    edits = dict(store.connection.execute("SELECT seq, root FROM versions"))
    roots = {edits.get(seq, seq) for seq in (*range(low, high), *flipped)}
    contents = roots | {seq for seq, root in edits.items() if root in roots}
    return sorted(roots), np.array(sorted(contents), dtype=np.int64)


def _as_it_is(store: Store, roots: list[int]) -> tuple[pl.DataFrame, list[str]]:
    hidden = {seq for (seq,) in store.connection.execute("SELECT seq FROM hidden")}
    edits: dict[int, list[int]] = {}
    for seq, root in store.connection.execute("SELECT seq, root FROM versions"):
        edits.setdefault(root, []).append(seq)
    shown = {root: next((seq for seq in (root, *edits.get(root, [])) if seq not in hidden), None) for root in roots}
    there = sorted(seq for seq in shown.values() if seq is not None)
    gone = np.array(sorted(root for root, seq in shown.items() if seq is None), dtype=np.int64)
    names = [uid for uid in store.uids_at(gone)["uid"] if uid]  # those of whom nothing is left have no name
    return complete(store, pl.DataFrame({"seq": there}, schema={"seq": pl.Int64})), names


def _windows(store: Store, seqs: np.ndarray) -> pl.DataFrame:
    """The windows that these contents are or were counted in, with what they count now."""
    keys = ["window_us", "area", "network"]
    facts = store.facts.at(seqs, "created_at_us", "area", "network")
    touched = facts.select(
        (pl.col("created_at_us") // WINDOW_US * WINDOW_US).alias("window_us"), "area", "network"
    ).unique()
    frames = [
        frame
        for window in touched["window_us"].unique()
        for frame in store.activity.range(
            window // WINDOW_US, window // WINDOW_US, "area", "network", "author", "posts", "reposts"
        )
    ]
    if not frames:
        return touched.with_columns(posts=pl.lit(0, pl.Int64), reposts=pl.lit(0, pl.Int64), people=pl.lit(0, pl.Int64))
    rows = pl.concat(frames).with_columns((pl.col("key") * WINDOW_US).alias("window_us"))
    return (
        touched.join(counted(rows, keys), on=keys, how="left")
        .with_columns(pl.col("posts", "reposts", "people").fill_null(0))
        .sort(keys)
    )
