"""A log, a ledger and a worker as the product puts them together, with one stage of the test's own: places by number."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from streams import Event

from lapwing.app.opening import Formats
from lapwing.engine.clock import SystemClock
from lapwing.engine.loop import Worker
from lapwing.engine.understanding import Understanding
from lapwing.ledger.sqlite.counting import counts
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.verify import verify
from lapwing.log.sqlite import SqliteLog
from lapwing.model import Records
from lapwing.text.words import cut_hashed


def place_by_number(posts: pl.DataFrame) -> pl.DataFrame:
    """`place 3` is at place 3: the test says where a post is, so that the model need not know about cities."""
    return posts.with_columns(
        pl.col("text").str.extract(r"place (\d)").cast(pl.UInt32).fill_null(0).alias("place"),
        pl.lit("").alias("country"),
        pl.lit(3, pl.UInt8).alias("place_by"),
        pl.lit(1.0, pl.Float32).alias("place_confidence"),
        pl.lit(None, pl.String).alias("place_evidence"),
        *cut_hashed(posts["text"]),
    )


HOW = Understanding(Formats(), [place_by_number])


class House:
    """One data directory of the test."""

    def __init__(self, folder: Path, partitions: int = 3, batch_records: int = 10_000) -> None:
        self.batch_records = batch_records
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = SystemClock()
        self.log = SqliteLog(folder / "log.sqlite", partitions=partitions)
        self.ledger = SqliteLedger(folder / "ledger")

    def append(self, events: list[Event], batch: int = 7) -> None:
        """Put events into the log, a few at a time, long enough ago that no worker waits for more."""
        now_us = self.clock.now_us()
        for start in range(0, len(events), batch):
            kinds: dict[tuple[str, str, str], list[bytes]] = {}
            for event in events[start : start + batch]:
                kinds.setdefault((event.source, event.network, event.format), []).append(event.record)
            for (source, network, format_), values in kinds.items():
                records = Records(
                    source=source, network=network, format=format_, values=values, received_at_us=[now_us] * len(values)
                )
                self.log.append(f"raw.{network}", records, now_us=now_us - 10_000_000)

    def worker(self, name: str = "worker") -> Worker:
        return Worker((self.log, self.ledger), HOW, self.clock, name, batch_records=self.batch_records)

    def work(self) -> None:
        """Until the log is worked through."""
        self.worker().run(lambda: self.behind() == 0)

    def behind(self) -> int:
        claims = self.ledger.claims()
        return sum(end - claims.get(key, (None, 0, 0))[2] for key, (_, end) in self.log.spans().items())

    def accounting(self) -> dict[str, int]:
        names = ("received", "stored", "duplicates", "changes", "filtered", "refused")
        row = self.ledger.store.connection.execute(
            "SELECT " + ", ".join(f"coalesce(sum({name}), 0)" for name in names) + " FROM accounting"
        ).fetchone()
        return dict(zip(names, row, strict=True))

    def counts(self, window_us: int) -> dict[tuple[int, int], tuple[int, int, int]]:
        rows = counts(self.ledger.store, Filters(), window_us, "place").iter_rows()
        return {(window, place): (posts, reposts, people) for window, place, posts, reposts, people in rows}

    def broken(self) -> list[str]:
        # The stage of this test cuts words in its own way, so the index is not what the product's own would be.
        findings = verify(self.ledger.store, self.log.spans())
        return [
            line
            for finding in findings
            if finding.promise != "the index holds the words of the texts"
            for line in finding.broken
        ]

    def close(self) -> None:
        self.ledger.close()
        self.log.close()
