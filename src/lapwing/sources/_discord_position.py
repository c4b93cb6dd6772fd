"""How far Discord was heard: the session that can be resumed, and the last message of each channel."""

from __future__ import annotations

import msgspec

from lapwing.hearing import Lost, SourceChunk

EPOCH_MS = 1_420_070_400_000
"""Discord's own 1970: the beginning of 2015."""
SKEW_US = 60_000_000
"""Discord's clock and ours differ by less than this; what is read twice is dropped by its id."""


PLACES_MAX = 1_000
"""So many channels are remembered, those that were heard last; others are filled from the time when listening ended."""
DIRECT_LOST = "a session was lost, and nobody can ask for direct messages of people who never wrote before"


class Place(msgspec.Struct):
    """A channel: its guild, "" for direct messages and where it is not known, and the last message that was heard there."""

    guild: str = ""
    last: str = ""


class Position(msgspec.Struct):
    """Where to go on. It is the cursor, as JSON."""

    session: str = ""
    seq: int | None = None
    url: str = ""
    """Where the session is resumed."""
    heard_us: int = 0
    """Everything before was heard, but for what is still to be filled."""
    places: dict[str, Place] = {}
    filling: bool = False
    """Whether a session was lost, and what came meanwhile is not yet all read."""
    todo: dict[str, str] = {}
    """The channels that are still to be read, and behind which message."""
    since_us: int = 0
    """When the session began."""
    unheard: str = ""
    """Why not all that came between `heard_us` and `since_us` can be had."""

    def written(self) -> str:
        """As a cursor."""
        return msgspec.json.encode(self).decode()

    def place(self, channel: str) -> Place:
        """What is known of a channel."""
        return self.places.setdefault(channel, Place())

    def begin(self, session: str, seq: int | None, url: str, now_us: int) -> None:
        """A new session, from now on; what came since the last one is to be filled."""
        self.session, self.seq, self.url, self.since_us = session, seq, url, now_us
        self.filling = self.heard_us > 0
        if not self.filling:
            self.heard_us = now_us

    def complete(self) -> SourceChunk:
        """Everything that could be had was read: what was surely heard, and what was not."""
        from_us, since_us, unheard = self.heard_us, max(self.since_us, self.heard_us), self.unheard
        self.filling, self.heard_us, self.unheard = False, since_us, ""
        return SourceChunk(
            cursor=self.written(),
            covered_from_us=since_us if unheard else from_us,
            covered_to_us=since_us,
            lost=(Lost(from_us, since_us, unheard),) if unheard else (),
        )

    def want(self, channel: str, newest: str = "") -> None:
        """Have a channel read from where it was left; not where its `newest` message is known and was heard."""
        known = self.places.get(channel, Place())
        after = known.last or str(snowflake(self.heard_us - SKEW_US))
        if not newest or number_of(newest) > number_of(after):
            self.todo.setdefault(channel, after)

    def heard(self, channel: str, guild: str, message: str) -> None:
        """A message of a channel was heard."""
        if self.filling and channel not in self.places:
            self.want(channel)
        place = self.places.pop(channel, Place())
        self.places[channel] = place  # the last of them is the one that was heard last
        if len(self.places) > PLACES_MAX:
            del self.places[next(iter(self.places))]
        place.guild = guild or place.guild
        if number_of(message) > number_of(place.last):
            place.last = message


def position_of(cursor: str) -> Position:
    """What a cursor says."""
    return msgspec.json.decode(cursor, type=Position) if cursor else Position()


def snowflake(at_us: int) -> int:
    """The smallest id that a message of that time can have."""
    return max(at_us // 1000 - EPOCH_MS, 0) << 22


def number_of(id: str) -> int:
    """An id as a number; 0 for what is none."""
    return int(id) if id.isascii() and id.isdecimal() and len(id) <= 20 else 0
