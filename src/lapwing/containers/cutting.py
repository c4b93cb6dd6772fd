"""Cuts a stream of bytes into records, in constant memory, whatever its shape.

    head, chunks = peek(chunks)
    container = detect(head)
    for batch in cut(chunks, container): ...

To go on after a stop, skip `batch.offset` bytes of the (uncompressed) stream and cut from there with the same
container. Only the byte `\\n` ends a line: U+2028 and its like occur inside JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

from lapwing.containers.batches import Batch
from lapwing.containers.detection import BYTE_ORDER_MARK, HEAD_BYTES, Container
from lapwing.containers.lines import LineCutter, plain_lines, rows_of_archive
from lapwing.containers.tables import TableCutter
from lapwing.containers.values import ValueCutter
from lapwing.errors import UnreadableInput
from lapwing.model import RECORD_BYTES_MAX


class Cutter(Protocol):
    """Takes bytes as they come, and gives the records that are whole."""

    def feed(self, chunk: bytes) -> list[Batch]:
        """Take the next bytes."""

    def finish(self) -> list[Batch]:
        """Give what was waiting for more: a last record, whole or cut off."""


def cutter(container: Container, offset: int = 0, limit: int = RECORD_BYTES_MAX) -> Cutter:
    """Make the cutter of a container, for a stream whose first byte is at `offset` and has no byte order mark."""
    if container.kind == "lines":
        return LineCutter(offset, limit, plain_lines)
    if container.kind == "rows":
        return LineCutter(offset, limit, rows_of_archive)
    if container.kind == "values":
        return ValueCutter(offset, limit, container.header)
    return TableCutter(offset, limit, container.header)


def peek(chunks: Iterable[bytes], size: int = HEAD_BYTES) -> tuple[bytes, Iterator[bytes]]:
    """Give the first bytes, and all chunks again; an `UnreadableInput` among the first comes behind what was read before it."""
    rest = iter(chunks)
    taken: list[bytes] = []
    length = 0
    try:
        while length < size and (chunk := next(rest, None)) is not None:
            taken.append(chunk)
            length += len(chunk)
    except UnreadableInput as unreadable:
        rest = _raising(unreadable)
    return b"".join(taken)[:size], chain(taken, rest)


def _raising(problem: UnreadableInput) -> Iterator[bytes]:
    yield from ()
    raise problem


def cut(
    chunks: Iterable[bytes], container: Container, offset: int = 0, limit: int = RECORD_BYTES_MAX
) -> Iterator[Batch]:
    """Yield batches of records; `offset` is where in the stream the chunks begin.

    Where the chunks end in an `UnreadableInput`, what was read until then is yielded before it is raised again.
    """
    if offset == 0:
        head, chunks = peek(chunks, len(BYTE_ORDER_MARK))
        if head == BYTE_ORDER_MARK:
            chunks, offset = _without(chunks, len(head)), len(head)
    ours = cutter(container, offset, limit)
    try:
        for chunk in chunks:
            yield from ours.feed(chunk)
    except UnreadableInput:
        yield from ours.finish()
        raise
    yield from ours.finish()


def _without(chunks: Iterable[bytes], count: int) -> Iterator[bytes]:
    for chunk in chunks:
        if count < len(chunk):
            yield chunk[count:]
        count = max(0, count - len(chunk))
