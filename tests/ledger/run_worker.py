"""A worker process of the test: works on a directory until told to stop, or dies at a mark."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from house import House

from lapwing.testing import crash_at


def main(folder: str, name: str, until_empty: str, mark: str, times: str) -> None:
    """`mark` is the crash point at whose `times`-th passing this process kills itself, or empty."""
    house = House(Path(folder), batch_records=40)
    if mark:
        house.ledger.store.mark = house.log.mark = crash_at(mark, int(times))
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    parent = os.getppid()
    house.worker(name).run(
        lambda: bool(stopped) or os.getppid() != parent or (until_empty == "1" and house.behind() == 0)
    )
    house.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
