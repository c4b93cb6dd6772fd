"""CPU time by step, each step without the steps inside it: functions are wrapped where they are used, and the stack is followed."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


class Stopwatch:
    """CPU seconds of this process (all threads) by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.missing: list[str] = []
        self._stack = ["elsewhere"]
        self._since = time.process_time()

    def _settle(self) -> None:
        now = time.process_time()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now

    def enter(self, step: str) -> None:
        """Begin a step; one that begins with + is a part of the step that it is called from."""
        self._settle()
        self._stack.append(f"{self._stack[-1]} {step}" if step.startswith("+") else step)

    def leave(self) -> None:
        """End the step; what called it goes on."""
        self._settle()
        self._stack.pop()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step as a context."""
        self.enter(name)
        try:
            yield
        finally:
            self.leave()

    def timed(
        self, function: Callable[..., Any], step: str | Callable[..., str], *, whole: bool = False
    ) -> Callable[..., Any]:
        """The function, timed; `whole` runs a generator to its end at once, so that its work is its own."""

        @functools.wraps(function)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            with self.step(step if isinstance(step, str) else step(*arguments, **named)):
                result = function(*arguments, **named)
                return iter(list(result)) if whole else result

        return wrapper

    def wrap(self, where: str, step: str | Callable[..., str], *, whole: bool = False) -> None:
        """Time `module:name` or `module:Class.name` from now on; a name that is gone is noted in `missing`."""
        module, _, path = where.partition(":")
        try:
            owner: Any = import_module(module)
            *owners, name = path.split(".")
            for each in owners:
                owner = getattr(owner, each)
            setattr(owner, name, self.timed(getattr(owner, name), step, whole=whole))
        except (ImportError, AttributeError):
            self.missing.append(where)

    def taken(self) -> dict[str, float]:
        """CPU seconds by step since the last call."""
        self._settle()
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken
