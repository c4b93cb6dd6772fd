"""Where listening to X stands: the cursor, with what was read of the budget and the times that are still to be filled."""

from __future__ import annotations

import msgspec

from lapwing.sources._x_budget import Counted

HOLES_MAX = 20
"""More breaks than these are filled as one with the time between them."""


class Position(msgspec.Struct, kw_only=True):
    """The cursor, as JSON."""

    newest: str = ""
    """The highest id that was heard."""
    until_us: int | None = None
    """Until when it was surely heard; None: nothing before is to be asked for."""
    holes_us: list[tuple[int, int]] = []
    """Times before `until_us` that are still to be filled, in order and apart from one another."""
    counted: Counted = msgspec.field(default_factory=Counted)

    def break_until(self, at_us: int) -> None:
        """Nothing was heard from `until_us` to `at_us`."""
        if self.until_us is not None and at_us > self.until_us:
            self.holes_us = [*self.holes_us, (self.until_us, at_us)]
        if len(self.holes_us) > HOLES_MAX:
            (from_us, _), (_, to_us) = self.holes_us[:2]
            self.holes_us = [(from_us, to_us), *self.holes_us[2:]]
        self.until_us = at_us

    def fill(self, from_us: int, to_us: int) -> None:
        """What was said between these times is here, or is given up."""
        parts = [
            part for low, high in self.holes_us for part in ((low, min(high, from_us)), (max(low, to_us), high))
        ]  # fmt: skip
        self.holes_us = sorted({(low, high) for low, high in parts if high > low})

    def heard(self, ids: list[str]) -> None:
        """These posts were heard."""
        for each in ids:
            if (len(each), each) > (len(self.newest), self.newest):
                self.newest = each

    def forget_the_past(self) -> None:
        """Nothing of the time before now is asked for any more."""
        self.until_us, self.holes_us = None, []


def position_of(cursor: str) -> Position:
    """The position in a cursor; a new one where there is none."""
    try:
        return msgspec.json.decode(cursor, type=Position) if cursor else Position()
    except msgspec.DecodeError:
        return Position()


def cursor_of(position: Position, counted: Counted) -> str:
    """The cursor of a position."""
    return msgspec.json.encode(msgspec.structs.replace(position, counted=counted)).decode()
