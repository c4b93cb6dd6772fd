"""Lines of our own recordings that are broken. Whole ones never come here: their records are unpacked when a file is read."""

from __future__ import annotations

import polars as pl

from lapwing.contracts import Format
from lapwing.model import CHANGES, POSTS, Decoded, Records, Refused


def _decode(records: Records) -> Decoded:
    reason = 'not a line of a recording: it needs {"v":1,"source","network","format","received_at","record"}'
    refused = [Refused(row, reason) for row in range(len(records.values))]
    return Decoded(posts=pl.DataFrame(schema=POSTS), changes=pl.DataFrame(schema=CHANGES), filtered={}, refused=refused)


FORMAT = Format(network="", recognises=lambda record: False, decode=_decode, example=[b'{"v":1,"source":"a","record":'])
