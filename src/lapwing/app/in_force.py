"""What is listened to just now: what the running `lapwing up` took from the configuration's file when it last was right.

It stands in the data directory, without any secret, so that `status` tells the truth while the file has a mistake, and
from whatever folder it is asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lapwing.app.alive import runs
from lapwing.app.notes import note
from lapwing.config import Configuration

if TYPE_CHECKING:
    from lapwing.app.opening import Directory

FILE = "in_force.json"


class Heard(msgspec.Struct, frozen=True):
    """A source, as far as those need to know it who only look."""

    name: str
    type: str
    network: str
    topic: str
    paused: bool


class InForce(msgspec.Struct, frozen=True):
    """Who took what from the configuration's file."""

    owner: str
    sources: tuple[Heard, ...]


def keep(path: Path, owner: str, configuration: Configuration) -> None:
    """Write down what is in force from now on; `owner` is the name under which this process is `alive`."""
    note(path / FILE, InForce(owner, _sources(configuration)))


def last(path: Path) -> InForce | None:
    """What was last in force in a data directory; None where nothing ever was."""
    try:
        return msgspec.json.decode((path / FILE).read_bytes(), type=InForce)
    except (OSError, msgspec.DecodeError):
        return None


def sources(directory: Directory) -> dict[str, Heard] | None:
    """The sources that are configured, by name: by the `up` that runs, else by the file, else as it was when it was right.

    None where the file has a mistake and nothing ever was in force.
    """
    known = last(directory.path)
    if known is None or not runs(directory.path, known.owner):
        if not directory.mistaken:
            return {each.name: each for each in _sources(directory.configuration)}
        if known is None:
            return None
    return {each.name: each for each in known.sources}


def _sources(configuration: Configuration) -> tuple[Heard, ...]:
    return tuple(Heard(each.name, each.type, each.network, each.topic, each.paused) for each in configuration.sources)
