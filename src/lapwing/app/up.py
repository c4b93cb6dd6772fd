"""`lapwing up`: everything in the configuration as one process tree, and the configuration read again while it runs."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from lapwing.app import in_force
from lapwing.app.address import Address
from lapwing.app.alive import alive
from lapwing.app.alone import alone
from lapwing.app.collections import collect
from lapwing.app.ending import told_to_end
from lapwing.app.footprint import PROCESSES
from lapwing.app.functions import run_functions
from lapwing.app.listening import end_what_is_gone, listen
from lapwing.app.notes import note
from lapwing.app.opening import Directory
from lapwing.app.rereading import RELOAD_S, Settings
from lapwing.app.supervising import Child, Tree
from lapwing.app.telling import tell
from lapwing.app.timers import run_timers
from lapwing.app.watching import watch
from lapwing.app.webhooks import posted_to
from lapwing.app.workers import labour
from lapwing.config import Configuration
from lapwing.settings import Keep, Serve

said = logging.getLogger("lapwing.up")

LOOK_S = 0.2
PROCESSES_S = 5.0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: a data directory, by a configuration's file, with so many workers."""

    path: Path
    file: Path | None
    workers: int
    also: tuple[Child, ...] = ()
    """Processes that no configuration asks for."""


def children_of(wish: Wish, configuration: Configuration, address: Address) -> list[Child]:
    """The processes that a configuration asks for; those of the API answer at `address`.

    Each is handed only what concerns it, so that it is only started again when that changes; sources read the file
    themselves, so that most of their changes need no new start.
    """
    keep, path = msgspec.structs.replace, wish.path
    plain = keep(
        configuration,
        serve=Serve(),
        functions=(),
        timers=(),
        collections=(),
        tables=(),
        channels=(),
        rules=(),
        sources=tuple(keep(each, options=None) for each in configuration.sources if each.keep != Keep()),
        origins={},
    )
    children = [
        Child(f"worker-{number}", labour, (path, plain, f"up-{os.getpid()}-{number}"))
        for number in range(1, wish.workers + 1)
    ]
    rules = {"rules": configuration.rules, "channels": configuration.channels}
    linked = Serve(public_url=configuration.serve.public_url)
    children.append(Child("incidents", watch, (path, keep(plain, serve=linked, **rules))))
    if configuration.sources:
        children.append(
            Child("sources", listen, (path, keep(plain, sources=() if wish.file else configuration.sources), wish.file))
        )
    if configuration.channels:
        told = keep(plain, channels=() if wish.file else configuration.channels)
        children.append(Child("channels", tell, (path, told, wish.file)))
    if configuration.functions:
        children.append(Child("functions", run_functions, (path, keep(plain, functions=configuration.functions))))
    if configuration.timers:
        children.append(Child("timers", run_timers, (path, keep(plain, timers=configuration.timers))))
    if configuration.collections:
        children.append(Child("collections", collect, (path, keep(plain, collections=configuration.collections))))
    heard_by = {each.name: each for each in (*plain.sources, *posted_to(configuration.sources))}
    shown = keep(
        plain, serve=configuration.serve, collections=configuration.collections, tables=configuration.tables,
        sources=tuple(heard_by.values()), **rules,
    )  # fmt: skip
    return [*children, *wish.also, *address.children(path, shown)]


def run(wish: Wish, up: Callable[[str], None] = lambda _: None) -> None:
    """Run until SIGTERM or Ctrl-C; then drain, within ten seconds. `up` is told the address once it is listened on.

    Raises `UsageError` where another `up` has the data directory, or somebody else the port; then nothing was started.
    """
    ending = told_to_end()
    source = Settings(wish.file)
    with (
        alone(wish.path),
        alive(wish.path, _owner()),
        closing(Address(wish.path, source.configuration.serve)) as address,
    ):
        up(str(address))
        _run(wish, source, address, ending)


def _run(wish: Wish, source: Settings, address: Address, ending: threading.Event) -> None:
    """The tree, from its start to its end."""
    directory = Directory(wish.path, source.configuration)
    directory.log.spans()  # made before the children meet in it
    directory.ledger.claims()
    clock, looked_s, written_s = directory.clock, 0.0, 0.0
    with Tree(clock) as tree:
        _grow(wish, source.configuration, directory, (tree, address))
        while not clock.sleep(LOOK_S, ending):
            died, now_s = tree.watch(), clock.monotonic_s()
            if now_s - looked_s >= RELOAD_S:
                looked_s = now_s
                if source.changed():
                    address.follow(source.configuration.serve, tree.drain)
                    _grow(wish, source.configuration, directory, (tree, address))
            if died or now_s - written_s >= PROCESSES_S:
                written_s = now_s
                note(wish.path / PROCESSES, {"up": os.getpid()} | tree.processes())
        said.info("stopping: what is in hand is finished first")
        address.close()
    (wish.path / PROCESSES).unlink(missing_ok=True)
    directory.close()


def _grow(wish: Wish, configuration: Configuration, directory: Directory, parts: tuple[Tree, Address]) -> None:
    """Make the tree what a configuration asks for, and write down that it is in force."""
    tree, address = parts
    in_force.keep(wish.path, _owner(), configuration)
    tree.want(children_of(wish, configuration, address))
    if not configuration.sources:  # then there is no child that would say it
        end_what_is_gone(directory, configuration)


def _owner() -> str:
    """The name under which this process is known to be alive."""
    return f"up-{os.getpid()}"
