"""What networks post to us: judged by the source that it is for, appended, and only then said to have arrived."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from lapwing import catalog
from lapwing.app.listening import plan_of
from lapwing.app.opening import Directory
from lapwing.config import Configuration
from lapwing.engine.heard import Plan
from lapwing.errors import LapwingError, UnknownName
from lapwing.hearing import Delivery
from lapwing.model import Records
from lapwing.settings import SourceTable

said = logging.getLogger("lapwing.sources")

STRANGERS_MAX = 20
"""Of so many names that nothing has it is said that they were asked for."""


class Own(Protocol):
    """A data directory that only one thread touches."""

    def run(self, work: Callable[[Directory], Any]) -> Future[Any]:
        """Do this with the directory, after what was asked before."""


def posted_to(sources: Iterable[SourceTable]) -> tuple[SourceTable, ...]:
    """Those of some sources that something is posted to; paused ones too, of which it must be said that they wait."""
    return tuple(
        table
        for table in sources
        if table.options is not None and catalog.load("sources", table.type).receive is not None
    )


def heard(directory: Directory, plan: Plan, headers: Mapping[str, str], body: bytes) -> Delivery:
    """What the source says to a body; its records are durable when this returns. Raises `DiskFull`."""
    assert plan.source.receive is not None
    delivery = plan.source.receive(plan.options, headers, body)
    if delivery.reason:
        said.log(logging.WARNING if delivery.status >= 400 else logging.DEBUG, "%s: %s", plan.name, delivery.reason)
    if delivery.status < 400 and delivery.values:
        now_us, values = directory.clock.now_us(), list(delivery.values)
        records = Records(
            source=plan.name, network=plan.source.network, format=plan.source.format, values=values,
            received_at_us=[now_us] * len(values), keys=list(delivery.keys) or None,
        )  # fmt: skip
        directory.log.append_received(plan.topic, records, now_us=now_us)
    return delivery


class DirectoryHooks:
    """The `Hooks` of a configuration. One that is paused, or whose secret is missing, is asked to be tried again (503):
    networks deliver again what was not answered with 200, so that nothing is lost while it is mended.
    """

    def __init__(self, own: Own, configuration: Configuration) -> None:
        self._own = own
        self._types: dict[str, str] = {}
        self._plans: dict[str, Plan] = {}
        self._strangers: set[str] = set()
        for table in posted_to(configuration.sources):
            self._types[table.name] = table.type
            if table.paused:
                continue
            try:
                self._plans[table.name] = plan_of(table, configuration.folder)
            except LapwingError as problem:
                said.error("nothing is taken for %s: %s", table.name, problem)

    def find(self, name: str) -> str:
        """The source of that name or, where only one has it, type; raises `UnknownName`."""
        if name in self._types:
            return name
        alike = [each for each, kind in self._types.items() if kind == name]
        if len(alike) != 1:
            self._say(name)
            raise UnknownName("webhook", name, ())
        return alike[0]

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Future[Delivery]:
        """What the source says to it, once its records are durable."""
        plan = self._plans.get(name)
        if plan is None:
            waits: Future[Delivery] = Future()
            waits.set_result(Delivery(status=503, reason="it waits"))
            return waits
        return self._own.run(lambda directory: heard(directory, plan, headers, body))

    def _say(self, name: str) -> None:
        """Say in the log, once for each name, that nothing is taken under it: perhaps a source was renamed."""
        if self._types and name not in self._strangers and len(self._strangers) < STRANGERS_MAX:
            self._strangers.add(name)
            known = ", ".join(sorted(self._types))
            said.warning(
                "no source is called %r, so what was posted to its webhook is refused; there is: %s", name, known
            )
