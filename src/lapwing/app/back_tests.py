"""What a rule would have sent: the ledger's changes of incidents once more, through the function that decides live."""

from __future__ import annotations

from typing import Any

import msgspec

from lapwing.app.alert_texts import row_of
from lapwing.app.alerting import STALE_US, news_of
from lapwing.app.alerts import useful_by_incident
from lapwing.app.opening import Directory
from lapwing.app.rules import compiled
from lapwing.app.times import read_time, written
from lapwing.errors import UsageError
from lapwing.incidents.backtest import Replay, compared, precision, replay
from lapwing.incidents.budget import Item, Told
from lapwing.incidents.happening import SEVERITIES, STATES
from lapwing.incidents.rules import News, last_of_each, looks_into_posts
from lapwing.ledger.sqlite import alerting
from lapwing.settings import Rule

BEFORE_US = 7 * 86_400_000_000
"""So long before the time that is asked for the budget and what readers know are worked out too."""
CHANGES_MAX = 1_000_000


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """Which rule, and with which other values (None: none) it is compared."""

    rule: Rule
    other: dict[str, Any] | None = None
    since_us: int
    until_us: int


def tested_of(directory: Directory, rule: Rule, span: tuple[str, str | None], **other: Any) -> Tested:
    """A test from the times as they were typed, `other` are values to compare; raises `UsageError` for a time that is none."""
    now_us = directory.clock.now_us()
    since_us = read_time(span[0], now_us, "--since")
    until_us = read_time(span[1], now_us, "--until") if span[1] else now_us
    if since_us >= until_us:
        raise UsageError(f"--since {span[0]} is not before --until {span[1] or 'now'}", "exchange them")
    return Tested(rule=rule, other=other or None, since_us=since_us, until_us=until_us)


def test(directory: Directory, tested: Tested) -> dict[str, Any]:
    """What one reader of the rule would have been told, counted and listed; raises `UsageError` for a rule that is none.

    Of what happened long before it was worked out, as in an archive, it is what would have been told had it been heard live.
    """
    rules = [compiled(directory, tested.rule)]
    if tested.other is not None:
        rules.append(compiled(directory, msgspec.structs.replace(tested.rule, **tested.other)))
    news = history(directory, (tested.since_us - BEFORE_US, tested.until_us), asks=looks_into_posts(rules))
    replays = [replay(news, [rule], tested.since_us, tested.until_us) for rule in rules]
    useful = useful_by_incident(directory)
    found = _shape(directory, replays[-1]) | {
        "rule": tested.rule.name,
        "since": written(tested.since_us),
        "until": written(tested.until_us),
        "precision": msgspec.to_builtins(precision(replays[-1].incidents, useful)),
    }
    if tested.other is not None:
        found["changed"] = tested.other
        found["compared"] = compared(replays[0], replays[1])
    return found


def history(directory: Directory, span: tuple[int, int], *, asks: bool) -> list[News]:
    """The changes of a time (the end exclusive) by the clock that decided about them; a rebuild's are left out."""
    store = directory.ledger.store
    with store.snapshot():
        rows = [_clocked(row) for row in alerting.changes_in(store.connection, span, CHANGES_MAX)]
        rows = [row for row in rows if row is not None and span[0] <= row["clock_us"] < span[1]]
        rows.sort(key=lambda row: (row["clock_us"], row["number"]))
        return [news_of(directory, row, asks=asks) for row in last_of_each(rows)]


def _clocked(row: dict[str, Any]) -> Any:
    """A change with the time at which it was taken up, or would have been."""
    clock_us = row["clock_us"] or row["decided_us"] or row["at_us"]
    late = clock_us - row["at_us"] > STALE_US
    if row["renewed"] and not late:
        return None
    return row | {"clock_us": row["at_us"] if late else clock_us, "renewed": 0}


def _shape(directory: Directory, found: Replay) -> dict[str, Any]:
    counts = found.counts()
    return counts | {
        "interrupts": counts["alerts"] + counts["digests"],
        "sent": [_told(directory, each) for each in found.told],
        "waiting": [_item(directory, each) for each in found.held],
    }


def _told(directory: Directory, told: Told) -> dict[str, Any]:
    items = [_item(directory, each) for each in told.items]
    return {"at": written(told.at_us), "kind": told.kind, "counts": told.counts, "incidents": items}


def _item(directory: Directory, item: Item) -> dict[str, Any]:
    row = row_of(directory, item.incident)
    return {
        "id": item.incident,
        "state": STATES[item.state],
        "severity": SEVERITIES[item.severity],
        "people": item.voices,
        "category": row["category"] if row else None,
        "place": row["place"] if row else None,
        "country": row["country"] if row else None,
    }
