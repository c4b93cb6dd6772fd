"""The evening as a recording: NDJSON with an envelope around each record, as `record` writes and `replay` reads it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import msgspec
import zstandard

from lapwing.containers import recordings
from lapwing.demo import jetstream_records, mastodon_records, schedule, x_v1_records, x_v2_records
from lapwing.demo.identifiers import instants
from lapwing.demo.people import JETSTREAM, MASTODON, SERVERS, X_V1, X_V2
from lapwing.demo.plan import Evening, plan
from lapwing.demo.scene import Options
from lapwing.demo.schedule import Schedule
from lapwing.demo.truth import Truth, truth
from lapwing.demo.wording import Wording
from lapwing.model import Covered, Records

COMPRESSION = 3
CHUNK_LINES = 5_000


class Recording(NamedTuple):
    """Lines in the order of their arrival, each with its line end, and what they hold."""

    lines: Iterator[bytes]
    truth: Truth


def generate(seed: int, options: Options | None = None) -> Recording:
    """Make the evening; the same bytes for the same seed and options."""
    evening = plan(seed, options or Options())
    order = schedule.schedule(evening)
    return Recording(_lines(evening, order), truth(evening, order))


def write_recording(stream: BinaryIO, truth_stream: BinaryIO, seed: int = 7, scale: float = 1.0) -> Truth:
    """Write the evening as zstd NDJSON and the truth as JSON; 1.0 is 200,000 posts. The streams are left open."""
    options = Options(scale=scale)
    lines, facts = generate(seed, options)
    with zstandard.ZstdCompressor(level=COMPRESSION).stream_writer(stream, closefd=False) as packed:
        chunk = _all_heard(options)
        for line in lines:
            chunk.append(line)
            if len(chunk) == CHUNK_LINES:
                packed.write(b"".join(chunk))
                chunk.clear()
        packed.write(b"".join(chunk))
    truth_stream.write(msgspec.json.encode(facts))
    return facts


def _all_heard(options: Options) -> list[bytes]:
    """For each source the note that everything it said in the evening was heard."""
    lines: list[bytes] = []
    for source, (network, _) in _NETWORKS.items():
        note = Covered(source, network, options.start_us, options.end_us)
        records = Records(
            source=source, network=network, format=recordings.COVERED, values=[msgspec.json.encode(note)],
            received_at_us=[options.start_us],
        )  # fmt: skip
        lines += [line + b"\n" for line in recordings.encode(records)]
    return lines


Piece = tuple[str, str | None, str]
"""The source, the cursor and the record."""


def _lines(evening: Evening, order: Schedule) -> Iterator[bytes]:
    pieces = _Pieces(evening, order)
    say: dict[int, Callable[[int], Piece]] = {
        schedule.POST: pieces.post, schedule.SECOND: pieces.second, schedule.REPEAT: pieces.post,
        schedule.EDIT: pieces.edit, schedule.SECOND_EDIT: pieces.second_edit, schedule.DELETE: pieces.delete,
        schedule.LEAVE: pieces.leave, schedule.INTEREST: pieces.interest,
    }  # fmt: skip
    for first in range(0, len(order.kind), CHUNK_LINES):
        rows = slice(first, first + CHUNK_LINES)
        for kind, index, at in zip(
            order.kind[rows].tolist(), order.index[rows].tolist(), instants(order.received_us[rows], "us"), strict=True
        ):
            if kind in (schedule.BROKEN, schedule.BROKEN_AGAIN):
                bad = order.broken[index]
                source = SERVERS[0] if bad.format == "mastodon" else _SOURCES[bad.format]
                yield f'{_HEADS[source]}{at}Z","cursor":null,"record":{_value(bad.record)}}}\n'.encode()
                continue
            source, cursor, record = say[kind](index)
            record = record.replace("\\", "\\\\").replace('"', '\\"')
            mark = f'"{cursor}"' if cursor is not None else "null"
            yield f'{_HEADS[source]}{at}Z","cursor":{mark},"record":"{record}"}}\n'.encode()


_SOURCES = {"x_v2": "x", "jetstream": "bluesky", "x_v1": "x-archive"}
_NETWORKS = {"x": ("x", "x_v2"), "bluesky": ("bluesky", "jetstream"), "x-archive": ("x", "x_v1")} | dict.fromkeys(
    SERVERS, ("mastodon", "mastodon")
)
_HEADS = {
    source: f'{{"v":1,"source":"{source}","network":"{network}","format":"{format_}","received_at":"'
    for source, (network, format_) in _NETWORKS.items()
}


def _value(record: bytes) -> str:
    try:
        return json.dumps(record.decode(), ensure_ascii=False)
    except UnicodeDecodeError:
        return json.dumps({"base64": base64.b64encode(record).decode()}, separators=(",", ":"))


class _Pieces:
    """Asks the writer that knows the network."""

    def __init__(self, evening: Evening, order: Schedule) -> None:
        self._order = order
        self._words = words = Wording(evening)
        self._network = evening.people.network[evening.posts.author].tolist()
        self._server = evening.people.server[evening.posts.author].tolist()
        self._edited, self._deleted = evening.edits.row.tolist(), evening.deletes.row.tolist()
        self._heard_us = [each - jetstream_records.RELAY_US for each in words.received_us]
        self._deleted_us = evening.deletes.received_us.tolist()
        self._liked_us = evening.interests.received_us.tolist()
        self._left_us = evening.leaver.received_us
        self._v1, self._v2 = x_v1_records.Writer(words), x_v2_records.Writer(words)
        self._blue, self._tusks = jetstream_records.Writer(words), mastodon_records.Writer(words)

    def post(self, row: int) -> Piece:
        network = self._network[row]
        if network == X_V2:
            return "x", None, self._v2.post(row)
        if network == JETSTREAM:
            return "bluesky", str(self._heard_us[row]), self._blue.post(row)
        if network == X_V1:
            return "x-archive", None, self._v1.post(row)
        return SERVERS[self._server[row]], self._tusks.key(row, False), self._tusks.post(row)

    def second(self, row: int) -> Piece:
        server = SERVERS[self._words.second_server[row]]
        return server, self._tusks.key(row, True), self._tusks.post(row, second=True)

    def edit(self, number: int) -> Piece:
        row = self._edited[number]
        if self._network[row] == MASTODON:
            return SERVERS[self._server[row]], None, self._tusks.edit(number)
        return "x", None, self._v2.edit(number)

    def second_edit(self, number: int) -> Piece:
        return SERVERS[self._words.second_server[self._edited[number]]], None, self._tusks.edit(number, second=True)

    def delete(self, number: int) -> Piece:
        row = self._deleted[number]
        if self._network[row] == JETSTREAM:
            return "bluesky", str(self._deleted_us[number] - jetstream_records.RELAY_US), self._blue.delete(number)
        if self._network[row] == MASTODON:
            return SERVERS[self._server[row]], None, self._tusks.delete(number)
        return "x-archive", None, self._v1.delete(number)

    def leave(self, _: int) -> Piece:
        return "bluesky", str(self._left_us - jetstream_records.RELAY_US), self._blue.leave()

    def interest(self, number: int) -> Piece:
        return "bluesky", str(self._liked_us[number] - jetstream_records.RELAY_US), self._blue.interest(number)
