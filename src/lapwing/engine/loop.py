"""The hallway: claim partitions, take what is in the log, understand it, save it, go on. Read this first.

A worker is one process that runs `Worker.run`. Any number may run at once on one data directory; each partition is
claimed by one at a time, and the ledger refuses what comes from one that was taken over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from lapwing.contracts import Claimed, Ledger, Log
from lapwing.engine.clock import Clock
from lapwing.engine.understanding import Understanding, batch_of, own_records, parts_of, understand_or_bisect
from lapwing.errors import DiskFull, Fenced
from lapwing.model import COVERAGE, RETRIES, Batch, Chunk, Saved

log_lines = logging.getLogger("lapwing.engine")

BATCH_RECORDS_MAX = 50_000
LINGER_US = 400_000
"""A batch that is not full waits this long after its first record was appended, so that it is saved within a second."""
HEARTBEAT_US = 500_000
IDLE_S = 0.05
DISK_FULL_WAIT_S = 2.0
READ_TOPICS = ("raw.", RETRIES, COVERAGE)
"""Post topics, and those of our own that the ledger keeps; workers read all that begin like this."""


class Worker:
    """One reader of the log: its claims, and the loop that empties them."""

    def __init__(self, log: Log, ledger: Ledger, how: Understanding, clock: Clock, owner: str) -> None:
        self.log = log
        self.ledger = ledger
        self.how = how
        self.clock = clock
        self.owner = owner
        self.claims: dict[tuple[str, int], Claimed] = {}
        self._heartbeat_us = 0

    def run(self, stop: Callable[[], bool], saved: Callable[[Saved], None] = lambda _: None) -> None:
        """Work until `stop` says so; then finish the batch in hand and give the partitions up."""
        try:
            while not stop():
                self._keep_claims()
                worked = self.step(saved)
                if not self._tidied() and not worked:
                    self.clock.sleep(IDLE_S)
        finally:
            self.ledger.release(self.owner)

    def step(self, saved: Callable[[Saved], None] = lambda _: None) -> bool:
        """Save one batch of each partition that has one; whether there was any."""
        worked = False
        spans = self.log.spans()
        for key in list(self.claims):
            claimed = self.claims.get(key)  # a claim may be given up while another partition is worked on
            if claimed is not None and spans[key][1] > claimed.next_offset:
                worked |= self._work(key, claimed, saved)
        return worked

    def _work(self, key: tuple[str, int], claimed: Claimed, saved: Callable[[Saved], None]) -> bool:
        chunks = self.log.read(*key, claimed.next_offset, BATCH_RECORDS_MAX)
        if not chunks:
            return False
        end = min(chunks[-1].base_offset + len(chunks[-1].records.values), max(claimed.next_offset, chunks[0].base_offset) + BATCH_RECORDS_MAX)
        young = self.clock.now_us() - chunks[0].appended_at_us < LINGER_US
        if young and end - claimed.next_offset < BATCH_RECORDS_MAX:
            return False
        batch = self._understood(key, claimed, chunks, end)
        try:
            saved(self.ledger.save(batch, claimed.id, self.clock.now_us()))
            self.claims[key] = msgspec.structs.replace(claimed, next_offset=end)
        except Fenced as taken:
            log_lines.warning("%s", taken)
            self.claims.pop(key, None)
        except DiskFull as full:
            log_lines.error("%s", full)
            self.clock.sleep(DISK_FULL_WAIT_S)
        self._keep_claims()
        return True

    def _understood(self, key: tuple[str, int], claimed: Claimed, chunks: list[Chunk], end: int) -> Batch:
        offsets = (claimed.next_offset, end)
        retried, covered = own_records(chunks, offsets)
        understood = understand_or_bisect([] if covered else parts_of(chunks, *offsets), self.how)
        batch = batch_of(understood, (*key, claimed.epoch), offsets)
        return msgspec.structs.replace(batch, retried=retried, covered=covered)

    def _tidied(self) -> bool:
        try:
            return self.ledger.tidy()
        except DiskFull:
            return False

    def _keep_claims(self) -> None:
        """Twice a second: say that we live, take our share of partitions, give up what is more than our share."""
        now_us = self.clock.now_us()
        if now_us - self._heartbeat_us < HEARTBEAT_US:
            return
        try:
            living = self.ledger.heartbeat(self.owner, now_us)
            self._heartbeat_us = now_us
            self._share(living, now_us)
        except DiskFull as full:
            log_lines.error("%s", full)
            self.clock.sleep(DISK_FULL_WAIT_S)

    def _share(self, living: int, now_us: int) -> None:
        wanted = sorted(key for key in self.log.spans() if key[0].startswith(READ_TOPICS))
        share = -(-len(wanted) // max(1, living))
        for key in sorted(self.claims)[share:]:
            self.ledger.release(self.owner, self.claims.pop(key))
        for key in wanted:
            if len(self.claims) >= share:
                break
            if key not in self.claims and (claimed := self.ledger.claim(*key, self.owner, now_us)):
                self.claims[key] = claimed
