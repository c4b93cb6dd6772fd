"""A process of the test: runs two functions, one after the other, until nothing is left; or dies at a mark."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from room import no_posts, plan

from lapwing.engine.clock import SystemClock
from lapwing.engine.functions import FunctionRunner, idle
from lapwing.log.sqlite import SqliteLog
from lapwing.testing import crash_at


def double(value: dict[str, Any]) -> Any:
    """Every 10th record is poison, every 7th goes nowhere, every 5th goes on twice."""
    SystemClock().sleep(0.004)  # long enough that a kill finds calls under way
    if value["n"] % 10 == 3:
        raise ValueError("poison")
    if value["n"] % 7 == 0:
        return None
    return [value, value | {"again": True}] if value["n"] % 5 == 0 else value


def main(folder: str, owner: str, mark: str, times: str) -> None:
    """`mark` is the crash point at whose `times`-th passing this process kills itself, or empty."""
    path = Path(folder) / "log.sqlite"
    crash = crash_at(mark, int(times)) if mark else lambda _: None
    plans = [
        plan(double, name="first", to="middle", each=True, parallel=3),
        plan(lambda frame: frame, name="second", topic="middle", to="out"),
    ]
    done = threading.Event()
    threads = []
    for each in plans:
        log = SqliteLog(path, mark=crash)
        runner = FunctionRunner(each, log, SystemClock(), owner, no_posts)
        threads.append(threading.Thread(target=runner.run, args=(done.is_set,)))
        threads[-1].start()
    log = SqliteLog(path)
    while not idle(log, plans):
        SystemClock().sleep(0.02)  # other processes share the work; only the log says when it is done
    done.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
