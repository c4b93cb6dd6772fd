"""Which keys a table of the configuration has, where that depends on the table: sources and channels have those of their kind too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from lapwing import catalog
from lapwing.errors import ConfigError, UnknownName
from lapwing.settings import ChannelTable, Listening, SourceTable, Telling

_USER_IN_ADDRESS = re.compile(r"[a-z]+://[^/?#]*@", re.IGNORECASE)


def keys(section: type[Struct]) -> dict[str, str]:
    """The keys of a section as the file has them, each with the name of its field."""
    return {each.encode_name: each.name for each in msgspec.structs.fields(section)}


def source_section(table: dict[str, Any], path: str) -> type[Struct]:
    """All keys that a source of this type may have, as one section."""
    return _component_section("sources", Listening, table, path)


def channel_section(table: dict[str, Any], path: str) -> type[Struct]:
    """All keys that a channel of this type may have, as one section."""
    return _component_section("notify", Telling, table, path)


def _component_section(
    component: Literal["sources", "notify"], common: type[Struct], table: dict[str, Any], path: str
) -> type[Struct]:
    known = catalog.names(component)
    kind = table.get("type")
    if not isinstance(kind, str):
        raise ConfigError(f"{path}.type", "is missing", "write one of: " + ", ".join(repr(each) for each in known))
    try:
        own = catalog.load("sources", kind) if component == "sources" else catalog.load("notify", kind)
        return _with_common(kind, common, own.options)
    except UnknownName as unknown:
        raise ConfigError(f"{path}.type", unknown.what, unknown.next_step) from unknown


@cache
def _with_common(kind: str, common: type[Struct], own: type[Struct]) -> type[Struct]:
    fields = []
    for section in (common, own):
        for each in msgspec.structs.fields(section):
            fresh = each.default_factory is not msgspec.NODEFAULT
            default = {"default_factory": each.default_factory} if fresh else {"default": each.default}
            fields.append((each.name, each.type, msgspec.field(name=each.encode_name, **default)))
    return msgspec.defstruct(kind, fields, frozen=True, kw_only=True, forbid_unknown_fields=True)


def source_table(made: Any, path: str) -> SourceTable:
    """One source as the rest of the program has it; raises `ConfigError` for options that cannot be together."""
    component = catalog.load("sources", made.type)
    own = {each.name: getattr(made, each.name) for each in msgspec.structs.fields(component.options)}
    common = {
        key: getattr(made, key)
        for key in SourceTable.__struct_fields__
        if key not in ("options", "network", "topic", "name")
    }
    network = component.network
    topic = made.topic or f"raw.{network}"
    options = component.options(**own)
    if (unfit := component.check(options)) is not None:
        raise ConfigError(f"{path}.{unfit.key}", unfit.what, unfit.next_step)
    return SourceTable(**common, name=made.name or made.type, network=network, topic=topic, options=options)


def source_values(table: SourceTable) -> list[tuple[str, str, Any]]:
    """Key, field and value of everything that a source's table may say; secrets as references."""
    assert table.options is not None
    common = [(key, name, getattr(table, name)) for key, name in keys(Listening).items()]
    return common + [(key, name, getattr(table.options, name)) for key, name in keys(type(table.options)).items()]


def channel_table(made: Any) -> ChannelTable:
    """One channel as the rest of the program has it."""
    component = catalog.load("notify", made.type)
    own = {each.name: getattr(made, each.name) for each in msgspec.structs.fields(component.options)}
    return ChannelTable(
        type=made.type, name=made.name or made.type, paused=made.paused, options=component.options(**own)
    )


def channel_values(table: ChannelTable) -> list[tuple[str, str, Any]]:
    """Key, field and value of everything that a channel's table may say; secrets as references."""
    common = [(key, name, getattr(table, name)) for key, name in keys(Telling).items()]
    return common + [(key, name, getattr(table.options, name)) for key, name in keys(type(table.options)).items()]


def secrets(section: type[Struct]) -> set[str]:
    """The keys of a section that hold secrets."""
    hints = get_type_hints(section, include_extras=True)
    return {key for key, name in keys(section).items() if _is_secret(hints[name])}


def _is_secret(hint: Any) -> bool:
    """Whether a type, or one of those that it is made of, says that it is a secret."""
    metas = getattr(hint, "__metadata__", ())
    return any((getattr(meta, "extra", None) or {}).get("secret") for meta in metas) or any(
        _is_secret(part) for part in get_args(hint)
    )


def check_secrets(section: type[Struct], table: dict[str, Any], path: str) -> None:
    """Raise `ConfigError` for a secret that stands in the file itself."""
    for key, value in table.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and _USER_IN_ADDRESS.match(text):
                raise ConfigError(f"{path}.{key}", "has a user or password in the address", "use a token, as a secret")
    for key in secrets(section):
        value = table.get(key)
        if isinstance(value, str) and not value.startswith(("env:", "file:")):
            step = 'write "env:NAME" for a variable, or "file:PATH"'
            raise ConfigError(f"{path}.{key}", "is a secret, and secrets do not stand in this file", step)


def in_words(section: type[Struct], table: dict[str, Any], problem: str, path: str, where: str) -> ConfigError | None:
    """What is wrong with a table, for people, where msgspec shows a pattern or does not say whose key is missing.

    `path` is the table's own, `where` the place in it, as in ``.keep.countries[0]``.
    """
    if (missing := _MISSING.fullmatch(problem)) is not None:
        key = missing[1]
        kind = path.partition("[")[0]
        name, type_ = table.get("name") or table.get("type"), table.get("type")
        whose = f" from the {kind} {name!r}" if name else ""
        whose += f" of type {type_!r}" if type_ else ""
        about = _extras(section, f"{where}.{key}")[1].rstrip(".")
        step = f"write {key} = …" + (f" ({about[:1].lower()}{about[1:]})" if about else "")
        return ConfigError(f"{path}{where}.{key}", f"is missing{whose}", step)
    if _MATCHING.match(problem) is None:
        return None
    extra, about = _extras(section, where)
    value = _value_at(table, where)
    shown = "" if extra.get("secret") or not isinstance(value, str) else f"{value[:SHOWN_CHARACTERS]!r} "
    words = extra.get("words") or f"it so: {about}"
    return ConfigError(path + where, f"{shown}is not as it must be written", f"write {words}")


_MISSING = re.compile(r"Object missing required field `(.+)`")
_MATCHING = re.compile(r"Expected `[^`]+` matching regex ")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
SHOWN_CHARACTERS = 60


def _value_at(table: Any, where: str) -> Any:
    """The value at a place such as ``.keep.countries[0]``."""
    for key, number in _STEP.findall(where):
        table = table[key] if key else table[int(number)]
    return table


def _extras(section: Any, where: str) -> tuple[dict[str, Any], str]:
    """What the type at a place says beside its bounds: its `extra` values and its description; the innermost wins."""
    extra: dict[str, Any] = {}
    about = ""
    hint = section
    for key, number in [*_STEP.findall(where), ("", "")]:
        parts = list(_parts(hint))
        for meta in (meta for part in parts for meta in getattr(part, "__metadata__", ())):
            extra, about = extra | (meta.extra or {}), meta.description or about
        if key:
            owner = next(part for part in parts if isinstance(part, type) and issubclass(part, Struct))
            hint = get_type_hints(owner, include_extras=True)[keys(owner)[key]]
        elif number:
            hint = next(get_args(part)[0] for part in parts if get_origin(part) is list)
    return extra, about


def _parts(hint: Any) -> Iterator[Any]:
    """A type and those that it is made of, but not what a list holds."""
    yield hint
    if get_origin(hint) is not list:
        for part in get_args(hint):
            yield from _parts(part)
