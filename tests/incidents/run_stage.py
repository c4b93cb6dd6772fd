"""The stage of incidents as a process of the test, which dies at a mark."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from incidents.town import open_town
from lapwing.app.watching import behind, stage
from lapwing.testing import crash_at

if __name__ == "__main__":
    folder, mark, times = sys.argv[1:]
    directory = open_town(Path(folder))
    directory.ledger.store.mark = crash_at(mark, int(times))
    stage(directory).run(lambda: behind(directory) == 0)
