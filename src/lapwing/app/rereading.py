"""The configuration's file, read again when it changes."""

from __future__ import annotations

import logging
from pathlib import Path

from lapwing import config
from lapwing.config import Configuration
from lapwing.errors import LapwingError

said = logging.getLogger("lapwing.up")


class Settings:
    """The configuration's file, read again when it changes; what is wrong in it changes nothing, and is said once."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._mistaken = False
        self._text = self._read() or ""
        self.configuration = config.parse(self._text, file=str(file or "lapwing.toml"))

    def changed(self) -> bool:
        """Whether there is a new configuration since the last look."""
        text = self._read()
        if text is None or text == self._text:
            return False
        self._text = text
        try:
            fresh = config.parse(text, file=str(self._file))
        except LapwingError as problem:
            said.error("%s was saved with a mistake, so all goes on as it was: %s", self._file, problem)
            self._mistaken = True
            return False
        changes = _differences(self.configuration, fresh)
        self.configuration = fresh
        if self._mistaken and not changes:
            said.info("%s is right again, and as it was", self._file)
        self._mistaken = False
        if changes:
            said.info("%s was saved: %s", self._file, "; ".join(changes))
        return bool(changes)

    def _read(self) -> str | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            return self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            said.error("%s cannot be read, so all goes on as it was: %s", self._file, problem)
            return None


def _differences(before: Configuration, after: Configuration) -> list[str]:
    old, new = ({key: value for key, value, _ in config.rows(each)} for each in (before, after))
    return [
        f"{key} = {new.get(key, '(gone)')} (was {old.get(key, '(nothing)')})"
        for key in old | new
        if old.get(key) != new.get(key)
    ]
