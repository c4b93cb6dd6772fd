"""What a device that was added may do: say what it wants to be told of, be told, and say what was useful.

It begins as a reader of the channel `page`, whose alerts are there when the page is open. With push it becomes a reader of a
`webpush` channel, and takes along what it knows, so that it is not told of the same again.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from msgspec.structs import replace

from lapwing import catalog
from lapwing.app import alerts, rules
from lapwing.app.devices import CODE_US, Device, Devices
from lapwing.app.opening import Directory
from lapwing.app.telling import PAGE, channel_of, tables_of
from lapwing.app.times import written
from lapwing.errors import LapwingError, UnknownName
from lapwing.ledger.sqlite import alerting, outbox
from lapwing.telling import Alert, Recipient

ADDRESS_BYTES = 16
TEST_EVERY_US = 5_000_000
"""Tests within this time are one."""


class DirectoryReceivers:
    """The `Receivers` of the HTTP API; `ask` does something with the data directory, in a thread."""

    def __init__(self, ask: Callable[[Callable[[Directory], dict[str, Any]]], Future[dict[str, Any]]]) -> None:
        self._ask = ask

    def channels(self) -> Future[dict[str, Any]]:
        """Where a device may be reached."""
        return self._ask(channels)

    def make_code(self, by: str) -> Future[dict[str, Any]]:
        """A code for one device."""
        return self._ask(partial(make_code, by=by))

    def add(self, name: str, code: str | None, by: str) -> Future[dict[str, Any]]:
        """A new device and its token."""
        return self._ask(partial(add, name=name, code=code, by=by))

    def listed(self) -> Future[dict[str, Any]]:
        """All devices."""
        return self._ask(listed)

    def mine(self, id: str) -> Future[dict[str, Any]]:
        """One device."""
        return self._ask(lambda directory: shown(directory, devices_of(directory).named(id)))

    def wish(self, id: str, said: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Tell a device of what it wants."""
        return self._ask(partial(wish, id=id, said=said))

    def move(self, id: str, channel: str, address: str) -> Future[dict[str, Any]]:
        """Reach a device elsewhere."""
        return self._ask(partial(move, id=id, channel=channel, address=address))

    def test(self, id: str) -> Future[dict[str, Any]]:
        """Send a test to a device."""
        return self._ask(partial(test, id=id))

    def history(self, id: str, limit: int, after: str | None) -> Future[dict[str, Any]]:
        """What a device was told."""
        return self._ask(partial(history, id=id, limit=limit, after=after))

    def say(self, id: str, alert: str, useful: bool) -> Future[dict[str, Any]]:
        """Write down whether an alert was useful to a device."""
        return self._ask(partial(say, id=id, alert=alert, useful=useful))

    def leave(self, id: str) -> Future[dict[str, Any]]:
        """Remove a device."""
        return self._ask(partial(leave, id=id))


def devices_of(directory: Directory) -> Devices:
    """The devices of a data directory."""
    return Devices(directory.path, directory.clock)


def channels(directory: Directory) -> dict[str, Any]:
    """Where a device may be reached, the page itself last: ``{"channels": [{"name", "type", "public_key", "problem"}]}``."""
    found = []
    for table in tables_of(directory.configuration).values():
        notifier = catalog.load("notify", table.type)
        if table.paused or not (notifier.fetched or notifier.public):
            continue
        row: dict[str, Any] = {"name": table.name, "type": table.type, "public_key": None, "problem": None}
        try:
            channel = channel_of(table, directory.configuration, directory.path)
            row["public_key"] = notifier.public(channel.options) if notifier.public else None
        except LapwingError as problem:
            row["problem"] = str(problem)
        found.append(row)
    return {"channels": sorted(found, key=lambda row: row["type"] == PAGE)}


def make_code(directory: Directory, by: str) -> dict[str, Any]:
    """A code for one device: ``{"code", "expires_at", "seconds", "link"}``; the link where it is known how people reach us."""
    code, expires_us = devices_of(directory).make_code(by)
    address = directory.configuration.serve.public_url
    link = f"{address.rstrip('/')}/receiver#code={code}" if address else None
    return {"code": code, "expires_at": written(expires_us), "seconds": CODE_US // 1_000_000, "link": link}


def add(directory: Directory, name: str, code: str | None, by: str) -> dict[str, Any]:
    """A new device, told of nothing yet: ``{"token", "device"}``. `code` is None where none is needed."""
    reader = Recipient(PAGE, secrets.token_urlsafe(ADDRESS_BYTES))
    secret, device = devices_of(directory).add(name, code, by, (reader.channel, reader.address))
    with directory.ledger.store.transaction() as connection:
        outbox.register(connection, reader, directory.clock.now_us())
    return {"token": secret, "device": shown(directory, device)}


def listed(directory: Directory) -> dict[str, Any]:
    """All devices."""
    return {"devices": [shown(directory, each) for each in devices_of(directory).listed()]}


def shown(directory: Directory, device: Device) -> dict[str, Any]:
    """A device as it is answered; no address, no token."""
    readers = [Recipient(*each) for each in device.readers]
    rule = None
    if device.rule:
        try:
            rule = rules.shown(directory, rules.named(directory, device.rule))
        except UnknownName:
            rule = None  # somebody removed it on the page Rules
    there = any(each == readers[0] for each in _registered(directory, readers[0].channel))
    return {
        "id": device.id, "name": device.name, "added_at": written(device.created_us), "by": device.by,
        "channel": readers[0].channel, "push": readers[0].channel != PAGE, "reachable": there, "reader": readers[0].mark,
        "readers": [each.mark for each in readers], "rule": rule,
    }  # fmt: skip


def _registered(directory: Directory, channel: str) -> list[Recipient]:
    return outbox.recipients(directory.ledger.store.connection, channel)


def wish(directory: Directory, id: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Tell a device of what it wants: `said` are keys of a rule. Raises `UsageError` for what is none.

    The rule is kept under a name made of the device's, for all to see on the page Rules.
    """
    devices = devices_of(directory)
    device = devices.named(id)
    name = device.rule or f"{_slug(device.name)}-{device.id}"
    rules.keep(directory, rules.rule_of(name, {**said, "channels": [_told(device)]}), f"device-{id}")
    return shown(directory, devices.change(replace(device, rule=name)))


def _told(device: Device) -> dict[str, str]:
    channel, address = device.readers[0]
    return {"channel": channel, "recipient": Recipient(channel, address).mark}


def _slug(name: str) -> str:
    """A name as rules have it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "device"


def move(directory: Directory, id: str, channel: str, address: str) -> dict[str, Any]:
    """Reach a device elsewhere from now on: on a push channel, or, with an empty address, on its page alone.

    What it knows goes with it. Raises `UsageError` for an address that is none.
    """
    devices = devices_of(directory)
    device = devices.named(id)
    if address:
        new = alerts.recipient_of(directory, channel, address)
    else:
        new = Recipient(
            PAGE, next((each for name, each in device.readers if name == PAGE), secrets.token_urlsafe(ADDRESS_BYTES))
        )
    old = Recipient(*device.readers[0])
    now_us = directory.clock.now_us()
    with directory.ledger.store.transaction() as connection:
        outbox.register(connection, new, now_us)
        known = alerting.readers(connection).get(old) if new != old else None
        if known is not None:
            alerting.keep_readers(connection, [(new, known)])
    device = devices.change(
        replace(device, readers=tuple(dict.fromkeys(((new.channel, new.address), *device.readers))))
    )
    if device.rule:
        _follow(directory, device)
    if new != old and old.channel != PAGE:  # what waits for a subscription that is over would be for nobody
        with directory.ledger.store.transaction() as connection:
            outbox.unregister(connection, old, now_us)
    return shown(directory, device)


def _follow(directory: Directory, device: Device) -> None:
    """Have the device's rule tell its reader of today; a rule that somebody removed stays so."""
    kept = rules.kept_rules(directory).get(device.rule)
    if kept is not None:
        said = {name: getattr(kept, name) for name in kept.__struct_fields__ if name not in ("name", "channels")}
        rules.keep(directory, rules.rule_of(device.rule, {**said, "channels": [_told(device)]}), f"device-{device.id}")


def leave(directory: Directory, id: str) -> dict[str, Any]:
    """Remove a device with its rule and token, what waits for it, and what it was told. Raises `UnknownName`."""
    device = devices_of(directory).remove(id)
    if device.rule in rules.kept_rules(directory):
        rules.remove(directory, device.rule, f"device-{id}")
    with directory.ledger.store.transaction() as connection:
        for each in device.readers:
            outbox.unregister(connection, Recipient(*each), directory.clock.now_us())
            alerting.forget_reader(connection, Recipient(*each))
    return {"removed": id}


def test(directory: Directory, id: str) -> dict[str, Any]:
    """Send a test to a device: ``{"alert"}``. Several at one moment are one."""
    device = devices_of(directory).named(id)
    reader, now_us = Recipient(*device.readers[0]), directory.clock.now_us()
    alert = Alert(
        id=f"test/{id}/{now_us // TEST_EVERY_US}", incident="", kind="test", title=f"Test: alerts reach {device.name}",
        body="This is only a test. Nothing has happened.", category="other", severity="unknown", at_us=now_us,
    )  # fmt: skip
    with directory.ledger.store.transaction() as connection:
        if outbox.add(connection, alert, reader, now_us):
            alerting.note_sent(connection, reader, (alert.id, device.rule, "test", False, now_us, ""))
    return {"alert": alert.id}


def history(directory: Directory, id: str, limit: int, after: str | None) -> dict[str, Any]:
    """What a device was told, the newest first, as `alerts.page` has it. What waited for its page has arrived by that."""
    device = devices_of(directory).named(id)
    readers = [Recipient(*each) for each in device.readers]
    if readers[0].channel == PAGE and outbox.awaits(directory.ledger.store.connection, readers[0]):
        with directory.ledger.store.transaction() as connection:
            outbox.fetched(connection, readers[0], directory.clock.now_us())
    return alerts.page(directory, 0, limit, after, readers)


def say(directory: Directory, id: str, alert: str, useful: bool) -> dict[str, Any]:
    """Write down what a device says of an alert that it was told of; raises `UnknownName` for another's."""
    device = devices_of(directory).named(id)
    marks = {Recipient(*each).mark for each in device.readers}
    told = [each.recipient.mark for each in alerting.told_of(directory.ledger.store.connection, alert)]
    mine = next((mark for mark in told if mark in marks), None)
    if mine is None:
        raise UnknownName("alert of this device", alert[:100], ())
    return alerts.say(directory, (alert, mine), useful, f"device-{id}")
