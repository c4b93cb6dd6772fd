"""`rebuild`: the log once more through formats and stages, into a new generation of the ledger."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.app.opening import Directory
from lapwing.engine.understanding import Part, gathered, parts_of, understand_or_bisect
from lapwing.ledger.sqlite.rebuilding import rebuild as make_generation

READ_RECORDS = 20_000


def rebuild(directory: Directory, since_us: int | None) -> dict[str, Any]:
    """Understand again what the log holds (appended since a time, or all of it); says how much that was."""
    topics = {
        number: (topic, partition)
        for number, topic, partition in directory.ledger.store.connection.execute(
            "SELECT id, topic, partition FROM partitions"
        )
    }

    def understand(wanted: dict[int, NDArray[np.int64]]) -> pl.DataFrame:
        parts: list[Part] = []
        for origin, offsets in wanted.items():
            parts += _parts(directory, topics[origin], origin, offsets, since_us)
        return understand_or_bisect(gathered(parts), directory.understanding).posts

    return msgspec.structs.asdict(make_generation(directory.ledger, understand))


def _parts(
    directory: Directory, place: tuple[str, int], origin: int, offsets: NDArray[np.int64], since_us: int | None
) -> list[Part]:
    """The records at these offsets that the log still holds and that were appended since then."""
    parts: list[Part] = []
    position, end = int(offsets[0]), int(offsets[-1]) + 1
    while position < end:
        chunks = directory.log.read(*place, position, READ_RECORDS)
        if not chunks:
            break
        for chunk in chunks:
            if since_us is None or chunk.appended_at_us >= since_us:
                parts += _picked(parts_of(chunk, origin, (position, end)), offsets)
        position = max(position + 1, chunks[-1].base_offset + len(chunks[-1].records.values))
    return parts


def _picked(part: Part, offsets: NDArray[np.int64]) -> list[Part]:
    rows = np.flatnonzero(np.isin(np.array(part.offsets), offsets)).tolist()
    if not rows:
        return []
    records = msgspec.structs.replace(
        part.records,
        values=[part.records.values[row] for row in rows],
        received_at_us=[part.records.received_at_us[row] for row in rows],
        cursors=None,
    )
    return [
        Part(
            part.topic,
            part.partition,
            records,
            [part.origins[row] for row in rows],
            [part.offsets[row] for row in rows],
        )
    ]
