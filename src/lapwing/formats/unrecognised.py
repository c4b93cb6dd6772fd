"""JSON that no format of ours recognises: each record is refused with what it looks like, so that it can be asked about.

Only one shape is recognised, so that such files have a name: documents of class archives whose fields are written
createdAt, not created_at. Everything else ends here because nobody wanted it.
"""

from __future__ import annotations

import msgspec
import polars as pl

from lapwing.contracts import Format
from lapwing.formats._reading import UNREADABLE, explain
from lapwing.model import CHANGES, POSTS, Decoded, Records, Refused

FIELDS_SHOWN = 6
REASON_CHARACTERS_MAX = 300

_Fields = dict[str, msgspec.Raw]
_decode_fields = msgspec.json.Decoder(_Fields).decode


def recognises(value: bytes) -> bool:
    """Whether this is a document of a class archive with names that no network writes."""
    try:
        inner = _decode_fields(value).get("doc")
        return inner is not None and "createdAt" in _decode_fields(inner)
    except UNREADABLE:
        return False


def reason_of(value: bytes) -> str:
    """Why nobody could read this record."""
    try:
        fields = _decode_fields(value)
        inner = fields["doc"] if bytes(fields.get("doc", msgspec.Raw())).startswith(b"{") else None
        shown = sorted(fields if inner is None else _decode_fields(inner))
    except UNREADABLE as error:
        return explain(value, error)
    names = ", ".join(shown[:FIELDS_SHOWN]) + (" …" if len(shown) > FIELDS_SHOWN else "")
    what = f"it has the fields {names}" if names else "it has no fields"
    return f"no post of a network that we know: {what}"[:REASON_CHARACTERS_MAX]


def decode(records: Records) -> Decoded:
    """Refuse them all, and say what each looks like."""
    refused = [Refused(row, reason_of(value)) for row, value in enumerate(records.values)]
    return Decoded(posts=pl.DataFrame(schema=POSTS), changes=pl.DataFrame(schema=CHANGES), filtered={}, refused=refused)


FORMAT = Format(
    network="", recognises=recognises, decode=decode, example=[b'{"doc":{"createdAt":"2025-01-30T10:00:00Z"}}']
)
