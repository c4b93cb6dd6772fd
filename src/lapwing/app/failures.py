"""What functions failed on: the records of their errors topics, newest first."""

from __future__ import annotations

from typing import Any

import msgspec

from lapwing.app.opening import Directory
from lapwing.app.times import written

TOPIC = "errors"
READ_RECORDS = 1_000


def failures(directory: Directory, limit: int, function: str | None = None) -> list[dict[str, Any]]:
    """The newest failures, each with its time, function, reason and record; only those of one function, if it is named."""
    topics = {TOPIC, *(each.errors for each in directory.configuration.functions)}
    found: list[tuple[int, dict[str, Any]]] = []
    for (topic, partition), (first, end) in directory.log.spans().items():
        if topic in topics:
            found += _newest(directory, (topic, partition), (first, end), (limit, function))
    found.sort(key=lambda each: each[0], reverse=True)
    return [{"at": written(at_us), **failure} for at_us, failure in found[:limit]]


def _newest(
    directory: Directory, place: tuple[str, int], span: tuple[int, int], wanted: tuple[int, str | None]
) -> list[tuple[int, dict[str, Any]]]:
    """The newest of one partition, with the time when each was kept; reads backwards until there are enough."""
    (first, end), (limit, function) = span, wanted
    found: list[tuple[int, dict[str, Any]]] = []
    while end > first and len(found) < limit:
        start = max(first, end - READ_RECORDS)
        some: list[tuple[int, dict[str, Any]]] = []
        for chunk in directory.log.read(*place, start, end - start):
            for offset, value in enumerate(chunk.records.values, chunk.base_offset):
                if start <= offset < end and (failure := _failure(bytes(value), function)) is not None:
                    some.append((chunk.appended_at_us, failure))
        found, end = [*some, *found], start
    return found[-limit:]


def _failure(value: bytes, function: str | None) -> dict[str, Any] | None:
    """A failure as functions write it; None for anything else that somebody wrote there."""
    try:
        failure = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return None
    if not isinstance(failure, dict) or "function" not in failure or "reason" not in failure:
        return None
    return failure if function in (None, failure["function"]) else None
