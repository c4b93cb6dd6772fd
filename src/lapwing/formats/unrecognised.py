"""JSON that no format of ours recognises: each record is refused with what it looks like, so that it can be asked about."""

from __future__ import annotations

import msgspec
import polars as pl

from lapwing.contracts import Format
from lapwing.model import CHANGES, POSTS, Decoded, Records, Refused

FIELDS_SHOWN = 6


def reason_of(record: bytes) -> str:
    """Why nobody could read this record."""
    try:
        value = msgspec.json.decode(record)
    except msgspec.DecodeError as problem:
        return f"not JSON: {problem}"
    except (RecursionError, UnicodeDecodeError):
        return "not JSON that can be read: nested too deeply, or not UTF-8"
    if not isinstance(value, dict):
        return f"JSON, but not an object: {type(value).__name__}"
    inner = value["doc"] if isinstance(value.get("doc"), dict) else value
    shown = ", ".join(sorted(inner)[:FIELDS_SHOWN])
    return f"no post of a network that we know; it has the fields {shown} …"[:300]


def _decode(records: Records) -> Decoded:
    refused = [Refused(row, reason_of(value)) for row, value in enumerate(records.values)]
    return Decoded(posts=pl.DataFrame(schema=POSTS), changes=pl.DataFrame(schema=CHANGES), filtered={}, refused=refused)


FORMAT = Format(
    network="", recognises=lambda record: False, decode=_decode, example=[b'{"doc":{"createdAt":"2025-01-30"}}']
)
