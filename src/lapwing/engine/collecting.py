"""The loop of collections: claim the partitions of their topics, take what is in the log, keep it, go on.

Like `loop.py`, and smaller: a record is a document or it is none, and each partition is saved by itself. One process that
runs `Collector.run` is enough; a second one takes over when the first is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from lapwing.contracts import Claimed, Log
from lapwing.engine.clock import Clock
from lapwing.errors import DiskFull, Fenced
from lapwing.model import Chunk

log_lines = logging.getLogger("lapwing.engine")

READ_RECORDS = 2_000
RENEW_US = 500_000
IDLE_S = 0.1
DISK_FULL_WAIT_S = 2.0


class Collecting(Protocol):
    """What the loop must know of a collection."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def topic(self) -> str:
        """Where its documents come from."""


Kept_contra = TypeVar("Kept_contra", bound=Collecting, contravariant=True)


class Documents(Protocol[Kept_contra]):
    """What keeps documents and how far topics were read."""

    def stands(self, kept: Kept_contra) -> bool:
        """Whether the collection is still kept like this."""

    def claim(self, kept: Kept_contra, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition for a collection; None while another holds it."""

    def renew(self, owner: str, now_us: int) -> None:
        """Say that what this owner holds is held."""

    def release(self, owner: str) -> None:
        """Give up everything of this owner."""

    def save(self, kept: Kept_contra, claimed: Claimed, chunks: list[Chunk], now_us: int) -> int:
        """Make documents and offset durable together, and give the offset that follows; raises `Fenced` or `DiskFull`."""


class Collector(msgspec.Struct):
    """One reader of the topics of some collections."""

    log: Log
    documents: Documents  # type: ignore[type-arg]
    wanted: list[Collecting]
    clock: Clock
    owner: str
    claims: dict[tuple[str, int], Claimed] = {}
    renewed_us: int = 0

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until `stop` says so; what is in hand is saved first."""
        try:
            while not stop():
                try:
                    self._keep_claims()
                    worked = self.step()
                except DiskFull as full:
                    log_lines.error("%s", full)
                    self.clock.sleep(DISK_FULL_WAIT_S)
                    continue
                except Fenced as rebuilt:
                    log_lines.warning("%s", rebuilt)
                    self.claims.clear()
                    self.renewed_us = 0
                    continue
                if not worked:
                    self.clock.sleep(IDLE_S)
        finally:
            self.documents.release(self.owner)

    def step(self) -> bool:
        """Save some of what waits in each partition that is ours; whether there was any."""
        spans = self.log.spans()
        worked = False
        for kept in self.wanted:
            for (name, partition), claimed in list(self.claims.items()):
                if name != kept.name or spans[kept.topic, partition][1] <= claimed.next_offset:
                    continue
                if chunks := self.log.read(kept.topic, partition, claimed.next_offset, READ_RECORDS):
                    self._save(kept, claimed, chunks)
                    worked = True
        return worked

    def _save(self, kept: Collecting, claimed: Claimed, chunks: list[Chunk]) -> None:
        key = (kept.name, chunks[0].partition)
        try:
            end = self.documents.save(kept, claimed, chunks, self.clock.now_us())
            self.claims[key] = msgspec.structs.replace(claimed, next_offset=end)
        except Fenced as taken_over:
            log_lines.warning("%s", taken_over)
            self.claims.pop(key)
            self.renewed_us = 0

    def _keep_claims(self) -> None:
        """Twice a second: say that we live, drop what became of another key, take the partitions that are free."""
        now_us = self.clock.now_us()
        if 0 <= now_us - self.renewed_us < RENEW_US:
            return
        self.documents.renew(self.owner, now_us)
        self.renewed_us = now_us
        self.wanted = [kept for kept in self.wanted if self.documents.stands(kept)]
        for kept in self.wanted:
            for topic, partition in self.log.spans():
                if topic == kept.topic and (kept.name, partition) not in self.claims:
                    claimed = self.documents.claim(kept, partition, self.owner, now_us)
                    if claimed is not None:
                        self.claims[kept.name, partition] = claimed
