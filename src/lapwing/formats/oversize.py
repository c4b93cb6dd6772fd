"""Records that were too long to keep: what is left is their length, their hash and how they begin.

The format is our own; `containers.cutting` makes such records. They are refused for good, so that they are counted.
"""

from __future__ import annotations

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _rows
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Outcome
from lapwing.formats._times import instants_us
from lapwing.model import Decoded, Records


class Size(msgspec.Struct, gc=False):
    bytes: int
    sha256: str
    prefix: str


class Oversize(msgspec.Struct, gc=False):
    oversize: Size


_decode = msgspec.json.Decoder(Oversize).decode


def recognises(value: bytes) -> bool:
    """Whether a record stands for one that was too long."""
    try:
        _decode(value)
    except UNREADABLE:
        return False
    return True


def decode(records: Records) -> Decoded:
    """Refuse them all, and say how long they were."""
    made, refused = read(records.values, _decode)
    outcome = Outcome(refused=refused)
    for record, each in enumerate(made):
        if each is not None:
            outcome.refuse(record, f"record of {each.oversize.bytes} bytes is longer than 1 MiB; not retriable")
    nothing = {"record": [], "uid": [], "author": [], "text": [], "created_at_us": instants_us([])}
    return _rows.finish(records, outcome, nothing, [])


EXAMPLE = [
    b'{"oversize":{"bytes":3000000,"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",'
    b'"prefix":"{\\"id\\":\\"1\\",\\"text\\":\\"aaaa"}}',
]

FORMAT = Format(network="", recognises=recognises, decode=decode, example=EXAMPLE)
