"""The demo as one looks at it: the recorded evening, played into a running tree so many times as fast as it was."""

from __future__ import annotations

import logging
import threading
import webbrowser
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from lapwing.app import demo
from lapwing.app.opening import Directory
from lapwing.app.replaying import replay
from lapwing.app.supervising import Child
from lapwing.app.up import Wish, run
from lapwing.engine.clock import SystemClock

said = logging.getLogger("lapwing.demo")

SPEED = 60.0
SPEED_MAX = 100_000.0
LOOK_S = 0.2


def play(wish: Wish, recording: Path, speed: float, up: Callable[[str], None]) -> None:
    """Run the tree, and the evening into it, until Ctrl-C or SIGTERM. `up` is told the address once it is listened on.

    What an earlier evening left is removed once it is sure that this one can begin. Raises `UsageError` as `up.run`.
    """

    def begin(address: str) -> None:
        demo.empty(wish.path)
        up(address)

    evening = Child("evening", _play, (wish.path, recording, speed))
    run(msgspec.structs.replace(wish, also=(evening,)), begin)


def _play(path: Path, recording: Path, speed: float, stop: Callable[[], bool]) -> None:
    """The body of a child: the evening, once; begun anew after a crash, as what is there already counts once."""
    failed: list[Exception] = []
    threading.Thread(target=_replay, args=(path, recording, speed, failed), daemon=True, name="evening").start()
    clock = SystemClock()
    while not stop():
        if failed:
            raise failed[0]
        clock.sleep(LOOK_S)


def _replay(path: Path, recording: Path, speed: float, failed: list[Exception]) -> None:
    try:
        with closing(Directory(path)) as directory:
            records = replay(directory, (str(recording),), speed)["records"]
    except Exception as problem:  # noqa: BLE001  (whoever waits for the end raises it)
        failed.append(problem)
    else:
        said.info("the evening is over: %s records came. Everything stays to look at; Ctrl-C ends it", f"{records:,}")


def open_browser(address: str) -> bool:
    """Show the dashboard where there is a browser with windows; one of the terminal would be in the way."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    return type(found) is not webbrowser.GenericBrowser and found.open(address)
