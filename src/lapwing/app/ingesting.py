"""Archives and recordings through log and stages into the store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from lapwing.app.files import Opened, Piece, Position, Reading, check_format, pieces, source_name
from lapwing.app.opening import Directory
from lapwing.app.reading_lock import reading
from lapwing.app.workers import WATCH_S, Workers
from lapwing.engine.loop import BATCH_RECORDS_MAX, Worker
from lapwing.errors import DiskFull, LapwingError, UnreadableInput, UsageError
from lapwing.ledger.sqlite.accounting import OUTCOMES
from lapwing.log.sqlite import SourceLease
from lapwing.model import COVERAGE, Covered, Records

LEAD_RECORDS_MAX = 400_000
"""Reading waits when so many records lie in the log unworked, so that the log stays small beside the archive."""
SMALL_BYTES = 16 << 20
"""Below this, starting worker processes takes longer than the work."""
APPEND_RECORDS = 4_000
FINISHED = "finished"
DISK_FULL_WAIT_S = 2.0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to ingest, and how."""

    files: tuple[str, ...]
    format: str = "auto"
    source: str | None = None
    covers_us: tuple[int, int] | None = None
    workers: int | None = None
    """Worker processes; 0 works in this one; None decides by size."""


class Progress(msgspec.Struct, frozen=True):
    """How far an ingest is."""

    file: str
    read_bytes: int
    total_bytes: int
    behind: int


Show = Callable[[Progress], None]


def ingest(directory: Directory, wish: Wish, show: Show = lambda _: None) -> dict[str, Any]:
    """Read the files, wait until everything is saved; the accounting of it, with `seconds` and `posts_per_second`.

    Raises `UnreadableInput` for a file that is damaged or not what it should be, after everything readable was saved.
    """
    check_format(wish.format, directory.formats)
    inputs = [opened_or_blamed(name) for name in wish.files]
    total = sum(opened.size for opened in inputs)
    before, started = accounting_by_source(directory), directory.clock.monotonic_s()
    count = wish.workers if wish.workers is not None else (0 if total < SMALL_BYTES and "-" not in wish.files else 2)
    with Workers(directory.path, directory.configuration, count) as workers:
        feed = _Feed(directory, wish, workers, show)
        problems = [problem for opened in inputs if (problem := feed.read(opened, total))]
        feed.drain()
    feed.finish()
    seconds = directory.clock.monotonic_s() - started
    counts = _since(before, accounting_by_source(directory), feed.sources)
    summary = counts | {"seconds": round(seconds, 3), "posts_per_second": round(counts["received"] / seconds)}
    if problems:
        raise UnreadableInput(
            "; ".join(problems), f"what could be read was saved: {msgspec.json.encode(counts).decode()}"
        )
    return summary


def opened_or_blamed(name: str) -> Opened:
    """An input that can be read, or `UsageError`."""
    try:
        return Opened(name)
    except OSError as problem:
        raise UsageError(
            f"{name}: {problem.strerror}", "name a file that can be read, or - for standard input"
        ) from None


def accounting_by_source(directory: Directory) -> dict[str, dict[str, int]]:
    """What became of every record since the beginning, for each source by its name."""
    rows = directory.ledger.store.connection.execute(
        f"SELECT s.name, {', '.join(OUTCOMES)} FROM accounting a JOIN sources s ON s.id = a.source"
    )
    return {name: dict(zip(OUTCOMES, counts, strict=True)) for name, *counts in rows}


def _since(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]], sources: set[str]) -> dict[str, int]:
    """What became of the records of some sources meanwhile; what others received is not ours to tell."""
    return {
        outcome: sum(after.get(name, {}).get(outcome, 0) - before.get(name, {}).get(outcome, 0) for name in sources)
        for outcome in OUTCOMES
    }


def notes_of(covered: list[Covered], now_us: int) -> list[Records]:
    """What a recording says was heard and missed, as records of our own topic: as of an archive, which has no duty now."""
    notes = [msgspec.structs.replace(each, live=False) for each in covered if each.kind in ("heard", "gap")]
    return [
        Records(
            source=note.source, network=note.network, format="", values=[msgspec.json.encode(note)],
            received_at_us=[now_us],
        )
        for note in notes
    ]  # fmt: skip


class _Feed:
    """Files into the log, no further ahead of the workers than `LEAD_RECORDS_MAX`."""

    def __init__(self, directory: Directory, wish: Wish, workers: Workers, show: Show) -> None:
        self.directory = directory
        self.wish = wish
        self.workers = workers
        self.show = show
        self.own: Worker | None = directory.worker() if not workers.pids() else None
        if self.own is not None:
            self.own.linger_us = 0  # it is only asked to work when nothing is appended meanwhile
        self.formats = directory.formats
        self.appended = 0
        self.heard: set[tuple[str, str]] = set()
        self.sources: set[str] = set()
        """The names that this ingest's records have."""
        self.whole: list[tuple[str, str]] = []
        """Identity and name of the files that were read to their end."""
        self.read_before = 0
        self.total = 0

    def read(self, opened: Opened, total: int) -> str | None:
        """Append one file; what is wrong with it, if anything."""
        self.total = total
        identity = opened.identity()
        with reading(self.directory.path, identity, opened.name):
            lease = self._lease(identity)
            try:
                problem = self._read(opened, lease)
                if identity is not None:
                    self.whole.append((identity, opened.name))
            finally:
                if lease is not None:
                    self.directory.log.release_source(lease)
        self._cover()
        self.read_before += opened.size
        return problem

    def finish(self) -> None:
        """Note that the files are saved to their end; until then an ingest that was stopped goes on with them."""
        for identity, name in self.whole:
            # Whoever reads the file again meanwhile says so when it has.
            with suppress(LapwingError), reading(self.directory.path, identity, name):
                lease = self._lease(identity)
                nothing = Records(source="", network="", format="", values=[], received_at_us=[])
                self._appended("raw.finished", nothing, lease, FINISHED)
                if lease is not None:
                    self.directory.log.release_source(lease)

    def _read(self, opened: Opened, lease: SourceLease | None) -> str | None:
        source = self.wish.source or source_name(opened.name)
        self.sources.add(source)
        how = Reading(source=source, format=self.wish.format, now_us=self.directory.clock.now_us())
        try:
            for piece in pieces(opened, self.formats, how, _position(lease)):
                self._append(piece, lease)
                self._pace(opened.name, piece.read_bytes)
        except UnreadableInput as unreadable:
            return f"{opened.name}: {unreadable}"
        return None

    def _lease(self, identity: str | None) -> SourceLease | None:
        if identity is None:
            return None
        lease = self.directory.log.claim_source(identity, f"ingest-{identity}", self.directory.clock.now_us())
        assert lease is not None, "a lease is given to whoever has its owner's name, and only readers have this one"
        return lease

    def _append(self, piece: Piece, lease: SourceLease | None) -> None:
        for number, records in enumerate(piece.records):
            self.heard.add((records.source, records.network))
            self.sources.add(records.source)
            last = number == len(piece.records) - 1
            cursor = msgspec.json.encode(piece.position).decode() if last else None
            self._appended(f"raw.{records.network}", records, lease, cursor)
        for notes in notes_of(piece.covered, self.directory.clock.now_us()):
            self._appended(COVERAGE, notes, None, None)

    def _appended(self, topic: str, records: Records, lease: SourceLease | None, cursor: str | None) -> None:
        """Append; on a full disk wait until there is room, so that an ingest goes on by itself."""
        while True:
            try:
                self.directory.log.append(
                    topic, records, now_us=self.directory.clock.now_us(), lease=lease, cursor=cursor
                )
                self.appended += len(records.values)
                return
            except DiskFull:
                self.directory.clock.sleep(DISK_FULL_WAIT_S)

    def _cover(self) -> None:
        if self.wish.covers_us is None:
            return
        for source, network in sorted(self.heard):
            covered = Covered(source, network, *self.wish.covers_us)
            for notes in notes_of([covered], self.directory.clock.now_us()):
                self._appended(COVERAGE, notes, None, None)

    def _pace(self, name: str, read_bytes: int) -> None:
        """Let the workers come near, and say how far things are."""
        behind = self.directory.behind() if self.appended >= APPEND_RECORDS else 0
        self.show(Progress(name, self.read_before + read_bytes, self.total, behind))
        while behind > (LEAD_RECORDS_MAX if self.own is None else BATCH_RECORDS_MAX):
            self._wait(BATCH_RECORDS_MAX // 2)
            behind = self.directory.behind()
            self.show(Progress(name, self.read_before + read_bytes, self.total, behind))

    def _wait(self, leave: int) -> None:
        """Work here until no more than `leave` records wait, or let the workers work for a moment."""
        if self.own is not None:
            self.own.run(lambda: self.directory.behind() <= leave)
        else:
            self.workers.watch()
            self.directory.clock.sleep(WATCH_S / 2)

    def drain(self) -> None:
        """Wait until everything that was appended is saved."""
        while behind := self.directory.behind():
            self.show(Progress("saving", self.read_before, self.total, behind))
            self._wait(0)


def _position(lease: SourceLease | None) -> Position | None:
    """Where a stopped ingest of this file can go on; None for one that was finished, or never begun."""
    if lease is None or lease.cursor in ("", FINISHED):
        return None
    return msgspec.json.decode(lease.cursor, type=Position)
