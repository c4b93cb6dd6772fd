"""Recordings into the log at their own rhythm. Only the pauses are replayed: what was recorded stays as it is.

`received_at` is not moved to today: a post that says it was made after it was received is refused, so that moving it
would let the day of the replay decide what is stored. When a record was appended is in the log beside it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from lapwing.app.files import RECORDING, Opened, Piece, Reading, pieces, source_name, up_to_the_cut
from lapwing.app.ingesting import DISK_FULL_WAIT_S, notes_of, opened_or_blamed
from lapwing.app.opening import Directory, Formats
from lapwing.app.replay_faults import Faults, Heard, with_faults
from lapwing.errors import DiskFull, UnreadableInput
from lapwing.model import COVERAGE, Covered, Records

NO_FAULTS = Faults()
TICK_S = 0.05
"""Records that come closer together than this are appended together."""
APPEND_RECORDS = 4_000
NOTES_S = 1.0


def replay(
    directory: Directory, files: tuple[str, ...], speed: float, faults: Faults = NO_FAULTS, seed: int = 0
) -> dict[str, Any]:
    """Append everything, waiting between records as long as their sources were silent, divided by `speed`; 0: no wait.

    With `faults` it comes as over a bad network. A recording that was cut off is read up to there, and named under `cut`.
    Raises `UnreadableInput` for what is no recording.
    """
    inputs = [opened_or_blamed(name) for name in files]
    clock = directory.clock
    started, first_us, count = clock.monotonic_s(), None, 0
    waiting: list[Records] = []
    aside = _Aside([], [])
    notes = _Notes(directory, aside.covered)
    heard = heapq.merge(*(_records(directory, opened, number, aside) for number, opened in enumerate(inputs)))
    for at_us, _, _, record in with_faults(iter(heard), faults, seed, directory.formats):
        first_us = at_us if first_us is None else first_us
        ahead_s = (at_us - first_us) / 1e6 / speed - (clock.monotonic_s() - started) if speed else 0.0
        if ahead_s > TICK_S or len(waiting) >= APPEND_RECORDS:
            _append(directory, waiting)
            waiting = []
        if ahead_s > TICK_S:
            notes.tell(at_us)
            clock.sleep(ahead_s)
        waiting.append(record)
        count += 1
    _append(directory, waiting)
    notes.tell_all()
    return {"records": count, "seconds": round(clock.monotonic_s() - started, 3), "cut": aside.cut}


class _Aside(NamedTuple):
    """What recordings hold beside records."""

    cut: list[str]
    """The names of those that were cut off."""
    covered: list[Covered]


class _Notes:
    """What recordings say was heard and missed: told as far as the replay has come, and in whole at its end."""

    def __init__(self, directory: Directory, covered: list[Covered]) -> None:
        self._directory, self._covered = directory, covered
        self._told_us, self._told_s = 0, -math.inf

    def tell(self, until_us: int) -> None:
        """Everything that was received before this time is in the log. Said once a second."""
        now_s = self._directory.clock.monotonic_s()
        if now_s - self._told_s < NOTES_S:
            return
        parts = [
            msgspec.structs.replace(each, from_us=max(each.from_us, self._told_us), to_us=min(each.to_us, until_us))
            for each in self._covered
            if each.kind == "heard" and each.from_us < until_us and each.to_us > self._told_us
        ]
        self._append(parts)
        self._told_us, self._told_s = until_us, now_s

    def tell_all(self) -> None:
        """The recordings are in the log."""
        self._append(self._covered)

    def _append(self, covered: list[Covered]) -> None:
        for notes in notes_of(covered, self._directory.clock.now_us()):
            while not _appended(self._directory, COVERAGE, notes):
                self._directory.clock.sleep(DISK_FULL_WAIT_S)


def _records(directory: Directory, opened: Opened, number: int, aside: _Aside) -> Iterator[Heard]:
    """The records of one recording, one by one, in the order in which they were received."""
    how = Reading(source=source_name(opened.name), format="auto", now_us=directory.clock.now_us())
    place = 0
    for piece in up_to_the_cut(pieces(opened, Formats(), how), lambda: aside.cut.append(opened.name)):
        aside.covered.extend(piece.covered)
        if piece.position.format != RECORDING:
            raise UnreadableInput(f"{opened.name} is not a recording", "lapwing ingest reads it")
        for at_us, record in _in_order(piece):
            yield at_us, number, place, record
            place += 1


def _in_order(piece: Piece) -> list[tuple[int, Records]]:
    """Broken lines have no time; they come behind the others of their piece."""
    heard = [(at_us, _one(part, row)) for part in piece.records for row, at_us in enumerate(part.received_at_us)]
    times = [at_us for at_us, record in heard if record.format != RECORDING]
    last = max(times, default=0)
    return sorted(
        ((last if each.format == RECORDING else at_us, each) for at_us, each in heard), key=lambda pair: pair[0]
    )


def _one(part: Records, row: int) -> Records:
    return Records(
        source=part.source, network=part.network, format=part.format, values=[part.values[row]],
        received_at_us=[part.received_at_us[row]], cursors=[part.cursors[row]] if part.cursors else None,
    )  # fmt: skip


def _append(directory: Directory, waiting: list[Records]) -> None:
    """Append single records, those of a kind together; on a full disk wait until there is room."""
    groups: dict[tuple[str, str, str], list[Records]] = {}
    for each in waiting:
        groups.setdefault((each.source, each.network, each.format), []).append(each)
    for (source, network, form), parts in groups.items():
        records = Records(
            source=source, network=network, format=form, values=[part.values[0] for part in parts],
            received_at_us=[part.received_at_us[0] for part in parts],
            cursors=[(part.cursors or [""])[0] for part in parts],
        )  # fmt: skip
        while not _appended(directory, f"raw.{records.network}", records):
            directory.clock.sleep(DISK_FULL_WAIT_S)


def _appended(directory: Directory, topic: str, records: Records) -> bool:
    try:
        directory.log.append(topic, records, now_us=directory.clock.now_us())
    except DiskFull:
        return False
    return True
