"""The incidents of the demo's evening, found while it was still evening, and who was told of them by which rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

from lapwing import config
from lapwing.app import rules
from lapwing.app.opening import Directory
from lapwing.app.watching import stage, work_off
from lapwing.engine.clock import SystemClock
from web.heard import AS_OLD_AS_IT_IS, status

END_US = 1_767_621_570_000_000
"""2026-01-05T13:59:30Z, when the evening is nearly over."""
SERVE = '[serve]\nquery_budget = "20s"\n'
"""More time for an answer than usual: tests share the machine."""
TEXT = (
    SERVE
    + AS_OLD_AS_IT_IS
    + """
[[channel]]
type = "ntfy"
name = "desk"
topics = ["duty"]

[[channel]]
type = "ntfy"
name = "night"
topics = ["night-shift"]

[[rule]]
name = "west-coast"
countries = ["AU"]
channels = ["desk"]
budget = 5
digests = ["18:00"]
"""
)
WATER = (
    "Water is knee deep at the {} in {} and still rising", "The {} in {} is flooded, cars are floating",
    "Flood water over the road near the {} in {}, stay away", "The river came over at the {}, {} is flooding",
)  # fmt: skip
FIRE = (
    "Smoke and flames from the warehouse at the {} in {}", "The {} in {} is on fire, firefighters are here",
    "Huge fire near the {} in {}, people are being evacuated", "Fire at the {}: sirens everywhere in {}, roof is burning",
)  # fmt: skip
SPOTS = ("station", "harbour", "school", "market", "bridge", "church", "stadium", "airport", "park", "hospital")
ASIDES = (
    "our neighbours carry children upstairs", "buses turn around, nobody gets through", "power went out an hour ago",
    "I can see it from my kitchen window", "volunteers bring sandbags and torches", "please check on your grandparents",
    "the shop lost everything", "never saw anything like this since 1998", "my dog refuses to leave the porch",
    "two cyclists were pulled to safety", "radio says avoid the whole quarter",
)  # fmt: skip
KEPT = {"water-and-fire": {
    "places": ["Perth, AU", "Osaka, JP"], "radius_km": 100, "categories": ["flood", "storm", "fire"], "state": "confirmed",
    "channels": ["night"], "budget": 3, "digests": ["08:00", "18:00"], "quiet": ["22:00-06:00"], "zone": "Asia/Jakarta",
}}  # fmt: skip
TURNS = 10
"""So many steps of the stage take up what was decided."""


class EveningClock:
    """The system's clock as it was when the evening was nearly over."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._behind_us = self._system.now_us() - END_US

    def now_us(self) -> int:
        return self._system.now_us() - self._behind_us

    def monotonic_s(self) -> float:
        return self._system.monotonic_s()

    def sleep(self, seconds: float, wake: Event | None = None) -> bool:
        return self._system.sleep(seconds, wake)


def look_for_incidents(directory: Directory, kept: Mapping[str, dict[str, Any]]) -> None:
    """As `lapwing up` would have with these rules, before the evening was over: so that alerts are no news of yesterday."""
    usual, directory.clock = directory.clock, EveningClock()
    for name, rule in kept.items():
        rules.keep(directory, rules.rule_of(name, rule), "duty")
    work_off(directory)
    directory.clock = usual


def last_minutes() -> list[dict[str, object]]:
    """What people tell in the last minutes of the evening: of a flood in Perth, and of a fire in Osaka."""
    told = [(WATER, "Perth", 40, 0), (FIRE, "Osaka", 24, 100)]
    return [
        status(
            117_907_500_000_000_000 + first + number, f"{said[number % 4].format(SPOTS[(number * 7) % 10], place)}, {ASIDES[number % 11]}",
            f"2026-01-05T13:{50 + number // 6}:{number % 6 * 10:02}.000Z", author=f"{place.lower()}{number}",
        )
        for said, place, count, first in told
        for number in range(count)
    ]  # fmt: skip


def take_up(path: Path) -> None:
    """As the process of incidents takes up what was decided."""
    directory = Directory(path, settings())
    try:
        own = stage(directory)
        for _ in range(TURNS):
            own.turn()
        own.follower.release()
    finally:
        directory.close()


def settings() -> config.Configuration:
    """What the evening's directory and its server are configured with."""
    return config.parse(TEXT, environment={})
