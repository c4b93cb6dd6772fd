"""What is too old goes: texts and index after one time, facts and counts after another, counted from the commit."""

from __future__ import annotations

import msgspec
import polars as pl

from lapwing.ledger.sqlite import flagged, rollups, standing
from lapwing.ledger.sqlite.blocks import encode
from lapwing.ledger.sqlite.store import Store
from lapwing.model import EVIDENCE

PROFILE = EVIDENCE.index("profile")


class Retention(msgspec.Struct, frozen=True):
    """How long, in microseconds."""

    posts_us: int
    """Texts and the index."""
    counts_us: int
    """Counts, and the facts behind them. Deletes and authors' changes are kept."""
    names_us: int | None = None
    """Names and profiles of authors; None: as long as texts."""


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
        flagged.forget_words(store, now_us - retention.posts_us)
        connection.executemany("DELETE FROM postings WHERE low = ?", ((low,) for low in lows))
        facts = _expire_facts(store, now_us - retention.counts_us)
        if retention.names_us is not None:
            _expire_names(store, now_us - retention.names_us)
    store.facts.forget()
    store.texts.forget()
    return int(texts) + facts


def _expire_names(store: Store, before_us: int) -> None:
    """Take names, profiles, addresses and what a profile told of a place out of old posts; texts stay. What was done is
    remembered, so that a block is written once; a rebuild, which may bring names back from the log, makes us look again.
    """
    done_us = store.number("nameless_until_us")
    for block in store.texts.listed("committed_us >= ? AND committed_us < ?", (done_us, before_us)):
        by = store.facts.at(block.seqs, "place_by").select("seq", pl.col("place_by") == PROFILE)
        frame = store.texts.read(block).with_columns(pl.Series("seq", block.seqs))
        frame = frame.join(by, on="seq", how="left", maintain_order="left").with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in ("author_name", "profile", "url")),
            pl.when(~pl.col("place_by").fill_null(True)).then("place_evidence").alias("place_evidence"),
        )
        store.texts.rewrite(block, encode(frame.drop("seq", "place_by")))
    store.connection.execute(
        "UPDATE meta SET value = ? WHERE key = 'nameless_until_us'", (str(max(done_us, before_us)),)
    )


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
        store.connection.execute(  # they went long ago; from now on they count among what expired
            "UPDATE meta SET value = CAST(value AS INTEGER) - (SELECT count(*) FROM hidden WHERE reason = ? AND seq >= ? "
            "AND seq < ?) WHERE key = 'forgotten_posts'",
            (standing.FORGOTTEN, *span),
        )
        for table, column in (("hidden", "seq"), ("versions", "seq"), ("sightings", "root"), ("flagged", "seq")):
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
