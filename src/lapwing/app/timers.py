"""The timers of the configuration, in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from lapwing.app.functions import owner_name
from lapwing.app.opening import Directory
from lapwing.config import Configuration
from lapwing.engine.calls import imported
from lapwing.engine.clock import Clock
from lapwing.engine.timers import TimerPlan, Timers
from lapwing.settings import Timer

log_lines = logging.getLogger("lapwing.timers")


def timer_plan(timer: Timer, folder: str) -> TimerPlan:
    """How a configured timer is run; raises whatever importing it raises."""
    return TimerPlan(
        name=timer.name or timer.run,
        function=imported(timer.run, folder),
        every_us=timer.every_us,
        timeout_s=timer.timeout_us / 1_000_000,
        catch_up=timer.catch_up,
    )


def run_timers(path: Path, configuration: Configuration, stop: Callable[[], bool], clock: Clock | None = None) -> None:
    """Run all timers that are configured, until `stop`; one that cannot be imported is recorded as failed."""
    directory = Directory(path, configuration)
    clock, owner = clock or directory.clock, owner_name()
    plans, folder = [], str(Path(configuration.folder).resolve())
    for timer in configuration.timers:
        try:
            plans.append(timer_plan(timer, folder))
        except BaseException as problem:  # noqa: BLE001  (a module may raise anything when it is imported)
            name = timer.name or timer.run
            reason = f"{timer.run} cannot be used: {type(problem).__name__}: {problem}"[:300]
            log_lines.error("timer %s does not run: %s", name, reason)
            lease = directory.log.claim_timer(name, owner, clock.now_us())
            if lease is not None:
                directory.log.keep_timer(lease, clock.now_us(), failure=reason)
                directory.log.release_timer(lease)
    try:
        Timers(plans, directory.log, clock, owner).run(stop)
    finally:
        directory.close()
