"""What goes wrong with a fake network, scripted or drawn from a seed, and the record of what did.

A fault is *armed* until something comes along that it can spoil: a request, a message on a stream. Then it *happens*.
"""

from __future__ import annotations

import random
import threading
from typing import NamedTuple

KINDS = ("cut", "half", "stall", "down", "429", "500", "502", "503", "401", "slow", "duplicate", "back")
"""What can be armed. The last four of them but for 401 lose nothing; 401 may end a listener for good."""

DRAWN = tuple(kind for kind in KINDS if kind != "401")
"""What `draw` chooses from if nothing else is said: what a listener is to survive by itself."""

REFUSALS = ("429", "500", "502", "503", "401")
"""They need a request to refuse. Where a stream is open, it is cut first."""

ON_CONNECT = ("cut", "stall", "down", *REFUSALS)
"""What can happen to the request that begins a stream."""

ON_ANSWER = (*ON_CONNECT, "half", "slow")
"""What can happen to any other request."""

ON_SILENCE = ON_CONNECT
"""What can happen to an open stream that has nothing to say."""

WAITS_S = {"stall": 1.0, "down": 0.3, "slow": 0.2}
"""How long a fault that was drawn lasts."""


class Fault(NamedTuple):
    """One thing that is to go wrong."""

    kind: str
    seconds: float | None = None
    """How long a stall, a time down or a slow answer lasts; None: for a stall until the client leaves."""
    after_s: float | None = None
    """What a 429 says when to come again; None: it does not say."""


class Happened(NamedTuple):
    """One thing that went wrong."""

    kind: str
    at: str
    """``GET /api/v1/timelines/public``, ``stream /subscribe``."""
    detail: str = ""


class Faults:
    """What is armed, what is scheduled, and what happened. May be used from any thread."""

    def __init__(self) -> None:
        """Starts with a network that is well."""
        self.happened: list[Happened] = []
        self.armed: list[Fault] = []
        self._due: list[tuple[int, Fault]] = []
        self._lock = threading.Lock()

    def arm(self, fault: Fault, times: int = 1) -> None:
        """Let it go wrong at the next chance, so many times in a row. Raises ValueError for a kind that is not known."""
        if fault.kind not in KINDS:
            raise ValueError(f"there is no fault {fault.kind!r}; there are {', '.join(KINDS)}")
        with self._lock:
            self.armed += [fault] * times

    def draw(self, chance: random.Random, count: int, posts: range, kinds: tuple[str, ...] = DRAWN) -> None:
        """Schedule `count` faults of these kinds, each armed when the post of a number drawn from `posts` is said.

        Each kind comes as often as any other, as far as `count` divides, in an order that is drawn.
        """
        assert set(kinds) <= set(KINDS), kinds
        chosen = [kinds[each % len(kinds)] for each in range(count)]
        chance.shuffle(chosen)
        numbers = sorted(chance.choices(posts, k=count))
        afters = [chance.choice((None, 1.0)) if kind == "429" else None for kind in chosen]
        drawn = [Fault(kind, WAITS_S.get(kind), after) for kind, after in zip(chosen, afters, strict=True)]
        with self._lock:
            self._due = sorted([*self._due, *zip(numbers, drawn, strict=True)], key=lambda due: due[0])

    def said(self, number: int) -> bool:
        """Arm what is due now that the post of this number was said; whether there was any."""
        if not self._due or self._due[0][0] > number:
            return False
        with self._lock:
            while self._due and self._due[0][0] <= number:
                self.armed.append(self._due.pop(0)[1])
        return True

    def pending(self) -> int:
        """How many have still to happen."""
        with self._lock:
            return len(self.armed) + len(self._due)

    def peek(self, kinds: tuple[str, ...]) -> Fault | None:
        """Give the first that is armed of these kinds, and leave it armed."""
        if not self.armed:
            return None
        with self._lock:
            return next((fault for fault in self.armed if fault.kind in kinds), None)

    def take(self, kinds: tuple[str, ...], at: str, detail: str = "") -> Fault | None:
        """Give the first that is armed of these kinds; it has happened then, at the place named."""
        if not self.armed:
            return None
        with self._lock:
            found = next((fault for fault in self.armed if fault.kind in kinds), None)
            if found is not None:
                self.armed.remove(found)
                self.happened.append(Happened(found.kind, at, detail))
            return found

    def note(self, kind: str, at: str, detail: str = "") -> None:
        """Write down what went wrong without having been armed: a limit that was exceeded, a token refused."""
        with self._lock:
            self.happened.append(Happened(kind, at, detail))
