"""What a person asked for, turned into what the ledger understands; unknown names say what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from lapwing import catalog
from lapwing.app import in_force
from lapwing.app.times import read_time
from lapwing.contracts import Asked
from lapwing.errors import UnknownName, UsageError
from lapwing.ledger.sqlite.selecting import TIME_MAX, Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import KINDS
from lapwing.places.gazetteer import describe
from lapwing.text.query import Node, parse


def query_of(text: str | None) -> Node | None:
    """What a query asks for, or None when there is none; raises `QueryError`."""
    return parse(text) if text and text.strip() else None


def filters_of(directory: Any, asked: Asked) -> Filters:
    """The filters; raises `UnknownName` or `UsageError`."""
    store: Store = directory.ledger.store
    for kind in asked.kinds:
        if kind not in KINDS:
            raise UnknownName("kind of post", kind, KINDS)
    _known(store, "source", "sources", asked.source, lambda: configured(directory))
    _known(store, "network", "networks", asked.network, networks)
    now_us = directory.clock.now_us()
    since_us = read_time(asked.since, now_us, "--since") if asked.since else 0
    until_us = read_time(asked.until, now_us, "--until") if asked.until else TIME_MAX
    if since_us >= until_us:
        raise UsageError(f"--since {asked.since} is not before --until {asked.until}", "exchange them")
    return Filters(
        sources=asked.source,
        networks=asked.network,
        languages=tuple(_language(lang) for lang in asked.lang),
        kinds=asked.kinds,
        places=tuple(place for text in asked.place for place in places_of(directory, text)),
        countries=tuple(_country(directory, code) for code in asked.country),
        since_us=since_us,
        until_us=until_us,
    )


def _known(store: Store, kind: str, table: str, asked: tuple[str, ...], others: Callable[[], Sequence[str]]) -> None:
    """Raise `UnknownName` for a name of which nothing was heard, unless it is one of the `others`, which may yet speak."""
    names = [name for (name,) in store.connection.execute(f"SELECT name FROM {table}")]
    for name in asked:
        if name not in names and name not in (unheard := others()):
            raise UnknownName(kind, name, dict.fromkeys([*names, *unheard]))


def configured(directory: Any) -> list[str]:
    """The sources that this process was told of, and those that the running `up` listens to or has paused."""
    told = [each.name for each in directory.configuration.sources]
    return [*dict.fromkeys([*told, *(in_force.sources(directory) or ())])]


@cache
def networks() -> tuple[str, ...]:
    """Every network whose posts can be heard or read."""
    read = {catalog.load("formats", name).network for name in catalog.names("formats")}
    heard = {catalog.load("sources", name).network for name in catalog.names("sources")}
    return tuple(sorted((read | heard) - {"", "unknown"}))


def _country(directory: Any, code: str) -> str:
    """Two letters of a country that there is; one that was heard of needs no look into the gazetteer."""
    if not re.fullmatch(r"[A-Za-z]{2}", code):
        raise UsageError(f"--country: {code!r} is not a country code", "write two letters, as in AU or ID")
    store: Store = directory.ledger.store
    if not store.connection.execute("SELECT 1 FROM places WHERE country = ?", (code.upper(),)).fetchone():
        cities = directory.resources["gazetteer"].cities
        if code.upper() not in cities["country"]:
            meant = "did you mean 'GB'?" if code.upper() == "UK" else "write two letters of ISO 3166, as in AU or ID"
            raise UsageError(f"--country: no country has the code {code!r}", meant)
    return code.upper()


def _language(code: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*", code):
        raise UsageError(
            f"--lang: {code!r} is not the code of a language", "write two or three letters, as in en or ja"
        )
    return code.lower()


def places_of(directory: Any, text: str) -> list[int]:
    """The GeoNames ids that ``2063523``, ``Perth`` or ``Perth, AU`` name: those with posts first, else any city."""
    name, _, country = (part.strip() for part in text.partition(","))
    store: Store = directory.ledger.store
    rows = store.connection.execute("SELECT id, name, country FROM places").fetchall()
    if found := _named(rows, name, country):
        return found
    gazetteer = directory.resources["gazetteer"]
    if re.fullmatch(r"[0-9]{1,9}", text):
        if describe(gazetteer, [int(text)]):
            return [int(text)]
        raise UsageError(f"--place: no city has the GeoNames id {text}", "write a name, as in Perth or `Perth, AU`")
    cities = list(gazetteer.cities.select("id", "name", "country").iter_rows())
    if found := _named(cities, name, country):
        return found  # a real city, of which nothing was heard
    heard = [called for _, called, _ in rows]
    near = get_close_matches(name, heard, n=1, cutoff=0.6)
    raise UnknownName("city", text, heard if near else [called for _, called, _ in cities])


def _named(rows: list[tuple[int, str, str]], name: str, country: str) -> list[int]:
    return [
        number
        for number, called, code in rows
        if name == str(number) or (called.casefold() == name.casefold() and country.upper() in ("", code))
    ]
