"""What sources heard, as records for the log, and what a configured source is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lapwing.contracts import Format
from lapwing.hearing import AUTO, Source, SourceChunk
from lapwing.model import Covered, Records

Known = Callable[[str, Sequence[bytes]], tuple[str, Format | None]]
"""The format of a name, None for one that there is not; of `AUTO` the one that most of these records are in, and its name."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One source as it is configured."""

    name: str
    type: str
    topic: str
    source: Source
    options: Any
    answers: str | None = None
    """The topic of what is sent to those who wrote."""
    known: Known | None = None
    """Finds formats, so that pages are split; without it records are taken as the source says that they are."""

    def differs_only_live(self, other: Plan) -> bool:
        """Whether `other` is the same but for options that may change while it is read."""
        plain = msgspec.structs.replace
        return plain(self, options=None) == plain(other, options=None) and all(
            getattr(self.options, name) == getattr(other.options, name)
            for name in type(self.options).__struct_fields__
            if name not in self.source.live
        )


def outputs_of(plan: Plan, chunks: Sequence[SourceChunk], now_us: int) -> list[tuple[str, Records]]:
    """The records of some chunks for the log, those of a kind together, in their order."""
    kinds: dict[tuple[str, str], _Some] = {}
    for chunk in chunks:
        if chunk.values:
            kind, some = _some(plan, chunk, now_us)
            kinds.setdefault(kind, _Some([], [], [])).add(some)
    return [(plan.topic, some.records(plan.name, kind)) for kind, some in kinds.items()]


class _Some(msgspec.Struct):
    """Records of one network and format, with the key and the time of each."""

    values: list[bytes]
    keys: list[str]
    times: list[int]

    def add(self, other: _Some) -> None:
        """Put others behind them."""
        self.values += other.values
        self.keys += other.keys
        self.times += other.times

    def split(self, split: Callable[[bytes], list[bytes] | None]) -> _Some:
        """The same with each page taken apart."""
        parts = [split(value) or [value] for value in self.values]
        return _Some(
            [part for some in parts for part in some],
            [key for some, key in zip(parts, self.keys, strict=True) for _ in some],
            [time_us for some, time_us in zip(parts, self.times, strict=True) for _ in some],
        )

    def records(self, source: str, kind: tuple[str, str]) -> Records:
        """As the log takes them."""
        keys = self.keys if any(self.keys) else None
        return Records(
            source=source, network=kind[0], format=kind[1], values=self.values, received_at_us=self.times, keys=keys
        )


def _some(plan: Plan, chunk: SourceChunk, now_us: int) -> tuple[tuple[str, str], _Some]:
    """The records of a chunk, taken apart where they are pages, and what they are.

    Where the source names another format than its own and no network, the network is that of the format.
    """
    count = len(chunk.values)
    times = chunk.received_at_us if chunk.received_at_us is not None else [now_us] * count
    some = _Some(list(chunk.values), list(chunk.keys if chunk.keys is not None else [""] * count), list(times))
    name, network = chunk.format or plan.source.format, chunk.network or plan.source.network
    if plan.known is None:
        assert name != AUTO, "a format can be found only where formats are known"
        return (network, name), some
    name, shape = plan.known(name, chunk.values)
    if shape is None:  # a file may say anything of what is in it; the worker refuses such records
        return (network, name), some
    if chunk.format is not None and chunk.network is None:
        network = shape.network or network
    page = shape.page
    if shape.split is not None and (page is None or any(map(page.match, chunk.values))):
        some = some.split(shape.split)
    return (network, name), some


def coverage_of(source: str, network: str, notes: Sequence[Covered], now_us: int) -> Records:
    """Notes about what was heard, as records of our own topic."""
    values = [msgspec.json.encode(note) for note in notes]
    return Records(source=source, network=network, format="", values=values, received_at_us=[now_us] * len(values))
