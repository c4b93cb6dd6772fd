"""A collector process of the test: works until the log is worked through, or dies at a mark."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from collecting_house import SEEN, House

from lapwing.engine import collecting
from lapwing.testing import crash_at


def main(folder: str, mark: str, times: str) -> None:
    """`mark` is the crash point at whose `times`-th passing this process kills itself, or empty."""
    collecting.READ_RECORDS = 20
    house = House(Path(folder), SEEN)
    if mark:
        house.directory.ledger.store.mark = crash_at(mark, int(times))
    house.work()
    house.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
