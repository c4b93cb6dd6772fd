"""Functions between topics: claim partitions, call the function with what waits, append what it made, go on.

What a function returned, what it failed on, and how far it has read are appended in one transaction of the log, so a
process may be killed at any moment: nothing is lost, nothing is double. Any number of processes may run the same
functions; each partition is claimed by one at a time, and the log refuses what comes from one that was taken over.
"""

from __future__ import annotations

import logging
import queue
import threading
import zlib
from collections.abc import Callable, Sequence

import msgspec

from lapwing.contracts import Claimed, FunctionNote, Log
from lapwing.engine.clock import Clock
from lapwing.engine.inputs import Taken, Understand, taken
from lapwing.engine.membership import Membership
from lapwing.engine.settling import Plan, Settled, Slot, Task
from lapwing.errors import DiskFull, Fenced
from lapwing.model import Records

log_lines = logging.getLogger("lapwing.functions")

FRAME_RECORDS_MAX = 2_000
"""A frame has at most so many records."""
NOTE_US = 1_000_000
COMMIT_US = 100_000
"""What single calls made is appended this often, while others of the same records go on."""
WAIT_S = 0.05
GATHER_S = 0.002
"""After one call has returned others may: looking at them together is cheaper than waking for each."""
DRAIN_S = 5.0
"""When the function is to stop, calls have so long to return; what they make later is dropped, and made again."""
DISK_FULL_WAIT_S = 2.0
RUNNING = "running"


class Work:
    """Records of one partition that are being worked on, and what was made of them so far."""

    def __init__(self, claim: Claimed, of: Taken, now_us: int) -> None:
        self.claim = claim
        self.of = of
        self.done: dict[int, Settled] = {}
        """By the offset of every record; those of a frame have the same."""
        self.committed_us = now_us

    def finished(self) -> bool:
        """Whether every record is done with."""
        return len(self.done) == len(self.of.items)

    def ready(self, each: bool) -> tuple[int, list[Settled]]:
        """How far everything is done without a hole, and what was made up to there; of frames all or nothing."""
        if self.finished():
            return self.of.to_offset, self._made(self.of.to_offset)
        if not each:
            return self.claim.next_offset, []
        to_offset = next(item.offset for item in self.of.items if item.offset not in self.done)
        return to_offset, self._made(to_offset)

    def _made(self, to_offset: int) -> list[Settled]:
        wanted = [item.offset for item in self.of.items if self.claim.next_offset <= item.offset < to_offset]
        return list({id(self.done[offset]): self.done[offset] for offset in wanted}.values())


class FunctionRunner:
    """One function in one process: its claims, its calls, and the loop that joins them."""

    def __init__(self, plan: Plan, log: Log, clock: Clock, owner: str, understand: Understand) -> None:
        self.plan, self.log, self.clock, self.owner = plan, log, clock, owner
        self._understand = understand
        self._member = Membership(log, plan.name, plan.topic, owner)
        self._works: dict[tuple[str, int], Work] = {}
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._settled: queue.SimpleQueue[Settled | BaseException] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._noted_us = 0
        self._since = FunctionNote(name=plan.name, state=RUNNING)
        self._slots: list[threading.Thread] = []

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until `stop` says so; then wait a little for the calls in hand, and give the partitions up."""
        self._start()
        try:
            while not stop():
                self.step()
            deadline_s = self.clock.monotonic_s() + DRAIN_S
            self._ending.set()
            while (
                self._unsettled()
                and self.clock.monotonic_s() < deadline_s
                and any(slot.is_alive() for slot in self._slots)
            ):
                self._collect()
                self._commit()
            self._collect()
            self._commit(every=True)
        except Exception as problem:
            log_lines.exception("function %s", self.plan.name)
            self._since = msgspec.structs.replace(
                self._since, state=f"paused: {type(problem).__name__}: {problem}"[:300], last_error=str(problem)[:300]
            )
        finally:
            self._end()

    def _start(self) -> None:
        for number in range(self.plan.parallel):
            slot = Slot(self.plan, self.clock, self._ending, self._settled)
            name = f"lapwing-{self.plan.name}-{number}"
            self._slots.append(threading.Thread(target=slot.serve, args=(self._tasks,), daemon=True, name=name))
            self._slots[-1].start()

    def _end(self) -> None:
        self._ending.set()
        for _ in self._slots:
            self._tasks.put(None)
        self._note(self._since.state if self._since.state != RUNNING else "stopped", always=True)
        try:
            self._member.leave()
        except DiskFull as full:
            log_lines.error("%s", full)

    def step(self) -> None:
        """Keep the claims, hand out what waits, collect and append what was made."""
        try:
            self._member.keep(self.clock.now_us(), self._works)
            self._hand_out()
            self._collect()
            self._commit()
            self._note(RUNNING)
        except DiskFull as full:
            log_lines.error("%s", full)
            self.clock.sleep(DISK_FULL_WAIT_S)

    def _hand_out(self) -> None:
        """Take what waits, the partition that waited longest first, as long as calls are free for it."""
        if len(self._works) > self.plan.parallel:
            return
        spans = self.log.spans()
        free = [key for key in self._member.claims if key not in self._works and key not in self._member.leaving]
        for key in sorted(free, key=lambda key: self._member.claims[key].next_offset - spans[key][1]):
            claim = self._member.claims[key]
            if spans[key][1] <= claim.next_offset:
                continue
            chunks = self.log.read(*key, claim.next_offset, FRAME_RECORDS_MAX)
            if not chunks:
                continue
            of = taken(chunks, claim.next_offset, FRAME_RECORDS_MAX, self._understand, self.plan.changes)
            self._works[key] = Work(claim, of, self.clock.now_us())
            for rows in lanes(of, self.plan.parallel):
                self._tasks.put(Task(of, rows))
            if len(self._works) > self.plan.parallel:
                return

    def _collect(self) -> None:
        """What calls have become of since the last look; waits a moment where there is nothing."""
        if not self._works:
            self.clock.sleep(WAIT_S)
        try:
            if self._unsettled():
                self._keep(self._settled.get(timeout=WAIT_S))
                self.clock.sleep(GATHER_S)
            while True:
                self._keep(self._settled.get_nowait())
        except queue.Empty:
            return

    def _unsettled(self) -> bool:
        return any(not work.finished() for work in self._works.values())

    def _keep(self, settled: Settled | BaseException) -> None:
        if isinstance(settled, BaseException):
            raise settled
        self._since = msgspec.structs.replace(
            self._since,
            calls=self._since.calls + settled.calls,
            failures=self._since.failures + len(settled.failures),
            last_error=settled.failures[-1].reason if settled.failures else self._since.last_error,
        )
        work = self._works.get((settled.taken.topic, settled.taken.partition))
        if work is not None and work.of is settled.taken:
            work.done.update(dict.fromkeys(settled.offsets, settled))

    def _commit(self, *, every: bool = False) -> None:
        """Append what was made, with the failures and the offset."""
        for key, work in list(self._works.items()):
            now_us = self.clock.now_us()
            if not (every or work.finished() or abs(now_us - work.committed_us) >= COMMIT_US):
                continue
            to_offset, made = work.ready(self.plan.each)
            if to_offset > work.claim.next_offset:
                try:
                    outputs = self._outputs(made, now_us)
                    work.claim = self.log.append_and_advance(work.claim, to_offset, outputs, now_us=now_us)
                except Fenced as taken_over:
                    log_lines.warning("function %s: %s", self.plan.name, taken_over)
                    del self._works[key], self._member.claims[key]
                    continue
                work.committed_us, self._member.claims[key] = now_us, work.claim
            if work.finished():
                del self._works[key]

    def _outputs(self, made: list[Settled], now_us: int) -> list[tuple[str, Records]]:
        lines = [line for settled in made for line in settled.lines] if self.plan.to is not None else []
        failures = [failure.line for settled in made for failure in settled.failures]
        to = self.plan.to or ""
        return [
            (topic, self._records(values, keys, now_us))
            for topic, values, keys in (
                (to, [line for key, line in lines if key is not None], [key for key, _ in lines if key is not None]),
                (to, [line for key, line in lines if key is None], None),
                (self.plan.errors, failures, None),
            )
            if values
        ]

    def _records(self, values: list[bytes], keys: list[str] | None, now_us: int) -> Records:
        return Records(
            source=self.plan.name,
            network="",
            format="json",
            values=values,
            received_at_us=[now_us] * len(values),
            keys=keys,
        )

    def _note(self, state: str, *, always: bool = False) -> None:
        """Once a second, where something is new: say how it goes."""
        now_us = self.clock.now_us()
        if not always and 0 <= now_us - self._noted_us < NOTE_US:
            return
        lag = self.log.group_lag(self.plan.name, self.plan.topic)
        note = msgspec.structs.replace(self._since, state=state, lag=lag)
        try:
            self.log.note_function(note, now_us)
        except DiskFull as full:
            log_lines.error("%s", full)
            return
        self._noted_us = now_us
        self._since = msgspec.structs.replace(note, calls=0, failures=0, last_error="")


def lanes(of: Taken, parallel: int) -> list[list[int]]:
    """Rows that are worked on in their order, for each of the parallel calls: by their key, and those without in one."""
    rows_of: dict[int, list[int]] = {}
    for row, item in enumerate(of.items):
        lane = zlib.crc32(item.key.encode()) % parallel if item.key is not None else 0
        rows_of.setdefault(lane, []).append(row)
    return list(rows_of.values())


def idle(log: Log, plans: Sequence[Plan]) -> bool:
    """Whether no function has anything left to read, or was just about to get it from another."""
    before = log.spans()
    return all(log.group_lag(plan.name, plan.topic) == 0 for plan in plans) and log.spans() == before
