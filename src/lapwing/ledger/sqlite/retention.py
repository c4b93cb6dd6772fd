"""What is too old goes: texts and index after one time, facts and counts after another, counted from the commit."""

from __future__ import annotations

import msgspec

from lapwing.ledger.sqlite import rollups, standing
from lapwing.ledger.sqlite.store import Store


class Retention(msgspec.Struct, frozen=True):
    """How long, in microseconds."""

    posts_us: int
    """Texts and the index."""
    counts_us: int
    """Counts, and the facts behind them. Deletes and authors' changes are kept."""


def expire(store: Store, retention: Retention, now_us: int) -> int:
    """Drop what is too old; the number of posts that lost their text or more."""
    with store.transaction() as connection:
        lows = [
            low
            for (low,) in connection.execute(
                "SELECT low FROM facts WHERE committed_us < ?", (now_us - retention.posts_us,)
            )
        ]
        (texts,) = connection.execute(
            "SELECT coalesce(sum(rows), 0) FROM texts WHERE committed_us < ?", (now_us - retention.posts_us,)
        ).fetchone()
        connection.execute("DELETE FROM texts WHERE committed_us < ?", (now_us - retention.posts_us,))
        connection.executemany("DELETE FROM postings WHERE low = ?", ((low,) for low in lows))
        facts = _expire_facts(store, now_us - retention.counts_us)
    store.facts.forget()
    store.texts.forget()
    return int(texts) + facts


def _expire_facts(store: Store, before_us: int) -> int:
    """Take old posts out of the counts and forget them; their numbers are not given again."""
    expired = 0
    for block in store.facts.listed("committed_us < ?", (before_us,)):
        activity = standing.activity_in(store, block, -1)
        store.activity.append(activity)
        rollups.mark_touched(store, activity)
        span = (block.low, block.low + block.rows)
        (roots,) = store.connection.execute(
            "SELECT ? - count(*) FROM versions WHERE seq >= ? AND seq < ?", (block.rows, *span)
        ).fetchone()
        for table, column in (("hidden", "seq"), ("versions", "seq"), ("sightings", "root")):
            store.connection.execute(f"DELETE FROM {table} WHERE {column} >= ? AND {column} < ?", span)
        store.connection.execute("DELETE FROM facts WHERE id = ?", (block.id,))
        store.connection.execute(
            "UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE key = 'expired_posts'", (roots,)
        )
        store.connection.execute(
            "UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE key = 'expired_edits'", (block.rows - roots,)
        )
        expired += block.rows
    return expired
