"""Which of several hosts is asked, kept from one connection to the next: another one after some failures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

Host = TypeVar("Host")

FAILURES_MAX = 3
"""After so many in a row another host is tried."""
STEADY_S = 60.0
"""A connection that held for so long was no failure."""


class Rotation(Generic[Host]):
    """Hosts that say the same, in the order in which they are tried."""

    def __init__(self, hosts: Sequence[Host], first: Host | None = None) -> None:
        self.hosts = tuple(hosts)
        self._at = self.hosts.index(first) if first in self.hosts else 0
        self._failures = 0
        self._refused: set[int] = set()

    @property
    def current(self) -> Host:
        """The one to ask now."""
        return self.hosts[self._at]

    def broke(self, held_s: float) -> None:
        """The connection ended after so many seconds."""
        if held_s >= STEADY_S:
            self._failures = 0
            self._refused.clear()
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._turn()

    def refused(self) -> bool:
        """It does not let us in; whether there is another one that was not asked since."""
        self._refused.add(self._at)
        self._turn()
        if len(self._refused) < len(self.hosts):
            return True
        self._refused.clear()
        return False

    def _turn(self) -> None:
        self._failures = 0
        self._at = (self._at + 1) % len(self.hosts)

    async def close(self) -> None:
        """Nothing is open."""
