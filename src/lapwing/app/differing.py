"""What a new configuration says otherwise than the one before, in few words."""

from __future__ import annotations

from lapwing import config
from lapwing.config import Configuration

Said = dict[str, dict[str, tuple[str, str]]]
"""By table ("log", "source au") and key: the value, as TOML would write it, and where it comes from."""


def differences(before: Configuration, after: Configuration) -> list[str]:
    """One text for each table that changed: its keys that did, with both values; of a new one, what was said of it.

    A table of which there may be several is known by its name, so that it is the same wherever it stands.
    """
    old, new = _said(before), _said(after)
    found = []
    for table in old | new:
        if table not in new:
            found.append(f"{table} is gone")
        elif table not in old:
            said = ", ".join(f"{key} = {value}" for key, (value, origin) in new[table].items() if origin != "default")
            found.append(f"{table} is new" + (f" ({said})" if said else ""))
        elif changed := _changed(old[table], new[table]):
            found.append(f"{table}: {', '.join(changed)}")
    return found


def _changed(old: dict[str, tuple[str, str]], new: dict[str, tuple[str, str]]) -> list[str]:
    nothing = ("(nothing)", "")
    return [
        f"{key} = {new.get(key, nothing)[0]} (was {old.get(key, nothing)[0]})"
        for key in old | new
        if new.get(key, nothing)[0] != old.get(key, nothing)[0]
    ]


def _said(configuration: Configuration) -> Said:
    names = {
        f"{kind}[{number}]": f"{kind} {getattr(each, 'name', '') or getattr(each, 'run', '')}"
        for kind in (*config.TABLES, *config.COMPONENTS)
        for number, each in enumerate(getattr(configuration, f"{kind}s"))
    }
    said: Said = {}
    for path, value, origin in config.rows(configuration):
        table, _, key = path.rpartition(".")
        said.setdefault(names.get(table, table), {})[key] = (value, origin)
    return said
