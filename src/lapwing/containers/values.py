"""JSON objects one after another, in an array, or in an archive that does not keep to lines.

One object is found by one match of a pattern that follows the nesting a few levels down, at the speed of the regular
expression engine; deeper ones, and those whose end has not come yet, are followed brace by brace, without recursion.
Text that belongs to no object is a record too, so that it is counted and refused.
"""

from __future__ import annotations

import re

from lapwing.containers.batches import Batch, Long, batches

NESTING_FAST = 10
"""Objects within objects up to here are found by one match."""

_STRING = rb'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_PLAIN = rb'[^{}"]*+'


def _object_pattern(nesting: int) -> bytes:
    inner = _STRING
    for _ in range(nesting):
        inner = _STRING + rb"|\{" + _PLAIN + rb"(?:(?:" + inner + rb")" + _PLAIN + rb")*+\}"
    return inner.removeprefix(_STRING + rb"|")


_OBJECT = re.compile(_object_pattern(NESTING_FAST), re.DOTALL)
_BETWEEN = re.compile(rb"[\s,\[\]}]*+")
_STRUCTURE = re.compile(rb'["{}]')
_INSIDE = re.compile(rb'(?:[^"\\\n]++|\\.)*+', re.DOTALL)
_STRAY = re.compile(rb"[^\n{]*+")


class ValueCutter:
    """Cuts where an object ends. One longer than `limit` goes by without being kept."""

    def __init__(self, offset: int, limit: int, header: bytes) -> None:
        self._limit = limit
        self._archive = bool(header)
        self._header_left = header if offset <= len(b"\xef\xbb\xbf") else b""
        self._base = offset  # the offset of the first byte of _pending
        self._pending = b""  # from the start of an object that has not ended
        self._start = 0  # where in the data the record begins
        self._scanned = 0  # how much of _pending was followed
        self._depth = 0
        self._quoted = False
        self._stray = False
        self._long: Long | None = None

    def feed(self, chunk: bytes) -> list[Batch]:
        """Take the next bytes; give the objects that have ended."""
        chunk = self._without_header(chunk)
        data = self._pending + chunk
        made: list[Batch] = []
        parts: list[tuple[bytes, int]] = []
        start = 0
        while (end := self._end(data, start)) >= 0:
            if self._long is not None:
                self._long.add(data[:end])
                made.append(Batch([], self._base + end, self._long.done()))
                self._long = None
            else:
                record = data[self._start : end].rstrip()
                if not (self._archive and record == b"{}"):
                    parts.append((record, self._base + end))
            start = end
        self._keep(data)
        return made + batches(parts, parts[-1][1] if parts else 0, self._limit)

    def finish(self) -> list[Batch]:
        """Give a last object that has no end."""
        if self._long is not None:
            self._long.add(self._pending)
            made = [Batch([], self._base + len(self._pending), self._long.done())]
        else:
            end = self._base + len(self._pending)
            record = self._pending.strip()
            made = batches([(record, end)] if record else [], end, self._limit)
        self._pending, self._long = b"", None
        return made

    def _without_header(self, chunk: bytes) -> bytes:
        passed = min(len(self._header_left), len(chunk))
        self._header_left = self._header_left[passed:]
        self._base += passed
        return chunk[passed:]

    def _keep(self, data: bytes) -> None:
        """Hold back what has begun, or only what has not been followed yet if it is too long."""
        kept = self._start
        if self._long is None and len(data) - self._start > self._limit:
            self._long = Long()
        if self._long is not None:
            self._long.add(data[self._start : self._scanned])
            kept = self._scanned
        self._pending = data[kept:]
        self._base += kept
        self._scanned -= kept

    def _end(self, data: bytes, at: int) -> int:
        """Find the end of the next record from `at`, or of the one that has begun; -1 when it has not come yet."""
        if not self._depth and not self._stray:
            at = _BETWEEN.match(data, at).end()  # type: ignore[union-attr]  # matches nothing, too
            self._start = self._scanned = at
            if at == len(data):
                return -1
            if data[at] != ord("{"):
                self._stray = True
            elif found := _OBJECT.match(data, at):
                return found.end()
            else:
                self._depth, self._scanned = 1, at + 1
        else:
            self._start = at  # an open record is always the first of what is pending
        return self._end_of_stray(data) if self._stray else self._end_of_object(data)

    def _end_of_stray(self, data: bytes) -> int:
        end = _STRAY.match(data, self._scanned).end()  # type: ignore[union-attr]  # matches nothing, too
        self._scanned = end
        if end == len(data):
            return -1
        self._stray = False
        return end

    def _end_of_object(self, data: bytes) -> int:
        """Follow braces outside of strings; a line end inside a string breaks the object off there."""
        while True:
            if self._quoted:
                self._scanned = _INSIDE.match(data, self._scanned).end()  # type: ignore[union-attr]
                if self._scanned == len(data) or data[self._scanned] == ord("\\"):
                    return -1  # a backslash waits for what it escapes
                self._quoted = False
                if data[self._scanned] == ord("\n"):
                    self._depth = 0
                    return self._scanned
                self._scanned += 1
            found = _STRUCTURE.search(data, self._scanned)
            if found is None:
                self._scanned = len(data)
                return -1
            self._scanned = found.end()
            mark = found[0]
            self._quoted = mark == b'"'
            self._depth += (mark == b"{") - (mark == b"}")
            if not self._depth:
                return self._scanned
