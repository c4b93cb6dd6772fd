"""What was decoded, kept in memory up to a size: what is on the disk under an id never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Kept = TypeVar("Kept")
Label = tuple[int, str]
"""The id of a row and the columns taken of it."""


class Cache(Generic[Kept]):
    """What was used last; at least one, and at most `bytes_max` of it, as `size` measures it."""

    def __init__(self, bytes_max: int, size: Callable[[Kept], int]) -> None:
        self.bytes_max = bytes_max
        self._size = size
        self._kept: OrderedDict[Label, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, label: Label, decode: Callable[[], Kept]) -> Kept:
        """What has this label, decoded if it is not kept."""
        if (hit := self._kept.get(label)) is not None:
            self._kept.move_to_end(label)
            return hit
        made = self._kept[label] = decode()
        self._bytes += self._size(made)
        while self._bytes > self.bytes_max and len(self._kept) > 1:
            self._bytes -= self._size(self._kept.popitem(last=False)[1])
        return made

    def forget(self) -> None:
        """Empty it: a transaction that gave out ids was rolled back, and they will be given again."""
        self._kept.clear()
        self._bytes = 0
