"""Lines of our own recordings that are broken. Whole ones never come here: their records are unpacked when a file is read."""

from __future__ import annotations

import msgspec
import polars as pl

from lapwing.contracts import Format
from lapwing.formats._reading import UNREADABLE, explain
from lapwing.model import CHANGES, POSTS, Decoded, Records, Refused

_NEEDS = 'not a line of a recording, which is {"v":1,"source","network","format","received_at","record"}'
_Fields = dict[str, msgspec.Raw]
_decode_fields = msgspec.json.Decoder(_Fields).decode


def recognises(value: bytes) -> bool:
    """Whether this is a line of a recording, or would be if nothing were missing."""
    try:
        fields = _decode_fields(value)
    except UNREADABLE:
        return False
    return bytes(fields.get("v", msgspec.Raw())) == b"1" and {"source", "record"} <= fields.keys()


def reason_of(value: bytes) -> str:
    """What is wrong with a line."""
    try:
        fields = _decode_fields(value)
    except UNREADABLE as error:
        return f"{_NEEDS}: {explain(value, error)}"
    missing = [name for name in ("v", "source", "network", "format", "received_at", "record") if name not in fields]
    return f"{_NEEDS}: " + (f"no {', '.join(missing)}" if missing else "a value is of the wrong type")


def decode(records: Records) -> Decoded:
    """Refuse them all, and say what is wrong with each."""
    refused = [Refused(row, reason_of(value)) for row, value in enumerate(records.values)]
    return Decoded(posts=pl.DataFrame(schema=POSTS), changes=pl.DataFrame(schema=CHANGES), filtered={}, refused=refused)


EXAMPLE = [b'{"v":1,"source":"mastodon.au","network":"mastodon","received_at":"2027-01-05T10:00:00Z","record":"{}"}']

FORMAT = Format(network="", recognises=recognises, decode=decode, example=EXAMPLE)
