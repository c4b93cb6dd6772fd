"""What people decide about incidents: confirm, dismiss, merge, mute."""

from __future__ import annotations

from typing import Literal

import msgspec

from lapwing.incidents.happening import CLOSED, CONFIRMED, Happening
from lapwing.incidents.working import Working

Kind = Literal["confirm", "dismiss", "merge", "mute", "unmute"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic of decisions."""

    kind: Kind
    incident: str
    into: str = ""
    """With `merge`: the incident that stays."""
    by: str = ""
    """Who decided: the name of a token."""
    at_us: int = 0


def apply(working: Working, decision: Decision) -> bool:
    """Do what was decided; False where the incident, or the one it is to go into, is worked on no longer.

    To repeat a decision changes nothing.
    """
    found = {each.mark: each for each in working.happenings.values()}
    happening, into = found.get(decision.incident), found.get(decision.into)
    if happening is None or (decision.kind == "merge" and (into is None or into is happening)):
        return False
    if decision.kind == "merge" and into is not None:
        working.merge(into, happening)
    elif decision.kind == "confirm":
        _confirm(working, happening, decision.by)
    elif decision.kind == "dismiss":
        if happening.state != CLOSED:
            working.enter(happening, CLOSED, "dismissed", "dismissed")
    else:
        happening.muted = decision.kind == "mute"
        working.touched.add(happening.founder)
    return True


def _confirm(working: Working, happening: Happening, by: str) -> None:
    happening.confirmed_by = by or "somebody"
    working.touched.add(happening.founder)
    if happening.state < CONFIRMED:
        working.enter(happening, CONFIRMED, "confirmed")
