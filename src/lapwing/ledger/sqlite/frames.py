"""Frames that were decoded, kept in memory up to a size: what is on the disk under an id never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import polars as pl

Label = tuple[int, str]
"""The id of a row and the columns taken of it."""


class Frames:
    """The frames that were used last; at least one, at most `bytes_max` of them."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._kept: OrderedDict[Label, pl.DataFrame] = OrderedDict()
        self._bytes = 0

    def get(self, label: Label, decode: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The frame of this label, decoded if it is not kept."""
        if (hit := self._kept.get(label)) is not None:
            self._kept.move_to_end(label)
            return hit
        frame = self._kept[label] = decode()
        self._bytes += int(frame.estimated_size())
        while self._bytes > self.bytes_max and len(self._kept) > 1:
            self._bytes -= int(self._kept.popitem(last=False)[1].estimated_size())
        return frame

    def forget(self) -> None:
        """Empty it: a transaction that gave out ids was rolled back, and they will be given again."""
        self._kept.clear()
        self._bytes = 0
