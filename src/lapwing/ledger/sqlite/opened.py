"""A blob of columns that is read in part: what is in it, where it lies, and what of it is remembered."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import msgspec
import zstandard

SIZE_BYTES = 4
"""So many say how long the directory is."""


class Column(msgspec.Struct, frozen=True, array_like=True):
    """Where and how the values of a column lie in a blob."""

    kind: str
    """`z` nothing but nulls, `s` strings, `n` strings and nulls; before a numpy type `c` one value for all, `d`
    differences, `r` the values themselves."""
    rows: int
    start: int
    """Of the first segment, counted from the end of the directory."""
    sizes: list[int]
    """Of the segments, which follow one another."""
    step: int
    """Rows of a segment; the last one may have fewer."""
    place: int = 0
    """Of strings: which they are of the columns in a segment, counted from 0,"""
    of: int = 1
    """and how many columns these are."""
    words: tuple[str, ...] = ()
    """The strings that the numbers stand for, if they stand for any."""


class Blob(Protocol):
    """Bytes that are read in part: a value in the database, or a buffer in memory."""

    def seek(self, offset: int, /) -> Any:
        """Go to a position."""

    def read(self, length: int, /) -> bytes:
        """So many bytes from there."""


_decode_directory = msgspec.msgpack.Decoder(dict[str, Column]).decode


class Directory(msgspec.Struct, frozen=True):
    """What is in a blob, and where its segments begin."""

    columns: dict[str, Column]
    base: int


Remember = Callable[[str | int, Callable[[], Any], Callable[[Any], int]], Any]
"""Gives what is remembered under a name, or makes it and remembers it; the third says how many bytes it takes."""

DIRECTORY_BYTES = 8_192
"""About so many does a directory take in memory."""


def _made(_: str | int, make: Callable[[], Any], __: Callable[[Any], int]) -> Any:
    return make()


class Opened:
    """A blob, and whoever remembers what was read of it."""

    def __init__(self, blob: Blob, remember: Remember = _made) -> None:
        self._blob, self._remember = blob, remember

    @cached_property
    def directory(self) -> Directory:
        """What is in it."""
        directory: Directory = self._remember("", self._read_directory, lambda _: DIRECTORY_BYTES)
        return directory

    def _read_directory(self) -> Directory:
        self._blob.seek(0)
        size = int.from_bytes(self._blob.read(SIZE_BYTES), "little")
        return Directory(_decode_directory(self._blob.read(size)), SIZE_BYTES + size)

    def read(self, start: int, size: int) -> bytes:
        """Bytes as they lie there."""
        self._blob.seek(self.directory.base + start)
        return self._blob.read(size)

    def expanded(self, start: int, size: int) -> bytes:
        """A segment as it was before it was compressed."""
        raw: bytes = self._remember(start, lambda: expand(self.read(start, size)), len)
        return raw


def expand(segment: bytes) -> bytes:
    """A segment as it was before it was compressed."""
    return zstandard.ZstdDecompressor().decompress(segment)
