"""How a source is watched: its rhythm, how long to wait before trying again, and what it surely heard.

Plain bookkeeping without a clock of its own; `listening.py` drives it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal

import msgspec

from lapwing.hearing import BackOff, Lost, SourceChunk
from lapwing.model import Covered

CHANCE_OF_QUIET = 1e-9
"""A silence that would come about by chance so rarely counts as a broken connection."""
SILENCE_S_MIN = 20.0
SILENCE_S_MAX = 3_600.0
HALF_LIFE_S = 600.0
RECORDS_MIN = 20
"""With fewer records nothing is known about a rhythm."""
TELL_EVERY_US = 5_000_000
"""So often what was surely heard goes to the ledger."""
GAP_US_MIN = 1_000_000
"""A shorter break between what was heard is none that anybody would call a gap."""
STEADY_S = 60.0
"""A connection that held for so long is tried again at once when it breaks."""


class Rhythm:
    """How often a source usually speaks, and from when on its silence is no accident.

    The rate λ is an exponentially weighted mean; records that come by chance at this rate leave a pause longer than t with
    probability e^(-λt), so that t = -ln(`CHANCE_OF_QUIET`)/λ is a pause that does not happen (a Poisson process).
    Batches count once: what comes together was said together.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._weight_s = 0.0
        self._events = 0.0
        self._last_s: float | None = None

    def heard(self, now_s: float) -> None:
        """Something came just now (seconds of a clock that never goes back)."""
        if self._last_s is not None:
            passed_s = max(0.0, now_s - self._last_s)
            fade = 0.5 ** (passed_s / HALF_LIFE_S)
            self._weight_s = self._weight_s * fade + passed_s
            self._events = self._events * fade + 1.0
        self._last_s = now_s
        self._seen += 1

    def silence_s(self) -> float:
        """So long may it be silent; the longest that we allow while too little is known."""
        if self._seen < RECORDS_MIN or self._events <= 0.0:
            return SILENCE_S_MAX
        mean_s = self._weight_s / self._events
        return min(max(-math.log(CHANCE_OF_QUIET) * mean_s, SILENCE_S_MIN), SILENCE_S_MAX)


class Patience:
    """How long to wait before the next attempt: more after each failure, nothing after a steady connection."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._failures = 0
        self._kind: BackOff | None = None

    def wait_s(self, back_off: BackOff, held_s: float) -> float:
        """Seconds to wait, after a connection that held for `held_s` broke; another kind of trouble begins anew."""
        if held_s >= STEADY_S or back_off != self._kind:
            self._failures = 0
        self._kind = back_off
        self._failures += 1
        return back_off_s(back_off, self._failures - 1, self._chance)


def back_off_s(back_off: BackOff, failures: int, chance: Random) -> float:
    """Seconds to wait after so many failures before; never quite the same for all who wait."""
    grown_s = back_off.first_s * back_off.factor ** min(failures, 30) + back_off.step_s * failures
    return min(grown_s, back_off.max_s) * (1.0 + chance.uniform(-back_off.jitter, back_off.jitter))


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of a source from one start to the next."""

    heard_until_us: int | None = None
    began: bool = False
    """Whether it was said that this source should be heard from some time on."""


class Attention:
    """What a source surely heard and what it missed, gathered into notes for the ledger."""

    def __init__(self, source: str, network: str, memory: Memory) -> None:
        self._source, self._network = source, network
        self._until_us = memory.heard_until_us
        self._began = memory.began
        self._since_us: int | None = None
        self._piece: tuple[int, int] | None = None
        """What was heard in one piece and is not yet a note."""
        self._reached_us: int | None = None
        """Where the last chunk of this connection ended."""
        self._notes: list[Covered] = []
        self._told_us = 0
        self.trouble = "it was not listened to"
        """Why nothing is heard just now; the reason of a gap."""

    @property
    def memory(self) -> Memory:
        """What the next start should know."""
        return Memory(self._until_us, self._began)

    def begin(self, now_us: int) -> None:
        """From now on this source should be heard; said once."""
        self._since_us = now_us
        if not self._began:
            self._began = True
            self._note("began", now_us, now_us)

    def hear(self, chunk: SourceChunk) -> None:
        """Take note of what a chunk says about what was heard and lost."""
        for lost in chunk.lost:
            self._note("gap", lost.from_us, lost.to_us, lost.reason)
        to_us = chunk.covered_to_us
        if to_us is None:
            return
        said_us = chunk.covered_from_us if chunk.covered_from_us is not None else self._reached_us
        from_us = to_us if said_us is None else min(said_us, to_us)
        if self._until_us is not None and from_us - self._until_us > GAP_US_MIN:
            self._note("gap", self._until_us, from_us, self.trouble)
        for low, high in _without(from_us, to_us, chunk.lost):
            self._add(low, high)
        self._reached_us = to_us
        self._until_us = max(to_us, self._until_us or 0)

    def deaf(self, now_us: int) -> None:
        """Nothing is heard just now: what was heard is over, and the gap grows."""
        self._reached_us = None
        until_us = self._until_us if self._until_us is not None else self._since_us
        if until_us is not None and now_us - until_us > GAP_US_MIN:
            self._note("gap", until_us, now_us, self.trouble)

    def due(self, now_us: int) -> bool:
        """Whether it is time to tell the ledger."""
        return not 0 <= now_us - self._told_us < TELL_EVERY_US

    def take(self, now_us: int) -> list[Covered]:
        """The notes since the last time."""
        self._told_us = now_us
        if self._piece is not None and self._piece[1] > self._piece[0]:
            self._note("heard", *self._piece)
            self._piece = (self._piece[1], self._piece[1])
        notes, self._notes = self._notes, []
        return notes

    def _add(self, from_us: int, to_us: int) -> None:
        if self._piece is None:
            self._piece = (from_us, to_us)
            return
        low, high = self._piece
        if from_us <= high and to_us >= low:
            self._piece = (min(low, from_us), max(high, to_us))
            return
        if high > low:
            self._note("heard", low, high)
        self._piece = (from_us, to_us)

    def _note(
        self, kind: Literal["heard", "gap", "began", "ended"], from_us: int, to_us: int, reason: str = ""
    ) -> None:
        self._notes.append(
            Covered(
                source=self._source,
                network=self._network,
                kind=kind,
                from_us=from_us,
                to_us=to_us,
                reason=reason,
                live=True,
            )
        )


def _without(from_us: int, to_us: int, lost: Sequence[Lost]) -> Iterator[tuple[int, int]]:
    """A span without what was lost in it: a span that is said to be heard would close that gap."""
    for each in sorted(lost, key=lambda each: each.from_us):
        if each.from_us < to_us and each.to_us > from_us:
            if each.from_us > from_us:
                yield from_us, each.from_us
            from_us = max(from_us, each.to_us)
    if from_us <= to_us:
        yield from_us, to_us
