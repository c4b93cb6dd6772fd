"""A new generation of the ledger: what the log still holds is understood again, everything else is copied unchanged.

Which posts there are, their edits, deletes and sightings do not change; what is known *of* them (text, language, place,
kind, index, counts) does. The old generation goes on being used until the new one takes its place by one rename.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from lapwing.errors import Fenced
from lapwing.ledger.sqlite import alerting_tables, flagged, forgotten, incident_tables, incidents, names, rollups
from lapwing.ledger.sqlite.blocks import FACTS, TEXTS, Block, Blocks, encode
from lapwing.ledger.sqlite.ledger import CURRENT, SqliteLedger, generation_path
from lapwing.ledger.sqlite.postings import chunks, postings_of
from lapwing.ledger.sqlite.prepare import coded, keyed
from lapwing.ledger.sqlite.standing import activity_in
from lapwing.ledger.sqlite.store import Store
from lapwing.text.words import cut_hashed

Understand = Callable[[dict[int, np.ndarray]], pl.DataFrame]
"""Offsets by partition number (of the ledger) → the posts of those records that the log still holds, with what the
stages add, and `source`, `network`, `origin`, `offset`, `received_at_us`."""

NARROW = (
    "networks",
    "sources",
    "places",
    "partitions",
    "workers",
    "commits",
    "accounting",
    "filtered",
    "hidden",
    "versions",
    "sightings",
    "deletes",
    "author_changes",
    "flips",
    "dead_letters",
    "coverage",
    "gaps",
    "listening",
    "duties",
    "missed",
    "forgotten",
    "outbox",
    "outbox_alerts",
    "outbox_recipients",
    "outbox_channels",
    "outbox_deliveries",
    "runs",
    "pages",
    "meta",
    "collections",
    "documents",
    "document_terms",
)
"""Tables that are copied as they are; `hours` and `hours_done` are made again."""


class Rebuilt(msgspec.Struct, frozen=True):
    """How it went: posts (with their edits) that were understood again, and those that were copied."""

    recomputed: int
    copied: int
    generation: str


def rebuild(ledger: SqliteLedger, understand: Understand) -> Rebuilt:
    """Make the next generation and switch to it. Others may read and write meanwhile, but for the last moments."""
    old = ledger.store
    number = old.number("generation") + 1
    path = ledger.folder / f"generation-{number}.sqlite"
    for leftover in ledger.folder.glob(f"{path.name}*"):
        leftover.unlink()
    new = Store(path, ledger.lock)
    try:
        target, erased = old.number("next_seq"), forgotten.erasures(old)
        made = _Generation(old, new, understand)
        with old.snapshot():  # merging goes on meanwhile
            made.fill(0, target)
        with ledger.lock:  # from here on nobody writes: what came meanwhile is understood as it is, and we switch
            if forgotten.erasures(old) != erased:
                raise Fenced("people were forgotten meanwhile", "begin the rebuild again")
            made.fill(target, old.number("next_seq"))
            made.finish(number)
            new.close()
            _switch(ledger.folder, path)
    except BaseException:
        new.close()
        path.unlink(missing_ok=True)
        raise
    return Rebuilt(made.recomputed, made.copied, path.name)


def _switch(folder: Path, path: Path) -> None:
    before = generation_path(folder)
    fresh = folder / f"{CURRENT}.new"
    fresh.write_text(path.name)
    fresh.rename(folder / CURRENT)
    for file in folder.glob("generation-*.sqlite"):
        if file not in (before, path):
            file.unlink()


class _Generation:
    """The new store while it is being filled."""

    def __init__(self, old: Store, new: Store, understand: Understand) -> None:
        self.old = old
        self.new = new
        self.understand = understand
        self.recomputed = 0
        self.copied = 0
        self._copy(("networks", "sources"))

    def _copy(self, tables: tuple[str, ...]) -> None:
        self.new.connection.execute("ATTACH ? AS old", (str(self.old.path),))
        try:
            self.new.connection.execute("BEGIN IMMEDIATE")
            for table in tables:
                self.new.connection.execute(f"DELETE FROM main.{table}")
                self.new.connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")
            self.new.connection.execute("COMMIT")
        finally:
            self.new.connection.execute("DETACH old")

    def fill(self, low: int, high: int) -> None:
        """Make blocks of the posts `low` to `high - 1`."""
        for block in self.old.facts.listed("low < ? AND low + rows > ?", (high, low)):
            start, stop = max(block.low, low), min(block.low + block.rows, high)
            facts = self.old.facts.read(block)[start - block.low : stop - block.low]
            texts = self.old.texts.at(np.arange(start, stop), *TEXTS)
            (committed_us,) = self.old.connection.execute(
                "SELECT committed_us FROM facts WHERE id = ?", (block.id,)
            ).fetchone()
            self._block(start, facts, texts, committed_us)

    def _block(self, low: int, facts: pl.DataFrame, texts: pl.DataFrame, committed_us: int) -> None:
        numbered = names.restored(facts).with_columns(pl.int_range(low, low + pl.len(), dtype=pl.Int64).alias("seq"))
        whole = numbered.join(texts, on="seq", how="left", maintain_order="left")
        fresh = self._understood(whole)
        rows = _updated(whole, fresh)
        self.recomputed += fresh.height
        self.copied += whole.height - fresh.height
        with self.new.transaction():
            flagged.judge_again(self.old, self.new, (low, low + rows.height), fresh)
            _write(self.new.facts, low, names.shortened(rows).select(list(FACTS)), rows["created_at_us"], committed_us)
            for part in _unbroken(rows.filter(pl.col("text").is_not_null())):
                for start in range(0, part.height, self.new.texts.rows_max):
                    some = part[start : start + self.new.texts.rows_max]
                    _write(
                        self.new.texts, some["seq"][0], some.select(list(TEXTS)), some["created_at_us"], committed_us
                    )
            hashes = cut_hashed(rows["text"].fill_null(""))["term_hashes"]
            self.new.postings.add(low, list(chunks(postings_of(hashes))))

    def _understood(self, whole: pl.DataFrame) -> pl.DataFrame:
        """The posts of a block that the log still holds, as they are understood now, as rows of facts and texts."""
        alive = whole.filter(pl.col("text").is_not_null())
        wanted = {
            key[0]: np.sort(rows["offset"].to_numpy())
            for key, rows in alive.partition_by("origin", as_dict=True).items()
        }
        found = self.understand(wanted)
        numbers = dict(self.new.connection.execute("SELECT name, id FROM sources"))
        posts = keyed(self.new, found.with_columns(coded("source", numbers, pl.UInt32())))
        # A record that now has another name or version would be another post: that one stays as it was.
        return posts.join(
            alive.select("uid", "version", "origin", "offset", "seq"), on=["uid", "version", "origin", "offset"]
        )

    def finish(self, number: int) -> None:
        """Copy what is narrow, count again, and give the generation its number."""
        self._copy((*NARROW, *incident_tables.TABLES, *alerting_tables.TABLES))
        with self.new.transaction() as connection:
            connection.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(number),))
            connection.execute("UPDATE meta SET value = '0' WHERE key = 'nameless_until_us'")
            incidents.begin_again(self.new)
            connection.execute("DELETE FROM pages WHERE store = 'activity'")
            connection.execute("DELETE FROM runs WHERE store = 'activity'")
            for block in self.new.facts.listed():
                activity = activity_in(self.new, block)
                self.new.activity.append(activity)
                rollups.mark_touched(self.new, activity)


def _updated(whole: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """The rows of a block, those that were understood again in their new form, by sequence number."""
    order = ["seq", *(name for name in (*FACTS, *TEXTS) if name != "uid_form")]
    kept = whole.join(fresh.select("seq"), on="seq", how="anti").select(order)
    return pl.concat([kept, fresh.select(order)]).sort("seq")


def _write(blocks: Blocks, low: int, frame: pl.DataFrame, times: pl.Series, committed_us: int) -> None:
    block = Block(0, low, frame.height, int(times.min()), int(times.max()))  # type: ignore[arg-type]
    blocks.add(block, encode(frame), committed_us)


def _unbroken(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Parts whose sequence numbers follow one another."""
    return rows.with_columns((pl.col("seq") - pl.int_range(pl.len())).alias("part")).partition_by(
        "part", include_key=False, maintain_order=True
    )
