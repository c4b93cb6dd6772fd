"""Posts that are read one at a time, and made columns at the end: for networks that say little and say it in many ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from lapwing.formats import _rows
from lapwing.formats._rows import Columns, Outcome
from lapwing.model import POSTS, Decoded, Records

Row = dict[str, Any]
"""What is said of one post, by the names of `model.POSTS`; `said` is its date as it was written. What is left out is
null, or 0 where null is not allowed."""

_ZERO = ("uid_time_us", "version", "kind", "alias_time_us")


def finish(records: Records, outcome: Outcome, rows: list[Row]) -> Decoded:
    """Make the frames of some posts; those that cannot be are refused. Each row needs `record` and `created_at_us`."""
    columns: Columns = {name: [row.get(name, 0 if name in _ZERO else None) for row in rows] for name in POSTS}
    columns["created_at_us"] = np.array(columns["created_at_us"], dtype=np.int64)
    return _rows.finish(records, outcome, columns, [row.get("said") for row in rows])
