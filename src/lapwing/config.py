"""lapwing.toml and the environment → one frozen, typed, bounded value, made once; what is wrong is blamed by its path.

The environment is read here and nowhere else. The file itself is opened by whoever was told its name: this module
takes its text. Each value remembers where it came from, for ``lapwing config show --origin``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from lapwing.errors import ConfigError

PREFIX = "LAPWING__"
"""`LAPWING__SECTION__KEY` sets one value; the environment wins over the file."""

DATA_DIRECTORY = "lapwing-data"
"""Where log and store live when neither `--data` nor `LAPWING_DATA` says otherwise."""

UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
    "y": 31_536_000_000_000,
}
"""What a duration may be written in; a year is 365 days."""

NOT_BUILT = ("serve", "source", "function", "timer", "table", "collection", "rule")
"""Sections that the design knows and this version does not; they may stand in a file as long as they are empty."""

DurationUs = Annotated[int, Meta(ge=60_000_000, le=3_153_600_000_000_000)]
"""Microseconds; in the file a text such as "7d". At least a minute, at most a century."""


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The durable, replayable log of everything that was heard."""

    url: Annotated[str, Meta(description="Where the log is: `sqlite://` is in the data directory.")] = "sqlite://"
    retention_us: Annotated[DurationUs, Meta(description="How long a record is kept, from when it was appended.")] = (
        field(name="retention", default=7 * UNITS_US["d"])
    )
    retention_bytes: Annotated[
        Annotated[int, Meta(ge=1 << 20)] | None, Meta(description="The log's largest size; the oldest goes first.")
    ] = None
    partitions: Annotated[
        int, Meta(ge=1, le=1024, description="Partitions of a new topic: how many can read at once.")
    ] = 8
    durability: Annotated[
        Literal["app-crash", "power"],
        Meta(description="What an accepted record survives: a crash of the program, or a power cut (slower)."),
    ] = "app-crash"


class Store(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ledger, which is the one that is right, and the copies made from it."""

    ledger: Annotated[str, Meta(description="Where the ledger is: `sqlite://` is in the data directory.")] = "sqlite://"
    search: Annotated[str, Meta(description="What answers searches: `ledger` is the ledger's own index.")] = "ledger"
    projections: Annotated[list[str], Meta(description="More copies, for other people's tools.")] = []
    posts_retention_us: Annotated[DurationUs, Meta(description="How long a post's text and index are kept.")] = field(
        name="posts_retention", default=90 * UNITS_US["d"]
    )
    counts_retention_us: Annotated[
        DurationUs, Meta(description="How long counts, and the facts behind them, are kept.")
    ] = field(name="counts_retention", default=3 * UNITS_US["y"])


class Configuration(Struct, frozen=True, kw_only=True):
    """All that was configured, and where each value came from."""

    log: Log
    store: Store
    origins: dict[str, str]
    """By path ("log.retention"): the file's name, the variable's name, or "default"."""


SECTIONS: dict[str, type[Struct]] = {"log": Log, "store": Store}

BUILT = {"log.url": ("sqlite://",), "store.ledger": ("sqlite://",), "store.search": ("ledger",)}
"""Values that work today, of the keys whose other values are still to come."""

PLANNED = {
    "log.url": ("kafka://",),
    "store.ledger": ("postgresql://", "mysql://"),
    "store.search": ("elasticsearch://",),
    "store.projections": ("elasticsearch://", "cassandra://", "mysql://", "postgresql://"),
}
"""How the values that are not available yet begin."""

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
    configuration = Configuration(**made, origins=origins)
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
        if where.lstrip(".") in durations:
            problem = re.sub(r"-?\d+$", lambda number: format_duration(int(number[0])), problem).replace(
                "`int`", "a duration"
            )
        raise ConfigError(
            path + where, problem[:1].lower() + problem[1:], _choices(section, where.lstrip("."))
        ) from error


def keys(section: type[Struct]) -> dict[str, str]:
    """The keys of a section as the file has them, each with the name of its field."""
    return {each.encode_name: each.name for each in msgspec.structs.fields(section)}


def duration_us(text: str) -> int:
    """Microseconds in "90s", "7d", "3y" or "1h30m"; `ValueError` for anything else."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|[smhdwy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{text!r} is not a duration; write a number and a unit, as in '90s', '15m', '7d' or '3y'"
        raise ValueError(message)
    return round(sum(float(number) * UNITS_US[unit] for number, unit in parts))


def format_duration(us: int) -> str:
    """A text that `duration_us` reads as `us`: in the largest unit that leaves no fraction, weeks apart."""
    for unit, size in reversed(UNITS_US.items()):
        if us and us % size == 0 and unit != "w":
            return f"{us // size}{unit}"
    return "0s"


def rows(configuration: Configuration) -> list[tuple[str, str, str]]:
    """Every key with its value, as TOML would write it, and its origin; in the order of the documentation."""
    found = []
    for name, section in SECTIONS.items():
        for key, attribute in keys(section).items():
            value = getattr(getattr(configuration, name), attribute)
            text = format_duration(value) if attribute.endswith("_us") else value
            found.append((f"{name}.{key}", _toml_value(text), configuration.origins[f"{name}.{key}"]))
    return found


def _convert_said(section: type[Section], table: dict[str, Any], path: str, said: dict[str, str]) -> Section:
    """As `convert`, and a value that a variable set is blamed on the variable too."""
    try:
        return convert(section, table, path=path)
    except ConfigError as error:
        origin = said.get(re.split(r"[.\[]", error.path)[1], "")
        if not origin.startswith(PREFIX):
            raise
        raise ConfigError(f"{error.path} (from {origin})", str(error).removeprefix(f"{error.path}: ")) from error


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, f"is not TOML: {error}") from error


def _check_sections(tree: dict[str, Any], file: str) -> None:
    known = [*SECTIONS, *NOT_BUILT]
    for name, value in tree.items():
        if name not in known:
            raise ConfigError(f"{file}: {name}", "there is no such section", _nearest(name, known))
        if name in NOT_BUILT and value:
            raise ConfigError(f"{name}[0]" if isinstance(value, list) else name, "is not available yet", "remove it")


def _overrides(environment: Mapping[str, str]) -> dict[str, dict[str, tuple[str, str]]]:
    """`LAPWING__SECTION__KEY` by section and key, each with the variable's name and its text."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX):
            continue
        name, _, key = variable.removeprefix(PREFIX).lower().partition("__")
        if name in NOT_BUILT:
            raise ConfigError(variable, f"[{name}] is not available yet", "unset it")
        if name not in SECTIONS:
            raise ConfigError(variable, f"there is no section [{name}]", _nearest(name, SECTIONS))
        if key not in keys(SECTIONS[name]):
            raise ConfigError(variable, f"[{name}] has no key {key!r}", _nearest(key, keys(SECTIONS[name])))
        found.setdefault(name, {})[key] = (variable, text)
    return found


def _from_text(section: type[Struct], key: str, text: str) -> Any:
    """A variable's text as the file would have had it: words as they are, everything else as TOML."""
    if isinstance(getattr(section(), keys(section)[key]), str) or keys(section)[key].endswith("_us"):
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
