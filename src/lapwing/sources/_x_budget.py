"""How many posts of X may still be read: reading is paid for each post, so a budget is counted and never exceeded.

Days and months are those of UTC. X itself counts a post that is read twice on one day once; here it counts twice, so
that our count is never below X's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

SECOND_US = 1_000_000


class Counted(msgspec.Struct, kw_only=True):
    """What was read so far; a part of the cursor, so that it is as durable as the posts."""

    day: str = ""
    day_posts: int = 0
    month: str = ""
    month_posts: int = 0
    ahead: int = 0
    """Posts that may have been under way when this was written: they count as read if nothing else is heard."""
    busiest: int = 0
    """The most posts that ever came within a second."""


class Budget:
    """Counts posts against at most two limits, of a day and of a month; None: no limit."""

    def __init__(self, per_day: int | None, per_month: int | None, counted: Counted, now_us: int) -> None:
        self._per_day, self._per_month = per_day, per_month
        self._counted = counted
        self._held = 0
        self._second = (0, 0)
        self._turn(now_us)
        if self.limited:
            self._add(counted.ahead)
        counted.ahead = 0

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._per_day is not None or self._per_month is not None

    @property
    def busiest(self) -> int:
        """The most posts that ever came within a second."""
        return self._counted.busiest

    def count(self, posts: int, now_us: int) -> None:
        """Posts came by the stream."""
        self.write_off(posts, now_us)
        second = now_us // SECOND_US
        self._second = (second, posts + (self._second[1] if self._second[0] == second else 0))
        self._counted.busiest = max(self._counted.busiest, self._second[1])

    def write_off(self, posts: int, now_us: int) -> None:
        """Posts were delivered at once, or may have been."""
        self._turn(now_us)
        self._add(posts)

    def left(self, now_us: int) -> int | None:
        """How many posts may still be asked for; None: as many as there are. Negative: more are held than are left."""
        self._turn(now_us)
        lefts = [
            limit - spent
            for limit, spent in (
                (self._per_day, self._counted.day_posts),
                (self._per_month, self._counted.month_posts),
            )
            if limit is not None
        ]
        return min(lefts) - self._held if lefts else None

    def hold(self, posts: int) -> None:
        """So many posts are asked for; until they are here nobody else may ask for them."""
        self._held += posts

    def release(self, posts: int) -> None:
        """What was held is here, or was refused."""
        self._held -= posts

    def counted(self, under_way: int) -> Counted:
        """What to remember now, while `under_way` posts may be on their way beside those that are held."""
        return msgspec.structs.replace(self._counted, ahead=(under_way + self._held) if self.limited else 0)

    def again_us(self, now_us: int, left_min: int) -> int:
        """When there will be at least `left_min` again: the next day, or the next month."""
        self._turn(now_us)
        today = _date(now_us)
        month_spent = self._per_month is not None and self._per_month - self._counted.month_posts < left_min
        return _us(_next_month(today)) if month_spent else _us(_midnight(today) + timedelta(days=1))

    def details(self, now_us: int) -> dict[str, int]:
        """What was spent and is left, for `status`."""
        self._turn(now_us)
        spent = {"reads_today": self._counted.day_posts, "reads_this_month": self._counted.month_posts}
        limits = (
            ("left_today", self._per_day, "reads_today"),
            ("left_this_month", self._per_month, "reads_this_month"),
        )
        return spent | {name: max(0, limit - spent[of]) for name, limit, of in limits if limit is not None}

    def _add(self, posts: int) -> None:
        self._counted.day_posts += posts
        self._counted.month_posts += posts

    def _turn(self, now_us: int) -> None:
        """Begin a new day or month; a clock that goes back begins none, so that nothing is spent twice."""
        day = _date(now_us).date().isoformat()
        if day > self._counted.day:
            self._counted.day, self._counted.day_posts = day, 0
        if day[:7] > self._counted.month:
            self._counted.month, self._counted.month_posts = day[:7], 0


def next_period_us(now_us: int, monthly: bool) -> int:
    """When the next UTC day, or the next month, begins."""
    today = _date(now_us)
    return _us(_next_month(today)) if monthly else _us(_midnight(today) + timedelta(days=1))


def date_text(at_us: int) -> str:
    """A time as people read it: ``2026-11-23 00:00 UTC``."""
    return _date(at_us).strftime("%Y-%m-%d %H:%M UTC")


def _date(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / SECOND_US, UTC)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _next_month(at: datetime) -> datetime:
    return (_midnight(at).replace(day=1) + timedelta(days=32)).replace(day=1)


def _us(at: datetime) -> int:
    return round(at.timestamp()) * SECOND_US
