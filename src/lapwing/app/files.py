"""Files as records: opened, decompressed, cut, and told which format they are in. Reads a terabyte in constant memory."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from lapwing.containers import recordings
from lapwing.containers.cutting import cut, peek
from lapwing.containers.decompress import decompress
from lapwing.containers.detection import Container, detect
from lapwing.contracts import Format
from lapwing.errors import UnknownName, UnreadableInput
from lapwing.formats._detection import detect as detect_format
from lapwing.model import Records

READ_BYTES = 4 << 20
EVERY = re.compile(b"")
SAMPLE_RECORDS = 50
RECORDING = "recording"
"""What a file in our own format is called where the format of others would stand."""

UNRECOGNISED = "unrecognised"
"""What JSON is called that no format recognises: it is kept, record by record, as dead letters."""


class Position(msgspec.Struct, frozen=True):
    """How far a file was read, and as what: enough to go on there."""

    offset: int
    container: Container
    format: str


class Piece(msgspec.Struct, frozen=True):
    """Records that follow one another in a file, by source and format; `position` is behind them."""

    records: list[Records]
    position: Position
    read_bytes: int
    """Of the file as it lies on the disk, so far."""


class Opened:
    """One input: a file, or `-` for standard input. Counts the bytes that were read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.read_bytes = 0
        self.size = 0 if name == "-" else Path(name).stat().st_size
        self._file: BinaryIO = sys.stdin.buffer if name == "-" else Path(name).open("rb")

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they lie there."""
        with self._file as file:
            while chunk := file.read(READ_BYTES):
                self.read_bytes += len(chunk)
                yield chunk

    def identity(self) -> str | None:
        """What tells this file from others when it is given again: its name, size and beginning; none for stdin."""
        if self.name == "-":
            return None
        head = hashlib.sha256(self._file.read(1 << 16)).hexdigest()[:16]
        self._file.seek(0)
        return f"import:{Path(self.name).name}:{self.size}:{head}"


def source_name(name: str) -> str:
    """What posts from this file say they came from, unless `--source` says otherwise."""
    return "stdin" if name == "-" else Path(name).name.split(".")[0] or Path(name).name


def pieces(
    opened: Opened, formats: Mapping[str, Format], *, source: str, wanted: str, now_us: int, start: Position | None = None
) -> Iterator[Piece]:
    """The records of a file from `start` on. `wanted` is a format's name, or `auto`.

    Raises `UnreadableInput` after the last piece that could be read, when the file is damaged, cut off or a bomb.
    """
    head, chunks = peek(decompress(opened.chunks()))
    container = start.container if start else detect(head)
    if start:
        chunks = _after(chunks, start.offset)
    format_ = start.format if start else ""
    for batch in cut(chunks, container, start.offset if start else 0):
        format_ = format_ or _format(batch.records, formats, wanted, opened.name)
        position = Position(batch.offset, container, format_)
        records = _records(batch.records, formats, format_, source, now_us)
        if batch.oversized is not None:
            records.append(_plain([batch.oversized.record()], "oversize", formats, format_, source, now_us))
        yield Piece(records, position, opened.read_bytes)


def _after(chunks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    left = offset
    for chunk in chunks:
        if left < len(chunk):
            yield chunk[left:]
        left = max(0, left - len(chunk))


def _format(records: list[bytes], formats: Mapping[str, Format], wanted: str, name: str) -> str:
    if wanted != "auto":
        if wanted not in formats and wanted != RECORDING:
            raise UnknownName("format", wanted, [*formats, RECORDING])
        return wanted
    sample = records[:SAMPLE_RECORDS]
    if sample and len(recordings.decode(sample).refused) * 2 < len(sample):
        return RECORDING
    split = [part for record in sample for part in _split_once(record, formats)]
    found = detect_format(split, formats)
    if found is None and sample:
        if sum(record.lstrip().startswith((b"{", b"[")) for record in sample) * 2 < len(sample):
            raise UnreadableInput(f"{name} holds no JSON and no table with a heading", "name its format with --format")
        return UNRECOGNISED
    return found or ""


def _split_once(record: bytes, formats: Mapping[str, Format]) -> list[bytes]:
    for name in formats:
        split = formats[name].split
        if split is not None and (parts := split(record)):
            return parts[:5]
    return [record]


def _records(values: list[bytes], formats: Mapping[str, Format], format_: str, source: str, now_us: int) -> list[Records]:  # noqa: PLR0913
    if not values:
        return []
    if format_ == RECORDING:
        decoded = recordings.decode(values)
        broken = [values[refused.record] for refused in decoded.refused]
        return [*decoded.records, *([_plain(broken, RECORDING, formats, format_, source, now_us)] if broken else [])]
    return [_plain(values, format_, formats, format_, source, now_us)]


def _plain(values: list[bytes], name: str, formats: Mapping[str, Format], of: str, source: str, now_us: int) -> Records:  # noqa: PLR0913
    network = (formats[of].network if of in formats else "") or "unknown"
    shape = formats[name] if name in formats else None
    if shape is not None and shape.split is not None and any(map((shape.page or EVERY).match, values)):
        values = [part for value in values for part in (shape.split(value) or [value])]
    return Records(source=source, network=network, format=name, values=values, received_at_us=[now_us] * len(values))


