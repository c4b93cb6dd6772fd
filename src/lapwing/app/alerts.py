"""What readers were told, what they say of it, and the devices that registered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from lapwing.app.opening import Directory
from lapwing.app.telling import channel_of, table_of
from lapwing.app.times import written
from lapwing.errors import ConfigError, LapwingError, UnknownName, UsageError
from lapwing.incidents.intervals import share_of
from lapwing.ledger.sqlite import alerting, outbox
from lapwing.model import FEEDBACK, Records
from lapwing.telling import Alert, Channel, Recipient, Undeliverable

NEWEST = 1 << 62
ADDRESS_CHARACTERS_MAX = 4_000


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic of feedback: what one reader says of one alert."""

    alert: str
    reader: str
    """The mark of the recipient; "" where somebody speaks for all."""
    useful: bool
    incidents: list[str]
    rules: list[str] = []
    at_us: int
    by: str = ""


def page(
    directory: Directory, since_us: int, limit: int, after: str | None = None, readers: Sequence[Recipient] = ()
) -> dict[str, Any]:
    """What was told since a time, the newest first: ``{"alerts": […], "next": …, "precision": {…}}``.

    With `readers` it is what these were told, and the precision is theirs.
    """
    if after is not None and not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise UsageError(f"cursor {after[:80]!r} is not one that we gave", "start without one")
    before = int(after) if after else NEWEST
    rows = list(alerting.sent(directory.ledger.store.connection, since_us, before, limit + 1, readers))
    said = _latest(directory)
    marks = {each.mark for each in readers}
    counted = [each for each in said.values() if not marks or each.reader in marks]
    more = str(rows[limit - 1]["number"]) if len(rows) > limit else None
    shown = [_shape(row, said) for row in rows[:limit]]
    return {"alerts": shown, "next": more, "precision": _precision(counted)}


def _shape(row: dict[str, Any], said: dict[tuple[str, str], Feedback]) -> dict[str, Any]:
    alert = msgspec.json.decode(row["body"], type=Alert) if row["body"] else None
    mark = Recipient(row["channel"], row["address"]).mark
    feedback = said.get((row["alert"], mark)) or said.get((row["alert"], ""))
    return {
        "id": row["alert"],
        "kind": row["kind"],
        "rule": row["rule"],
        "channel": row["channel"],
        "reader": mark,
        "incidents": row["incidents"].split(),
        "title": alert.title if alert else None,
        "body": alert.body if alert else None,
        "severity": alert.severity if alert else None,
        "counts": bool(row["counts"]),
        "sent_at": written(row["at_us"]),
        "delivery": row["state"],
        "reason": row["reason"] or None,
        "delivered_at": written(row["ended_us"]) if row["state"] == "sent" else None,
        "useful": feedback.useful if feedback else None,
    }


# -- feedback --------------------------------------------------------------------------------------------------------


def say(directory: Directory, said: tuple[str, str], useful: bool, by: str) -> dict[str, Any]:
    """Write down whether an alert was useful to a reader; `said` is the alert's id, and the reader's mark or "".

    What was said before of the same alert by the same reader counts no more. Raises `UnknownName`.
    """
    alert, reader = said
    told = alerting.told_of(directory.ledger.store.connection, alert)
    if not told:
        raise UnknownName("alert", alert[:100], ())
    mine = [each for each in told if reader in ("", each.recipient.mark)]
    if not mine:
        raise UnknownName("reader of this alert", reader[:100], ())
    now_us = directory.clock.now_us()
    feedback = Feedback(
        alert=alert, reader=reader, useful=useful, incidents=sorted({one for each in mine for one in each.incidents}),
        rules=sorted({each.rule for each in mine}), at_us=now_us, by=by,
    )  # fmt: skip
    records = Records(
        source="feedback", network="", format="json", values=[msgspec.json.encode(feedback)], received_at_us=[now_us],
        keys=[alert],
    )  # fmt: skip
    directory.log.append(FEEDBACK, records, now_us=now_us)
    return {"alert": alert, "useful": useful, "precision": _precision(_latest(directory).values())}


def _latest(directory: Directory) -> dict[tuple[str, str], Feedback]:
    """What was said last of each alert by each reader."""
    found: dict[tuple[str, str], Feedback] = {}
    for topic, partition in sorted(directory.log.spans()):
        if topic == FEEDBACK:
            for chunk in directory.log.read(topic, partition, 0, 1 << 60):
                for value in chunk.records.values:
                    said = msgspec.json.decode(value, type=Feedback)
                    found[said.alert, said.reader] = said
    return found


def useful_by_incident(directory: Directory) -> dict[str, tuple[int, int]]:
    """How often readers called alerts of an incident useful, and how often not."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for said in _latest(directory).values():
        if len(said.incidents) == 1:  # what is said of a digest is said of none of its incidents
            found[said.incidents[0]][not said.useful] += 1
    return {incident: (yes, no) for incident, (yes, no) in found.items()}


def _precision(said: Iterable[Feedback]) -> dict[str, Any]:
    """The share of alerts that readers called useful, with its 95 % interval, in all and for each rule."""
    votes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in said:
        for name in ("", *each.rules):
            votes[name][not each.useful] += 1
    shares = {name: msgspec.to_builtins(share_of(yes, yes + no)) for name, (yes, no) in sorted(votes.items())}
    return {"all": shares.pop("", msgspec.to_builtins(share_of(0, 0))), "rules": shares}


# -- devices ---------------------------------------------------------------------------------------------------------


def register(directory: Directory, name: str, address: str) -> dict[str, Any]:
    """Keep a device's address on a channel: ``{"channel", "reader"}``, by whose mark it is known from now on.

    Raises `UnknownName` for a channel that there is not, `UsageError` for one that takes none, or for an address that is none.
    """
    recipient = recipient_of(directory, name, address)
    with directory.ledger.store.transaction() as connection:
        outbox.register(connection, recipient, directory.clock.now_us())
    return {"channel": name, "reader": recipient.mark}


def unregister(directory: Directory, name: str, address: str) -> dict[str, Any]:
    """Forget a device, what waits for it, and what it was told. Raises `UnknownName` where nobody knew it."""
    recipient = recipient_of(directory, name, address)
    with directory.ledger.store.transaction() as connection:
        known = outbox.unregister(connection, recipient, directory.clock.now_us())
        alerting.forget_reader(connection, recipient)
    if not known:
        raise UnknownName("device", recipient.mark, ())
    return {"channel": name, "reader": recipient.mark}


def recipient_of(directory: Directory, name: str, address: str) -> Recipient:
    """Who registers with this address on a channel; raises as `register` does."""
    channel = _channel(directory, name)
    if not channel.notifier.registers:
        raise UsageError(f"nobody can register on {name!r}", "its recipients stand in the configuration")
    try:
        return Recipient(name, channel.notifier.admitted(channel.options, address))
    except Undeliverable as problem:
        raise UsageError(problem.what, problem.next_step) from problem


def _channel(directory: Directory, name: str) -> Channel:
    table = table_of(directory.configuration, name)
    try:
        return channel_of(table, directory.configuration, directory.path)
    except ConfigError:
        raise
    except LapwingError as problem:
        raise UsageError(f"the channel {name!r} is not ready: {problem.what}", problem.next_step) from problem
