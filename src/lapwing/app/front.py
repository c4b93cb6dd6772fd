"""What the HTTP API asks, answered from a data directory: a few threads for those who wait, and a few for exports.

Each thread has connections of its own. A question of somebody who waits has a budget, which begins when it is asked; it
is looked at between blocks, so that a thread is free soon after the budget is spent.
"""

from __future__ import annotations

import gc
import shutil
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from lapwing.app import (
    alerts,
    answers,
    asking,
    back_tests,
    cloud,
    collections,
    incidents,
    letters,
    paging,
    private,
    rules,
    sheets,
)
from lapwing.app.opening import Directory
from lapwing.app.reference_tables import JoinedTables, beside
from lapwing.app.status import status
from lapwing.app.times import read_time
from lapwing.config import Configuration
from lapwing.contracts import Asked, Counting, Page
from lapwing.engine.clock import Clock
from lapwing.errors import Corrupt, DiskFull, Fenced, TooSlow, UnknownName, UsageError
from lapwing.ledger.sqlite.blocks import MEMORY_BYTES_MAX
from lapwing.ledger.sqlite.cache import Cache
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

PASSING_BYTES_MAX = 16 << 20
"""So much is kept of what exports read, a page after the other."""


class DirectoryFront:
    """The `Front` of one data directory; a context that closes it."""

    def __init__(self, path: Path, configuration: Configuration | None = None, clock: Clock | None = None) -> None:
        self._path, self._configuration = path, configuration
        self._directory = Directory(path, configuration)
        self._clock = clock or self._directory.clock
        self._budget_s = self._directory.configuration.serve.query_budget_us / 1e6
        self._here = threading.local()
        self._opened: list[Directory] = [self._directory]
        self._memory, self._passing = Cache(MEMORY_BYTES_MAX), Cache(PASSING_BYTES_MAX)
        self._retrying = threading.Lock()
        self._asked: set[Future[Any]] = set()
        self._beside = JoinedTables()
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
        names = ("gazetteer", "cutters")
        loading: list[Future[Any]] = [
            self._patient.submit(partial(self._directory.resources.__getitem__, name)) for name in names
        ]
        loading.append(self.interactive(partial(self.posts, Asked(), "word", 1)))  # makes the folding table
        self._patient.submit(_leave_alone, loading)

    def interactive(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Run this for somebody who waits; `TooSlow` when waiting and work take longer than the budget."""
        asked = self._interactive.submit(self._run, work, self._clock.monotonic_s() + self._budget_s)
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return asked

    def with_own(self, work: Callable[[Directory], Answer]) -> Future[Answer]:
        """As `interactive`, with the data directory as the thread that does it has it."""
        return self.interactive(lambda: work(self._own))

    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._asked)

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
            self._here.directory.ledger.store.check = self._check
            # an export reads everything once, and would drive out what is asked for
            asked = getattr(self._here, "end_s", None) is not None
            self._here.directory.ledger.share(self._memory if asked else self._passing)
            self._opened.append(self._here.directory)
        directory: Directory = self._here.directory
        return directory

    @property
    def _store(self) -> Store:
        store: Store = self._own.ledger.store
        return store

    def _filters(self, asked: Asked) -> Filters:
        return asking.filters_of(self._own, asked)

    def posts(
        self, asked: Asked, query: str | None, limit: int, after: str | None = None, *, pseudonyms: bool = False
    ) -> Page:
        """Posts, newest first; stable while more arrive; with `pseudonyms` without the names of people."""
        node, filters = asking.query_of(query), self._filters(asked)
        found = answers.posts(self._store, filters, node, limit, after)
        rows = found["posts"]
        return Page(private.without_names(self._own.path, rows) if pseudonyms else rows, found["next"])

    def counts(self, asked: Asked, counting: Counting, limit: int, after: str | None = None) -> Page:
        """Counts by window and place or country; with a reference table's values beside them, if one is named."""
        table = self._beside.of(self._own, counting.table) if counting.table is not None else None
        wanted, filters = paging.wanted_of(counting), self._filters(asked)
        found = paging.counts((self._store, filters, wanted), self._own.as_of(), limit, after)

        if counting.at_least:
            private.check_alone(counting)
            return Page(private.without_few(found.rows, counting.at_least), found.next)
        if table is None:
            return found
        return Page(beside(table, found.rows), found.next, table.all_columns)

    def words(self, asked: Asked, query: str | None, limit: int) -> Page:
        """The most frequent words, with how many posts have each."""
        node, filters = asking.query_of(query), self._filters(asked)
        return Page(cloud.words(self._store, filters, node, limit))

    def places(self, asked: Asked, limit: int, after: str | None = None) -> Page:
        """The cities that posts are in, by GeoNames id, with their posts, reposts and people."""
        return paging.places(self._store, self._filters(asked), limit, after)

    def sources(self) -> list[str]:
        """The names of the sources that were heard, and of those that are configured."""
        heard = [name for (name,) in self._store.connection.execute("SELECT name FROM sources")]
        return sorted({*heard, *asking.configured(self._own)})

    def documents(self, name: str, query: str | None, limit: int, after: str | None = None) -> Page:
        """The documents of a collection, newest first; raises `UnknownName` where there is none of that name."""
        found = collections.page(self._own, name, query, limit, after)
        return Page(found["documents"], found["next"])

    def collections(self) -> list[str]:
        """The names of the collections that there are."""
        configured = [each.name for each in self._own.configuration.collections]
        return sorted({*configured, *(row["name"] for row in collections.listing(self._own))})

    def incidents(
        self, asked: Asked, which: tuple[tuple[str, ...], tuple[str, ...]], limit: int, after: str | None = None
    ) -> Page:
        """Incidents of some states and categories (`which`), those with the latest evidence first."""
        wanted = incidents.wanted_of(self._filters(incidents.only(asked)), *which)
        found = incidents.page(self._store, wanted, limit, after)
        return Page(found["incidents"], found["next"])

    def incident(self, mark: str) -> dict[str, Any]:
        """One incident with its evidence; raises `UnknownName` where there is none of that id."""
        return incidents.card(self._own, mark)

    def incidents_geojson(
        self, asked: Asked, which: tuple[tuple[str, ...], tuple[str, ...]], limit: int, after: str | None = None
    ) -> dict[str, Any]:
        """As `incidents`, a GeoJSON FeatureCollection with the ``next`` of a page."""
        wanted = incidents.wanted_of(self._filters(incidents.only(asked)), *which)
        return incidents.as_geojson(self._store, wanted, limit, after)

    def incident_cap(self, mark: str) -> str:
        """One incident as a draft of a CAP alert; raises `UnknownName` where there is none of that id."""
        return incidents.as_cap(self._own, mark)

    def decide(self, kind: str, mark: str, into: str, by: str) -> dict[str, Any]:
        """Write down what somebody decided about an incident: confirm, dismiss, mute, or merge `into` another."""
        return incidents.decide(self._own, incidents.decision_of(kind, mark, into, by))

    def rules(self) -> list[dict[str, Any]]:
        """All rules, by name, each with where it stands and what is wrong with it."""
        return [rules.shown(self._own, each) for each in rules.listed(self._own)]

    def keep_rule(self, name: str, body: bytes, by: str) -> dict[str, Any]:
        """Keep a rule (a JSON object) under a name; `UsageError` for what is none."""
        return rules.keep(self._own, rules.rule_of(name, rules.keys_of(body)), by)

    def remove_rule(self, name: str, by: str) -> dict[str, Any]:
        """Let a kept rule go; raises `UnknownName`."""
        return rules.remove(self._own, name, by)

    def test_rule(self, name: str, body: bytes, span: tuple[str, str | None]) -> dict[str, Any]:
        """What a rule, or the one in `body` under its name, would have sent from one time to another."""
        said = rules.keys_of(body) if body.strip() else None
        rule = rules.named(self._own, name).rule if said is None else rules.rule_of(name, said)
        return back_tests.test(self._own, back_tests.tested_of(self._own, rule, span))

    def alerts(self, since: str | None, limit: int, after: str | None = None) -> tuple[Page, dict[str, Any]]:
        """What readers were told, the newest first, and how much of it they called useful."""
        since_us = read_time(since, self._own.clock.now_us(), "--since") if since else 0
        found = alerts.page(self._own, since_us, limit, after)
        return Page(found["alerts"], found["next"]), found["precision"]

    def feedback(self, said: tuple[str, str], useful: bool, by: str) -> dict[str, Any]:
        """Write down whether an alert was useful to a reader: `said` is the alert's id, and the reader's mark or ""."""
        return alerts.say(self._own, said, useful, by)

    def device(self, channel: str, address: str, known: bool) -> dict[str, Any]:
        """Keep a device's address on a channel, or forget it."""
        return (alerts.register if known else alerts.unregister)(self._own, channel, address)

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

    def discard(self, number: int) -> dict[str, int]:
        """Give a dead letter up: how many were ``discarded``, 0 if it was before; raises `UnknownName` where there is none."""
        self.letter(number)
        with self._retrying:
            return {"discarded": letters.discarded(self._own, (number,))}

    def sheet(self, kind: str, page: Page, heading: bool) -> bytes:
        """Rows of posts, counts, words, places or errors as CSV that is safe to open in a spreadsheet."""
        return sheets.sheet(kind, page, heading)

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


def _leave_alone(loading: list[Future[Any]]) -> None:
    """Once all is loaded: what is there now stays, and the search for circular garbage, which stops every answer, need
    not look through it again.
    """
    wait(loading)
    gc.collect()
    gc.freeze()
