"""Rules and news for stories: a day that begins at midnight UTC, and one flood."""

from __future__ import annotations

from typing import Any

from lapwing.incidents.budget import Standing, Told, decide
from lapwing.incidents.rules import About, News, Rule

MIDNIGHT_US = 1_767_571_200_000_000
"""2026-01-05T00:00:00Z."""
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
POSSIBLE, CONFIRMED, FADING, CLOSED = 1, 2, 3, 4
MINOR, MODERATE, SEVERE, EXTREME = 1, 2, 3, 4
FLOOD = 7
PERTH = (115.86, -31.95)


def at(text: str, day: int = 0) -> int:
    """The time of a clock on the day, or on a later one."""
    hours, minutes = text.split(":")
    return MIDNIGHT_US + day * 24 * HOUR_US + int(hours) * HOUR_US + int(minutes) * MINUTE_US


def rule(**more: Any) -> Rule:
    return Rule(**({"name": "floods", "budget": 3, "digests": (18 * 60,), "breaks_through": SEVERE} | more))


def news(incident: str, clock_us: int, state: int = POSSIBLE, severity: int = MINOR, **more: Any) -> News:
    kinds = {POSSIBLE: "opened", CONFIRMED: "confirmed", FADING: "fading", CLOSED: "closed"}
    said: dict[str, Any] = {
        "number": clock_us // MINUTE_US, "key": f"{incident}/{clock_us}", "incident": incident, "clock_us": clock_us,
        "kind": kinds[state], "state": state, "severity": severity, "voices": 5,
        "about": About(category=FLOOD, country="AU", longitude=PERTH[0], latitude=PERTH[1]),
    }  # fmt: skip
    return News(**(said | more))


def tell(heard: list[News], *rules: Rule) -> tuple[Standing, list[Told]]:
    """All that one reader is told of the news, and what stands then."""
    standing, told = Standing(), []
    for each in heard:
        standing, some = decide(each, rules, standing, each.clock_us)
        told += some
    return standing, told


def short(told: list[Told]) -> list[str]:
    """As in ``10:00 possible a``, or ``18:00 digest a b``."""
    found = []
    for each in told:
        minutes = (each.at_us - MIDNIGHT_US) // MINUTE_US
        names = " ".join(item.incident for item in each.items)
        found.append(f"{minutes // 60:02}:{minutes % 60:02} {each.kind} {names}")
    return found
