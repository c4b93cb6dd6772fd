"""A log with functions between its topics, as the tests of functions need it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from lapwing.engine.calling import Abandoned, ThreadCaller
from lapwing.engine.clock import SystemClock
from lapwing.engine.functions import FunctionRunner, idle
from lapwing.engine.settling import Plan
from lapwing.log.sqlite import SqliteLog
from lapwing.model import Records

DEADLINE_S = 60.0


def no_posts() -> Any:
    raise AssertionError("these topics hold no posts")


def plan(call: Callable[[Any], Any] | None = None, **values: Any) -> Plan:
    """A function from `in` to `out`, called in threads unless `caller` says otherwise."""
    values.setdefault("caller", partial(ThreadCaller, call, Abandoned()))
    return Plan(**{"name": "f", "topic": "in", "to": "out", "retries": 0, "timeout_s": 10.0} | values)


class Room:
    """A log in a folder."""

    def __init__(self, folder: Path, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.sqlite"
        self.log = SqliteLog(self.path, **options)
        self.clock = SystemClock()

    def put(self, values: Iterable[Any], topic: str = "in", key: Callable[[Any], str] | None = None) -> None:
        values = list(values)
        lines = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        keys = [key(value) for value in values] if key else None
        now_us = self.clock.now_us()
        records = Records(
            source="test", network="", format="json", values=lines, received_at_us=[now_us] * len(lines), keys=keys
        )
        self.log.append(topic, records, now_us=now_us)

    def all(self, topic: str = "out") -> list[Any]:
        """Every value of a topic, partition by partition, in the order of each."""
        found = []
        for (name, partition), (first, _) in sorted(self.log.spans().items()):
            if name == topic:
                for chunk in self.log.read(name, partition, first, 1 << 60):
                    found.extend(json.loads(value) for value in chunk.records.values)
        return found

    def runner(self, wanted: Plan, owner: str = "one") -> FunctionRunner:
        return FunctionRunner(wanted, SqliteLog(self.path), self.clock, owner, no_posts)

    def run(self, *plans: Plan, until: Callable[[], bool] | None = None) -> None:
        """Run functions until they have nothing left to read, or until what is wished for is so."""
        done, deadline_s = threading.Event(), self.clock.monotonic_s() + DEADLINE_S
        threads = [threading.Thread(target=self.runner(each, each.name).run, args=(done.is_set,)) for each in plans]
        for thread in threads:
            thread.start()
        try:
            while not (until() if until else idle(self.log, plans)):
                assert self.clock.monotonic_s() < deadline_s, "the functions did not come to rest"
                self.clock.sleep(0.01)  # another thread works; only the log says when it is done
        finally:
            done.set()
            for thread in threads:
                thread.join(DEADLINE_S)

    def state(self, name: str = "f") -> dict[str, Any]:
        return {row["name"]: row for row in self.log.function_states()}[name]
