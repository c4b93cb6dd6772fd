"""What is written into files: a folder, a pattern or one file is followed; new files and new lines are read as they come.

Where it was is kept for each file, so that it goes on exactly there after a stop, a new name, or a file that was cut off.
Packed files (gzip, Zstandard) are read when they have come to rest.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, field

from lapwing.hearing import AUTO, Disconnected, Source, SourceChunk, Surroundings
from lapwing.settings import UNITS_US, SpanUs

if TYPE_CHECKING:
    from lapwing.sources._files import Follower, Piece

RECORDING = "recording"
SHOWN_MAX = 10
SILENT_S = 60.0


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files, and what is in them."""

    path: Annotated[
        str,
        Meta(
            min_length=1,
            description="A folder, a file, or a pattern such as `logs/*.ndjson`; `**` is any folder within.",
        ),
    ]
    format: Annotated[
        str, Meta(min_length=1, description="The format of the records; `auto` finds it, for each piece of each file.")
    ] = AUTO
    every_us: Annotated[SpanUs, Meta(description="How often it is looked for what is new.")] = field(
        name="every", default=2 * UNITS_US["s"]
    )
    settle_us: Annotated[
        SpanUs,
        Meta(
            description="A packed file that has not changed for so long is complete, and so is a last line without an end."
        ),
    ] = field(name="settle", default=10 * UNITS_US["s"])


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Look again and again; each look is everything that was written since the last."""
    from lapwing.sources._files import Cursor, Follower, exists

    time = surroundings.time
    cursor = msgspec.json.decode(after, type=Cursor) if after else Cursor({}, time.now_us())
    from_us: int | None = cursor.looked_us
    follower, said = Follower(options.path, cursor, options.settle_us), after
    while True:
        now_us = time.now_us()
        if not exists(options.path):
            raise Disconnected(f"{options.path} is not there")
        for piece in follower.look(now_us):
            said = msgspec.json.encode(follower.cursor()).decode()
            for chunk in _chunks(piece, options.format, said):
                yield chunk
            await time.sleep(0)  # others listen too
        if follower.unread:
            yield SourceChunk(reason=_reason(follower), details=_details(follower))
        else:
            lost, follower.lost = tuple(follower.lost), []
            fresh = msgspec.json.encode(follower.cursor()).decode()
            yield SourceChunk(
                cursor=fresh, covered_from_us=from_us, covered_to_us=now_us, lost=lost, reason=_reason(follower),
                details=_details(follower),
            )  # fmt: skip
            from_us = None
        await time.sleep(options.every_us / 1e6)


def _chunks(piece: Piece, format: str, cursor: str) -> Iterator[SourceChunk]:
    """The records of a piece; the lines of a recording as what they hold. Only the last chunk has the cursor."""
    from lapwing.containers import recordings

    if piece.oversized:
        yield SourceChunk(values=piece.values, format="oversize", cursor=cursor)
        return
    if format not in (AUTO, RECORDING) or not any(map(recordings.is_recording, piece.values[:SHOWN_MAX])):
        yield SourceChunk(values=piece.values, format=format, cursor=cursor)
        return
    decoded = recordings.decode(piece.values)
    broken = [piece.values[refused.record] for refused in decoded.refused]
    for records in decoded.records:
        yield SourceChunk(
            values=list(records.values), format=records.format, network=records.network,
            received_at_us=records.received_at_us,
        )  # fmt: skip
    yield SourceChunk(values=broken, format=RECORDING, cursor=cursor)


def _reason(follower: Follower) -> str:
    said = [f"{name}: {what}" for name, what in follower.problems.items()]
    if follower.too_many:
        said.append(f"{follower.too_many:,} files more than are followed")
    return "; ".join(said[:SHOWN_MAX])


def _details(follower: Follower) -> dict[str, object]:
    return {"files": len(follower.places), "problems": dict(list(follower.problems.items())[:SHOWN_MAX])}


SOURCE = Source(
    network="files",
    format=AUTO,
    options=Options,
    read=read,
    resume="exact",
    silence_s=lambda options: options.every_us / 1e6 * 3 + SILENT_S,
    example="""
[[source]]
type = "files"
path = "incoming"
topic = "raw.mastodon"
""",
)
