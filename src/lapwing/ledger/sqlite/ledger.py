"""The embedded ledger as the engine sees it: claim, save, tidy. Reading is in `reading.py` and `counting.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl

from lapwing.contracts import Claimed
from lapwing.errors import Corrupt
from lapwing.ledger.sqlite import forgotten, leases, upkeep
from lapwing.ledger.sqlite.cache import Cache
from lapwing.ledger.sqlite.commit import commit
from lapwing.ledger.sqlite.leases import WriterLock
from lapwing.ledger.sqlite.prepare import held, prepare
from lapwing.ledger.sqlite.retention import Retention, expire
from lapwing.ledger.sqlite.store import Mark, Store
from lapwing.model import Batch, Saved

CURRENT = "CURRENT"
"""The file that names the generation in use; replaced by one rename."""

DescribePlaces = Callable[[list[int]], list[tuple[int, str, str, float, float, int]]]
"""Place ids → (id, name, country, longitude, latitude, population)."""


class SqliteLedger:
    """The ledger of one data directory. One object for each process and thread."""

    def __init__(
        self,
        folder: Path,
        *,
        durability: str = "app-crash",
        mark: Mark = lambda _: None,
        describe_places: DescribePlaces = lambda _: [],
        retention: Retention | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lock = WriterLock(folder / "writer.lock")
        self._durability, self._mark = durability, mark
        self._memory: Cache | None = None
        try:
            self._store = self._open()
        except BaseException:
            self.lock.close()
            raise
        self._describe_places = describe_places
        self._retention = retention
        self._described: set[int] = set()

    def _open(self) -> Store:
        store = Store(generation_path(self.folder), self.lock, self._durability, self._mark)
        store.is_current = lambda: generation_path(self.folder) == store.path
        if self._memory is not None:
            store.share(self._memory)
        return store

    def share(self, memory: Cache) -> None:
        """Keep what is decoded in this memory, as other threads of this process do that only read."""
        self._memory = memory
        self._store.share(memory)

    @property
    def store(self) -> Store:
        """The generation in use; after a rebuild, the new one."""
        if not self._store.is_current():
            self._store.close()
            self._store = self._open()
        return self._store

    def claim(self, topic: str, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition that is free or whose owner fell silent; None while another holds it."""
        with self.store.transaction() as connection:
            return leases.claim(connection, topic, partition, (owner, os.getpid()), now_us)

    def claims(self) -> dict[tuple[str, int], tuple[str | None, int, int]]:
        """Owner, heartbeat and next offset of every partition that was ever claimed."""
        rows = self.store.connection.execute(
            "SELECT topic, partition, owner, heartbeat_us, next_offset FROM partitions"
        )
        return {(topic, partition): (owner, heartbeat, offset) for topic, partition, owner, heartbeat, offset in rows}

    def heartbeat(self, owner: str, now_us: int) -> int:
        """Say that this worker lives and keeps its partitions; returns how many workers live."""
        with self.store.transaction() as connection:
            return leases.heartbeat(connection, owner, os.getpid(), now_us)

    def release(self, owner: str, claim: Claimed | None = None) -> None:
        """Give up one partition, or everything of this worker."""
        with self.store.transaction() as connection:
            leases.release(connection, owner, claim.id if claim else None)

    def save(self, batch: Batch, now_us: int) -> Saved:
        """Make a batch and its offsets durable in one transaction.

        Raises `Fenced` if one of its partitions was taken over, `DiskFull` if there is no room; then nothing was changed.
        """
        self._describe(batch)
        return commit(self.store, prepare(self.store, batch), now_us)

    def _describe(self, batch: Batch) -> None:
        new = [place for place in batch.posts["place"].unique().to_list() if place and place not in self._described]
        if new:
            with self.store.transaction() as connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?, ?, ?)", self._describe_places(new)
                )
            self._described.update(new)

    def tidy(self, idle: bool) -> bool:
        """Merge what has piled up, or roll up an hour when idle, one step; whether there was anything to do."""
        return upkeep.tidy(self.store, idle)

    def expire(self, now_us: int) -> int:
        """Drop what is older than the retention; how many posts lost something."""
        return expire(self.store, self._retention, now_us) if self._retention else 0

    def held(self, names: pl.DataFrame) -> pl.Series:
        """Of posts by `uid` and `uid_time_us`: the lowest version that is held, null where none is."""
        return held(self.store, names)

    def forgotten(self) -> frozenset[bytes]:
        """By what people are known again who were forgotten."""
        return forgotten.marks(self.store)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.lock.close()


def generation_path(folder: Path) -> Path:
    """The file of the generation in use."""
    current = folder / CURRENT
    if not current.exists():
        return folder / "generation-1.sqlite"
    path = folder / current.read_text().strip()
    if not path.exists():
        raise Corrupt(f"{current} names {path.name}, which is not there", "restore a backup of the data directory")
    return path
