"""In which order everything is heard."""

from __future__ import annotations

import msgspec
import numpy as np

from lapwing.demo.broken import Broken, broken
from lapwing.demo.phrases import Whole
from lapwing.demo.plan import Evening
from lapwing.demo.scene import MINUTE_US

POST, SECOND, REPEAT, EDIT, SECOND_EDIT, DELETE, LEAVE, INTEREST, BROKEN, BROKEN_AGAIN = range(10)
REPEATED = 0.01
"""How many records come once more, as after a reconnect."""


class Schedule(msgspec.Struct, frozen=True):
    """One row for each line of the recording, by the time it was heard."""

    kind: Whole
    index: Whole
    """The row of the post; or the number of the edit, delete, like or broken record."""
    received_us: Whole
    broken: list[Broken]


def schedule(evening: Evening) -> Schedule:
    """Put all records in the order of their arrival."""
    random = np.random.default_rng((evening.seed, 100))
    options, heard, edits = evening.options, evening.heard, evening.edits
    bad = broken(random, options.posts, options.start_us + MINUTE_US, options.end_us)
    again = np.flatnonzero(random.random(len(heard.received_us)) < REPEATED)
    again_us = heard.received_us[again] + random.integers(MINUTE_US // 6, 10 * MINUTE_US, len(again))
    twice, edited_twice = np.flatnonzero(heard.second_us >= 0), np.flatnonzero(edits.second_us >= 0)
    broken_again = np.array([number for number, each in enumerate(bad) if each.again_us >= 0], dtype=np.int64)
    parts = [
        (POST, np.arange(len(heard.received_us)), heard.received_us),
        (SECOND, twice, heard.second_us[twice]),
        (REPEAT, again, again_us),
        (EDIT, np.arange(len(edits.row)), edits.received_us),
        (SECOND_EDIT, edited_twice, edits.second_us[edited_twice]),
        (DELETE, np.arange(len(evening.deletes.row)), evening.deletes.received_us),
        (LEAVE, np.zeros(1, dtype=np.int64), np.array([evening.leaver.received_us])),
        (INTEREST, np.arange(len(evening.interests.who)), evening.interests.received_us),
        (BROKEN, np.arange(len(bad)), np.array([each.received_us for each in bad])),
        (BROKEN_AGAIN, broken_again, np.array([bad[number].again_us for number in broken_again])),
    ]
    kind = np.concatenate([np.full(len(index), code) for code, index, _ in parts])
    index = np.concatenate([index for _, index, _ in parts])
    received_us = np.concatenate([moments for _, _, moments in parts])
    order = np.argsort(received_us, kind="stable")
    return Schedule(kind[order], index[order], received_us[order], bad)
