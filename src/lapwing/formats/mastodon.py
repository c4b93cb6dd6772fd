"""Statuses of Mastodon and what speaks its API, from timelines and from the streams.

The facts come from Mastodon's documentation of the Status entity and of streaming, and for the shape of ids from its
source (milliseconds above 16 bits). A stream's event is `{"event": …, "payload": …}`, the payload a status, the same
as text, or a bare id. An id means something only on its server, so the alias is the server's name, `/`, the id.

A source that hears servers wraps everything that they say, statuses of a timeline too, so that it is known which server
says it: `{"event": "update", "host": "mastodon.au", "payload": "{\\"id\\":…}"}`, with the payload as text, whatever is in
it, so that no server can write the other fields. Without `host`, the name of the source stands for the server.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import numpy as np

from lapwing.contracts import Format
from lapwing.formats import _rows
from lapwing.formats._html import plain_text
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Columns, Outcome, refused_at
from lapwing.formats._times import UNKNOWN_US, instant_us, instants_us, mastodon_id_us
from lapwing.model import FINAL, KINDS, Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""

POST, REPLY, QUOTE, REPOST = (KINDS.index(kind) for kind in ("post", "reply", "quote", "repost"))
SHOWN_TO_ALL = ("public", "unlisted", None)

_SECOND_US = 1_000_000
_COUNTED = {
    "notification", "notifications_merged", "filters_changed", "conversation", "announcement", "announcement.reaction",
    "announcement.delete",
}  # fmt: skip
"""Events that are counted under their own names; servers may invent more."""
_HOME_FIELDS = {
    "location", "where", "city", "town", "place", "based in", "lives in", "living in", "home", "ort", "wohnort",
    "stadt", "standort", "lieu", "ville", "ubicación", "ciudad", "lugar", "localização", "cidade", "luogo", "città",
    "plaats", "woonplaats", "lokasi", "場所", "所在地", "居住地",
}  # fmt: skip
"""What people call the row of their profile that says where they live."""


class Field(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | None = None


class Account(msgspec.Struct, gc=False):
    acct: str | None = None
    url: str | None = None
    uri: str | None = None
    fields: list[Field] | None = None


class Named(msgspec.Struct, gc=False):
    """Another status, of which only the uri matters."""

    uri: str | None = None


class Quote(msgspec.Struct, gc=False):
    quoted_status: Named | None = None


class Reblog(msgspec.Struct, gc=False):
    """The status that was boosted."""

    uri: str | None = None
    content: str | None = None
    spoiler_text: str | None = None
    language: str | None = None


class Status(msgspec.Struct, gc=False):
    """A status, or an event of the stream that holds one."""

    id: str | int | None = None
    created_at: str | None = None
    in_reply_to_id: str | int | None = None
    spoiler_text: str | None = None
    visibility: str | None = None
    language: str | None = None
    uri: str | None = None
    url: str | None = None
    edited_at: str | None = None
    content: str | None = None
    reblog: Reblog | None = None
    account: Account | None = None
    quote: Quote | None = None
    event: str | None = None
    payload: msgspec.Raw = ABSENT
    host: str | None = None
    error: str | None = None


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell statuses and events from everything else."""

    uri: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    account: msgspec.Raw = ABSENT
    event: msgspec.Raw = ABSENT
    payload: msgspec.Raw = ABSENT
    stream: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(Status).decode
_probe = msgspec.json.Decoder(Probe).decode
_text = msgspec.json.Decoder(str).decode


def recognises(value: bytes) -> bool:
    """Whether a record is a status, or an event of the stream."""
    try:
        probe = _probe(value)
    except UNREADABLE:
        return False
    if probe.event is not ABSENT:
        return probe.payload is not ABSENT or probe.stream is not ABSENT
    return probe.uri is not ABSENT and probe.content is not ABSENT and probe.account is not ABSENT


def decode(records: Records) -> Decoded:
    """Read a batch of statuses and events."""
    outcome = Outcome()
    made, refused = read(records.values, _decode)
    outcome.refused += refused
    _open_events(made, records.source, outcome)
    found: list[tuple[int, Status]] = []
    for record, status in enumerate(made):
        if status is None:
            continue
        if (reason := _why_not(status)) is not None:
            outcome.refuse(record, reason)
        elif status.visibility not in SHOWN_TO_ALL:
            outcome.leave("not public")
        else:
            found.append((record, status))
    statuses = [status for _, status in found]
    said = [status.created_at for status in statuses]
    columns = _columns(statuses, records.source, [record for record, _ in found])
    return _rows.finish(records, outcome, columns | _times(statuses), said)


def _open_events(made: list[Status | None], source: str, outcome: Outcome) -> None:
    """Put the status of each event in its place, and everything else that a stream sends where it belongs."""
    records: list[int] = []
    payloads: list[bytes] = []
    hosts: list[str | None] = []
    for record, status in enumerate(made):
        if status is None or (status.event is None and status.error is None):
            continue
        made[record] = None
        payload = bytes(status.payload)
        if status.event == "delete":
            _delete(record, payload, _server(status, source), outcome)
        elif status.event in ("update", "status.update"):
            records.append(record)
            payloads.append(_unwrapped(payload))
            hosts.append(status.host)
        elif status.event:
            outcome.leave(status.event if status.event in _COUNTED else "other event")
        else:
            outcome.leave("stream error")
    opened, refused = read(payloads, _decode)
    outcome.refused += refused_at(records, refused)
    for record, host, status in zip(records, hosts, opened, strict=True):
        if status is not None:
            status.host = host  # and not what the server wrote into the status
        made[record] = status


def _server(status: Status, source: str) -> str:
    """Name the server on which ids mean something."""
    return status.host.lower() if status.host else source


def _unwrapped(payload: bytes) -> bytes:
    """Take a status out of the text that it is in, on a socket; what is no text is left to be refused."""
    if payload[:1] != b'"':
        return payload
    try:
        return _text(payload).encode()
    except UNREADABLE:
        return payload


def _delete(record: int, payload: bytes, server: str, outcome: Outcome) -> None:
    name = payload.strip(b' "').decode("utf-8", "replace")
    if not name or "{" in name:
        outcome.refuse(record, "delete: no id")
        return
    outcome.delete(record, (f"{server}/{name}", mastodon_id_us(name)), None, (FINAL, 0))


def _why_not(status: Status) -> str | None:
    if not status.uri:
        return "not a Mastodon status: no uri (names are written like created_at, not createdAt)"
    if status.account is None or not (status.account.uri or status.account.url or status.account.acct):
        return "no account"
    if status.edited_at is not None and instant_us(status.edited_at) is None:
        return f"edited_at {status.edited_at[:60]!r} is not a date"
    if status.content is None and status.reblog is None:
        return "no content"
    return None


def _columns(statuses: list[Status], source: str, records: list[int]) -> Columns:
    ids = ["" if status.id is None else str(status.id) for status in statuses]
    columns: Columns = {
        "record": records,
        "uid": [status.uri for status in statuses],
        "kind": [POST] * len(statuses),
        "author": [_author(status) for status in statuses],
        "author_name": [status.account and status.account.acct for status in statuses],
        "text": [_words(status.content, status.spoiler_text) for status in statuses],
        "lang": [status.language or None for status in statuses],
        "profile": [_home(status.account) for status in statuses],
        "url": [status.url for status in statuses],
        "alias": [
            f"{_server(status, source)}/{name}" if name else None for status, name in zip(statuses, ids, strict=True)
        ],
        "alias_time_us": [mastodon_id_us(name) for name in ids],
        "about": [None] * len(statuses),
    }
    for row, status in enumerate(statuses):
        if status.reblog is not None:
            _set(columns, row, REPOST, status.reblog.uri)
            columns["text"][row] = _words(status.reblog.content, status.reblog.spoiler_text)
            columns["lang"][row] = status.reblog.language or columns["lang"][row]
        elif status.quote is not None:
            quoted = status.quote.quoted_status
            _set(columns, row, QUOTE, None if quoted is None else quoted.uri)
        elif status.in_reply_to_id is not None:
            _set(columns, row, REPLY, None)  # the id means something only on that server, and is no uid
    return columns


def _set(columns: Columns, row: int, kind: int, about: str | None) -> None:
    columns["kind"][row], columns["about"][row] = kind, about


def _times(statuses: list[Status]) -> Columns:
    """Give the times of a status; servers keep different parts of a second of the same one, so its uid has none."""
    created = instants_us([status.created_at for status in statuses])
    edited = instants_us([status.edited_at for status in statuses])
    return {
        "created_at_us": created,
        "uid_time_us": created - created % _SECOND_US,
        "version": np.where(edited == UNKNOWN_US, 0, edited),
    }


def _author(status: Status) -> str:
    account = status.account or Account()
    if account.uri or account.url:
        return account.uri or account.url or ""
    name = account.acct or ""
    return name if "@" in name else f"{name}@{_host(status.uri or '')}"


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _words(content: str | None, warning: str | None) -> str:
    text = plain_text(content) if content else ""
    return f"{warning}\n{text}" if warning else text


def _home(account: Account | None) -> str | None:
    for field in (account and account.fields) or ():
        if field.name and field.value and field.name.strip(" :📍🏠").casefold() in _HOME_FIELDS:
            return plain_text(field.value) or None
    return None


EXAMPLE = [
    b'{"id":"117907456000000000","created_at":"2027-01-05T10:00:00.123Z","visibility":"public","language":"en",'
    b'"uri":"https://social.example/users/ada/statuses/117907456000000000","content":"<p>Hail &amp; thunder</p>",'
    b'"account":{"acct":"ada","url":"https://social.example/@ada","uri":"https://social.example/users/ada",'
    b'"fields":[{"name":"Location","value":"Perth"}]}}',
    b'{"stream":["public"],"event":"delete","payload":"117907456000000000"}',
]

FORMAT = Format(network="mastodon", recognises=recognises, decode=decode, example=EXAMPLE)
