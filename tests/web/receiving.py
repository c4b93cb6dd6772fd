"""A receiver in a browser, and a town where things happen: incidents made by hand, decided by the stage of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lapwing.app.opening import Directory
from lapwing.engine.clock import SystemClock
from rules.house import House
from rules.stories import MIDNIGHT_US, POSSIBLE, at
from web.seeing import Seen, seen, served

SERVE = '[serve]\nquery_budget = "20s"\n'
PUSH = """
[[channel]]
type = "webpush"
contact = "mailto:duty@example.org"
hosts = []
private = true
"""
CONFIRMED, CLOSED = 2, 4
FLOOD, FIRE = "f10000000000", "f20000000000"


class Town:
    """One data directory, with the stage of alerts over it; minutes pass only when something happens."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, SERVE + text
        self.house = House(path, self.text, now_us=MIDNIGHT_US)
        self._minute = 600

    def happens(self, incident: str, state: int = POSSIBLE, severity: int = 3, **more: Any) -> None:
        """An incident becomes this, ten minutes later; whoever the rules tell is told."""
        self._minute += 10
        moment = at(f"{self._minute // 60:02}:{self._minute % 60:02}")
        self.house.change(incident, moment, state, severity, **more)
        self.house.turn(moment)

    @contextmanager
    def open(self, browser: Any, size: str = "phone", theme: str = "light") -> Iterator[Seen]:
        """Its server, and a window on the receiver."""
        with served(self.path, text=self.text) as address, seen(browser, address, size, theme) as found:
            yield found


@contextmanager
def town(path: Path, text: str = "") -> Iterator[Town]:
    """A town that is closed in the end."""
    made = Town(path, text)
    try:
        yield made
    finally:
        made.house.directory.close()


def add_device(found: Seen, name: str = "Ana's phone") -> Any:
    """Add the browser on this machine, where no code is needed, told of everything."""
    page = found.go("/receiver")
    page.locator("#device-name").fill(name)
    page.locator("#join").click()
    page.locator("#keep-wish").click()
    page.locator("#change").wait_for()
    return page


def as_of_now(directory: Directory) -> None:
    """What waits was decided at this moment: a day later it would be given up."""
    with directory.ledger.store.transaction() as connection:
        connection.execute("UPDATE outbox_deliveries SET added_us = ?", (SystemClock().now_us(),))
