"""An alert in words that are harmless everywhere: what channels of plain text show."""

from __future__ import annotations

from datetime import UTC, datetime

from lapwing.telling import EVIDENCE_MAX, Alert
from lapwing.text.harmless import harmless, in_one_line, shortened, unlinked

TITLE_CHARACTERS_MAX = 120
BODY_CHARACTERS_MAX = 1_200
QUOTE_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 80
COMPLETE = 0.95
"""From here on nobody needs to be told that something is missing."""


def title_of(alert: Alert) -> str:
    """One line."""
    return shortened(in_one_line(unlinked(alert.title)), TITLE_CHARACTERS_MAX) or "Alert"


def body_of(alert: Alert) -> str:
    """What is known, without the evidence."""
    return shortened(harmless(unlinked(alert.body)), BODY_CHARACTERS_MAX)


def quotes_of(alert: Alert) -> list[str]:
    """The words of posts, each in one line."""
    quotes = (shortened(in_one_line(unlinked(each)), QUOTE_CHARACTERS_MAX) for each in alert.evidence[:EVIDENCE_MAX])
    return [each for each in quotes if each]


def name_of(text: str) -> str:
    """A short word of somebody's, as of a place or a category."""
    return shortened(in_one_line(unlinked(text)), NAME_CHARACTERS_MAX)


def facts_of(alert: Alert) -> list[tuple[str, str]]:
    """What else a reader should know, by its name."""
    facts = []
    if alert.kind not in ("digest", "test"):
        facts += [("Severity", alert.severity), ("Kind", name_of(alert.category))]
    if alert.place is not None:
        name = name_of(alert.place.name)
        facts.append(("Place", f"{name}, {alert.place.country}" if name and alert.place.country else name))
    if alert.people is not None:
        facts.append(("People", f"{alert.people:,}"))
    if alert.completeness is not None and alert.completeness < COMPLETE:
        facts.append(("Heard", f"{alert.completeness:.0%} of what should have been"))
    return [(name, value) for name, value in facts if value]


def whole_text(alert: Alert) -> str:
    """Body, evidence, facts and address, one under the other."""
    parts = [body_of(alert), "\n".join(f"“{quote}”" for quote in quotes_of(alert))]
    parts.append("\n".join(f"{name}: {value}" for name, value in facts_of(alert)))
    parts.append(url_of(alert))
    return "\n\n".join(part for part in parts if part)


def url_of(alert: Alert) -> str:
    """The address of the page about it; empty where it has none that a phone could open."""
    url = alert.url
    sound = url.startswith(("https://", "http://")) and url.isascii() and url.isprintable()
    return url if sound and not any(each in url for each in ' "<>\\^`{|}') else ""


def replaces(alert: Alert) -> str:
    """What alerts that replace one another have in common."""
    return alert.incident or alert.id


def urgent(alert: Alert) -> bool:
    """Whether it should wake a device."""
    return alert.kind not in ("digest", "all-clear") and alert.severity in ("moderate", "severe", "extreme", "unknown")


def rfc3339(at_us: int) -> str:
    """A time as people and programs read it: whole seconds, UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
