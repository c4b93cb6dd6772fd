"""lapwing.toml and the environment → one frozen, typed, bounded value, made once; what is wrong is blamed by its path.

The environment is read here and nowhere else. The file itself is opened by whoever was told its name: this module
takes its text. Each value remembers where it came from, for ``lapwing config show --origin``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from lapwing.errors import ConfigError
from lapwing.sections import (
    channel_section,
    channel_table,
    channel_values,
    check_secrets,
    in_words,
    keys,
    secrets,
    source_section,
    source_table,
    source_values,
)
from lapwing.settings import (
    ChannelTable,
    Collection,
    Emergency,
    Function,
    Log,
    Rule,
    Serve,
    SourceTable,
    Store,
    Table,
    Timer,
    duration_us,
    format_duration,
)

PREFIX = "LAPWING__"
"""`LAPWING__SECTION__KEY` sets one value; the environment wins over the file."""

DATA_DIRECTORY = "lapwing-data"
"""Where log and store live when neither `--data` nor `LAPWING_DATA` says otherwise."""


class Configuration(Struct, frozen=True, kw_only=True):
    """All that was configured, and where each value came from."""

    log: Log
    store: Store
    serve: Serve
    emergency: Emergency = Emergency()
    functions: tuple[Function, ...] = ()
    timers: tuple[Timer, ...] = ()
    collections: tuple[Collection, ...] = ()
    tables: tuple[Table, ...] = ()
    rules: tuple[Rule, ...] = ()
    sources: tuple[SourceTable, ...] = ()
    """Bluesky's public stream, unless the file says otherwise; ``source = []`` means none."""
    channels: tuple[ChannelTable, ...] = ()
    folder: str = "."
    """Where relative paths in the file begin: its own folder."""
    origins: dict[str, str]
    """By path ("log.retention"): the file's name, the variable's name, or "default"."""


SECTIONS: dict[str, type[Struct]] = {"log": Log, "store": Store, "serve": Serve, "emergency": Emergency}

TABLES: dict[str, type[Struct]] = {
    "function": Function, "timer": Timer, "collection": Collection, "table": Table, "rule": Rule,
}  # fmt: skip
"""Sections of which there may be several, as in ``[[function]]``."""

COMPONENTS = ("source", "channel")
"""As `TABLES`; which keys they have depends on their type."""

BUILT = {"log.url": ("sqlite://",), "store.ledger": ("sqlite://",), "store.search": ("ledger",)}
"""Values that work today, of the keys whose other values are still to come."""

PLANNED = {
    "log.url": ("kafka://",),
    "store.ledger": ("postgresql://", "mysql://"),
    "store.search": ("elasticsearch://",),
    "store.projections": ("elasticsearch://", "cassandra://", "mysql://", "postgresql://"),
}
"""How the values that are not available yet begin."""

DEFAULT_SOURCES = [{"type": "bluesky"}]
"""What is listened to where nobody says anything about sources."""

Section = TypeVar("Section", bound=Struct)


def parse(text: str = "", *, file: str = "lapwing.toml", environment: Mapping[str, str] | None = None) -> Configuration:
    """The configuration in `text`, with the environment's values over it; nothing at all is a good configuration.

    `file` is what messages and origins call the text. `environment` is the process's own unless another is given.
    Raises `ConfigError`.
    """
    tree = _toml(text, file)
    _check_sections(tree, file)
    overrides = _overrides(os.environ if environment is None else environment)
    origins: dict[str, str] = {}
    made: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        table = tree.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(name, "is a section", f"write it as [{name}]")
        said = dict.fromkeys(table, file)
        for key, (variable, value) in overrides.get(name, {}).items():
            table[key], said[key] = _from_text(section, key, value), variable
        made[name] = _convert_said(section, table, name, said)
        origins |= {f"{name}.{key}": said.get(key, "default") for key in keys(section)}
    for name, section in TABLES.items():
        made[f"{name}s"] = _several(
            lambda *_, section=section: section, name, (tree.get(name, []), file), overrides.get(name, {}), origins
        )
    made["sources"] = _sources((tree.get("source"), file), overrides.get("source", {}), origins)
    channels = _several(
        channel_section, "channel", (tree.get("channel", []), file), overrides.get("channel", {}), origins
    )
    made["channels"] = tuple(channel_table(each) for each in channels)
    configuration = Configuration(**made, folder=str(Path(file).parent), origins=origins)
    _check_available(configuration)
    return configuration


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started inside use one thread each for columns: several workers share the cores as it is, and a pool of
    threads in each of them costs CPU in waking and waiting. Says nothing where the user has.
    """
    name = "POLARS_MAX_THREADS"
    said = name in os.environ
    os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        if not said:
            del os.environ[name]


def cache_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Where things are kept that can be made again: `XDG_CACHE_HOME`, else `~/.cache`, in `lapwing`. It may not exist yet."""
    surroundings = os.environ if environment is None else environment
    return Path(surroundings.get("XDG_CACHE_HOME") or Path(surroundings.get("HOME") or ".") / ".cache") / "lapwing"


def data_directory(option: str | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """The data directory: what `--data` said, else `LAPWING_DATA`, else `./lapwing-data`. It may not exist yet."""
    surroundings = os.environ if environment is None else environment
    return Path(option or surroundings.get("LAPWING_DATA") or DATA_DIRECTORY)


def convert(section: type[Section], table: Mapping[str, Any], *, path: str) -> Section:
    """One table of the file as its typed value; every component's options go through here.

    Raises `ConfigError` that blames ``path.key`` and, for an unknown key, names the nearest known one.
    """
    known = keys(section)
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}.{key}", "there is no such key", _nearest(key, known))
    durations = {key for key, name in known.items() if name.endswith("_us")}
    values = {
        key: _blamed_duration(value, f"{path}.{key}") if key in durations else value for key, value in table.items()
    }
    try:
        return msgspec.convert(values, section)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        where = where.rstrip("`")
        if (said := in_words(section, values, problem, path, where)) is not None:
            raise said from error
        if where.lstrip(".") in durations:
            problem = re.sub(r"-?\d+$", lambda number: format_duration(int(number[0])), problem).replace(
                "`int`", "a duration"
            )
        raise ConfigError(
            path + where, problem[:1].lower() + problem[1:], _choices(section, where.lstrip("."))
        ) from error


def rows(configuration: Configuration) -> list[tuple[str, str, str]]:
    """Every key with its value, as TOML would write it, and its origin; in the order of the documentation."""
    made = {name: getattr(configuration, name) for name in SECTIONS}
    for name in TABLES:
        made |= {f"{name}[{number}]": each for number, each in enumerate(getattr(configuration, f"{name}s"))}
    values = [
        (path, key, attribute, getattr(section, attribute))
        for path, section in made.items()
        for key, attribute in keys(type(section)).items()
    ]
    for number, table in enumerate(configuration.sources):
        values += [(f"source[{number}]", *each) for each in source_values(table)]
    for number, channel in enumerate(configuration.channels):
        values += [(f"channel[{number}]", *each) for each in channel_values(channel)]
    return [
        (
            f"{path}.{key}",
            _toml_value(format_duration(value) if attribute.endswith("_us") else value),
            configuration.origins[f"{path}.{key}"],
        )
        for path, key, attribute, value in values
    ]


def _convert_said(section: type[Section], table: dict[str, Any], path: str, said: dict[str, str]) -> Section:
    """As `convert`, and a value that a variable set is blamed on the variable too."""
    try:
        return convert(section, table, path=path)
    except ConfigError as error:
        origin = said.get(re.split(r"[.\[]", error.path)[1], "")
        if not origin.startswith(PREFIX):
            raise
        raise ConfigError(f"{error.path} (from {origin})", str(error).removeprefix(f"{error.path}: ")) from error


def _several(
    section_of: Callable[[dict[str, Any], str], type[Struct]],
    name: str,
    said: tuple[Any, str],
    overrides: dict[str, tuple[str, str]],
    origins: dict[str, str],
) -> tuple[Any, ...]:
    """The tables of a section of which there may be several; no two have the same name."""
    tables, file = said
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(name, "there may be several", f"write it as [[{name}]]")
    made: dict[str, Struct] = {}
    for number, table in enumerate(tables):
        path, origin = f"{name}[{number}]", dict.fromkeys(table, file)
        section = section_of(table, path)
        begins = f"{_as_variable(str(table.get('name') or table.get('type', '')))}__"
        for key, (variable, text) in overrides.items():
            if key.startswith(begins) and (own := key.removeprefix(begins)) in keys(section):
                table[own], origin[own] = _from_variable(section, own, variable, text), variable
        check_secrets(section, table, path)
        one = _convert_said(section, table, path, origin)
        called = next(found for key in ("name", "run", "type") if (found := getattr(one, key, "")))
        if called in made:
            raise ConfigError(f"{path}.name", f"there is another {name} called {called!r}", "give it another name")
        made[called] = one
        origins |= {f"{path}.{key}": origin.get(key, "default") for key in keys(section)}
    _check_overrides(name, overrides, made)
    return tuple(made.values())


def _check_overrides(name: str, overrides: dict[str, tuple[str, str]], made: dict[str, Struct]) -> None:
    """Every variable names a table that there is, and a key that it has."""
    known = {f"{_as_variable(called)}__{key}" for called, one in made.items() for key in keys(type(one))}
    for key, (variable, _) in overrides.items():
        if key not in known:
            raise ConfigError(variable, f"no [[{name}]] has this name and key", _nearest(key, dict.fromkeys(known)))


def _sources(
    said: tuple[Any, str], overrides: dict[str, tuple[str, str]], origins: dict[str, str]
) -> tuple[SourceTable, ...]:
    tables, file = said
    if tables is None:
        tables = [dict(each) for each in DEFAULT_SOURCES]
        found: dict[str, str] = {}
        made = _several(source_section, "source", (tables, "default"), overrides, found)
        origins |= found
    else:
        made = _several(source_section, "source", (tables, file), overrides, origins)
    return tuple(source_table(each, f"source[{number}]") for number, each in enumerate(made))


def _from_variable(section: type[Struct], key: str, variable: str, text: str) -> Any:
    """A variable's text as a value; of a secret only where it stands."""
    return f"env:{variable}" if key in secrets(section) else _from_text(section, key, text)


def secret(reference: str, environment: Mapping[str, str] | None = None) -> str:
    """What ``env:NAME`` stands for; raises `ConfigError` where the variable is not set. Files are read by whoever may."""
    name = reference.removeprefix("env:")
    value = (os.environ if environment is None else environment).get(name)
    if not value:
        raise ConfigError(name, "the environment has no such variable, which a secret names", f"export {name}=…")
    return value


def _as_variable(name: str) -> str:
    """A name as it stands in a variable's: everything but letters and digits is `_`."""
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, f"is not TOML: {error}") from error


def _check_sections(tree: dict[str, Any], file: str) -> None:
    known = [*SECTIONS, *TABLES, *COMPONENTS]
    for name in tree:
        if name not in known:
            raise ConfigError(f"{file}: {name}", "there is no such section", _nearest(name, known))


def _overrides(environment: Mapping[str, str]) -> dict[str, dict[str, tuple[str, str]]]:
    """`LAPWING__SECTION__KEY` by section and key, each with the variable's name and its text."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX):
            continue
        name, _, key = variable.removeprefix(PREFIX).lower().partition("__")
        known = [*SECTIONS, *TABLES, *COMPONENTS]
        if name not in known:
            raise ConfigError(variable, f"there is no section [{name}]", _nearest(name, known))
        if name in SECTIONS and key not in keys(SECTIONS[name]):
            raise ConfigError(variable, f"[{name}] has no key {key!r}", _nearest(key, keys(SECTIONS[name])))
        found.setdefault(name, {})[key] = (variable, text)
    return found


def _from_text(section: type[Struct], key: str, text: str) -> Any:
    """A variable's text as the file would have had it: words as they are, everything else as TOML."""
    attribute = keys(section)[key]
    kind = get_type_hints(section)[attribute]
    if attribute.endswith("_us") or kind in (str, str | None) or get_origin(kind) is Literal:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _blamed_duration(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise ConfigError(
            path, f"{value!r} has no unit", "write it as a text with one, as in '90s', '15m', '7d' or '3y'"
        )
    try:
        return duration_us(value)
    except ValueError as error:
        raise ConfigError(path, str(error)) from error


def _check_available(configuration: Configuration) -> None:
    for path, begins in PLANNED.items():
        section, _, key = path.partition(".")
        value = getattr(getattr(configuration, section), key)
        for each in value if isinstance(value, list) else [value]:
            built = BUILT.get(path, ())
            if each in built:
                continue
            next_step = f"write {built[0]!r}" if built else "leave the list empty"
            if each.startswith(begins):
                raise ConfigError(path, f"{each.partition('://')[0]}:// is not available yet", next_step)
            raise ConfigError(path, f"{each!r} is nothing that we know", next_step)


def _choices(section: type[Struct], key: str) -> str:
    """The texts that a key may have, where they can be counted."""
    hints = get_type_hints(section)
    field_type = hints.get(keys(section).get(key, ""))
    if get_origin(field_type) is not Literal:
        return ""
    return "write one of: " + ", ".join(repr(choice) for choice in get_args(field_type))


def _nearest(name: str, known: Mapping[str, Any] | list[str]) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(known)


def _toml_value(value: Any) -> str:
    if value is None:
        return "(none)"
    return msgspec.json.encode(value).decode()
