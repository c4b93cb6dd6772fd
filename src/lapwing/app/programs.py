"""`lapwing.App`: functions between topics, written in a program or a notebook of one's own."""

from __future__ import annotations

import inspect
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from lapwing import config
from lapwing.app.functions import plan_of, run_plans
from lapwing.app.opening import Directory
from lapwing.app.public import configuration_here
from lapwing.engine.settling import Plan
from lapwing.errors import LapwingError, UsageError
from lapwing.settings import Function

Called = TypeVar("Called", bound=Callable[[Any], Any])


class FunctionOptions(TypedDict, total=False):
    """What `@app.function` takes beside the topic; the meanings and defaults are those of ``[[function]]``."""

    name: str
    to: str
    errors: str
    retries: int
    timeout: str
    parallel: int
    workers: Literal["threads", "processes"]
    each: bool
    changes: bool


class App:
    """Functions between topics, and the data directory they run on.

    ``App()`` reads ./lapwing.toml where there is one; `file` names another, and sections can be given as values.

        >>> app = lapwing.App(data=folder, log={"partitions": 2})
        >>> @app.function("words", to="shouts", each=True)
        ... def shout(value):
        ...     return {"text": value["text"].upper()}
        >>> lapwing.produce("words", {"text": "hello"}, data=folder)
        >>> app.run(until_idle=True)
        >>> [value["text"] for value in lapwing.consume("shouts", data=folder, follow=False)]
        ['HELLO']
    """

    def __init__(
        self, data: str | Path | None = None, file: str | Path | None = None, **sections: dict[str, Any]
    ) -> None:
        self.configuration = configuration_here(file, **sections)
        self.path = config.data_directory(str(data) if data is not None else None)
        self._plans: dict[str, Plan] = {}

    def function(self, topic: str, **options: Unpack[FunctionOptions]) -> Callable[[Called], Called]:
        """Say that a function reads a topic; it stays a function that can be called.

        It gets a polars frame of what is new, or with ``each=True`` one record at a time: posts of ``raw.…`` topics, the
        JSON value of others. It returns what goes on to the topic `to`: a frame, a dict, a list of dicts, or None.
        Raises `ConfigError` or `UsageError` for options that cannot be.
        """

        def decorate(call: Called) -> Called:
            name = str(options.get("name") or getattr(call, "__name__", ""))
            if name in self._plans:
                raise UsageError(f"there is another function called {name!r}", "give it another name=")
            run, folder = _whereabouts(call, processes=options.get("workers") == "processes")
            table = {**options, "name": name, "from": topic, "run": run}
            settings = config.convert(Function, table, path=f"function {name}")
            self._plans[name] = plan_of(settings, call, folder)
            return call

        return decorate

    def run(self, until_idle: bool = False) -> None:
        """Run the functions until SIGTERM or Ctrl-C; with `until_idle`, until they have read everything.

        It can be stopped, or killed, at any moment: what it had not finished is done when it runs again.
        Raises `LapwingError` if a function had to be paused.
        """
        directory, stopped = Directory(self.path, self.configuration), threading.Event()
        before = _listen(stopped)
        try:
            ended = run_plans(directory, list(self._plans.values()), stopped.is_set, until_idle=until_idle)
            if ended:
                states = {row["name"]: row["state"] for row in directory.log.function_states()}
                said = "; ".join(f"function {name} is {states.get(name, 'ended')}" for name in ended)
                raise LapwingError(said, "mend it, and run it again: it goes on where it was")
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            directory.close()


def _listen(stopped: threading.Event) -> dict[int, Any]:
    """Let SIGTERM and Ctrl-C end the run; what was set before. Only the main thread can be told of signals."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = (signal.SIGTERM, signal.SIGINT)
    return {number: signal.signal(number, lambda *_: stopped.set()) for number in numbers}


def _whereabouts(call: Callable[[Any], Any], processes: bool) -> tuple[str, str]:
    """Where a process of its own would import the function from: ``module:function``, and the folder of the module."""
    module, name = getattr(call, "__module__", "") or "", getattr(call, "__qualname__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    if not processes:
        return "lapwing:function", ""
    if file is None or not name.isidentifier() or not inspect.isfunction(call):
        raise UsageError(
            f"{name or call!r} cannot be called in a process of its own",
            "write it at the top of a module that can be imported, or leave workers='processes' away",
        )
    folder = Path(file).resolve().parents[module.count(".") if module != "__main__" else 0]
    return f"{Path(file).stem if module == '__main__' else module}:{name}", str(folder)
