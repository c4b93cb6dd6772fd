"""One record to a line: NDJSON, and archives with one row to a line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np

from lapwing.containers.batches import Batch, Long, batches
from lapwing.containers.detection import ARCHIVE_HEADER
from lapwing.values import Values

Tidy = Callable[[list[bytes]], list[bytes]]

_FURNITURE = {b"{}", b"{}]}", b"]}", b"]", b"}", b"{}]"}
_LINE_END, _SPACE = ord("\n"), ord(" ")
_BETWEEN = b", \t\r\x0b\x0c"
_OPENING = re.compile(ARCHIVE_HEADER.pattern + rb"\s*")


def plain_lines(lines: list[bytes]) -> list[bytes]:
    """Give the lines that are not blank."""
    return [record for line in lines if (record := line.strip())]


def whole_lines(buffer: bytes) -> Values | None:
    """Give the lines that end in a buffer without copying them, unless any has blanks around it or is blank."""
    letters = np.frombuffer(buffer, dtype=np.uint8)
    ends = np.flatnonzero(letters == _LINE_END)
    starts = np.append(np.int64(0), ends[:-1] + 1)[: len(ends)]
    if not len(ends) or (letters[starts] <= _SPACE).any() or (letters[ends - 1] <= _SPACE).any():
        return None
    return Values(buffer, starts, ends)


def rows_of_archive(lines: list[bytes]) -> list[bytes]:
    """Give the rows, without the commas between them and without what opens and closes the archive."""
    rows = [
        row if row.endswith(b"}}") else _row(row)  # nearly all rows end so; the others get a closer look
        for line in lines
        if (row := line.strip(_BETWEEN))
    ]
    return [row for row in rows if row] if b"" in rows else rows


def _row(row: bytes) -> bytes:
    """Look closely at a line: nothing, a row, or a last row with the end of the archive behind it."""
    if row in _FURNITURE or (row.endswith(b"[") and _OPENING.fullmatch(row)):
        return b""
    if row.endswith(b"]}") and not _is_json(row):
        without = row[:-2].rstrip(_BETWEEN)
        return without if _is_json(without) else row
    return row


def _is_json(row: bytes) -> bool:
    try:
        json.loads(row)
    except (ValueError, RecursionError):
        return False
    return True


class LineCutter:
    """Cuts at line ends. A line longer than `limit` goes by without being kept."""

    def __init__(self, offset: int, limit: int, tidy: Tidy) -> None:
        self._offset = offset
        self._limit = limit
        self._tidy = tidy
        self._pending = bytearray()
        self._long: Long | None = None

    def feed(self, chunk: bytes) -> list[Batch]:
        """Take the next bytes; give the records of all lines that have ended."""
        if (at_once := self._at_once(chunk)) is not None:
            return [at_once]
        made: list[Batch] = []
        if self._long is not None:
            line, end, chunk = chunk.partition(b"\n")
            self._long.add(line)
            self._offset += len(line) + len(end)
            if not end:
                return []
            made.append(Batch([], self._offset, self._long.done()))
            self._long = None
        lines = chunk.split(b"\n")  # of the whole chunk at once, without another copy of it
        if len(lines) > 1:
            lines[0] = bytes(self._pending) + lines[0]
            self._pending = bytearray(lines.pop())
            longest = max(map(len, lines)) if len(chunk) > self._limit else len(lines[0])
            made += self._records(lines, longest, 1)
        else:
            self._pending += chunk
        if len(self._pending) > self._limit:
            self._long = Long(bytes(self._pending))
            self._offset += len(self._pending)
            self._pending.clear()
        return made

    def _at_once(self, chunk: bytes) -> Batch | None:
        """All lines in one step, when they are as they should be."""
        if self._tidy is not plain_lines or self._long is not None:
            return None
        buffer = bytes(self._pending) + chunk
        lines = whole_lines(buffer)
        if lines is None or int((lines.ends - lines.starts).max()) > self._limit:
            return None
        end = int(lines.ends[-1]) + 1
        if len(buffer) - end > self._limit:
            return None
        self._offset += end
        self._pending = bytearray(buffer[end:])
        return Batch(lines, self._offset)

    def finish(self) -> list[Batch]:
        """Give a last line without an end."""
        if self._long is not None:
            made = [Batch([], self._offset, self._long.done())]
            self._long = None
            return made
        made = self._records([bytes(self._pending)], len(self._pending), 0) if self._pending else []
        self._pending.clear()
        return made

    def _records(self, lines: list[bytes], longest: int, end_bytes: int) -> list[Batch]:
        begin = self._offset
        self._offset += sum(map(len, lines)) + len(lines) * end_bytes
        if longest <= self._limit:
            records = self._tidy(lines)
            return [Batch(records, self._offset)] if records else []
        parts = []
        for line in lines:
            begin += len(line) + end_bytes
            parts += [(line, begin)] if len(line) > self._limit else [(each, begin) for each in self._tidy([line])]
        return batches(parts, self._offset, self._limit)
