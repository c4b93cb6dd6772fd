"""The configuration's file, read again when it changes, and what is wanted then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from lapwing import config
from lapwing.app.differing import differences
from lapwing.config import Configuration
from lapwing.engine.clock import Clock
from lapwing.errors import LapwingError

said = logging.getLogger("lapwing.up")

RELOAD_S = 2.0
"""So often the configuration's file is looked at."""
TRY_AGAIN_S = 10.0

Wanted = TypeVar("Wanted")


class Settings:
    """The configuration's file, read again when it changes; what is wrong in it changes nothing, and is said once."""

    def __init__(self, file: Path | None, *, quiet: bool = False) -> None:
        """`quiet` where another process looks at the same file and says what there is to say."""
        self._file, self._quiet = file, quiet
        self._trouble = self._text = ""
        self._text = self._read() or ""
        self.configuration = config.parse(self._text, file=str(file or "lapwing.toml"))

    def changed(self) -> bool:
        """Whether there is a new configuration since the last look."""
        text = self._read()
        if text is None or (text == self._text and not self._trouble):
            return False
        self._text = text
        try:
            fresh = config.parse(text, file=str(self._file))
        except LapwingError as problem:
            self._troubled(f"was saved with a mistake, so all goes on as it was: {problem}")
            return False
        changes = differences(self.configuration, fresh)
        self.configuration = fresh
        if self._trouble and not changes:
            self._say(logging.INFO, "is right again, and as it was")
        self._trouble = ""
        if changes:
            self._say(logging.INFO, f"was saved: {'; '.join(changes)}")
        return bool(changes)

    def _read(self) -> str | None:
        if self._file is None:
            return None
        try:
            return self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            if self._text:
                self._troubled("is gone, so all goes on as it was")
        except (OSError, UnicodeDecodeError) as problem:
            self._troubled(f"cannot be read, so all goes on as it was: {problem}")
        return None

    def _troubled(self, what: str) -> None:
        """Say it, unless it is what was said last."""
        if what != self._trouble:
            self._trouble = what
            self._say(logging.ERROR, what)

    def _say(self, level: int, what: str) -> None:
        if not self._quiet:
            said.log(level, "%s %s", self._file, what)


class Rereading(Generic[Wanted]):
    """What the configuration wants, by name: at first, and again when its file has changed."""

    def __init__(
        self,
        configuration: Configuration,
        file: Path | None,
        clock: Clock,
        wanted_of: Callable[[Configuration], Mapping[str, Wanted]],
        lacks: Callable[[Mapping[str, Wanted]], bool] = lambda _: False,
    ) -> None:
        """The tree's parent looks at the same file, and says what changed. Without a file what is wanted stays the same;
        what `lacks` something is asked for again after a while.
        """
        self._configuration, self._settings = configuration, Settings(file, quiet=True) if file else None
        self._clock, self._wanted_of, self._lacks = clock, wanted_of, lacks
        self._looked_s: float | None = None
        self._asked_s, self._is_lacking = 0.0, False

    def __call__(self) -> Mapping[str, Wanted] | None:
        """What is wanted now; None: as before."""
        now_s = self._clock.monotonic_s()
        is_first = self._looked_s is None
        if self._looked_s is not None and now_s - self._looked_s < RELOAD_S:
            return None
        self._looked_s = now_s
        is_changed = self._settings is not None and self._settings.changed()
        if not is_first and not is_changed and not (self._is_lacking and now_s - self._asked_s >= TRY_AGAIN_S):
            return None
        wanted = self._wanted_of(self._settings.configuration if self._settings else self._configuration)
        self._asked_s, self._is_lacking = now_s, self._lacks(wanted)
        return wanted
