"""What a person asked for, turned into what the ledger understands; unknown names say what was meant."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lapwing.app.times import read_time
from lapwing.errors import UnknownName, UsageError
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import KINDS


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Filters as they were typed."""

    source: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    lang: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    kinds: tuple[str, ...] = ()


def filters_of(directory: Any, asked: Asked) -> Filters:
    """The filters; raises `UnknownName` or `UsageError`."""
    store: Store = directory.ledger.store
    for kind in asked.kinds:
        if kind not in KINDS:
            raise UnknownName("kind of post", kind, KINDS)
    _known(store, "source", "sources", asked.source)
    _known(store, "network", "networks", asked.network)
    now_us = directory.clock.now_us()
    since_us = read_time(asked.since, now_us, "--since") if asked.since else 0
    until_us = read_time(asked.until, now_us, "--until") if asked.until else TIME_MAX
    if since_us >= until_us:
        raise UsageError(f"--since {asked.since} is not before --until {asked.until}", "exchange them")
    return Filters(
        sources=asked.source, networks=asked.network, languages=tuple(lang.lower() for lang in asked.lang), kinds=asked.kinds,
        places=tuple(place for text in asked.place for place in places_of(directory, text)),
        countries=tuple(_country(code) for code in asked.country), since_us=since_us, until_us=until_us,
    )


def _known(store: Store, kind: str, table: str, asked: tuple[str, ...]) -> None:
    names = [name for (name,) in store.connection.execute(f"SELECT name FROM {table}")]
    for name in asked:
        if name not in names:
            raise UnknownName(kind, name, names)


def _country(code: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", code):
        raise UsageError(f"--country: {code!r} is not a country code", "write two letters, as in AU or ID")
    return code.upper()


def places_of(directory: Any, text: str) -> list[int]:
    """The GeoNames ids that ``2063523``, ``Perth`` or ``Perth, AU`` name: those with posts first, else any city."""
    if text.isdigit():
        return [int(text)]
    name, _, country = (part.strip() for part in text.partition(","))
    store: Store = directory.ledger.store
    heard = [
        place for place, called, code in store.connection.execute("SELECT id, name, country FROM places")
        if called.casefold() == name.casefold() and country.upper() in ("", code)
    ]
    if heard:
        return heard
    if directory.resources["gazetteer"].find(name, country.upper()):
        return directory.resources["gazetteer"].find(name, country.upper())  # a real city, of which nothing was heard
    known = [f"{called}" for (called,) in store.connection.execute("SELECT name FROM places")]
    raise UnknownName("city", text, known)
