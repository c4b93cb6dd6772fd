"""The hallway: claim partitions, take what is in the log, understand it, save it, go on. Read this first.

A worker is one process that runs `Worker.run`. Any number may run at once on one data directory; each partition is
claimed by one at a time, and the ledger refuses what comes from one that was taken over.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from lapwing.contracts import Claimed, Ledger, Log
from lapwing.engine.clock import Clock
from lapwing.engine.keeping import Forgotten, sift
from lapwing.engine.understanding import Part, Understanding, batch_of, parts_of
from lapwing.errors import DiskFull, Fenced
from lapwing.model import COVERAGE, RETRIES, Batch, Chunk, Read, Saved

log_lines = logging.getLogger("lapwing.engine")

BATCH_RECORDS_MAX = 25_000
LINGER_US = 400_000
"""A batch that is not full waits this long after its first record was appended, so that it is saved within a second."""
HEARTBEAT_US = 500_000
IDLE_S = 0.05
EXPIRE_EVERY_US = 600_000_000
DISK_FULL_WAIT_S = 2.0
READ_TOPICS = ("raw.", RETRIES, COVERAGE)
"""Post topics, and those of our own that the ledger keeps; workers read all that begin like this."""


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No search for circular garbage in the middle of a batch, which makes none: the lists of decoding would start it
    hundreds of times, at 15 % of the CPU of decoding. What is young is looked through once, afterwards.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
            gc.collect(1)


class Worker:
    """One reader of the log: its claims, and the loop that empties them."""

    def __init__(
        self,
        way: tuple[Log, Ledger],
        how: Understanding,
        clock: Clock,
        owner: str,
        batch_records: int = BATCH_RECORDS_MAX,
    ) -> None:
        self.log, self.ledger = way
        self.how = how
        self.clock = clock
        self.owner = owner
        self.batch_records = batch_records
        self.linger_us = LINGER_US
        """0 where nothing more is to come, so that there is nothing to wait for."""
        self.claims: dict[tuple[str, int], Claimed] = {}
        self._heartbeat_us = 0
        self._expired_us = 0

    def run(self, stop: Callable[[], bool], saved: Callable[[Saved], None] = lambda _: None) -> None:
        """Work until `stop` says so; then finish the batch in hand and give the partitions up."""
        try:
            while not stop():
                self._keep_claims()
                with collector_at_rest():
                    worked = self.step(saved)
                if not self._tidied(idle=not worked) and not worked:
                    self.clock.sleep(IDLE_S)
        finally:
            self.ledger.release(self.owner)

    def step(self, saved: Callable[[Saved], None] = lambda _: None) -> bool:
        """Save what waits in the log, at most `batch_records` records of all our partitions together; whether there was any."""
        taken = self._take()
        if not taken:
            return False
        parts = [part for _, parts in taken for part in parts]
        batch = self._sifted(batch_of(parts, [read for read, _ in taken], self.how))
        try:
            saved(self.ledger.save(batch, self.clock.now_us()))
            for key, claimed in self.claims.items():
                ends = [read.to_offset for read, _ in taken if read.origin == claimed.id]
                self.claims[key] = msgspec.structs.replace(claimed, next_offset=max(ends, default=claimed.next_offset))
        except Fenced as taken_over:
            log_lines.warning("%s", taken_over)
            self.ledger.release(self.owner)
            self.claims.clear()
            self._heartbeat_us = 0
        except DiskFull as full:
            log_lines.error("%s", full)
            self.clock.sleep(DISK_FULL_WAIT_S)
        return True

    def _sifted(self, batch: Batch) -> Batch:
        marks = self.ledger.forgotten()
        forgotten = Forgotten(self.how.secret(), marks) if marks else Forgotten()
        return sift(batch, self.how.keeps, forgotten, self.ledger.held)

    def _take(self) -> list[tuple[Read, list[Part]]]:
        """What waits, partition after partition, the one that waited longest first."""
        spans = self.log.spans()
        taken: list[tuple[Read, list[Part]]] = []
        room, ripe = self.batch_records, False
        for claimed in sorted(
            self.claims.values(), key=lambda each: each.next_offset - spans[each.topic, each.partition][1]
        ):
            if room <= 0 or spans[claimed.topic, claimed.partition][1] <= claimed.next_offset:
                continue
            chunks = self.log.read(claimed.topic, claimed.partition, claimed.next_offset, room)
            if not chunks:
                continue
            ripe |= not 0 <= self.clock.now_us() - chunks[0].appended_at_us < self.linger_us  # a clock may be set back
            read, parts = self._cut(claimed, chunks, room)
            taken.append((read, parts))
            room -= read.records
        return taken if ripe or room <= 0 else []

    def _cut(self, claimed: Claimed, chunks: list[Chunk], room: int) -> tuple[Read, list[Part]]:
        start = claimed.next_offset
        end = min(chunks[-1].base_offset + len(chunks[-1].records.values), max(start, chunks[0].base_offset) + room)
        parts = [parts_of(chunk, claimed.id, (start, end)) for chunk in chunks]
        records = sum(len(part.offsets) for part in parts)
        own = sum(len(part.offsets) for part in parts if part.topic == COVERAGE)
        return Read(
            origin=claimed.id, epoch=claimed.epoch, from_offset=start, to_offset=end, records=records, own=own
        ), parts

    def _tidied(self, *, idle: bool) -> bool:
        try:
            now_us = self.clock.now_us()
            if now_us - self._expired_us > EXPIRE_EVERY_US:
                self._expired_us = now_us
                self.ledger.expire(now_us)
                self.log.expire(now_us)
            return self.ledger.tidy(idle)
        except DiskFull:
            return False

    def _keep_claims(self) -> None:
        """Twice a second: say that we live, take our share of partitions, give up what is more than our share."""
        now_us = self.clock.now_us()
        if 0 <= now_us - self._heartbeat_us < HEARTBEAT_US:
            return
        try:
            living = self.ledger.heartbeat(self.owner, now_us)
            self._heartbeat_us = now_us
            self._share(living, now_us)
        except DiskFull as full:
            log_lines.error("%s", full)
            self.clock.sleep(DISK_FULL_WAIT_S)

    def _share(self, living: int, now_us: int) -> None:
        """Partitions are taken and given up in turn, not in rows, since importers fill one after the other."""
        wanted = sorted(key for key in self.log.spans() if key[0].startswith(READ_TOPICS))
        share = -(-len(wanted) // max(1, living))
        held = sorted(self.claims)
        if len(held) > share:
            kept = held[::living][:share]
            for key in held:
                if key not in kept:
                    self.ledger.release(self.owner, self.claims.pop(key))
        for key in wanted:
            if len(self.claims) >= share:
                break
            if key not in self.claims and (claimed := self.ledger.claim(*key, self.owner, now_us)):
                self.claims[key] = claimed
