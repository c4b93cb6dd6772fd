"""The HTTP API of a data directory as one process: everything that it is made of, put together and run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import lapwing
from lapwing.app.accepting import Handed, accept
from lapwing.app.dashboard import dashboard_files
from lapwing.app.ending import told_to_end
from lapwing.app.front import DirectoryFront
from lapwing.app.living import changed_since, last_commit
from lapwing.app.metrics import exposition
from lapwing.app.opening import Directory
from lapwing.app.receiving import DirectoryReceivers
from lapwing.app.tokens import check_start, policy_of
from lapwing.app.webhooks import DirectoryHooks
from lapwing.config import Configuration
from lapwing.engine.clock import SystemClock
from lapwing.serving import devices, live, metrics, pages, webhooks, writing
from lapwing.serving.api import create
from lapwing.serving.running import Listening, run
from lapwing.serving.security import guarded
from lapwing.serving.sockets import Sockets, listen

SOURCE = "http"
"""What posts that were handed in say they came from."""


SWITCH_S = 0.001
"""So long may one thread keep the others from running Python. An answer lets go of that right dozens of times, whenever it
asks SQLite or reckons with columns, and each time waits so long to have it back while bodies are read in another thread.
"""


class _Own:
    """A data directory that only one thread touches, and the thread."""

    def __init__(self, path: Path, configuration: Configuration, name: str) -> None:
        self._directory = Directory(path, configuration)
        self._thread = ThreadPoolExecutor(1, name)

    def __enter__(self) -> _Own:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.submit(self._directory.close)
        self._thread.shutdown()

    def run(self, work: Callable[[Directory], Any]) -> Future[Any]:
        """Do this with the directory, after what was asked before."""
        return self._thread.submit(work, self._directory)


class _Changes:
    """What the live stream tells of."""

    def __init__(self, own: _Own) -> None:
        self._own = own

    def last(self) -> int:
        return int(self._own.run(last_commit).result())

    def since(self, commit: int, topics: Set[str]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._own.run(partial(changed_since, commit=commit, topics=topics)).result()
        return found


class _Door:
    """Takes what is handed in, one body after the other."""

    def __init__(self, own: _Own) -> None:
        self._own = own

    def accept(self, topic: str, body: bytes, lines: bool, key: str | None) -> Future[dict[str, Any]]:
        handed = Handed(topic=topic, body=body, lines=lines, source=SOURCE, key=key)
        return self._own.run(lambda directory: accept(directory, handed))


def application(path: Path, configuration: Configuration, open_: ExitStack) -> Any:
    """The guarded ASGI application; what it holds open is let go of with `open_`."""
    front = open_.enter_context(DirectoryFront(path, configuration))
    changes = _Changes(open_.enter_context(_Own(path, configuration, "live")))
    door = _Door(open_.enter_context(_Own(path, configuration, "door")))
    extra = [
        live.router(live.Broadcast(changes, busy=front.busy)),
        writing.router(door),
        metrics.router(front, exposition),
    ]
    hooks = DirectoryHooks(open_.enter_context(_Own(path, configuration, "webhooks")), configuration)
    files, clock = dashboard_files(), SystemClock()
    received = devices.receiving(DirectoryReceivers(front.with_own), clock.monotonic_s)
    extra += [webhooks.router(hooks), received, pages.router(files)]
    front.warm()
    app = create(front, version=lapwing.__version__, extra=extra)
    return guarded(app, policy_of(path, configuration.serve, clock, pages.build_of(files)))


def serve(
    path: Path,
    configuration: Configuration,
    listening: Sockets,
    stop: Callable[[], bool],
    up: Callable[[str], None] = lambda _: None,
) -> None:
    """Answer on these sockets until `stop` says so, then finish what is under way. `up` is told the address."""
    settings = configuration.serve
    about = Listening(sockets=listening, tls_cert=settings.tls_cert, tls_key=settings.tls_key)
    sys.setswitchinterval(SWITCH_S)
    with ExitStack() as open_:
        run(application(path, configuration, open_), about, stop, up)


def serve_until_stopped(path: Path, configuration: Configuration, up: Callable[[str], None]) -> None:
    """As `serve`, where it is configured, until SIGTERM or Ctrl-C.

    Raises `UsageError` where others could ask and there is no token, or the port is taken.
    """
    settings = configuration.serve
    check_start(path, settings)
    serve(path, configuration, listen(settings.host, settings.port), told_to_end().is_set, up)
