"""The loop of incidents: one process at a time follows the commits, groups what was flagged, and saves what became of it.

Like `collecting.py`: a lease, a step, a rest. A second process that runs it waits, and takes over when the first is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import msgspec

from lapwing.engine.clock import Clock
from lapwing.errors import DiskFull, Fenced

log_lines = logging.getLogger("lapwing.incidents")

RENEW_US = 500_000
IDLE_S = 0.25
DISK_FULL_WAIT_S = 2.0


class Follower(Protocol):
    """What reads flagged posts in the order of commits."""

    def claim(self, now_us: int) -> bool:
        """Take the place of the reader, and what it worked on; False while another has it."""

    def renew(self, now_us: int) -> None:
        """Say that the place is still ours."""

    def step(self, now_us: int) -> bool:
        """Work on some commits and decisions, and save them; whether there were any. Raises `Fenced` or `DiskFull`."""

    def release(self) -> None:
        """Give the place up."""


class Incidents(msgspec.Struct):
    """The stage of incidents in this process."""

    follower: Follower
    clock: Clock
    held: bool = False
    renewed_us: int = 0

    def run(self, stop: Callable[[], bool]) -> None:
        """Follow until `stop` says so; what is in hand is saved first."""
        try:
            while not stop():
                if not self.turn():
                    self.clock.sleep(IDLE_S)
        finally:
            self.follower.release()

    def turn(self) -> bool:
        """Keep the lease and take one step; whether there was anything to do."""
        try:
            now_us = self.clock.now_us()
            if not 0 <= now_us - self.renewed_us < RENEW_US:
                if self.held:
                    self.follower.renew(now_us)
                else:
                    self.held = self.follower.claim(now_us)
                self.renewed_us = now_us
            return self.held and self.follower.step(now_us)
        except Fenced as taken_over:
            log_lines.warning("%s", taken_over)
            self.held, self.renewed_us = False, 0
        except DiskFull as full:
            log_lines.error("%s", full)
            self.held, self.renewed_us = False, 0  # what was worked out is not saved: it is worked out again
            self.clock.sleep(DISK_FULL_WAIT_S)
        return False
