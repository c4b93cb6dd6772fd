"""Tables with a header: every row becomes a JSON object of the header's names, so that a record says what it is.

The standard library's reader decides where a row ends, which may be lines later (RFC 4180).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import msgspec

from lapwing.containers.batches import Batch, batches
from lapwing.containers.detection import delimiter_of
from lapwing.containers.lines import LineCutter

PROBLEM = "csv_problem"
"""The name under which a row that does not fit the header says so; the row itself is `csv_row`."""

_END = "\x00end of what has come\x00"


class TableCutter:
    """Cuts at row ends. Rows longer than `limit` are taken line by line, and lines that long go by without being kept."""

    def __init__(self, offset: int, limit: int, header: bytes) -> None:
        self._lines = LineCutter(offset, limit, list)
        self._limit = limit
        self._delimiter = delimiter_of(header)
        self._names = next(csv.reader([header.decode("utf-8", "replace")], delimiter=self._delimiter))
        self._header_left = offset <= len(b"\xef\xbb\xbf")
        self._end = offset
        self._open: list[str] = []  # the lines of a row that has not ended

    def feed(self, chunk: bytes) -> list[Batch]:
        """Take the next bytes; give the rows that have ended."""
        return [made for batch in self._lines.feed(chunk) for made in self._rows(batch)]

    def finish(self) -> list[Batch]:
        """Give a last row, even if a quote in it was never closed."""
        made = [made for batch in self._lines.finish() for made in self._rows(batch)]
        parts = [(record, self._end) for record in self._parsed(self._open, final=True)]
        return made + batches(parts, self._end, self._limit)

    def _rows(self, batch: Batch) -> Iterator[Batch]:
        texts = self._open + [line.decode("utf-8", "surrogateescape") + "\n" for line in batch.records]
        records = list(self._parsed(texts, final=batch.oversized is not None))
        self._end = batch.offset
        end = batch.offset - sum(len(text.encode("utf-8", "surrogateescape")) for text in self._open)
        yield from batches([(record, end) for record in records], end, self._limit)
        if batch.oversized is not None:
            yield Batch([], batch.offset, batch.oversized)

    def _parsed(self, texts: list[str], *, final: bool) -> Iterator[bytes]:
        """Give the rows that end within `texts`; keep the lines of one that does not, if more may come.

        A row that never ends takes only its first line with it, so that one stray quote does not eat the table.
        """
        self._open = []
        while texts:
            reader = csv.reader([*texts, _END], delimiter=self._delimiter)
            done = 0
            what = "a quote that is never closed"
            try:
                for cells in reader:
                    if cells == [_END]:
                        return
                    if reader.line_num > len(texts):
                        break
                    yield from self._record(cells, texts[done : reader.line_num])
                    done = reader.line_num
            except csv.Error as error:
                what = str(error)
            else:
                if not final and sum(map(len, texts[done:])) <= self._limit:
                    self._open = texts[done:]
                    return
            yield _problem(what, texts[done])
            texts = texts[done + 1 :]

    def _record(self, cells: list[str], lines: list[str]) -> Iterator[bytes]:
        if self._header_left:
            self._header_left = False
        elif not cells or cells == [""]:
            return
        elif len(cells) != len(self._names):
            yield _problem(f"{len(cells)} columns, but the header names {len(self._names)}", "".join(lines))
        else:
            try:
                yield msgspec.json.encode(dict(zip(self._names, cells, strict=True)))
            except UnicodeEncodeError:
                yield _problem("not UTF-8", "".join(lines))


def _problem(what: str, row: str) -> bytes:
    readable = row.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return msgspec.json.encode({PROBLEM: what, "csv_row": readable})
