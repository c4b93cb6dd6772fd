"""Our own recordings: what the sources said, exactly, with the envelope of each record, one JSON object to a line.

`{"v":1,"source":…,"network":…,"format":…,"received_at":…,"cursor":…,"record":…}`: the record is a text, or
`{"base64": …}` where it is not UTF-8; the time is RFC 3339 in UTC with microseconds. A line of the format `covered` is no
record but a note of what was surely heard of its source, or missed (`model.Covered`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from lapwing.model import Covered, Records, Refused

COVERED = "covered"
"""The format of lines that say what was heard."""
TIME_US_MAX = 1 << 60
REASON_CHARACTERS_MAX = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Encoded(msgspec.Struct, gc=False):
    """A record that is not UTF-8."""

    base64: str


class Line(msgspec.Struct, gc=False):
    """One line of a recording."""

    v: Literal[1]
    source: str
    network: str
    format: str
    received_at: datetime
    record: str | Encoded
    cursor: str | None = None


class Decoded(msgspec.Struct, frozen=True):
    """What a recording holds: records by where they came from, and the lines that are none."""

    records: list[Records]
    refused: list[Refused]
    """Their `record` is the position among the lines."""
    covered: list[Covered]
    """What was surely heard of the sources, and what was missed."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Envelope(msgspec.Struct, gc=False):
    """A line in the order in which it is written."""

    v: int
    source: str
    network: str
    format: str
    received_at: str
    cursor: str | None
    record: str | Encoded


def encode(records: Records) -> list[bytes]:
    """Give a line, without its end, for each record."""
    cursors: Sequence[str | None] = records.cursors or [None] * len(records.values)
    source, network, form = records.source, records.network, records.format
    return [
        _encode(Envelope(1, source, network, form, _written(time_us), cursor, _text(value)))
        for value, time_us, cursor in zip(records.values, records.received_at_us, cursors, strict=True)
    ]


def _written(time_us: int) -> str:
    return (_EPOCH + time_us * _MICROSECOND).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(value: bytes) -> str | Encoded:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Encoded(base64.b64encode(value).decode())


def readable(value: bytes) -> str | dict[str, str]:
    """A record as a line of a recording has it: text, or ``{"base64": …}`` where it is none."""
    text = _text(value)
    return text if isinstance(text, str) else {"base64": text.base64}


def is_recording(line: bytes) -> bool:
    """Whether a line is one of a recording."""
    try:
        _decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


def decode(lines: Sequence[bytes]) -> Decoded:
    """Read lines; records of the same source, network and format come together, in their order."""
    groups: dict[tuple[str, str, str], tuple[list[bytes], list[int], list[str]]] = {}
    refused: list[Refused] = []
    covered: list[Covered] = []
    for position, line in enumerate(lines):
        try:
            read = _decode(line)
            value = _bytes(read.record)
            if read.format == COVERED:
                covered.append(_note(value, read))
                continue
        except (msgspec.MsgspecError, UnicodeError, RecursionError, binascii.Error) as error:
            refused.append(Refused(position, f"not a line of a recording: {error}"[:200]))
            continue
        values, times, cursors = groups.setdefault((read.source, read.network, read.format), ([], [], []))
        values.append(value)
        times.append((_utc(read.received_at) - _EPOCH) // _MICROSECOND)
        cursors.append(read.cursor or "")
    records = [
        Records(source=source, network=network, format=form, values=values, received_at_us=times, cursors=cursors)
        for (source, network, form), (values, times, cursors) in groups.items()
    ]
    return Decoded(records, refused, covered)


def _note(value: bytes, line: Line) -> Covered:
    """A note about the source of its line; raises `msgspec.ValidationError` for times that nothing has."""
    note = msgspec.json.decode(value, type=Covered)
    if not 0 <= note.from_us <= note.to_us < TIME_US_MAX or len(note.reason) > REASON_CHARACTERS_MAX:
        raise msgspec.ValidationError("a note of what was heard has times or a reason that cannot be")
    return msgspec.structs.replace(note, source=line.source, network=line.network)


def _bytes(record: str | Encoded) -> bytes:
    return record.encode() if isinstance(record, str) else base64.b64decode(record.base64, validate=True)


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
