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
from lapwing.app.alone import alone
from lapwing.app.opening import Directory
from lapwing.app.replaying import replay
from lapwing.app.supervising import Child
from lapwing.app.up import Wish, run
from lapwing.engine.clock import SystemClock

said = logging.getLogger("lapwing.demo")

SPEED = 60.0
LOOK_S = 0.2


def prepared(path: Path, show: demo.Show) -> Path:
    """The recording, made if it is not there, in a directory without anything of an earlier evening.

    Raises `UsageError` where a `lapwing up` or another demo works on the directory.
    """
    recording, _ = demo.made(path, 1.0, show)
    with alone(path):
        demo.empty(path)
    return recording


def play(wish: Wish, recording: Path, speed: float, up: Callable[[str], None]) -> None:
    """Run the tree, and the evening into it, until Ctrl-C or SIGTERM. `up` is told the address once it is listened on."""
    evening = Child("evening", _play, (wish.path, recording, speed))
    run(msgspec.structs.replace(wish, also=(evening,)), up)


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
