"""The process in which a user's function is called: `python -m lapwing.engine.calls PIPE MODULE:FUNCTION FOLDER`.

It reads what to call the function with from the pipe, and writes what became of it. It ends with whoever started it.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from lapwing.engine.calling import Outcome, decode_given, failed, outcome_of

WATCH_S = 1.0


def imported(run: str, folder: str) -> Callable[..., Any]:
    """The function of ``module:function``, its module found in `folder` too. Raises whatever importing it raises."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module, _, name = run.partition(":")
    found: object = getattr(importlib.import_module(module), name)
    if not callable(found):
        message = f"{run} is a {type(found).__name__}, not a function"
        raise TypeError(message)
    return found


def main(descriptor: str, run: str, folder: str) -> None:
    """Import the function, say so, and call it for everything that comes, until nothing more can come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    pipe = Connection(int(descriptor))
    try:
        function = imported(run, folder)
    except BaseException as problem:  # noqa: BLE001  (a module may raise anything when it is imported)
        pipe.send_bytes(msgspec.msgpack.encode(failed(problem)))
        return
    pipe.send_bytes(msgspec.msgpack.encode(Outcome(lines=[])))
    while True:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        pipe.send_bytes(msgspec.msgpack.encode(outcome_of(function, decode_given(message))))


def _end_with(parent: int) -> None:
    """A process whose starter was killed is of no use; it may be in a call that never returns."""
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(WATCH_S)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
