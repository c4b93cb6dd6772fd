"""Files as records: opened, decompressed, cut, and told which format they are in. Reads a terabyte in constant memory."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
import numpy as np

from lapwing.containers import recordings
from lapwing.containers.cutting import cut, peek
from lapwing.containers.decompress import decompress
from lapwing.containers.detection import Container, detect
from lapwing.contracts import Format
from lapwing.errors import CutOff, UnknownName, UnreadableInput
from lapwing.formats._detection import detect as detect_format
from lapwing.model import Covered, Records
from lapwing.values import Values

READ_BYTES = 4 << 20
EVERY = re.compile(b"")
SAMPLE_RECORDS = 50
PARTS_OF_SAMPLE = 5
BEGINNING_BYTES = 9
RECORDING = "recording"
"""What a file in our own format is called where the format of others would stand."""

UNRECOGNISED = "unrecognised"
"""What JSON is called that no format recognises: it is kept, record by record, as dead letters."""


LAST_RESORTS = (RECORDING, UNRECOGNISED)
"""Formats that are chosen for a whole file when no other is, so that its good records are not lost to its bad ones."""

INTERNAL = ("oversize", UNRECOGNISED)
"""Formats that nobody asks for."""


def check_format(wanted: str, formats: Mapping[str, Format]) -> None:
    """Raises `UnknownName` for a format that there is not."""
    if wanted != "auto" and wanted not in formats:
        raise UnknownName("format", wanted, ["auto", *(name for name in formats if name not in INTERNAL)])


class Position(msgspec.Struct, frozen=True):
    """How far a file was read, and as what: enough to go on there."""

    offset: int
    container: Container
    format: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is to be read."""

    source: str
    """What its records say they came from, where it is no recording."""
    format: str
    """A format's name, or `auto`."""
    now_us: int
    """When they are received."""


class Piece(msgspec.Struct, frozen=True):
    """Records that follow one another in a file, by source and format; `position` is behind them."""

    records: list[Records]
    position: Position
    read_bytes: int
    """Of the file as it lies on the disk, so far."""
    covered: list[Covered] = []
    """What a recording says was surely heard, and missed."""


class Opened:
    """One input: a file, or `-` for standard input. Counts the bytes that were read."""

    def __init__(self, name: str) -> None:
        """Raises `OSError` for what cannot be read; holds nothing open, so that there may be thousands."""
        self.name = name
        self.read_bytes = 0
        self.size = 0
        self._again = False  # whether it can be read twice: pipes cannot
        if name != "-":
            status = Path(name).stat()
            self.size, self._again = status.st_size, stat.S_ISREG(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
            if self._again:
                Path(name).open("rb").close()

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they lie there. Raises `UnreadableInput` when the disk fails."""
        with nullcontext(sys.stdin.buffer) if self.name == "-" else Path(self.name).open("rb") as file:
            try:
                while chunk := file.read(READ_BYTES):
                    self.read_bytes += len(chunk)
                    yield chunk
            except OSError as problem:
                raise UnreadableInput(f"reading failed after {self.read_bytes} bytes ({problem.strerror})") from problem

    def identity(self) -> str | None:
        """What tells this file from others when it is given again: its name, size and beginning; none for a pipe."""
        if not self._again:
            return None
        try:
            with Path(self.name).open("rb") as file:
                head = hashlib.sha256(file.read(1 << 16)).hexdigest()[:16]
        except OSError:
            return None  # reading it will say why
        return f"import:{Path(self.name).name}:{self.size}:{head}"


def source_name(name: str) -> str:
    """What posts from this file say they came from, unless `--source` says otherwise."""
    return "stdin" if name == "-" else Path(name).name.split(".")[0] or Path(name).name


def pieces(
    opened: Opened, formats: Mapping[str, Format], how: Reading, start: Position | None = None
) -> Iterator[Piece]:
    """The records of a file from `start` on.

    Raises `UnreadableInput` after the last piece that could be read, when the file is damaged, cut off or a bomb.
    """
    head, chunks = peek(decompress(opened.chunks()))
    container = start.container if start else detect(head)
    if start:
        chunks = _after(chunks, start.offset)
    format_ = start.format if start else ""
    for batch in cut(chunks, container, start.offset if start else 0):
        format_ = format_ or _format(batch.records, formats, how.format)
        position = Position(batch.offset, container, format_)
        network = (formats[format_].network if format_ in formats else "") or "unknown"
        records, covered = _records(batch.records, formats, (format_, network), how)
        if batch.oversized is not None:
            records.append(_plain([batch.oversized.record()], formats, ("oversize", network), how))
        yield Piece(records, position, opened.read_bytes, covered)


def up_to_the_cut(pieces: Iterable[Piece], cut: Callable[[], None]) -> Iterator[Piece]:
    """The pieces of a capture as far as it is whole. Where it was cut off, as by a kill or on a full disk, `cut` is
    called, and the half of a line at its end is left out.
    """
    before: Piece | None = None
    is_cut = False
    try:
        for piece in pieces:
            if before is not None:
                yield before
            before = piece
    except CutOff:
        is_cut = True
    if before is not None and _is_half_a_line(before):
        is_cut = True
    elif before is not None:
        yield before
    if is_cut:
        cut()


def _is_half_a_line(piece: Piece) -> bool:
    """Whether a last piece is one line of a recording that cannot be read: only a line without an end comes alone."""
    return [(part.format, len(part.values)) for part in piece.records] == [(RECORDING, 1)]


def _after(chunks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    left = offset
    for chunk in chunks:
        if left < len(chunk):
            yield chunk[left:]
        left = max(0, left - len(chunk))


def _format(records: Sequence[bytes], formats: Mapping[str, Format], wanted: str) -> str:
    if wanted != "auto":
        return wanted
    sample = records[:SAMPLE_RECORDS]
    broken = len(recordings.decode(sample).refused)
    if sample and broken * 2 < len(sample):
        return RECORDING
    parts = [part for record in sample for part in split(record, formats)[:PARTS_OF_SAMPLE]]
    found = detect_format(parts, {each: formats[each] for each in formats if each not in LAST_RESORTS})
    if found is None and sample:
        if broken < len(sample):
            return RECORDING
        if sum(record.lstrip().startswith((b"{", b"[")) for record in sample) * 2 < len(sample):
            raise UnreadableInput("there is no JSON in it and no table with a heading", "name its format with --format")
        return UNRECOGNISED
    return found or ""


def split(record: bytes, formats: Mapping[str, Format]) -> list[bytes]:
    """The records of a page, as the first format does it that takes it for one; anything else is one record."""
    for name in formats:
        parts_of = formats[name].split
        if parts_of is not None and (parts := parts_of(record)):
            return parts
    return [record]


def _records(
    values: Sequence[bytes], formats: Mapping[str, Format], named: tuple[str, str], how: Reading
) -> tuple[list[Records], list[Covered]]:
    """Values as records of a format and network; lines of a recording come as what they hold."""
    if not values:
        return [], []
    if named[0] != RECORDING:
        return [_plain(values, formats, named, how)], []
    decoded = recordings.decode(values)
    broken = [values[refused.record] for refused in decoded.refused]
    return [*decoded.records, *([_plain(broken, formats, named, how)] if broken else [])], decoded.covered


def _plain(values: Sequence[bytes], formats: Mapping[str, Format], named: tuple[str, str], how: Reading) -> Records:
    name, network = named
    shape = formats.get(name)
    if shape is not None and shape.split is not None and _has_page(shape.page or EVERY, values):
        values = [part for value in values for part in (shape.split(value) or [value])]
    received_at_us = [how.now_us] * len(values)
    return Records(source=how.source, network=network, format=name, values=values, received_at_us=received_at_us)


def _has_page(page: re.Pattern[bytes], values: Sequence[bytes]) -> bool:
    """Whether any record may be a page; most begin alike, and that none of these is one is seen on their beginning."""
    if isinstance(values, Values) and len(values) and int((values.ends - values.starts).min()) >= BEGINNING_BYTES:
        letters = np.frombuffer(values.buffer, dtype=np.uint8)
        beginnings = letters[values.starts[:, None] + np.arange(BEGINNING_BYTES)]
        beginning = beginnings[0].tobytes()
        if bool((beginnings == beginnings[0]).all()) and b'"' in beginning and not page.match(beginning):
            return False  # a pattern sees no less of a page in its beginning than in all of it
    return any(map(page.match, values))
