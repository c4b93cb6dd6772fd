"""One member of a group of readers: its share of a topic's partitions."""

from __future__ import annotations

from collections.abc import Collection

from lapwing.contracts import Claimed, Log

HEARTBEAT_US = 500_000

Partition = tuple[str, int]
"""Topic and number."""


class Membership:
    """Claims as many partitions of a topic as are this member's share, and gives up what is more."""

    def __init__(self, log: Log, group: str, topic: str, owner: str) -> None:
        self._log, self._group, self._topic, self._owner = log, group, topic, owner
        self.claims: dict[Partition, Claimed] = {}
        """What is ours, and where to go on reading."""
        self.leaving: set[Partition] = set()
        """What is to be given up as soon as nothing of it is in hand."""
        self._heartbeat_us = 0

    def keep(self, now_us: int, in_hand: Collection[Partition] = ()) -> None:
        """Twice a second: say that we live and take our share; what is `in_hand` is given up later."""
        if 0 <= now_us - self._heartbeat_us < HEARTBEAT_US:
            return
        living = self._log.heartbeat_group(self._group, self._owner, now_us)
        self._heartbeat_us = now_us
        wanted = sorted(key for key in self._log.spans() if key[0] == self._topic)
        share = -(-len(wanted) // max(1, living))
        self.leaving = set(sorted(self.claims)[share:])
        for key in sorted(self.leaving - set(in_hand)):
            self._log.release_group(self._group, self._owner, self.claims.pop(key))
        for key in wanted:
            if len(self.claims) >= share:
                break
            if key not in self.claims and (claimed := self._log.claim_group(self._group, *key, self._owner, now_us)):
                self.claims[key] = claimed

    def lose(self) -> None:
        """Somebody else has what was ours: begin anew at once."""
        self.claims.clear()
        self._heartbeat_us = 0

    def leave(self) -> None:
        """Give everything up, so that others need not wait for the leases to run out."""
        self._log.release_group(self._group, self._owner)
        self.claims.clear()
