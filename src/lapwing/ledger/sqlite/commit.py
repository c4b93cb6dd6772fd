"""The transaction: posts, counts, dead letters and how far the log was read become durable together.

In the order of the statements: the fence; what became known meanwhile; new posts; repeats, sightings and edits; deletes
and authors; what stands now; the counts; dead letters and accounting; the commit number, last.
"""

from __future__ import annotations

import polars as pl

from lapwing.ledger.sqlite import flagged, forgotten, listening, rollups, standing
from lapwing.ledger.sqlite.accounting import Tally, account, add_dead_letters, take_back
from lapwing.ledger.sqlite.changing import apply_changes
from lapwing.ledger.sqlite.hearing import add_edits, hear_again, rooted
from lapwing.ledger.sqlite.leases import advance
from lapwing.ledger.sqlite.prepare import Encoded, Prepared, encode, split, write
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Batch, Read, Saved
from lapwing.windows.activity import activity_of, summed


def commit(store: Store, prepared: Prepared, now_us: int) -> Saved:
    """Save a prepared batch in one transaction; `Fenced` if a partition is no longer ours, and nothing is changed."""
    batch = prepared.batch
    with store.transaction() as connection:
        for read in batch.reads:
            _note_unheard(store, batch, read)
            advance(connection, read)
        forgotten.check(store, batch)
        flipped = take_back(store, batch)
        store.mark("ledger.fenced")
        number, low = _next(store)
        tally = Tally(store, batch, flipped)
        fresh, again, waited = _still_fresh(store, prepared)
        _add_posts(store, fresh, low, now_us)
        flagged.add(store, fresh.posts, low, number)
        tally.add("stored", fresh.posts["source"])
        store.mark("ledger.posts_written")
        edits, touched = hear_again(store, rooted(store, again, fresh, low), tally)
        high = low + fresh.posts.height
        touched |= add_edits(store, edits, high, (number, now_us))
        touched |= _roots_of(fresh, waited, low)
        touched |= apply_changes(store, prepared.changes, tally, number)
        store.mark("ledger.changes_written")
        corrections = standing.settle(store, touched, number)
        totals = activity_of(fresh.posts)
        if corrections.height:
            totals = summed(pl.concat([totals, corrections]))
        store.activity.append(totals)
        rollups.mark_touched(store, totals)
        add_dead_letters(store, batch, tally, now_us)
        account(store, batch, tally)
        listening.add(store, batch)
        flagged.note_moment(store, batch, number)
        high += edits.height
        connection.execute("UPDATE meta SET value = ? WHERE key = 'next_seq'", (str(high),))
        connection.execute("INSERT INTO commits VALUES (?, ?, ?, ?)", (number, now_us, low, high))
    return Saved(number=number, **tally.totals())


def _note_unheard(store: Store, batch: Batch, read: Read) -> None:
    """Offsets without a record of a network: our own ones, and those that expired before they were read, which are a gap."""
    expired = read.to_offset - read.from_offset - read.records
    if expired + read.own:
        store.connection.execute(
            "UPDATE partitions SET unheard = unheard + ? WHERE id = ?", (expired + read.own, read.origin)
        )
    if expired:
        listening.add_loss(store, batch, read.origin, expired)


def _next(store: Store) -> tuple[int, int]:
    """The next commit number and the next sequence number, under the lock."""
    (number,) = store.connection.execute("SELECT coalesce(max(number), 0) + 1 FROM commits").fetchone()
    return int(number), store.number("next_seq")


def _still_fresh(store: Store, prepared: Prepared) -> tuple[Encoded, pl.DataFrame, pl.Series]:
    """The split again, where other workers committed since; encoded anew only if they knew one of our posts."""
    fresh, again, waited = prepared.fresh, prepared.again, prepared.waited
    if store.keys.runs.newest_run() == prepared.as_of_run or fresh.posts.is_empty():
        return fresh, again, waited
    still, late, more = split(store, fresh.posts, prepared.as_of_run)
    waited = pl.concat([waited, more]).unique()
    if late.is_empty():
        return fresh, again, waited
    return encode(still), pl.concat([again, late]), waited


def _add_posts(store: Store, posts: Encoded, low: int, now_us: int) -> None:
    """Write blocks, index and keys of posts that get the sequence numbers from `low` on."""
    write(store, posts, low, now_us)
    numbered = posts.posts.select(
        "uid_key", "alias_key", pl.int_range(low, low + pl.len(), dtype=pl.Int64).alias("post")
    )
    aliases = numbered.filter(pl.col("alias_key").is_not_null()).select(pl.col("alias_key").alias("key"), "post")
    store.keys.add(pl.concat([numbered.select(pl.col("uid_key").alias("key"), "post"), aliases]))


def _roots_of(fresh: Encoded, uids: pl.Series, low: int) -> set[int]:
    """The sequence numbers of fresh posts by uid."""
    if uids.is_empty():
        return set()
    numbered = fresh.posts.select("uid", pl.int_range(low, low + pl.len(), dtype=pl.Int64).alias("seq"))
    return set(numbered.filter(pl.col("uid").is_in(uids.implode()))["seq"])
