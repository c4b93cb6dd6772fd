"""What a notifier is: the contract of `notify/`, and the alert that it carries.

A notifier is one file that ends in `NOTIFIER`, a `Notifier`. It sends one alert to one recipient, and says by what it
raises whether that is worth trying again. When, how often and in which order is the engine's affair.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Literal, Protocol, get_args

import msgspec

from lapwing.errors import LapwingError
from lapwing.hearing import Timekeeper

AlertKind = Literal["possible", "confirmed", "upgrade", "all-clear", "digest", "test"]
"""What an alert says of its incident; a digest tells of several, a test of none."""

Severity = Literal["unknown", "minor", "moderate", "severe", "extreme"]
"""As in the Common Alerting Protocol 1.2."""

SEVERITIES: tuple[str, ...] = get_args(Severity)
"""The least first."""

EVIDENCE_MAX = 3


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is."""

    id: int
    """GeoNames id; 0 where only the country is known."""
    name: str
    country: str
    """ISO 3166, two letters; empty where it is unknown."""
    longitude: float | None = None
    latitude: float | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What one reader is told once. Its texts may hold words of strangers; notifiers make them harmless."""

    id: str
    """Names this alert for ever: with the recipient, it is what is never sent as two."""
    incident: str
    """Alerts of one incident replace one another where a channel can do that; empty for digests and tests."""
    kind: AlertKind
    title: str
    body: str
    category: str
    severity: Severity
    place: Place | None = None
    url: str = ""
    """Where more stands; https, and ours."""
    at_us: int
    """When it was decided."""
    evidence: tuple[str, ...] = ()
    """At most `EVIDENCE_MAX` short texts of posts."""
    people: int | None = None
    """So many independent voices."""
    completeness: float | None = None
    """0…1: how much of what should have been heard was; None where it is unknown."""
    language: str = "en"
    """In which title and body are written."""


class Recipient(msgspec.Struct, frozen=True, order=True):
    """One reader on one channel."""

    channel: str
    """The name of the `[[channel]]`."""
    address: str
    """A token, a subscription, a mail address: what the notifier understands. It is personal, and stands in no log."""

    @property
    def mark(self) -> str:
        """Tells recipients apart in logs and answers, and gives no address away."""
        return hashlib.sha256(f"{self.channel}\0{self.address}".encode()).hexdigest()[:12]


def key_of(alert: Alert, recipient: Recipient) -> str:
    """The idempotency key: a UUID, the same whenever this alert goes to this recipient."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"lapwing:alert:{alert.id}\0{recipient.channel}\0{recipient.address}"))


class Gone(LapwingError):
    """Nobody is there any more, and nobody will be: the recipient is retired and never tried again."""


class Undeliverable(LapwingError):
    """This alert cannot be sent to this recipient, however often it is tried; others may be."""


class ChannelRefused(LapwingError):
    """The service does not let us in: a token, a key, a quota. Nothing of this channel goes out before that changes."""


class Surroundings(msgspec.Struct, kw_only=True):
    """What a notifier is handed beside its options: the time, chance, and what all channels of the process share."""

    name: str
    """The channel's."""
    time: Timekeeper
    chance: Random
    """As good as a secret: `random.SystemRandom` but in tests."""
    shared: dict[str, Any]


Send = Callable[[Any, Alert, Recipient, Surroundings], Awaitable[None]]
"""Returns when the service has accepted it. Raises `Gone`, `Undeliverable` or `ChannelRefused`; `Disconnected` or
`RateLimited` of `hearing.py` to be called again."""


class Notifier(msgspec.Struct, frozen=True, kw_only=True):
    """One way to tell somebody."""

    options: type[msgspec.Struct]
    """Its own keys in `[[channel]]`, beside `type`, `name` and `paused`."""
    send: Send
    configured: Callable[[Any], Sequence[str]]
    """The addresses that stand in the options."""
    admitted: Callable[[Any, str], str]
    """An address as it is kept, always the same for the same recipient; raises `Undeliverable` for what is none."""
    parallel: int = 1
    """So many recipients at once; one recipient gets its alerts one after the other, in order."""
    shared: bool = True
    """Whether all recipients are behind one service, which when it is down is down for all."""
    registers: bool = True
    """Whether strangers may register an address (a browser, a phone)."""
    fetched: bool = False
    """Whether recipients come for their alerts: nothing is sent then, and an alert arrived when it was fetched."""
    keyed: Callable[[Any, bytes], Any] | None = None
    """The options with a key of ours where they have none, made of 32 secret bytes that are always the same."""
    public: Callable[[Any], str] | None = None
    """What a browser needs to register: the public half of the key of the options."""
    example: str
    """A `[[channel]]` table, for the tests and the documentation."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[channel]]` as the engine needs it: secrets are in place."""

    name: str
    type: str
    notifier: Notifier
    options: Any

    def recipients(self) -> list[Recipient]:
        """Those of the configuration; raises `Undeliverable` for an address that is none."""
        admitted = (self.notifier.admitted(self.options, each) for each in self.notifier.configured(self.options))
        return [Recipient(self.name, each) for each in dict.fromkeys(admitted)]


Outcome = Literal["sent", "waiting", "failed", "retired"]
"""What becomes of an alert for a recipient; `waiting` is tried again."""


class Due(msgspec.Struct, frozen=True):
    """An alert that is to go to a recipient now."""

    number: int
    alert: Alert
    recipient: Recipient
    tries: int
    added_us: int


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt."""

    number: int
    recipient: Recipient
    outcome: Outcome
    reason: str = ""
    next_us: int = 0
    """When it is tried again, of one that is still waiting."""


class ChannelNote(msgspec.Struct, frozen=True):
    """How a channel is, as whoever sends for it says."""

    type: str
    state: str
    reason: str
    since_us: int


class SenderOutbox(Protocol):
    """What the engine needs of an outbox to send; one process sends for a channel at a time."""

    def mark(self, name: str) -> None:
        """A point at which a crash would be interesting."""

    def claim(self, channel: str, owner: str, now_us: int) -> Any:
        """A lease on a channel that is free or whose owner fell silent; None while another has it."""

    def release(self, lease: Any) -> None:
        """Give it up."""

    def due(self, channel: str, now_us: int, limit: int, but: Sequence[str]) -> list[Due]:
        """What is to be sent now, of each recipient the first; `but` are addresses that are busy."""

    def settle(self, lease: Any, settled: Sequence[Settled], note: ChannelNote, now_us: int) -> None:
        """Note what became of attempts, and keep the lease; raises `Fenced` where it is another's."""

    def waits(self, channel: str, added_before_us: int) -> bool:
        """Whether anything waits for longer."""

    def give_up(self, lease: Any, added_before_us: int, now_us: int) -> int:
        """End what does; how many that were."""
