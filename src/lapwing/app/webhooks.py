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


class Own(Protocol):
    """A data directory that only one thread touches."""

    def run(self, work: Callable[[Directory], Any]) -> Future[Any]:
        """Do this with the directory, after what was asked before."""


def posted_to(sources: Iterable[SourceTable]) -> tuple[SourceTable, ...]:
    """Those of some sources that something is posted to."""
    return tuple(
        table
        for table in sources
        if table.options is not None and not table.paused and catalog.load("sources", table.type).receive is not None
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
        directory.log.append(plan.topic, records, now_us=now_us)
    return delivery


class DirectoryHooks:
    """The `Hooks` of a configuration; a source whose secret is missing is said and left out."""

    def __init__(self, own: Own, configuration: Configuration) -> None:
        self._own = own
        self._plans: dict[str, Plan] = {}
        for table in posted_to(configuration.sources):
            try:
                self._plans[table.name] = plan_of(table, configuration.folder)
            except LapwingError as problem:
                said.error("nothing is taken for %s: %s", table.name, problem)

    def find(self, name: str) -> str:
        """The source of that name or, where only one has it, type; raises `UnknownName`."""
        alike = [plan.name for plan in self._plans.values() if plan.type == name]
        if name in self._plans or len(alike) != 1:
            if name not in self._plans:
                raise UnknownName("webhook", name, ())
            return name
        return alike[0]

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Future[Delivery]:
        """What the source says to it, once its records are durable."""
        plan = self._plans[name]
        return self._own.run(lambda directory: heard(directory, plan, headers, body))
