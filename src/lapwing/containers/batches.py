"""What cutting gives: records, and what is left of one that was too long to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from lapwing.model import RECORD_BYTES_MAX

PREFIX_BYTES = 256
"""How much is kept of the beginning of a record that was too long."""


class Oversized(msgspec.Struct, frozen=True):
    """Stands for a record that was too long to keep; length and hash are of its bytes as they lay in the stream."""

    sha256: str
    size_bytes: int
    prefix: bytes

    def record(self) -> bytes:
        """Give the record of the format `oversize` that takes its place."""
        prefix = self.prefix.decode("utf-8", "replace")
        return msgspec.json.encode({"oversize": {"bytes": self.size_bytes, "sha256": self.sha256, "prefix": prefix}})


class Batch(msgspec.Struct, frozen=True):
    """Records in the order of the stream; the oversized one, if any, came after them."""

    records: Sequence[bytes]
    offset: int
    """Bytes of the stream, uncompressed, up to the end of the last of them: reading can go on from there."""
    oversized: Oversized | None = None


class Long:
    """A record of which only length, hash and beginning are kept while it goes by."""

    def __init__(self, start: bytes = b"") -> None:
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._prefix = b""
        self.add(start)

    def add(self, part: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(part)
        self._bytes += len(part)
        if len(self._prefix) < PREFIX_BYTES:
            self._prefix += part[: PREFIX_BYTES - len(self._prefix)]

    def done(self) -> Oversized:
        """Give what is left."""
        return Oversized(self._hash.hexdigest(), self._bytes, self._prefix)


def batches(parts: Sequence[tuple[bytes, int]], offset: int, limit: int = RECORD_BYTES_MAX) -> list[Batch]:
    """Make batches of records, each with the offset of its end; `offset` is where reading goes on after all of them."""
    made: list[Batch] = []
    records: list[bytes] = []
    for record, end in parts:
        if len(record) > limit:
            made.append(Batch(records, end, Long(record).done()))
            records = []
        else:
            records.append(record)
    if records:
        made.append(Batch(records, offset))
    return made
