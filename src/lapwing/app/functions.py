"""The functions of the configuration, in this process: each in threads of its own, with a log of its own."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from lapwing.app.answers import url_of
from lapwing.app.opening import Directory
from lapwing.app.topics import check_topic
from lapwing.config import Configuration
from lapwing.contracts import FunctionNote
from lapwing.engine.calling import Abandoned, Caller, ProcessCaller, ThreadCaller
from lapwing.engine.calls import imported
from lapwing.engine.functions import FunctionRunner, idle
from lapwing.engine.inputs import Understand
from lapwing.engine.posts import Describe
from lapwing.engine.settling import Plan
from lapwing.engine.understanding import Understanding
from lapwing.errors import UsageError
from lapwing.settings import Function

log_lines = logging.getLogger("lapwing.functions")

WATCH_S = 0.05
END_WAIT_S = 8.0
FAILING_SHARE = 0.05
"""A function that fails on so many of its records is not healthy."""


def plan_of(function: Function, call: Callable[[Any], Any] | None = None, folder: str = "") -> Plan:
    """How a configured function is run; raises whatever importing it raises, and `UsageError` for topics that cannot be."""
    for what in ("to", "errors"):
        topic = getattr(function, what)
        if topic is not None and check_topic(topic, f"function {function.name}: {what}") == function.from_:
            raise UsageError(
                f"function {function.name}: it would read what it writes to {topic!r}", "give it another topic"
            )
    return Plan(
        name=function.name,
        topic=function.from_,
        to=function.to,
        errors=function.errors,
        caller=_caller(function, call, folder),
        retries=function.retries,
        timeout_s=function.timeout_us / 1_000_000,
        parallel=function.parallel,
        each=function.each,
        changes=function.changes,
    )


def _caller(function: Function, call: Callable[[Any], Any] | None, folder: str) -> Callable[[], Caller]:
    if function.workers == "processes":
        return partial(ProcessCaller, function.run, folder)
    return partial(ThreadCaller, call or imported(function.run, folder), Abandoned())


def function_rows(directory: Directory) -> list[dict[str, Any]]:
    """What each function says of itself, of which share of the records it read it failed on, and whether it is healthy.

    It is not when it is paused, or failed on one record in twenty since it began; `last_error` says on what last.
    """
    return [row | _health(row, directory.log.group_read(row["name"])) for row in directory.log.function_states()]


def _health(row: dict[str, Any], read: int) -> dict[str, Any]:
    share = min(1.0, row["failures"] / max(read, row["failures"], 1))
    healthy = not row["state"].startswith("paused") and share < FAILING_SHARE
    return {"failed_share": round(share, 4), "healthy": healthy}


def run_functions(path: Path, configuration: Configuration, stop: Callable[[], bool]) -> None:
    """Run all functions that are configured, until `stop`; those that cannot be imported are paused, and `status` says why."""
    plans: list[Plan] = []
    directory = Directory(path, configuration)
    folder = str(Path(configuration.folder).resolve())
    for function in configuration.functions:
        try:
            plans.append(plan_of(function, folder=folder))
        except BaseException as problem:  # noqa: BLE001  (a module may raise anything when it is imported)
            reason = f"{function.run} cannot be used: {type(problem).__name__}: {problem}"[:300]
            log_lines.error("function %s is paused: %s", function.name, reason)
            note = FunctionNote(name=function.name, state=f"paused: {reason}", last_error=reason)
            directory.log.note_function(note, directory.clock.now_us())
    try:
        run_plans(directory, plans, stop)
    finally:
        directory.close()


def run_plans(
    directory: Directory, plans: Sequence[Plan], stop: Callable[[], bool], *, until_idle: bool = False
) -> list[str]:
    """Run functions until `stop`, or until they have read everything; the names of those that had to end before.

    Each has a thread; one that cannot go on is paused, and the others go on.
    """
    ending = threading.Event()
    understand = understanding_of(directory)
    log = directory.log  # one that cannot be used is said here, before anything is started
    arguments = ((directory, plan, understand, ending) for plan in plans)
    threads = [
        threading.Thread(target=_run, args=each, name=f"lapwing-{each[1].name}", daemon=True) for each in arguments
    ]
    for thread in threads:
        thread.start()
    try:
        while not stop():
            running = [plan for plan, thread in zip(plans, threads, strict=True) if thread.is_alive()]
            if until_idle and idle(log, running):
                break
            directory.clock.sleep(WATCH_S)
        return [plan.name for plan, thread in zip(plans, threads, strict=True) if not thread.is_alive()]
    finally:
        ending.set()
        deadline_s = directory.clock.monotonic_s() + END_WAIT_S
        for thread in threads:
            thread.join(max(0.0, deadline_s - directory.clock.monotonic_s()))


def _run(directory: Directory, plan: Plan, understand: Understand, ending: threading.Event) -> None:
    own = Directory(directory.path, directory.configuration, directory.mark)
    try:
        FunctionRunner(plan, own.log, own.clock, owner_name(), understand).run(ending.is_set)
    except Exception:
        log_lines.exception("function %s ended", plan.name)
    finally:
        own.close()


def owner_name() -> str:
    """A name for a member of a group that nobody else has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def understanding_of(directory: Directory) -> Understand:
    """How posts are read in this process; what stages need is loaded once, when the first post comes."""
    lock = threading.Lock()

    @cache
    def loaded() -> tuple[Understanding, Describe]:
        return directory.understanding, Describe(partial(_places, directory), url_of)

    def understand() -> tuple[Understanding, Describe]:
        with lock:
            return loaded()

    return understand


def _places(directory: Directory, ids: list[int]) -> list[tuple[int, str, str]]:
    return [(id, name, country) for id, name, country, *_ in directory.describe_places(ids)]
