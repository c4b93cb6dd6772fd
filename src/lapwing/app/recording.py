"""What the sources say, exactly and with its times, into a file that `replay`, `ingest` and `compare` read.

The sources run as they always do; only what they hear goes into a file instead of the log.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Any

import msgspec
import zstandard

from lapwing.app.listening import plans_of
from lapwing.config import Configuration
from lapwing.containers import recordings
from lapwing.engine import ears
from lapwing.engine.clock import Clock
from lapwing.engine.heard import Plan
from lapwing.errors import DiskFull, UsageError
from lapwing.hearing import STOPPED, SourceNote
from lapwing.model import COVERAGE, Covered, Records
from lapwing.windows.completeness import merged, spans_of

said = logging.getLogger("lapwing.record")

ZSTD_LEVEL = 6


class Tape:
    """A recording that is being made: a log as far as sources know. Each append is a whole zstd frame.

    A file that is cut off anywhere loses no more than what was heard last.
    """

    def __init__(self, path: Path) -> None:
        """Raises `UsageError` where the file is there already: what was recorded is never written over."""
        try:
            self._file = path.open("xb")
        except FileExistsError:
            raise UsageError(f"{path} is there already", "name another file; recordings are not written over") from None
        except OSError as problem:
            raise UsageError(f"{path} cannot be written ({problem.strerror})", "name another file") from problem
        self._packed = path.suffix == ".zst"
        self._compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress
        self.records: dict[str, int] = {}
        """How many were heard, by source."""
        self.notes: list[Covered] = []
        """What was said about listening, gaps and what was surely heard."""
        self.states: dict[str, tuple[str, str]] = {}
        """How each source last was, and why, before it was stopped."""

    def __enter__(self) -> Tape:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def claim_source(self, source: str, owner: str, now_us: int) -> Any:  # noqa: ARG002  (a log's)
        """A recording begins anew, and nobody else writes it."""
        return _Lease(source, "")

    def release_source(self, lease: Any) -> None:
        """Nothing is held."""

    def source_memory(self, source: str) -> tuple[int | None, bool]:  # noqa: ARG002  (a log's)
        """Nothing is remembered."""
        return None, True

    def append_heard(
        self, lease: Any, outputs: Sequence[tuple[str, Records]], note: SourceNote, *, now_us: int, cursor: str | None
    ) -> None:
        """Write the records of all topics, the cursor behind the last."""
        del now_us
        lines: list[bytes] = []
        for topic, records in outputs:
            if topic == COVERAGE:
                self.notes += [msgspec.json.decode(value, type=Covered) for value in records.values]
                lines += recordings.encode(msgspec.structs.replace(records, format=recordings.COVERED))
                continue
            cursors = [""] * (len(records.values) - 1) + [cursor or ""]
            lines += recordings.encode(msgspec.structs.replace(records, cursors=cursors))
            self.records[lease.source] = self.records.get(lease.source, 0) + len(records.values)
        if note.reason != STOPPED:
            self.states[note.name] = (note.state, note.reason)
        if lines:
            self._write(b"\n".join(lines) + b"\n")

    def _write(self, text: bytes) -> None:
        try:
            self._file.write(self._compress(text) if self._packed else text)
            self._file.flush()
        except OSError as problem:
            raise DiskFull(f"no room for the recording ({problem.strerror})", "free some space") from problem


class _Lease(msgspec.Struct, frozen=True):
    """What a source holds while it is recorded."""

    source: str
    cursor: str


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded: which sources (none: all), from when on, and how long."""

    names: tuple[str, ...] = ()
    at_us: int | None = None
    for_us: int | None = None


def record(
    configuration: Configuration, path: Path, wish: Wish, clock: Clock, stop: Callable[[], bool]
) -> dict[str, Any]:
    """Record until `stop`, or as long as wished; what was heard, by source, and what was missed.

    Raises `UsageError` for a file that is there, and where there is nothing to listen to.
    """
    listened = plans_of(configuration)
    plans = {  # whoever records answers nobody
        name: msgspec.structs.replace(plan, answers=None)
        for name, plan in listened.items()
        if not wish.names or name in wish.names
    }
    if not plans:
        raise UsageError("there is no source to record", "write a [[source]], or name one of the configuration")
    with Tape(path) as tape:
        begin_us = _wait_for(wish.at_us, clock, stop)
        end_us = None if wish.for_us is None else begin_us + wish.for_us
        asked: list[Mapping[str, Plan]] = [plans]

        def over() -> bool:
            return stop() or (end_us is not None and clock.now_us() >= end_us)

        ears.listen(
            tape, clock, (f"record-{os.getpid()}", SystemRandom()), lambda: asked.pop() if asked else None, over
        )
        return {
            "sources": [_heard(tape, name, begin_us) for name in sorted(plans)],
            "records": sum(tape.records.values()),
            "from_us": begin_us,
            "to_us": clock.now_us(),
        }


def _wait_for(at_us: int | None, clock: Clock, stop: Callable[[], bool]) -> int:
    """Wait until it is time, so that several machines begin together; when that was."""
    while at_us is not None and clock.now_us() < at_us and not stop():
        clock.sleep(min(0.2, (at_us - clock.now_us()) / 1e6))
    return clock.now_us()


def _heard(tape: Tape, name: str, begin_us: int) -> dict[str, Any]:
    gaps = [
        {"from_us": note.from_us, "to_us": note.to_us, "reason": note.reason}
        for note in tape.notes
        if note.source == name and note.kind == "gap"
    ]
    spans = spans_of((note.from_us, note.to_us) for note in tape.notes if note.source == name and note.kind == "heard")
    heard_us = sum(high - max(low, begin_us) for low, high in merged(spans).tolist() if high > begin_us)
    records = tape.records.get(name, 0)
    state, reason = tape.states.get(name, ("connecting", ""))
    return {
        "name": name,
        "records": records,
        "state": "live" if state == "connecting" and (records or heard_us) else state,
        "reason": reason,
        "heard_s": round(heard_us / 1e6, 3),
        "gaps": gaps,
    }
