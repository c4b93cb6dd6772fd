"""Finds components. The file name is the registry: ``formats/jetstream.py`` is the format ``jetstream``.

There is no list to keep: a new file is a new component. A file is imported when somebody asks for it by name, so that
a component's own dependencies are needed only by those who use it. A leading underscore hides a file.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

from lapwing.errors import UnknownName

if TYPE_CHECKING:  # a configuration is read by those who need none of these
    from lapwing.contracts import Format, Stage
    from lapwing.hearing import Source
    from lapwing.telling import Notifier


class _Kind(NamedTuple):
    """One folder of components."""

    word: str
    """How a component is called in messages."""
    constant: str
    """The constant in which its file ends."""
    contract: str


KINDS = {
    "formats": _Kind("format", "FORMAT", "Format"),
    "stages": _Kind("stage", "STAGE", "Stage"),
    "sources": _Kind("source", "SOURCE", "Source"),
    "notify": _Kind("notifier", "NOTIFIER", "Notifier"),
}
"""By folder; a kind of component is added here when its contract is."""


def names(kind: str) -> list[str]:
    """Every component of a kind ("formats", "stages", "sources", "notify"), in alphabetical order; none of them is imported.

    Raises `UnknownName` for a kind that does not exist.
    """
    if kind not in KINDS:
        raise UnknownName("kind of component", kind, KINDS)
    package = find_spec(f"lapwing.{kind}")
    folders = package.submodule_search_locations if package else None
    return sorted(module.name for module in pkgutil.iter_modules(folders or []) if not module.name.startswith("_"))


@overload
def load(kind: Literal["formats"], name: str) -> Format: ...
@overload
def load(kind: Literal["stages"], name: str) -> Stage: ...
@overload
def load(kind: Literal["sources"], name: str) -> Source: ...
@overload
def load(kind: Literal["notify"], name: str) -> Notifier: ...
def load(kind: str, name: str) -> Format | Stage | Source | Notifier:
    """One component, imported now.

    Raises `UnknownName`, with the nearest known names, and `MissingDependency` where the component needs a package
    that is not installed.
    """
    known = names(kind)
    word, constant, contract = KINDS[kind]
    if name not in known:
        raise UnknownName(word, name, known)
    found: Format | Stage | Source | Notifier = getattr(import_module(f"lapwing.{kind}.{name}"), constant)
    assert type(found).__name__ == contract, f"{kind}/{name}.py must end in {constant}, a {contract}"
    return found
