"""What the HTTP API asks, answered from a data directory: a few threads for those who wait, and a few for exports.

Each thread has connections of its own. A question of somebody who waits has a budget, which begins when it is asked; it
is looked at between blocks, so that a thread is free soon after the budget is spent.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from lapwing.app import answers, asking, cloud, collections, letters, paging, sheets
from lapwing.app.opening import Directory
from lapwing.app.status import status
from lapwing.config import Configuration
from lapwing.contracts import Asked, Counting, Page
from lapwing.engine.clock import Clock
from lapwing.errors import Corrupt, DiskFull, Fenced, TooSlow, UnknownName, UsageError
from lapwing.ledger.sqlite.schema import full_or
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Records

INTERACTIVE_THREADS = 4
PATIENT_THREADS = 2
RETRY_WAIT_S = 20.0
FREE_BYTES_MIN = 64 << 20
"""With less room than this on the disk nothing more is promised to be kept."""
PAGE_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

Answer = TypeVar("Answer")


class DirectoryFront:
    """The `Front` of one data directory; a context that closes it."""

    def __init__(self, path: Path, configuration: Configuration | None = None, clock: Clock | None = None) -> None:
        self._path, self._configuration = path, configuration
        self._directory = Directory(path, configuration)
        self._clock = clock or self._directory.clock
        self._budget_s = self._directory.configuration.serve.query_budget_us / 1e6
        self._here = threading.local()
        self._opened: list[Directory] = [self._directory]
        self._retrying = threading.Lock()
        self._interactive = ThreadPoolExecutor(INTERACTIVE_THREADS, "interactive")
        self._patient = ThreadPoolExecutor(PATIENT_THREADS, "patient")

    def __enter__(self) -> DirectoryFront:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is being read and let go of the files."""
        for threads in (self._interactive, self._patient):
            threads.shutdown(cancel_futures=True)
        for directory in self._opened:
            directory.close()

    def warm(self) -> None:
        """Load what answers need and what takes a second to load, aside, before somebody waits for it."""
        for name in ("gazetteer", "cutters"):
            self._patient.submit(partial(self._directory.resources.__getitem__, name))

    def interactive(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Run this for somebody who waits; `TooSlow` when waiting and work take longer than the budget."""
        return self._interactive.submit(self._run, work, self._clock.monotonic_s() + self._budget_s)

    def patient(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Run this however long it takes, where it does not hold up those who wait."""
        return self._patient.submit(self._run, work, None)

    def _run(self, work: Callable[[], Answer], end_s: float | None) -> Answer:
        self._here.end_s = end_s
        try:
            self._check()
            answer = work()
            self._check()
        except sqlite3.OperationalError as problem:
            if "locked" in str(problem) or "busy" in str(problem):
                raise Fenced("the data directory is busy", "ask again in a moment") from problem
            raise full_or(problem) from problem
        except sqlite3.DatabaseError as problem:
            raise Corrupt(f"the data cannot be read ({problem})", "`lapwing verify` says what is broken") from problem
        else:
            return answer
        finally:
            self._here.end_s = None

    def _check(self) -> None:
        """Give up a question whose time is over."""
        end_s = getattr(self._here, "end_s", None)
        if end_s is not None and self._clock.monotonic_s() > end_s:
            raise TooSlow(
                f"the question was given up after {self._budget_s:g} s",
                "narrow it: since and until, a source, a place or a rarer word; or take format=ndjson, which has time",
            )

    @property
    def _own(self) -> Directory:
        """This thread's own connections."""
        if not hasattr(self._here, "directory"):
            self._here.directory = Directory(self._path, self._configuration)
            self._opened.append(self._here.directory)
        directory: Directory = self._here.directory
        return directory

    @property
    def _store(self) -> Store:
        store = self._own.ledger.store
        store.check = self._check
        return store

    def _filters(self, asked: Asked) -> Filters:
        return asking.filters_of(self._own, asked)

    def posts(self, asked: Asked, query: str | None, limit: int, after: str | None = None) -> Page:
        """Posts, newest first; stable while more arrive."""
        node, filters = asking.query_of(query), self._filters(asked)
        found = answers.posts(self._store, filters, node, limit, after)
        return Page(found["posts"], found["next"])

    def counts(self, asked: Asked, counting: Counting, limit: int, after: str | None = None) -> Page:
        """Counts by window and place or country."""
        wanted, filters = paging.wanted_of(counting), self._filters(asked)
        return paging.counts((self._store, filters, wanted), self._own.processed_until_us(), limit, after)

    def words(self, asked: Asked, query: str | None, limit: int) -> Page:
        """The most frequent words, with how many posts have each."""
        node, filters = asking.query_of(query), self._filters(asked)
        return Page(cloud.words(self._store, filters, node, limit))

    def places(self, asked: Asked, limit: int, after: str | None = None) -> Page:
        """The cities that posts are in, by GeoNames id, with their posts, reposts and people."""
        return paging.places(self._store, self._filters(asked), limit, after)

    def sources(self) -> list[str]:
        """The names of the sources that were heard."""
        return [name for (name,) in self._store.connection.execute("SELECT name FROM sources ORDER BY name")]

    def documents(self, name: str, query: str | None, limit: int, after: str | None = None) -> Page:
        """The documents of a collection, newest first; raises `UnknownName` where there is none of that name."""
        store = self._store
        try:
            found = collections.page(self._own, name, query, limit, after)
        except UnknownName as unknown:
            known = [kept for (kept,) in store.connection.execute("SELECT name FROM collections")]
            raise UnknownName("source or collection", name, [*self.sources(), *known]) from unknown
        return Page(found["documents"], found["next"])

    def status(self) -> dict[str, Any]:
        """How things stand."""
        return status(self._own)

    def letters(self, reason: str | None, topic: str | None, limit: int, after: str | None = None) -> Page:
        """Dead letters, newest first, without their records."""
        if after is not None and not (after.isascii() and after.isdecimal() and len(after) < 19):
            raise UsageError(f"cursor {after[:80]!r} is not one that we gave", "start without one")
        found = letters.listed(self._own, reason, topic, limit + 1, int(after) if after else 1 << 62)
        return Page(found[:limit], str(found[limit - 1]["id"]) if len(found) > limit else None)

    def letter(self, number: int) -> dict[str, Any]:
        """One dead letter with its record; raises `UnknownName` where there is none of that number."""
        try:
            return letters.whole(self._own, number)
        except UsageError as problem:
            raise UnknownName("dead letter", str(number), ()) from problem

    def retry(self, number: int | None, mended: bytes | None) -> dict[str, int]:
        """Read one dead letter, or all, again: how many ``moved``, and how many are ``refused`` still."""
        if number is not None:
            self.letter(number)
        numbers = () if number is None else (number,)
        with self._retrying:
            moved, refused = letters.retried(self._own, numbers, number is None, mended, RETRY_WAIT_S)
        return {"moved": max(moved, 0), "refused": max(refused, 0)}

    def sheet(self, kind: str, rows: list[dict[str, Any]], heading: bool) -> bytes:
        """Rows of posts, counts, words, places or errors as CSV that is safe to open in a spreadsheet."""
        return sheets.sheet(kind, rows, heading)

    def ready(self) -> None:
        """Return if data can be read and appended; raises what stands in the way."""
        directory = self._own
        self._store.number("format_version")
        if shutil.disk_usage(self._path).free < FREE_BYTES_MIN:
            raise DiskFull("there is hardly any room left on the disk", "free some space")
        nothing = Records(source="", network="", format="", values=[], received_at_us=[])
        directory.log.append("_lapwing.ready", nothing, now_us=directory.clock.now_us())

    def page_files(self) -> Mapping[str, bytes]:
        """The scripts and styles of the OpenAPI page, by file name."""
        return self._page_files

    @cached_property
    def _page_files(self) -> dict[str, bytes]:
        (folder,) = (files("swagger_ui_bundle") / "vendor").iterdir()
        return {name: (folder / name).read_bytes() for name in PAGE_FILES}
