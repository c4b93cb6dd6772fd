"""What a source is: the contract of `sources/`, in a file of its own since nobody else needs it.

A source is one file that ends in `SOURCE`, a `Source`. It yields what it hears as `SourceChunk`s; records and the cursor
behind them become durable together, so that a source that starts again goes on where it was.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import msgspec

from lapwing.errors import LapwingError

if TYPE_CHECKING:
    from lapwing.model import Records

State = Literal["connecting", "live", "back-filling", "broken", "refused", "paused"]
"""What a source is doing; ``connecting``, ``broken`` and ``refused`` are said by the engine, the others by the source."""


STATES = (*get_args(State), "not running")
"""All that `status` may say; the last is said where nobody listens."""


STOPPED = "Lapwing is stopped"
"""The reason of a pause that an orderly end makes."""


AUTO = "auto"
"""Stands for a format: the engine finds the one that most records of the chunk are in."""


class Lost(msgspec.Struct, frozen=True):
    """A time of which a source knows that something is, or may be, missing for good."""

    from_us: int
    to_us: int
    reason: str


class SourceChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what a source heard; it may be empty, since hearing nothing is news too."""

    values: Sequence[bytes] = ()
    """Records, each as the network sent it, at most one post each."""
    keys: Sequence[str] | None = None
    """The author's global id of each record, or ""; what one author does stays in order."""
    format: str | None = None
    """The file in `formats/` that reads them, or `AUTO`; the source's own one unless it is said."""
    network: str | None = None
    """That of the format, or else the source's own, unless it is said."""
    received_at_us: Sequence[int] | None = None
    """When each was received; now, unless it is said."""
    cursor: str | None = None
    """Where to go on after these records; None leaves the one before."""
    covered_from_us: int | None = None
    """From here on nothing is missing, up to `covered_to_us`; None: it goes on from the chunk before."""
    covered_to_us: int | None = None
    """None: this chunk says nothing about what was surely heard."""
    lost: tuple[Lost, ...] = ()
    state: Literal["live", "back-filling", "paused"] = "live"
    reason: str = ""
    """Why it is so, for `status`."""
    details: dict[str, Any] | None = None
    """What else a reader of `status` should know ({"budget_left": 1200}); replaces what was said before."""


class BackOff(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before trying again: `first_s` × `factor`ⁿ + `step_s` × n, at most `max_s`, give or take `jitter`."""

    first_s: float = 1.0
    factor: float = 2.0
    step_s: float = 0.0
    max_s: float = 60.0
    jitter: float = 0.2


class Disconnected(LapwingError):
    """The connection broke, or never came about; it is tried again after `back_off`."""

    def __init__(self, what: str, back_off: BackOff | None = None) -> None:
        super().__init__(what)
        self.back_off = back_off


class RateLimited(LapwingError):
    """The network asks us to wait until `until_us`; None: as long as `back_off` says."""

    def __init__(self, what: str, until_us: int | None = None, back_off: BackOff | None = None) -> None:
        super().__init__(what)
        self.until_us = until_us
        self.back_off = back_off


class RefusedBySource(LapwingError):
    """The network does not let us in, and will not before somebody changes something; `next_step` says what."""


class Timekeeper(Protocol):
    """The time, for what waits in an event loop."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""

    def monotonic_s(self) -> float:
        """Seconds since a beginning of its own."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait."""

    def within(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """A context that raises `TimeoutError` when it takes longer."""


class Surroundings(msgspec.Struct, kw_only=True):
    """What a source is handed beside its options: the time, chance, and what may change while it runs."""

    name: str
    time: Timekeeper
    chance: Random
    options: Any
    """The options as they are now; those named in `Source.live` may change while it reads."""
    changed: Any
    """An `asyncio.Event`, set when `options` changed; the source clears it."""
    shared: dict[str, Any]
    """One for all sources of this process: rate limits of a host that several of them ask."""


class Answer(msgspec.Struct, frozen=True):
    """A text for whoever wrote a post."""

    uid: str
    author: str
    url: str | None
    text: str
    key: str
    """The same when the answer is sent again, so that the network can drop a repeat."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook was handed: records, or the reason why it is refused with `status`."""

    status: int = 200
    values: Sequence[bytes] = ()
    keys: Sequence[str] = ()
    reason: str = ""


class Unfit(msgspec.Struct, frozen=True):
    """A key of a source's options that cannot be as it is, though it is of its type."""

    key: str
    what: str
    next_step: str


Read = Callable[[Any, str, Surroundings], AsyncGenerator[SourceChunk, None]]
"""Called with the options and the cursor ("" the first time); yields until it is cancelled, or ends when there is no more."""

Receive = Callable[[Any, Mapping[str, str], bytes], Delivery]
"""Called with the options, the headers (lower case) and the body as it came. Pure: no clock, no disk, no network."""

Respond = Callable[[Any, Answer, Surroundings], Awaitable[None]]
"""Sends an answer; raises `Disconnected` or `RateLimited` to be called again, `RefusedBySource` to give this one up."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One network that we hear, and how."""

    network: str
    format: str
    options: type[msgspec.Struct]
    """Its own keys in `[[source]]`, beside `type`, `name`, `topic`, `keep` and `paused`."""
    read: Read
    resume: Literal["exact", "overlap", "none"]
    """Reading from any cursor that it yielded goes on exactly there, repeats some, or leaves a gap, which is recorded."""
    silence_s: Callable[[Any], float | None] = lambda _: None
    """So long may it yield nothing before the connection counts as broken; None: as its own rhythm says."""
    check: Callable[[Any], Unfit | None] = lambda _: None
    """What the configuration refuses of options, before anything is listened to. Pure."""
    live: frozenset[str] = frozenset()
    """Options that may change while it reads; any other change starts it anew."""
    receive: Receive | None = None
    """Where it is posted to us, at ``/webhooks/<type>``."""
    respond: Respond | None = None
    example: str
    """A `[[source]]` table, for the tests and the documentation."""


class SourceNote(msgspec.Struct, frozen=True, kw_only=True):
    """How a source is, for `status`; kept in the log beside its cursor."""

    name: str
    type: str
    network: str
    state: str
    reason: str = ""
    since_us: int = 0
    """Since when it is so."""
    heard_until_us: int | None = None
    last_record_us: int | None = None
    records: int = 0
    """Since the last note."""
    disconnects: int = 0
    """Since the last note."""
    details: dict[str, Any] = {}


class SourceLog(Protocol):
    """What the engine needs of a log to listen."""

    def claim_source(self, source: str, owner: str, now_us: int) -> Any:
        """Take a source that is free or whose lease ran out; None while another holds it."""

    def release_source(self, lease: Any) -> None:
        """Give the source up."""

    def append_heard(
        self, lease: Any, outputs: Sequence[tuple[str, Records]], note: SourceNote, *, now_us: int, cursor: str | None
    ) -> None:
        """Records with their topics, the cursor behind them and how the source is, durable together."""

    def source_memory(self, source: str) -> tuple[int | None, bool]:
        """Until when it was surely heard, and whether it ever began."""
