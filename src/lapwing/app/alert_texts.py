"""Alerts in words: what a reader reads of an incident, or of several in a digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lapwing.app import incidents
from lapwing.app.opening import Directory
from lapwing.app.times import written
from lapwing.errors import UnknownName
from lapwing.incidents.budget import Item, Told
from lapwing.incidents.happening import CLOSED, SEVERITIES, STATES
from lapwing.ledger.sqlite import alerting
from lapwing.telling import EVIDENCE_MAX, Alert, Place, Recipient

LINES_MAX = 20
"""So many incidents of a digest have a line of their own."""
QUOTE_CHARACTERS_MAX = 280
COMPLETE_MIN = 0.95
"""Where less was heard, silence says little."""
OVER = {"dismissed": "False alarm", "withdrawn": "Taken back"}
"""How an incident ended, by its reason; otherwise it is over."""
SENTENCES = {
    "False alarm": "Somebody looked into it, and dismissed it.",
    "Taken back": "Everybody who told of it has deleted or changed what they wrote.",
    "Over": "Nobody has told of it for some time.",
}

Cards = dict[str, dict[str, Any] | None]
"""Incidents with their evidence that were read already, by id."""


def alert_of(directory: Directory, told: Told, reader: Recipient, cards: Cards) -> Alert:
    """What a reader is told, in words. Of one piece of news it is the same for all readers, and so is its id."""
    if told.kind == "digest":
        return _digest(directory, told, reader)
    (item,) = told.items
    if item.incident not in cards:
        cards[item.incident] = _card(directory, item.incident)
    card = cards[item.incident]
    name, over = _named(card), _over(item, card) if told.kind == "all-clear" else ""
    people = f"{item.voices:,} {'person' if item.voices == 1 else 'people'}"
    title = f"{name} — {people}"
    body = f"{_sentence(item, card)} Severity: {SEVERITIES[item.severity]}."
    if told.kind == "upgrade":
        title = f"{name}: now {STATES[item.state]}, {SEVERITIES[item.severity]} — {people}"
    elif over:
        title, body = f"{over}: {name}", SENTENCES[over]
    complete = card["complete"] if card else None
    if over == "Over":
        complete = _listened(directory, item.incident, told.at_us)
        if complete is not None and complete < COMPLETE_MIN:
            body += f" But of what the sources say, only {complete:.0%} was heard since then: it may go on."
    return Alert(
        id=f"{item.key}/{told.kind}", incident=item.incident, kind=told.kind, title=title, body=body,
        category=card["category"] if card else "other", severity=SEVERITIES[item.severity], place=_place(card),  # type: ignore[arg-type]
        at_us=told.at_us, evidence=() if over else _evidence(card), people=item.voices,
        completeness=complete, url=_link(directory, item.incident),
    )  # fmt: skip


def _digest(directory: Directory, told: Told, reader: Recipient) -> Alert:
    lines = [f"• {_line(directory, item)}" for item in told.items[:LINES_MAX]]
    if len(told.items) > LINES_MAX:
        lines.append(f"and {len(told.items) - LINES_MAX:,} more: `lapwing alerts` lists them")
    one = len(told.items) == 1
    return Alert(
        id=f"digest/{reader.mark}/{told.at_us}", incident="", kind="digest", body="\n".join(lines), category="other",
        title="One happening that did not interrupt you" if one else f"{len(told.items):,} happenings that did not interrupt you",
        severity=SEVERITIES[max(item.severity for item in told.items)], at_us=told.at_us,  # type: ignore[arg-type]
    )  # fmt: skip


def _line(directory: Directory, item: Item) -> str:
    row = row_of(directory, item.incident)
    state = (
        "merged into another" if item.into else _over(item, row).lower() if item.state == CLOSED else STATES[item.state]
    )
    when = written(item.since_us // 60_000_000 * 60_000_000)[11:16]
    return f"{_named(row)} — {state}, {SEVERITIES[item.severity]}, {item.voices:,} people, {when} UTC"


def row_of(directory: Directory, incident: str) -> dict[str, Any] | None:
    """An incident without its evidence, or None where it is known no longer."""
    store = directory.ledger.store
    row = alerting.incident(store.connection, incident)
    return incidents.shaped(store, [row | {"changes": 0}])[0] if row else None


def _card(directory: Directory, incident: str) -> dict[str, Any] | None:
    try:
        return incidents.card(directory, incident)
    except UnknownName:
        return None


def _listened(directory: Directory, incident: str, at_us: int) -> float | None:
    """Which share was heard of what the sources said since the last voice; None where that is not known."""
    row = alerting.incident(directory.ledger.store.connection, incident)
    return incidents.completeness(directory, row["last_us"], at_us) if row and row["last_us"] < at_us else None


def _link(directory: Directory, incident: str) -> str:
    """The page of an incident, where it is known under which address people reach us."""
    base = directory.configuration.serve.public_url
    return f"{base.rstrip('/')}/incidents?incident={incident}" if base else ""


def _named(row: dict[str, Any] | None) -> str:
    """What it is and where, as a title begins."""
    if row is None:
        return "An incident"
    kind = row["category"].capitalize() if row["category"] != "other" else "Emergency"
    where = row["place"]["name"] if row["place"] else row["country"]
    return f"{kind}, {where}" if where else kind


def _sentence(item: Item, card: dict[str, Any] | None) -> str:
    since = f" since {card['first_at'][11:16]} UTC" if card else ""
    return f"{STATES[item.state].capitalize()}: {item.voices:,} independent people{since}."


def _over(item: Item, row: dict[str, Any] | None) -> str:
    if item.state != CLOSED:
        return ""
    return OVER.get((row or {}).get("reason") or "", "Over")


def _place(card: dict[str, Any] | None) -> Place | None:
    if card is None or not (card["place"] or card["country"]):
        return None
    place, point = card["place"] or {}, card["point"] or {}
    return Place(
        id=place.get("id", 0), name=place.get("name", ""), country=card["country"] or "",
        longitude=point.get("longitude"), latitude=point.get("latitude"),
    )  # fmt: skip


def _evidence(card: dict[str, Any] | None) -> tuple[str, ...]:
    posts: Sequence[dict[str, Any]] = card["evidence"] if card else ()
    texts = [(post["text"] or "")[:QUOTE_CHARACTERS_MAX] for post in posts]
    return tuple(text for text in texts if text)[:EVIDENCE_MAX]
