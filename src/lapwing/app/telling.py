"""The channels of the configuration, in this process: alerts leave through them, and they change when the file changes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

from lapwing import catalog
from lapwing.app.opening import Directory
from lapwing.app.rereading import Rereading
from lapwing.app.secret_keys import key_of
from lapwing.app.secrets import with_secrets
from lapwing.app.times import written_out
from lapwing.config import Configuration
from lapwing.engine import telling
from lapwing.errors import LapwingError, UnknownName
from lapwing.ledger.sqlite import outbox
from lapwing.ledger.sqlite.outbox import Outbox
from lapwing.settings import ChannelTable
from lapwing.telling import Channel, Recipient

said = logging.getLogger("lapwing.channels")

SILENT_US = 20_000_000
"""A channel says how it is every few seconds; one that said nothing for so long is not served."""


PAGE = "page"
"""The channel that is there without any configuration, and its type."""


def tables_of(configuration: Configuration) -> dict[str, ChannelTable]:
    """The channels by name: those of the configuration, and our own page, unless one of them has its name."""
    own = ChannelTable(type=PAGE, name=PAGE, paused=False, options=catalog.load("notify", PAGE).options())
    return {own.name: own} | {table.name: table for table in configuration.channels}


def table_of(configuration: Configuration, name: str) -> ChannelTable:
    """A channel of this name; raises `UnknownName`."""
    tables = tables_of(configuration)
    if name not in tables:
        raise UnknownName("channel", name[:100], tables)
    return tables[name]


def channel_of(table: ChannelTable, configuration: Configuration, path: Path) -> Channel:
    """A channel, ready to send, with what the data directory at `path` keeps for it.

    Raises `LapwingError` where a secret or a package is missing.
    """
    notifier = catalog.load("notify", table.type)
    options = with_secrets(table.options, configuration.folder)
    if notifier.keyed is not None and not getattr(options, "key", None):
        options = notifier.keyed(options, key_of(path, f"{table.type}-{table.name}.key"))
    channel = Channel(name=table.name, type=table.type, notifier=notifier, options=options)
    channel.recipients()  # a wrong address is said now, and not when it burns
    return channel


def channels_of(configuration: Configuration, path: Path) -> dict[str, Channel]:
    """The channels that are to send, by name; one that cannot is said and left out."""
    found = {}
    for table in configuration.channels:
        if table.paused:
            continue
        try:
            channel = channel_of(table, configuration, path)
        except LapwingError as problem:
            said.error("the channel %s sends nothing: %s", table.name, problem)
            continue
        if not channel.notifier.fetched:
            found[table.name] = channel
    return found


def recipients_of(directory: Directory, channel: Channel) -> list[Recipient]:
    """To whom a channel sends at this moment: configured and registered, without those that are gone."""
    return outbox.recipients(directory.ledger.store.connection, channel.name, channel.recipients())


def tell(path: Path, configuration: Configuration, file: Path | None, stop: Callable[[], bool]) -> None:
    """Send what is in the outbox until `stop`; with a file, through what stands there, whenever it changes."""
    directory = Directory(path, configuration)
    try:
        means = telling.Means(Outbox(directory.ledger), directory.clock, SystemRandom(), f"channels-{os.getpid()}")
        telling.tell(means, Rereading(configuration, file, directory.clock, partial(channels_of, path=path)), stop)
    finally:
        directory.close()


def listed(directory: Directory) -> list[dict[str, Any]]:
    """Name, type, state, reason and counts of every channel that is configured or ever sent, by name; times RFC 3339.

    States are ``live``, ``broken`` (it is tried again), ``refused`` (somebody must change something), ``paused`` and
    ``not running``.
    """
    now_us = directory.clock.now_us()
    configured = {table.name: table for table in directory.configuration.channels}
    known = {each["name"]: each for each in outbox.states(directory.ledger.store.connection)}
    found = []
    for name in sorted({*configured, *known}):
        row = known.get(name, {"name": name, "state": "not running", "reason": "nothing was ever sent", "noted_us": 0})
        if not 0 <= now_us - row["noted_us"] < SILENT_US:
            row = row | {"state": "not running"}
        table = configured.get(name)
        row = written_out(row) | {"configured": table is not None}
        if table is not None:
            row |= {"type": table.type} | ({"state": "paused"} if table.paused else {})
        found.append(row)
    return found
