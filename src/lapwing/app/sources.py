"""How every source is: what is configured, what it last said of itself, and whether that is still so."""

from __future__ import annotations

from typing import Any

from lapwing.app.opening import Directory
from lapwing.app.times import written_out
from lapwing.hearing import STOPPED

SILENT_US = 20_000_000
"""A listener says how it is every few seconds; one that said nothing for so long does not run."""


def listed(directory: Directory) -> list[dict[str, Any]]:
    """Name, type, network, topic, state and reason of every source that is configured or was listened to, by name.

    States are those of `hearing.State`, and ``not running`` where nobody listens; times are RFC 3339.
    """
    now_us = directory.clock.now_us()
    configured = {table.name: table for table in directory.configuration.sources}
    known = {state["name"]: state for state in directory.log.source_states()}
    found = []
    for name in sorted({*configured, *known}):
        state = known.get(
            name, {"name": name, "state": "not running", "reason": "it was never listened to", "noted_us": 0}
        )
        row = written_out(_as_it_is(state, now_us))
        row.pop("cursor", None)  # the source's own affair; it may hold the name of a session
        table = configured.get(name)
        if table is None:
            row |= {"configured": False}
        else:
            row |= {"configured": True, "type": table.type, "network": table.network, "topic": table.topic}
            if table.paused:
                row |= {"state": "paused", "reason": "the configuration says so"}
        found.append(row)
    return found


def _as_it_is(state: dict[str, Any], now_us: int) -> dict[str, Any]:
    """A state that is too old is none."""
    if 0 <= now_us - state["noted_us"] < SILENT_US:
        return state
    if state["state"] == "not running":
        return state
    was = "" if state["reason"] == STOPPED else f"; it was {state['state']} {state['reason']}".rstrip()
    return state | {"state": "not running", "reason": f"nobody listens{was}"}
