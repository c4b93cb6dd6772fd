"""When a process is told to end."""

from __future__ import annotations

import signal
import threading


def told_to_end() -> threading.Event:
    """Set from now on by SIGTERM and by Ctrl-C; only the main thread may ask for it."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    return ending
