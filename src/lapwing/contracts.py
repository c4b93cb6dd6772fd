"""What plugs in. A component is one file that ends in a constant of one of these types.

| folder     | constant | type     |
|------------|----------|----------|
| formats/   | FORMAT   | `Format` |
| stages/    | STAGE    | `Stage`  |

`catalog.py` finds the file by its name; the contract tests run each component's example.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal, Protocol, TypeVar

import msgspec
import polars as pl

from lapwing.model import Batch, Chunk, Decoded, Records, Saved


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of one protocol are read. Pure: no clock, no disk, no network."""

    network: str
    recognises: Callable[[bytes], bool]
    """Whether one record looks like this format; must be False for what is not in its syntax, and must never raise."""
    decode: Callable[[Records], Decoded]
    """Reads a batch; never raises for what is in the records. `len(values)` is the sum of the four parts."""
    split: Callable[[bytes], list[bytes] | None] | None = None
    """A page of several posts → one record for each, with only those included objects that it refers to;
    None when the record is not a page. Absent where the protocol has no pages."""
    page: re.Pattern[bytes] | None = None
    """Matches the beginning of every page, and of few records that are none: `split` is asked about those only. Where it
    does not match a beginning that has a quotation mark, it does not match what goes on either."""
    example: list[bytes]
    """A few records that decode, for the contract tests and the documentation."""


Transform = Callable[[pl.DataFrame], pl.DataFrame]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of understanding: a pure function of a frame and of resources that were loaded for it."""

    version: str
    """Raised when the answers change; kept beside what it made."""
    adds: pl.Schema
    """The columns that it adds or replaces."""
    make: Callable[[dict[str, Any]], Transform]
    """Takes the resources by name ("gazetteer", …), once; returns the function that is called for each frame."""
    resources: tuple[str, ...] = ()


class Log(Protocol):
    """What is remembered in order. `tests/log/` runs the same stories over every implementation."""

    def append(
        self, topic: str, records: Records, *, now_us: int, lease: Any = None, cursor: str | None = None
    ) -> None:
        """Make records durable, and with them the cursor of their source; raises `Fenced` or `DiskFull` and appends nothing."""

    def read(self, topic: str, partition: int, offset: int, records_max: int) -> list[Chunk]:
        """Whole batches from the one that holds `offset` on, until they hold `records_max` records; empty at the end."""

    def expire(self, now_us: int) -> int:
        """Drop what is older than the retention or beyond its size; the number of records dropped."""

    def spans(self) -> dict[tuple[str, int], tuple[int, int]]:
        """First and next offset of every partition, by topic and number."""

    def append_once(self, topic: str, records: Records, *, now_us: int, key: str) -> bool:
        """As `append`, unless this key was seen within a day: then False. `KeyReused` if it came with another body."""

    def claim_group(self, group: str, topic: str, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition for a group of readers, from offset 0 the first time; None while another holds it."""

    def heartbeat_group(self, group: str, owner: str, now_us: int) -> int:
        """Say that a member of a group lives and keeps its partitions; how many members live."""

    def release_group(self, group: str, owner: str, claim: Claimed | None = None) -> None:
        """Give up one partition of a group, or everything that `owner` holds of it."""

    def append_and_advance(
        self, claim: Claimed, to_offset: int, outputs: Sequence[tuple[str, Records]], *, now_us: int
    ) -> Claimed:
        """What a group made, each with its topic, and its offset, durable together; raises `Fenced` or `DiskFull`."""

    def group_lag(self, group: str, topic: str) -> int:
        """Records of a topic that a group has still to read."""

    def note_function(self, note: FunctionNote, now_us: int) -> None:
        """Keep what a function says of itself; its calls and failures are added to those before."""

    def claim_timer(self, name: str, owner: str, now_us: int) -> TimerLease | None:
        """Take a timer that is free or whose lease ran out; None while another holds it."""

    def keep_timer(
        self, lease: TimerLease, now_us: int, *, last_us: int | None = None, failure: str | None = None
    ) -> None:
        """Renew a timer's lease; `last_us`: a run starts, `failure`: one went wrong ("": well). Raises `Fenced`."""

    def release_timer(self, lease: TimerLease) -> None:
        """Give a timer up."""


class FunctionNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a function between topics says of itself."""

    name: str
    state: str
    """``running``, or ``paused: `` and why."""
    lag: int = 0
    calls: int = 0
    """Since the last note."""
    failures: int = 0
    """Records that it failed on, since the last note."""
    last_error: str = ""


class TimerLease(msgspec.Struct, frozen=True):
    """The right to run a timer, as of an epoch, and when its last run was due."""

    name: str
    epoch: int
    last_us: int | None


class Claimed(msgspec.Struct, frozen=True):
    """A partition that is ours, as of an epoch, and where to go on reading."""

    id: int
    topic: str
    partition: int
    epoch: int
    next_offset: int


class Ledger(Protocol):
    """The one store that is right. `tests/ledger/` runs the same stories over every implementation."""

    def claim(self, topic: str, partition: int, owner: str, now_us: int) -> Claimed | None:
        """Take a partition that is free or whose owner fell silent, raising its epoch; None while another holds it."""

    def heartbeat(self, owner: str, now_us: int) -> int:
        """Say that this worker lives and keeps its partitions; returns how many workers live."""

    def release(self, owner: str, claim: Claimed | None = None) -> None:
        """Give up one partition, or everything of this worker."""

    def save(self, batch: Batch, now_us: int) -> Saved:
        """Make a batch and its offsets durable together; raises `Fenced` or `DiskFull` and changes nothing."""

    def tidy(self, idle: bool) -> bool:
        """One step of housekeeping, a larger one when there is nothing else to do; whether there was anything."""

    def expire(self, now_us: int) -> int:
        """Drop what is older than the retention; how many posts lost something."""

    def held(self, names: pl.DataFrame) -> pl.Series:
        """Of posts by `uid` and `uid_time_us`: the lowest version that is held, null where none is."""

    def forgotten(self) -> frozenset[bytes]:
        """By what people are known again who were forgotten; see `engine.keeping.mark_of`."""


Answer = TypeVar("Answer")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The filters of a question, as they were typed; an empty one limits nothing."""

    source: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    lang: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """Which windows to count, as it was typed, by what, and which places: all, or the first and last by `sort`."""

    window: str = "5m"
    by: Literal["place", "country", "none"] = "place"
    top: int = 0
    bottom: int = 0
    sort: Literal["posts", "reposts", "people"] = "posts"
    table: str | None = None
    """A reference table whose values are given beside the counts, as `with`."""
    at_least: int = 0
    """Rows of fewer people show no numbers."""


class Page(msgspec.Struct, frozen=True):
    """Rows of an answer, and the `after` of those that follow, or None at the end."""

    rows: list[dict[str, Any]]
    next: str | None = None
    columns: tuple[str, ...] = ()
    """Of the reference table beside them, where one was asked for."""


class Front(Protocol):
    """What the HTTP API asks. Its questions block: they are run by `interactive` or `patient`, in threads of the front.

    Questions raise `UsageError` for what was asked wrongly; `after` is the `next` of the page before.
    """

    def interactive(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Run this for somebody who waits; `TooSlow` when waiting and work take longer than the budget."""

    def patient(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Run this however long it takes, where it does not hold up those who wait."""

    def posts(
        self, asked: Asked, query: str | None, limit: int, after: str | None = None, *, pseudonyms: bool = False
    ) -> Page:
        """Posts, newest first; stable while more arrive; with `pseudonyms` without the names of people."""

    def counts(self, asked: Asked, counting: Counting, limit: int, after: str | None = None) -> Page:
        """Counts by window and place or country."""

    def words(self, asked: Asked, query: str | None, limit: int) -> Page:
        """The most frequent words, with how many posts have each."""

    def places(self, asked: Asked, limit: int, after: str | None = None) -> Page:
        """The cities that posts are in, by GeoNames id, with their posts, reposts and people."""

    def sources(self) -> list[str]:
        """The names of the sources that were heard, and of those that are configured."""

    def collections(self) -> list[str]:
        """The names of the collections that there are."""

    def documents(self, name: str, query: str | None, limit: int, after: str | None = None) -> Page:
        """The documents of a collection, newest first; raises `UnknownName` where there is none of that name."""

    def incidents(
        self, asked: Asked, which: tuple[tuple[str, ...], tuple[str, ...]], limit: int, after: str | None = None
    ) -> Page:
        """Incidents of some states and categories (`which`), those with the latest evidence first."""

    def incident(self, mark: str) -> dict[str, Any]:
        """One incident with its evidence; raises `UnknownName` where there is none of that id."""

    def incidents_geojson(
        self, asked: Asked, which: tuple[tuple[str, ...], tuple[str, ...]], limit: int, after: str | None = None
    ) -> dict[str, Any]:
        """As `incidents`, a GeoJSON FeatureCollection with the ``next`` of a page."""

    def incident_cap(self, mark: str) -> str:
        """One incident as a draft of a CAP alert; raises `UnknownName` where there is none of that id."""

    def decide(self, kind: str, mark: str, into: str, by: str) -> dict[str, Any]:
        """Write down what somebody decided about an incident: confirm, dismiss, mute, or merge `into` another."""

    def rules(self) -> list[dict[str, Any]]:
        """All rules, by name, each with where it stands and what is wrong with it."""

    def keep_rule(self, name: str, body: bytes, by: str) -> dict[str, Any]:
        """Keep a rule (a JSON object) under a name; `UsageError` for what is none."""

    def remove_rule(self, name: str, by: str) -> dict[str, Any]:
        """Let a kept rule go; raises `UnknownName`."""

    def test_rule(self, name: str, body: bytes, span: tuple[str, str | None]) -> dict[str, Any]:
        """What a rule, or the one in `body` under its name, would have sent from one time to another."""

    def alerts(self, since: str | None, limit: int, after: str | None = None) -> tuple[Page, dict[str, Any]]:
        """What readers were told, the newest first, and how much of it they called useful."""

    def feedback(self, said: tuple[str, str], useful: bool, by: str) -> dict[str, Any]:
        """Write down whether an alert was useful to a reader: `said` is the alert's id, and the reader's mark or ""."""

    def device(self, channel: str, address: str, known: bool) -> dict[str, Any]:
        """Keep a device's address on a channel, or forget it."""

    def status(self) -> dict[str, Any]:
        """How things stand."""

    def letters(self, reason: str | None, topic: str | None, limit: int, after: str | None = None) -> Page:
        """Dead letters, newest first, without their records."""

    def letter(self, number: int) -> dict[str, Any]:
        """One dead letter with its record; raises `UnknownName` where there is none of that number."""

    def retry(self, number: int | None, mended: bytes | None) -> dict[str, int]:
        """Read one dead letter, or all, again: how many ``moved``, and how many are ``refused`` still."""

    def discard(self, number: int) -> dict[str, int]:
        """Give a dead letter up: how many were ``discarded``, 0 if it was before; raises `UnknownName` where there is none."""

    def sheet(self, kind: str, page: Page, heading: bool) -> bytes:
        """Rows of posts, counts, words, places or errors as CSV that is safe to open in a spreadsheet."""

    def ready(self) -> None:
        """Return if data can be read and appended; raises what stands in the way."""

    def page_files(self) -> Mapping[str, bytes]:
        """The scripts and styles of the OpenAPI page, by file name."""
