"""Where `lapwing up` listens: its sockets belong to the parent of the tree, and those who answer are handed them.

So nobody is refused while they die, come back or are replaced: who connects meanwhile waits until one answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from lapwing.app.supervising import Child
from lapwing.app.tokens import check_start
from lapwing.config import Configuration
from lapwing.errors import UsageError
from lapwing.serving import sockets
from lapwing.settings import Serve

said = logging.getLogger("lapwing.up")


def answer(path: Path, configuration: Configuration, held: sockets.Sockets, stop: Callable[[], bool]) -> None:
    """The body of a child that answers; only there is what the API needs loaded, not in the tree's parent."""
    from lapwing.app.serving import serve

    serve(path, configuration, held, stop)


class Address:
    """The sockets of a tree, and the settings that they were opened by; raises `UsageError` where they cannot be."""

    def __init__(self, path: Path, settings: Serve) -> None:
        check_start(path, settings)
        self._path, self._settings = path, settings
        self._sockets = sockets.listen(settings.host, settings.port)

    def __str__(self) -> str:
        return sockets.written(self._sockets, https=self._settings.tls_cert is not None)

    def close(self) -> None:
        """Listen no more; those who answer still do until they end."""
        sockets.close(self._sockets)

    def children(self, path: Path, shown: Configuration) -> list[Child]:
        """Those who answer, as many as are configured; more or less of them leave the others as they are."""
        alike = msgspec.structs.replace(shown, serve=msgspec.structs.replace(self._settings, processes=1))
        return [Child(name, answer, (path, alike, self._sockets)) for name in self.names()]

    def names(self) -> list[str]:
        """What they are called."""
        return ["serve", *(f"serve-{number}" for number in range(2, self._settings.processes + 1))]

    def follow(self, settings: Serve, let_go: Callable[[list[str]], None]) -> None:
        """Listen where these settings say; where that cannot be, go on listening where it was, and say so.

        `let_go` ends those who answer: another host on the same port is only free once nobody holds the old sockets.
        """
        before = self._settings
        if (settings.host, settings.port) not in ((before.host, before.port), sockets.address_of(self._sockets)):
            try:
                check_start(self._path, settings)
                self._move(settings, let_go)
                said.info("it listens on %s", self)
            except UsageError as problem:
                settings = msgspec.structs.replace(settings, host=before.host, port=before.port)
                said.error("it goes on listening on %s: %s", self, problem)
        self._settings = settings

    def _move(self, settings: Serve, let_go: Callable[[list[str]], None]) -> None:
        where = sockets.address_of(self._sockets)
        try:
            fresh = sockets.listen(settings.host, settings.port)
        except UsageError:
            if settings.port != where[1]:
                raise
            let_go(self.names())
            self.close()
            try:
                fresh = sockets.listen(settings.host, settings.port)
            except UsageError:
                self._sockets = sockets.listen(*where)
                raise
        self.close()
        self._sockets = fresh
