"""Many records' bytes in one buffer: cut, stored, read and decoded without an object for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

Ends = NDArray[np.int64]


class Values(Sequence[bytes]):
    """A sequence of bytes objects that are made when they are asked for; slices share the buffer.

    The record `i` is ``buffer[starts[i]:ends[i]]``; records lie in their order and do not overlap.
    """

    __slots__ = ("buffer", "ends", "starts")
    __hash__ = None  # type: ignore[assignment]  # as lists have none

    def __init__(self, buffer: bytes, starts: Ends, ends: Ends) -> None:
        self.buffer, self.starts, self.ends = buffer, starts, ends

    @classmethod
    def of(cls, values: Iterable[bytes]) -> Values:
        """The same records in one buffer, which is made if there is none."""
        if isinstance(values, Values):
            return values
        each = list(values)
        ends = np.cumsum(np.fromiter(map(len, each), dtype=np.int64, count=len(each)))
        return cls(b"".join(each), np.append(np.int64(0), ends[:-1])[: len(each)], ends)

    @classmethod
    def joined(cls, parts: Sequence[Sequence[bytes]]) -> Values:
        """The records of several sequences, one after the other."""
        if len(parts) == 1:
            return cls.of(parts[0])
        tight = [cls.of(part).tight() for part in parts]
        offsets = np.cumsum([0, *(len(part.buffer) for part in tight)])[:-1]
        starts, ends = (
            np.concatenate([array + offset for array, offset in zip(arrays, offsets, strict=True)] or [offsets])
            for arrays in ([part.starts for part in tight], [part.ends for part in tight])
        )
        return cls(b"".join(part.buffer for part in tight), starts, ends)

    def tight(self) -> Values:
        """The same, in a buffer that holds nothing before the first record and nothing behind the last."""
        low, high = (int(self.starts[0]), int(self.ends[-1])) if len(self) else (0, 0)
        if (low, high) == (0, len(self.buffer)):
            return self
        return Values(self.buffer[low:high], self.starts - low, self.ends - low)

    def packed(self) -> tuple[bytes, bytes, bytes]:
        """The buffer; and as 32-bit numbers how many bytes lie before each record that are of none, and how many it has."""
        tight = self.tight()
        gaps = tight.starts - np.append(np.int64(0), tight.ends[:-1])[: len(self)]
        return tight.buffer, gaps.astype("<u4").tobytes(), (tight.ends - tight.starts).astype("<u4").tobytes()

    @classmethod
    def unpacked(cls, buffer: bytes, gaps: bytes, sizes: bytes) -> Values:
        """What `packed` gave. Raises `ValueError` where the numbers do not fit the buffer."""
        before, size = (np.frombuffer(numbers, dtype="<u4").astype(np.int64) for numbers in (gaps, sizes))
        ends = np.cumsum(before + size)
        if len(before) != len(size) or int(ends[-1] if len(ends) else 0) != len(buffer):
            raise ValueError("the sizes of records do not fit their bytes")
        return cls(buffer, ends - size, ends)

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, at: int) -> bytes: ...

    @overload
    def __getitem__(self, at: slice) -> Values: ...

    def __getitem__(self, at: int | slice) -> bytes | Values:
        if isinstance(at, slice):
            return Values(self.buffer, self.starts[at], self.ends[at])
        return self.buffer[self.starts[at] : self.ends[at]]

    def __iter__(self) -> Iterator[bytes]:
        buffer = self.buffer
        return (buffer[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Values({list(self)!r})"
