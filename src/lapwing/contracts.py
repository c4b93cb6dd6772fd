"""What plugs in. A component is one file that ends in a constant of one of these types.

| folder     | constant | type     |
|------------|----------|----------|
| formats/   | FORMAT   | `Format` |
| stages/    | STAGE    | `Stage`  |

`catalog.py` finds the file by its name; the contract tests run each component's example.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import polars as pl

from lapwing.model import Batch, Chunk, Decoded, Records, Saved


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of one protocol are read. Pure: no clock, no disk, no network."""

    network: str
    recognises: Callable[[bytes], bool]
    """Whether one record looks like this format; must be False for what is not JSON, and must never raise."""
    decode: Callable[[Records], Decoded]
    """Reads a batch; never raises for what is in the records. `len(values)` is the sum of the four parts."""
    split: Callable[[bytes], list[bytes] | None] | None = None
    """A page of several posts → one record for each, with only those included objects that it refers to;
    None when the record is not a page. Absent where the protocol has no pages."""
    page: re.Pattern[bytes] | None = None
    """Matches the beginning of every page, and of few records that are none: `split` is asked about those only. Where it
    does not match a beginning that has a quotation mark, it does not match what goes on either."""
    example: list[bytes]
    """A few records that decode, for the contract tests and the documentation."""


Transform = Callable[[pl.DataFrame], pl.DataFrame]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of understanding: a pure function of a frame and of resources that were loaded for it."""

    version: str
    """Raised when the answers change; kept beside what it made."""
    adds: pl.Schema
    """The columns that it adds or replaces."""
    make: Callable[[dict[str, Any]], Transform]
    """Takes the resources by name ("gazetteer", …), once; returns the function that is called for each frame."""
    resources: tuple[str, ...] = ()


class Log(Protocol):
    """What is remembered in order. `tests/log/` runs the same stories over every implementation."""

    def append(
        self, topic: str, records: Records, *, now_us: int, lease: Any = None, cursor: str | None = None
    ) -> None:
        """Make records durable, and with them the cursor of their source; raises `Fenced` or `DiskFull` and appends nothing."""

    def read(self, topic: str, partition: int, offset: int, records_max: int) -> list[Chunk]:
        """Whole batches from the one that holds `offset` on, until they hold `records_max` records; empty at the end."""

    def expire(self, now_us: int) -> int:
        """Drop what is older than the retention or beyond its size; the number of records dropped."""

    def spans(self) -> dict[tuple[str, int], tuple[int, int]]:
        """First and next offset of every partition, by topic and number."""


class Claimed(msgspec.Struct, frozen=True):
    """A partition that is ours, as of an epoch, and where to go on reading."""

    id: int
    topic: str
    partition: int
    epoch: int
    next_offset: int


class Ledger(Protocol):
    """The one store that is right. `tests/ledger/` runs the same stories over every implementation."""

    def claim(self, topic: str, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition that is free or whose owner fell silent, raising its epoch; None while another holds it."""

    def heartbeat(self, owner: str, now_us: int) -> int:
        """Say that this worker lives and keeps its partitions; returns how many workers live."""

    def release(self, owner: str, claim: Claimed | None = None) -> None:
        """Give up one partition, or everything of this worker."""

    def save(self, batch: Batch, now_us: int) -> Saved:
        """Make a batch and its offsets durable together; raises `Fenced` or `DiskFull` and changes nothing."""

    def tidy(self, idle: bool) -> bool:
        """One step of housekeeping, a larger one when there is nothing else to do; whether there was anything."""

    def expire(self, now_us: int) -> int:
        """Drop what is older than the retention; how many posts lost something."""
