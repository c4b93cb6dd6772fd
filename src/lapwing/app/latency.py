"""How long posts take from being received to being found: measured on those that were saved last."""

from __future__ import annotations

from typing import Any

import numpy as np

from lapwing.app.opening import Directory

COMMITS = 200
POSTS_MAX = 5_000


def latency(directory: Directory) -> dict[str, Any]:
    """Seconds from `received_at` to the commit: median and 99th percentile of the posts saved last, and how many these are.

    Imports count from when the file was read. Both are None where there are no posts.
    """
    store = directory.ledger.store
    with store.snapshot():
        rows = store.connection.execute(
            "SELECT seq_low, seq_high, at_us FROM commits WHERE seq_high > seq_low ORDER BY number DESC LIMIT ?",
            (COMMITS,),
        ).fetchall()
        spans = [(max(low, high - POSTS_MAX), high, at) for low, high, at in rows]
        none = np.empty(0, dtype=np.int64)
        seqs = np.concatenate([none, *(np.arange(low, high)[::-1] for low, high, _ in spans)])[:POSTS_MAX]
        saved_us = np.concatenate([none, *(np.full(high - low, at) for low, high, at in spans)])[:POSTS_MAX]
        order = np.argsort(seqs)
        received = store.texts.at(seqs[order], "received_at_us")
    if received.is_empty():
        return {"p50_s": None, "p99_s": None, "posts": 0}
    there = np.isin(seqs[order], received["seq"].to_numpy())
    waits = np.maximum(saved_us[order][there] - received["received_at_us"].to_numpy(), 0) / 1e6
    return {
        "p50_s": round(float(np.quantile(waits, 0.5)), 3),
        "p99_s": round(float(np.quantile(waits, 0.99)), 3),
        "posts": len(waits),
    }


def deletion(directory: Directory) -> dict[str, Any]:
    """Seconds from when a post was deleted, as its network says, to the commit that took it away: of the deletes in the
    newest commits. Both are None where there are none, or no network says when.
    """
    rows = directory.ledger.store.connection.execute(
        "SELECT max(c.at_us - d.at_us, 0) / 1e6 FROM deletes d JOIN commits c ON c.number = d.number "
        "WHERE d.at_us > 0 AND d.number > (SELECT coalesce(max(number), 0) FROM commits) - ? LIMIT ?",
        (COMMITS, POSTS_MAX),
    ).fetchall()
    if not rows:
        return {"p50_s": None, "p99_s": None, "deletes": 0}
    p50, p99 = np.quantile(np.array(rows), (0.5, 0.99)).tolist()
    return {"p50_s": round(p50, 3), "p99_s": round(p99, 3), "deletes": len(rows)}
