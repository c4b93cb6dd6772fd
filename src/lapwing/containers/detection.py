"""Tells the shape of a stream from its first bytes."""

from __future__ import annotations

import csv
import json
import re
from typing import Literal

import msgspec

from lapwing.errors import UnreadableInput

HEAD_BYTES = 65_536
"""How much of a stream is looked at."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

ARCHIVE_HEADER = re.compile(rb'\s*\{(?:\s*"\w+"\s*:\s*(?:-?\d+|null|"[^"\n]*")\s*,)*\s*"rows"\s*:\s*\[')
"""The beginning of CouchDB's answers, which class archives keep."""

_LINES_MAX = 50
_ROW_OF_ARCHIVE = re.compile(rb"[ \t]*(?:\r?\n\s*)+\{[^\n]*\}[ \t]*,?[ \t]*\r?(?:\n|\Z)")
_NAME = re.compile(r"[^\W\d][\w .:/()-]{0,80}")
_DELIMITERS = (b",", b"\t", b";", b"|")


class Container(msgspec.Struct, frozen=True):
    """The shape of a stream; it is kept beside an offset, so that reading can go on."""

    kind: Literal["lines", "rows", "values", "csv"]
    """One record to a line; an archive with one row to a line; JSON values one after another or in an array; a table."""
    header: bytes = b""
    """The first line of a table, or how an archive begins."""


def detect(head: bytes) -> Container:
    """Tell the shape from the first `HEAD_BYTES`. Raises `UnreadableInput` for UTF-16, which no protocol of ours uses."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableInput("the text is UTF-16", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8")
    head = head.removeprefix(BYTE_ORDER_MARK)
    archive = ARCHIVE_HEADER.match(head)
    if archive:
        whole = _ROW_OF_ARCHIVE.match(head, archive.end()) or not head[archive.end() :].strip()
        return Container("rows") if whole else Container("values", archive[0])
    start = head.lstrip()[:1]
    if start == b"[":
        return Container("values")
    if start == b"{":
        return Container("lines" if _is_lines(head) else "values")
    header = table_header(head)
    return Container("csv", header) if header else Container("lines")


def _is_lines(head: bytes) -> bool:
    """Most lines are objects; a last line that is cut off does not count, unless there is no other."""
    lines = [line for line in head.split(b"\n")[:_LINES_MAX] if line.strip()]
    if len(lines) == 1:
        return not _is_followed(lines[0])
    whole = lines[:-1] if len(head) >= HEAD_BYTES else lines
    return 2 * sum(map(_is_object, whole)) >= len(whole)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_followed(line: bytes) -> bool:
    """Whether another object stands behind the first, on the same line."""
    try:
        text = line.decode("utf-8", "replace").strip()
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text[end:].lstrip(" ,").startswith("{")


def table_header(head: bytes) -> bytes:
    """Give the first line, when it names the columns of a table whose second line has as many; or else nothing."""
    first, end, rest = head.lstrip(b"\r\n").partition(b"\n")
    delimiter = delimiter_of(first)
    try:
        rows = csv.reader([first.decode(), rest.decode("utf-8", "replace")], delimiter=delimiter)
        names = [name.strip() for name in next(rows)]
    except (csv.Error, UnicodeDecodeError, StopIteration):
        return b""
    named = len(names) >= 2 and len(set(names)) == len(names) and all(map(_NAME.fullmatch, names))
    return first + end if named else b""


def delimiter_of(line: bytes) -> str:
    """Give what stands between the columns of a header."""
    return max(_DELIMITERS, key=line.count).decode()
