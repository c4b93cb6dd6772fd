"""A topic read by a program of the user's: everything, or what a group has not read yet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec

from lapwing.app.functions import owner_name, understanding_of
from lapwing.app.opening import Directory
from lapwing.engine.inputs import taken
from lapwing.engine.membership import Membership, Partition
from lapwing.engine.posts import posts_of
from lapwing.errors import Fenced

log_lines = logging.getLogger("lapwing.consume")

STARTS = ("beginning", "now")
READ_RECORDS = 500
WAIT_S = 0.05


class Consumer:
    """One reader of one topic; its claims, if it reads for a group, or else where it has come to."""

    def __init__(self, directory: Directory, topic: str, group: str | None, start: str) -> None:
        self._directory, self._topic, self._group = directory, topic, group
        self._log, self._clock = directory.log, directory.clock
        self._owner = owner_name()
        self._member = Membership(self._log, group, topic, self._owner) if group is not None else None
        self._offsets: dict[Partition, int] = {}
        self._understand = understanding_of(directory)
        self._ends = {key: end for key, (_, end) in self._log.spans().items() if key[0] == topic}
        if start == "now" and group is not None:
            self._log.begin_group(group, topic)
        elif start == "now":
            self._offsets = dict(self._ends)

    def values(self, follow: bool) -> Iterator[Any]:
        """One after the other; each is done with when the next is asked for."""
        try:
            while True:
                found = False
                for key, offset in self._positions().items():
                    for value in self._of(key, offset):
                        found = True
                        yield value
                if found:
                    continue
                if not follow and all(offset >= self._ends.get(key, 0) for key, offset in self._positions().items()):
                    return
                self._clock.sleep(WAIT_S)
        finally:
            if self._member is not None:
                self._member.leave()
            self._directory.close()

    def _positions(self) -> dict[Partition, int]:
        """Where to go on in each partition that is ours."""
        spans = {key: span for key, span in self._log.spans().items() if key[0] == self._topic}
        if self._member is None:
            return {key: max(first, self._offsets.get(key, 0)) for key, (first, _) in spans.items()}
        self._member.keep(self._clock.now_us())
        return {key: max(spans[key][0], claim.next_offset) for key, claim in self._member.claims.items()}

    def _of(self, key: Partition, offset: int) -> Iterator[Any]:
        """Some of one partition; stops where another of the group has taken it over."""
        chunks = self._log.read(*key, offset, READ_RECORDS)
        if not chunks:
            return
        of = taken(chunks, offset, READ_RECORDS, self._understand, changes=False)
        if of.frame is not None:
            each: Iterator[tuple[int, Any]] = posts_of(of.frame)
        else:
            each = ((item.offset, item.record) for item in of.items)
        for at, value in each:
            if of.frame is None:
                try:
                    value = msgspec.json.decode(value)
                except msgspec.DecodeError as problem:
                    log_lines.warning("%s, partition %d, offset %d is not JSON: %s", *key, at, problem)
                    continue
            yield value
            if not self._done(key, at + 1):
                return
        self._done(key, of.to_offset)

    def _done(self, key: Partition, to_offset: int) -> bool:
        """Keep how far we are; whether the partition is still ours."""
        self._offsets[key] = to_offset
        if self._member is None:
            return True
        claims, now_us = self._member.claims, self._clock.now_us()
        claim = claims.get(key)
        if claim is None:
            return False
        if to_offset <= claim.next_offset:
            return True
        try:
            claims[key] = self._log.append_and_advance(claim, to_offset, [], now_us=now_us)
            self._member.keep(now_us, claims)
        except Fenced as taken_over:
            log_lines.warning("%s", taken_over)
            del claims[key]
            return False
        return True
