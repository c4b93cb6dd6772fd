"""The sources of the configuration, in this process: listened to, changed when the file changes, and ended with it."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec

from lapwing import catalog
from lapwing.app.alive import alive, runs
from lapwing.app.files import INTERNAL, LAST_RESORTS, SAMPLE_RECORDS, UNRECOGNISED
from lapwing.app.opening import Directory
from lapwing.app.rereading import Rereading
from lapwing.app.secrets import with_secrets
from lapwing.config import Configuration
from lapwing.contracts import Format
from lapwing.engine import ears
from lapwing.engine.heard import Plan, coverage_of
from lapwing.errors import LapwingError
from lapwing.formats._detection import detect
from lapwing.hearing import AUTO, Read, RefusedBySource, SourceChunk, Surroundings
from lapwing.model import Covered
from lapwing.settings import SourceTable

said = logging.getLogger("lapwing.sources")


def plan_of(table: SourceTable, folder: str) -> Plan:
    """How a configured source is listened to; raises `LapwingError` where a secret or a package is missing."""
    assert table.options is not None
    if (name := getattr(table.options, "format", AUTO)) != AUTO:
        catalog.load("formats", name)
    return Plan(
        name=table.name,
        type=table.type,
        topic=table.topic,
        source=catalog.load("sources", table.type),
        options=with_secrets(table.options, folder),
        answers=table.answers,
        known=format_known,
    )


def format_known(name: str, values: Sequence[bytes]) -> tuple[str, Format | None]:
    """A format by its name, None for one that there is not; for `AUTO` the one that most of these records are in."""
    if name == AUTO:
        asked = {each: _format(each) for each in _format_names() if each not in (*LAST_RESORTS, *INTERNAL)}
        name = detect(values[:SAMPLE_RECORDS], asked) or UNRECOGNISED
    return name, _format(name) if name in _format_names() else None


@cache
def _format_names() -> list[str]:
    return catalog.names("formats")


@cache
def _format(name: str) -> Format:
    return catalog.load("formats", name)


def plans_of(configuration: Configuration, only: str | None = None) -> dict[str, Plan]:
    """The sources that are to be listened to, by name; one that cannot be is `refused`, and its reason is in `status`."""
    plans = {}
    for table in configuration.sources:
        if table.paused or only not in (None, table.name):
            continue
        try:
            plans[table.name] = plan_of(table, configuration.folder)
        except LapwingError as problem:
            source = msgspec.structs.replace(catalog.load("sources", table.type), read=_refusing(str(problem)))
            plans[table.name] = Plan(
                name=table.name, type=table.type, topic=table.topic, source=source, options=table.options
            )
    return plans


@cache
def _refusing(why: str) -> Read:
    """A source that only says why it cannot be listened to; the same one for the same reason."""

    def read(options: Any, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
        del options, after, surroundings
        raise RefusedBySource(why)

    return read


def _is_refused(plans: Mapping[str, Plan]) -> bool:
    """Whether a source cannot be listened to as things are; a secret may be there later."""
    return any(plan.source.read != catalog.load("sources", plan.type).read for plan in plans.values())


def listen(path: Path, configuration: Configuration, file: Path | None, stop: Callable[[], bool]) -> None:
    """Listen to everything that is configured until `stop`; with a file, to what stands there, whenever it changes."""
    _run(Directory(path, configuration), file, None, stop)


def listen_to(path: Path, configuration: Configuration, name: str, stop: Callable[[], bool]) -> None:
    """Listen to one source until `stop`; others may run elsewhere."""
    _run(Directory(path, configuration), None, name, stop)


def _run(directory: Directory, file: Path | None, only: str | None, stop: Callable[[], bool]) -> None:
    left: list[Configuration] = []

    def wanted(configuration: Configuration) -> Mapping[str, Plan]:
        if only is None:
            left.append(configuration)
        return plans_of(configuration, only)

    def look() -> Mapping[str, Plan] | None:
        while left:  # by now what it left out has ended, and has said so
            # Our own log is in another thread's hands.
            with closing(Directory(directory.path, directory.configuration)) as beside:
                end_what_is_gone(beside, left.pop())
        return reread()

    owner = (f"sources-{os.getpid()}", SystemRandom())
    reread = Rereading(directory.configuration, file, directory.clock, wanted, _is_refused)
    try:
        with alive(directory.path, owner[0]):
            _inherit(directory)
            ears.listen(directory.log, directory.clock, owner, look, stop)
    finally:
        directory.close()


def _inherit(directory: Directory) -> None:
    """Give up what processes hold that died, so that nothing is missed until their leases run out."""
    owners = {state["owner"] for state in directory.log.source_states()} - {None}
    directory.log.release_dead([owner for owner in owners if runs(directory.path, owner) is False])


def end_what_is_gone(directory: Directory, configuration: Configuration) -> None:
    """A source that is no longer configured has no duty any more; its cursor stays, should it come back."""
    configured = {table.name for table in configuration.sources}
    now_us = directory.clock.now_us()
    for state in directory.log.source_states():
        if state["name"] not in configured:
            note = Covered(state["name"], state["network"], now_us, now_us, "ended", "it was taken out", live=True)
            directory.log.end_source(state["name"], coverage_of(note.source, note.network, [note], now_us), now_us)
            said.info("%s is no longer configured; nothing more is expected of it", note.source)
