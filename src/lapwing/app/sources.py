"""How every source is: what is in force, what it last said of itself, and whether that is still so."""

from __future__ import annotations

from typing import Any

from lapwing.app import in_force
from lapwing.app.alive import runs
from lapwing.app.opening import Directory
from lapwing.app.times import written_out
from lapwing.hearing import STOPPED, SourceNote
from lapwing.ledger.sqlite import listened

SILENT_US = 20_000_000
"""A listener says how it is every few seconds; one that said nothing for so long is asked about."""
NEVER = SourceNote(name="", type="", network="", state="not running", reason="it was never listened to")


def listed(directory: Directory) -> list[dict[str, Any]]:
    """How every source is that is in force or is listened to, by name; all rows have the same keys.

    `configured` is None where nobody knows, since the configuration's file has a mistake and none was ever in force.
    States are those of `hearing.State`, and ``not running`` where nobody listens; times are RFC 3339.
    """
    now_us = directory.clock.now_us()
    wanted = in_force.sources(directory)
    known = {state["name"]: state for state in directory.log.source_states()}
    found = []
    for name in sorted({*(wanted or ()), *known}):
        row = _row(name, _as_it_is(directory, known[name], now_us) if name in known else {})
        heard = (wanted or {}).get(name)
        row["configured"] = None if wanted is None else heard is not None
        if heard is not None:
            row |= {"type": heard.type, "network": heard.network, "topic": heard.topic}
            if heard.paused:
                row |= {"state": "paused", "reason": "the configuration says so"}
        found.append(row)
    return found


def removed(directory: Directory, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sources that are none of these any more, and of which there are posts, in the same shape; their state is ``removed``."""
    if not (directory.path / "ledger").is_dir():
        return []
    there = {row["name"] for row in rows}
    return [
        _row(
            name,
            {"network": network, "records": records, "state": "removed", "reason": GONE, "since_us": ended_us or 0},
        )
        for name, network, records, ended_us in listened.with_posts(directory.ledger.store)
        if name not in there
    ]


GONE = "it is no longer configured; what it brought is kept"


def _row(name: str, state: dict[str, Any]) -> dict[str, Any]:
    """A state in the shape that all have; a source that was never heard has one too."""
    shape: dict[str, Any] = {each: getattr(NEVER, each) for each in SourceNote.__struct_fields__}
    shape |= {"name": name, "topic": None, "noted_us": 0, "configured": False}
    return written_out(shape | {key: value for key, value in state.items() if key in shape})


def _as_it_is(directory: Directory, state: dict[str, Any], now_us: int) -> dict[str, Any]:
    """What a source says of itself is only true as long as its process lives; that the kernel knows, and not a clock."""
    silent_us, owner = now_us - state["noted_us"], state["owner"]
    running = owner is not None and runs(directory.path, owner)
    if running is None:
        running = 0 <= silent_us < SILENT_US
    if running:
        if 0 <= silent_us < SILENT_US:
            return state
        silent = f"its process runs, and said nothing for {max(0, silent_us) // 1_000_000} s"
        return state | {"reason": "; ".join(filter(None, (state["reason"], silent)))}
    was = "" if state["reason"] == STOPPED else f"; it was {state['state']} {state['reason']}".rstrip()
    return state | {"state": "not running", "reason": f"nobody listens{was}"}
