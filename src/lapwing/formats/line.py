"""Events that LINE's Messaging API delivers to a webhook: messages, edits and messages that were taken back.

The facts come from line/line-openapi (webhook.yml) and LINE's developer documentation. A record is one event of a
delivery's `events`; `split` makes the records of a delivery `{"destination":…,"events":[…]}`. The signature is checked
over the raw delivery before anything is read: that is the source's work.

The id of a message is its uid; LINE does not say whether there is a time in it. An event that was delivered again has
the same id, so that it is a duplicate. An edit (since July 2026) has the id of its message, and its own time as version:
LINE does not promise the order of events. The author of a message in a group may not have consented to be named; then
the group or room stands for them.
"""

from __future__ import annotations

import re

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _by_row
from lapwing.formats._by_row import Row
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Outcome
from lapwing.formats._times import UNKNOWN_US, milliseconds_us
from lapwing.model import FINAL, KINDS, Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""

PAGE = re.compile(rb'[^"]*"')
"""Any object may be a delivery, as its fields have no order; `split` looks for their names before it reads."""

POST, REPLY = (KINDS.index(kind) for kind in ("post", "reply"))

_OTHER_MESSAGES = {"image", "video", "audio", "file", "sticker"}
_OTHER_EVENTS = {
    "follow", "unfollow", "join", "leave", "memberJoined", "memberLeft", "postback", "videoPlayComplete", "beacon",
    "accountLink", "membership", "module", "activated", "deactivated", "botSuspended", "botResumed", "delivery",
}  # fmt: skip
"""What is counted under its own name; LINE asks that unknown events are ignored."""


class Source(msgspec.Struct, gc=False):
    """Who wrote, and where."""

    user: str | None = msgspec.field(name="userId", default=None)
    group: str | None = msgspec.field(name="groupId", default=None)
    room: str | None = msgspec.field(name="roomId", default=None)


class Message(msgspec.Struct, gc=False):
    id: str | None = None
    type: str | None = None
    text: str | None = None
    title: str | None = None
    address: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    quoted: str | None = msgspec.field(name="quotedMessageId", default=None)


class Unsend(msgspec.Struct, gc=False):
    message: str | None = msgspec.field(name="messageId", default=None)


class Event(msgspec.Struct, gc=False):
    """One event; a delivery as a whole has `events`."""

    type: str | None = None
    timestamp: int | None = None
    source: Source | None = None
    message: Message | None = None
    unsend: Unsend | None = None
    events: list[msgspec.Raw] | None = None


class Delivery(msgspec.Struct, gc=False):
    destination: str
    events: list[msgspec.Raw]


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell LINE's events from everything else."""

    type: msgspec.Raw = ABSENT
    timestamp: msgspec.Raw = ABSENT
    mode: msgspec.Raw = ABSENT
    source: msgspec.Raw = ABSENT
    event: msgspec.Raw = msgspec.field(name="webhookEventId", default=ABSENT)
    destination: msgspec.Raw = ABSENT
    events: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(Event).decode
_delivery = msgspec.json.Decoder(Delivery).decode
_probe = msgspec.json.Decoder(Probe).decode


def recognises(value: bytes) -> bool:
    """Whether a record is an event, or a whole delivery."""
    try:
        probe = _probe(value)
    except UNREADABLE:
        return False
    if probe.destination is not ABSENT and probe.events is not ABSENT:
        return True
    said = probe.type is not ABSENT and probe.timestamp is not ABSENT and probe.mode is not ABSENT
    return said and (probe.source is not ABSENT or probe.event is not ABSENT)


def split(value: bytes) -> list[bytes] | None:
    """Give the events of a delivery, or None for everything else, and for a delivery of none."""
    if b'"destination"' not in value or b'"events"' not in value:
        return None
    try:
        return [bytes(event) for event in _delivery(value).events] or None
    except UNREADABLE:
        return None


def decode(records: Records) -> Decoded:
    """Read a batch of events."""
    outcome = Outcome()
    made, refused = read(records.values, _event)
    outcome.refused += refused
    rows: list[Row] = []
    for record, event in enumerate(made):
        if event is None:
            continue
        if event.events is not None:
            _sort_delivery(record, event.events, outcome)
        elif event.type in ("message", "messageEdited"):
            _sort_message(record, event, rows, outcome)
        elif event.type == "unsend":
            _delete(record, event, outcome)
        elif not event.type:
            outcome.refuse(record, "not an event of LINE: no type")
        else:
            outcome.leave(event.type if event.type in _OTHER_EVENTS else "other event")
    return _by_row.finish(records, outcome, rows)


def _sort_delivery(record: int, events: list[msgspec.Raw], outcome: Outcome) -> None:
    if events:
        outcome.refuse(record, f"a delivery of {len(events)} events that was not split")
    else:
        outcome.leave("empty delivery")  # LINE's "Verify" button


def _sort_message(record: int, event: Event, rows: list[Row], outcome: Outcome) -> None:
    message, author = event.message, _author(event.source)
    if message is None or not message.id:
        outcome.refuse(record, f"{event.type}: no message id")
    elif message.type not in ("text", "location"):
        outcome.leave(message.type if message.type in _OTHER_MESSAGES else "other message")
    elif author is None:
        outcome.refuse(record, f"{event.type}: neither userId, groupId nor roomId")
    else:
        rows.append(_row(record, event, message, author))


def _row(record: int, event: Event, message: Message, author: str) -> Row:
    place = message.type == "location"
    described = "\n".join(part for part in (message.title, message.address) if part)
    at_us = milliseconds_us(event.timestamp)
    return {
        "record": record,
        "uid": f"line:{message.id}",
        "version": max(0, at_us) if event.type == "messageEdited" else 0,
        "kind": REPLY if message.quoted else POST,
        "author": author,
        "text": described if place else message.text,
        "said": None if event.timestamp is None else str(event.timestamp),
        "created_at_us": at_us,
        "longitude": message.longitude if place and message.latitude is not None else None,
        "latitude": message.latitude if place and message.longitude is not None else None,
        "about": f"line:{message.quoted}" if message.quoted else None,
    }


def _author(source: Source | None) -> str | None:
    """Name the author, or the group or room in which nobody is named."""
    name = source and (source.user or source.group or source.room)
    return f"line:{name}" if name else None


def _delete(record: int, event: Event, outcome: Outcome) -> None:
    name = event.unsend and event.unsend.message
    if not name:
        outcome.refuse(record, "unsend: no messageId")
        return
    at_us = milliseconds_us(event.timestamp)
    outcome.delete(record, (f"line:{name}", 0), _author(event.source), (FINAL, 0 if at_us == UNKNOWN_US else at_us))


EXAMPLE = [
    b'{"type":"message","message":{"id":"585000000000000001","type":"text","quoteToken":"q1","text":"Hail in Perth"},'
    b'"webhookEventId":"01KE6ZR8000000000000000001","deliveryContext":{"isRedelivery":false},"timestamp":1799143200000,'
    b'"source":{"type":"user","userId":"U00000000000000000000000000000001"},"mode":"active","replyToken":"r1"}',
    b'{"type":"unsend","unsend":{"messageId":"585000000000000001"},"webhookEventId":"01KE6ZR8000000000000000002",'
    b'"deliveryContext":{"isRedelivery":false},"timestamp":1799143260000,'
    b'"source":{"type":"user","userId":"U00000000000000000000000000000001"},"mode":"active"}',
]

FORMAT = Format(network="line", recognises=recognises, decode=decode, split=split, page=PAGE, example=EXAMPLE)
