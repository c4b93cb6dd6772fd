"""Every error that is raised on purpose.

    LapwingError                  the root; `next_step` says what to do about it
    ├── UsageError                the words of the user are off (exit code 2)
    │   ├── ConfigError           a value in lapwing.toml or the environment, blamed by its path
    │   ├── QueryError            a search query, blamed by its column
    │   ├── KeyReused             an idempotency key came again, with another body
    │   ├── Unacceptable          records that were handed in are not what they should be; says which
    │   └── UnknownName           a place, option or component that does not exist; says what was meant
    ├── UnreadableInput           a file that is not what it says it is, or a decompression bomb
    │   └── CutOff                one that ends in the middle; what stands before its end is good
    ├── MissingDependency         an optional package; tells the command that installs it
    ├── DataDirectoryError        the data directory cannot be used
    │   ├── UnknownVersion        it was written by another version; nothing was touched
    │   ├── Corrupt               what is on the disk breaks one of our promises
    │   └── DiskFull              no room; reading goes on, new work waits
    ├── TooSlow                   a question took longer than its budget; it was given up
    └── Fenced                    somebody else holds the lease now; our work is dropped, not saved

Trouble that is expected of the world (a record that cannot be decoded) is data, a `Refused`, and not raised.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class LapwingError(Exception):
    """Something went wrong that we can name; `str` says where, what, and what next."""

    exit_code = 1

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(f"{what}; {next_step}" if next_step else what)
        self.what = what
        self.next_step = next_step


class UsageError(LapwingError):
    """The words of the user are off."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration value is wrong; `path` is where, as in ``source[0].url``."""

    def __init__(self, path: str, what: str, next_step: str = "") -> None:
        super().__init__(f"{path}: {what}", next_step)
        self.path = path


class QueryError(UsageError):
    """A search query cannot be read; `column` counts characters from 1."""

    def __init__(self, what: str, column: int, next_step: str = "") -> None:
        super().__init__(f"query, column {column}: {what}", next_step)
        self.column = column


class UnknownName(UsageError):
    """Nothing has this name; the nearest known ones are offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(dict.fromkeys(known))
        near = get_close_matches(name, known, n=3, cutoff=0.6)
        offer = ("did you mean " + " or ".join(repr(each) for each in near) + "?") if near else ""
        if not near and 0 < len(known) <= 20:
            offer = "known: " + ", ".join(sorted(known))
        super().__init__(f"no {kind} is called {name!r}", offer)


class KeyReused(UsageError):
    """An idempotency key came a second time within a day, with another body; nothing was appended."""


class Unacceptable(UsageError):
    """Records that were handed in are not what they should be; `records` says which and why, `status` as HTTP says it."""

    def __init__(self, what: str, records: list[dict[str, object]], *, status: int = 422, next_step: str = "") -> None:
        named = "; ".join(f"record {each['record']}: {each['reason']}" for each in records[:3])
        super().__init__(f"{what}: {named}" if named else what, next_step)
        self.records = records
        self.status = status


class UnreadableInput(LapwingError):
    """An input file cannot be read at all, or only at a danger."""


class CutOff(UnreadableInput):
    """An input file ends in the middle, as after a kill or on a full disk."""


class MissingDependency(LapwingError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"the package {package!r} is not installed", f"pip install 'lapwing[{extra}]'")


class DataDirectoryError(LapwingError):
    """The data directory cannot be used."""


class UnknownVersion(DataDirectoryError):
    """A file of the data directory has a format that this version does not know; it was left untouched."""


class Corrupt(DataDirectoryError):
    """What is on the disk breaks one of our promises."""


class DiskFull(DataDirectoryError):
    """There is no room on the disk."""


class TooSlow(LapwingError):
    """A question took longer than it may; the work was given up."""


class Fenced(LapwingError):
    """Somebody else holds the lease now; what we made is dropped and made again by the new owner."""
