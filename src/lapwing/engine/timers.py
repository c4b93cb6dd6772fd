"""Functions that run at intervals: one process at a time runs each, and remembers when the last run was due."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lapwing.contracts import Log, TimerLease
from lapwing.engine.calling import Abandoned, Outcome, ThreadCaller, TooManyAbandoned, took_too_long
from lapwing.engine.clock import Clock
from lapwing.engine.returned import Given
from lapwing.errors import DiskFull, Fenced

log_lines = logging.getLogger("lapwing.timers")

MISSED_MAX = 1_000
"""With ``catch_up = "all"``, not more than so many missed runs are made up for."""
HEARTBEAT_US = 1_000_000
WAIT_S = 0.05


class TimerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, and how often."""

    name: str
    function: Callable[[], Any]
    every_us: int
    timeout_s: float = 300.0
    catch_up: str = "once"


class Due(msgspec.Struct, frozen=True):
    """Whether a timer is to run now, and when its last run was due, this one included."""

    runs: bool
    last_us: int


def due(plan: TimerPlan, last_us: int | None, now_us: int) -> Due:
    """What is to be done now about a timer whose last run was due at `last_us`; None is never.

    Its first run is at once. Missed runs are made up for by one (``once``), by as many as were missed (``all``), or not
    at all (``none``): then the next one comes when it would have come anyway.
    """
    if last_us is None:
        return Due(True, now_us)
    last_us = min(last_us, now_us)  # a clock that was set back does not stop a timer
    missed = (now_us - last_us) // plan.every_us
    if missed == 0:
        return Due(False, last_us)
    if missed == 1 or plan.catch_up == "once":
        return Due(True, last_us + missed * plan.every_us)
    if plan.catch_up == "all":
        return Due(True, last_us + (1 + max(0, missed - MISSED_MAX)) * plan.every_us)
    return Due(False, last_us + missed * plan.every_us)


class _Timer:
    """One timer in this process."""

    def __init__(self, plan: TimerPlan) -> None:
        self.plan = plan
        self.lease: TimerLease | None = None
        self.last_us: int | None = None
        self.asked_us = 0
        self.started_s: float | None = None
        self.caller = ThreadCaller(lambda _: _run(plan.function), Abandoned())


def _run(function: Callable[[], Any]) -> None:
    function()


class Timers:
    """The timers of one process; `step` never waits for what they run."""

    def __init__(self, plans: Sequence[TimerPlan], log: Log, clock: Clock, owner: str) -> None:
        self._timers = [_Timer(plan) for plan in plans]
        self._log, self._clock, self._owner = log, clock, owner

    def run(self, stop: Callable[[], bool]) -> None:
        """Run what is due until `stop` says so."""
        try:
            while not stop():
                self.step()
                self._clock.sleep(WAIT_S)
        finally:
            for timer in self._timers:
                if timer.lease is not None:
                    self._log.release_timer(timer.lease)

    def step(self) -> None:
        """Renew leases, see what has become of runs, start what is due."""
        for timer in self._timers:
            try:
                if self._held(timer) and not self._busy(timer):
                    self._start_if_due(timer)
            except Fenced as taken_over:
                log_lines.warning("%s", taken_over)
                timer.lease = None
            except DiskFull as full:
                log_lines.error("%s", full)

    def busy(self) -> bool:
        """Whether anything is running."""
        return any(timer.started_s is not None for timer in self._timers)

    def _held(self, timer: _Timer) -> bool:
        """Whether the timer is ours; once a second, take it or renew its lease."""
        now_us = self._clock.now_us()
        if timer.asked_us == 0 or not 0 <= now_us - timer.asked_us < HEARTBEAT_US:
            timer.asked_us = now_us
            if timer.lease is not None:
                self._log.keep_timer(timer.lease, now_us)
            elif (lease := self._log.claim_timer(timer.plan.name, self._owner, now_us)) is not None:
                timer.lease, timer.last_us = lease, lease.last_us
        return timer.lease is not None

    def _busy(self, timer: _Timer) -> bool:
        """Whether a run is going on; what became of it is kept."""
        if timer.started_s is None:
            return False
        outcome = timer.caller.outcome(0.0)
        if outcome is None:
            if self._clock.monotonic_s() - timer.started_s < timer.plan.timeout_s:
                return True
            timer.caller.abandon()
            outcome = took_too_long(timer.plan.timeout_s)
        timer.started_s = None
        self._keep(timer, outcome)
        return False

    def _keep(self, timer: _Timer, outcome: Outcome) -> None:
        assert timer.lease is not None
        if outcome.lines is None:
            log_lines.error("timer %s: %s\n%s", timer.plan.name, outcome.reason, outcome.trace)
        self._log.keep_timer(timer.lease, self._clock.now_us(), failure=outcome.reason)

    def _start_if_due(self, timer: _Timer) -> None:
        assert timer.lease is not None
        now_us = self._clock.now_us()
        found = due(timer.plan, timer.last_us, now_us)
        timer.last_us = found.last_us
        if not found.runs:
            return
        # Kept before it runs: a process that is killed in the middle does not run it twice.
        self._log.keep_timer(timer.lease, now_us, last_us=found.last_us)
        timer.started_s = self._clock.monotonic_s()
        try:
            timer.caller.begin(Given(None))
        except TooManyAbandoned as problem:
            timer.started_s = None
            self._keep(timer, Outcome(reason=str(problem)))
