"""What was decoded, kept in memory up to a size: what is on the disk under an id never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

Kept = TypeVar("Kept")


class Cache:
    """What was used last; at least one, and at most `bytes_max` of it. Threads may share one.

    A label says of what something was decoded (the file, the table, the id of a row) and how. Rows that were given an id
    are never changed and ids are never given again, so nothing here grows stale; it only falls out.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        """How much is kept."""
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, label: Hashable, decode: Callable[[], Kept], size: Callable[[Kept], int]) -> Kept:
        """What has this label, decoded if it is not kept; two threads may decode the same at once."""
        with self._lock:
            if (hit := self._kept.get(label)) is not None:
                self._kept.move_to_end(label)
                kept: Kept = hit[0]
                return kept
        made = decode()
        self.keep(label, made, size(made))
        return made

    def keep(self, label: Hashable, made: Any, weight: int) -> None:
        """Keep what was made of this label, of so many bytes; what is kept of it already stays."""
        with self._lock:
            if label not in self._kept:
                self._kept[label] = made, weight
                self.bytes += weight
            while self.bytes > self.bytes_max and len(self._kept) > 1:
                self.bytes -= self._kept.popitem(last=False)[1][1]

    def among(self, labels: list[Hashable]) -> list[Any]:
        """What has each of these labels; None for what is not kept."""
        with self._lock:
            found = [self._kept.get(label) for label in labels]
            for label, hit in zip(labels, found, strict=True):
                if hit is not None:
                    self._kept.move_to_end(label)
        return [None if hit is None else hit[0] for hit in found]

    def forget(self) -> None:
        """Empty it: a transaction that gave out ids was rolled back, and they will be given again."""
        with self._lock:
            self._kept.clear()
            self.bytes = 0
