"""What became of every record, by source; and the dead letters, which are the refused ones themselves."""

from __future__ import annotations

import hashlib

import polars as pl
import zstandard

from lapwing.ledger.sqlite.store import Store
from lapwing.model import Batch, DeadLetter

OUTCOMES = ("received", "stored", "duplicates", "changes", "filtered", "refused")
HASH_BYTES = 16


class Tally:
    """Counts by outcome and source number, as a transaction goes."""

    def __init__(self, store: Store, batch: Batch, retried: dict[int, int]) -> None:
        """`retried`: by source number, how many of the records are dead letters that were taken back."""
        self.counts: dict[str, dict[int, int]] = {outcome: {} for outcome in OUTCOMES}
        for heard in batch.heard:
            source = store.source_id(heard.source, heard.network)
            self.counts["received"][source] = self.counts["received"].get(source, 0) + heard.received
            self.counts["filtered"][source] = self.counts["filtered"].get(source, 0) + sum(heard.filtered.values())

        for source, count in retried.items():  # they were received before; now they only move
            self.counts["received"][source] -= count
            self.counts["refused"][source] = -count

    def add(self, outcome: str, sources: pl.Series, sign: int = 1) -> None:
        """Count one record for each source number in the list."""
        for source, count in sources.value_counts().iter_rows():
            self.counts[outcome][source] = self.counts[outcome].get(source, 0) + sign * count

    def tell_apart(self, heard: pl.DataFrame, new: pl.DataFrame) -> None:
        """Of what was `heard`, the `new` rows are changes, the others duplicates."""
        self.add("changes", new["source"])
        self.add("duplicates", heard["source"])
        self.add("duplicates", new["source"], -1)

    def totals(self) -> dict[str, int]:
        """Over all sources; `received` must be the sum of the others."""
        totals = {outcome: sum(by_source.values()) for outcome, by_source in self.counts.items()}
        rest = sum(count for outcome, count in totals.items() if outcome != "received")
        assert totals["received"] == rest, f"{totals['received']} records came in, {rest} are accounted for: {totals}"
        return totals


def add_dead_letters(store: Store, batch: Batch, tally: Tally, now_us: int) -> None:
    """Keep each refused record once; one that was refused before is a duplicate."""
    again = "DO UPDATE SET retried = 0, reason = excluded.reason WHERE retried = 1"
    for letter in batch.refused:
        source = store.source_id(letter.source, letter.network)
        new = insert_dead_letter(store, hash_of(letter), letter, now_us, known=again)
        tally.add("refused" if new else "duplicates", pl.Series([source]))


def insert_dead_letter(store: Store, name: bytes, letter: DeadLetter, now_us: int, known: str = "DO NOTHING") -> bool:
    """Keep a dead letter under a hash of its own, inside the caller's transaction; what to do with one that is `known`
    is said in SQL. Whether anything was written.
    """
    row = (
        name,
        letter.topic,
        letter.partition,
        letter.offset,
        letter.source,
        letter.network,
        letter.format,
        letter.reason,
        letter.received_at_us,
        now_us,
        zstandard.ZstdCompressor(level=3).compress(letter.record),
    )
    statement = (
        "INSERT INTO dead_letters (hash, topic, partition, offset, source, network, format, reason, "
        f"received_at_us, refused_at_us, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) {known}"
    )
    return store.connection.execute(statement, row).rowcount == 1


def take_back(store: Store, batch: Batch) -> dict[int, int]:
    """Mark dead letters that are read again, inside the caller's transaction; how many really were, by source number."""
    counts: dict[int, int] = {}
    origin = batch.reads[0].origin if batch.reads else 0
    for number in batch.retried:
        row = store.connection.execute(
            "UPDATE dead_letters SET retried = 1 WHERE id = ? AND retried = 0 RETURNING source, network", (number,)
        ).fetchone()
        if row is not None:
            source = store.source_id(*row)
            counts[source] = counts.get(source, 0) + 1
            store.connection.execute("UPDATE partitions SET unheard = unheard + 1 WHERE id = ?", (origin,))
    return counts


def hash_of(letter: DeadLetter) -> bytes:
    """The key of a dead letter: 128 bits of the SHA-256 of its format and record."""
    return hashlib.sha256(letter.format.encode() + b"\0" + letter.record).digest()[:HASH_BYTES]


def account(store: Store, batch: Batch, tally: Tally) -> None:
    """Add this batch to the accounting since the beginning, inside the caller's transaction."""
    for source in tally.counts["received"]:
        row = [tally.counts[outcome].get(source, 0) for outcome in OUTCOMES]
        store.connection.execute("INSERT OR IGNORE INTO accounting (source) VALUES (?)", (source,))
        changed = ", ".join(f"{outcome} = {outcome} + ?" for outcome in OUTCOMES)
        store.connection.execute(f"UPDATE accounting SET {changed} WHERE source = ?", (*row, source))
    for heard in batch.heard:
        source = store.source_id(heard.source, heard.network)
        for reason, records in heard.filtered.items():
            store.connection.execute(
                "INSERT INTO filtered VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET records = records + excluded.records",
                (source, reason, records),
            )
