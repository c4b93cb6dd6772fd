"""So many requests of each client: token buckets, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

CLIENTS_MAX = 10_000
"""So many clients are remembered; the one that has been quiet longest is forgotten first."""


class Buckets:
    """A token bucket for each client: full at first, `per_minute` deep, and filled again at that rate.

    A client that was quiet may so ask `per_minute` times at once, and then at the steady rate.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float], clients_max: int = CLIENTS_MAX) -> None:
        self._depth = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._clients_max = clients_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Take one request out of the client's bucket: 0, or the seconds until there is one again."""
        now_s = self._clock()
        level, seen_s = self._levels.pop(client, (self._depth, now_s))
        level = min(self._depth, level + (now_s - seen_s) * self._per_second)
        allowed = level >= 1
        self._levels[client] = (level - allowed, now_s)
        if len(self._levels) > self._clients_max:
            self._levels.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._per_second

    def __len__(self) -> int:
        return len(self._levels)
