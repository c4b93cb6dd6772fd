"""Events of Bluesky's Jetstream, in the shapes of `/subscribe` (v1) and of `subscribeEvents` (v2).

The facts come from the documentation and lexicons of bluesky-social/jetstream and the AT Protocol's specifications
(record keys, TIDs). A revision is a TID, so it orders everything that happened to a record; a record that was deleted
may be made again under the same name, and deletes therefore have a revision too.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _rows
from lapwing.formats._jetstream_commits import (
    OTHER_COLLECTIONS,
    POST,
    POST_COLLECTION,
    QUOTE,
    REPLY,
    REPOST,
    REPOST_COLLECTION,
    read_commits,
)
from lapwing.formats._reading import AT_ONCE, UNREADABLE, read
from lapwing.formats._rows import Columns, Outcome, completed, refused_at
from lapwing.formats._times import instant_us, instants_us, tids_us
from lapwing.model import Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""

_OPERATIONS = ("create", "update", "delete")
_GONE = ("deleted", "takendown")
_COUNTED = ("identity", "sync", "info")
"""Kinds of events that are counted under their own names; there may be more some day."""
_GATHERED = ("record", "uid", "key", "version", "kind", "author", "text", "lang", "about", "said")


class Reference(msgspec.Struct, gc=False):
    """A link to a record; a quote with pictures has one more around it."""

    uri: str | None = None
    record: Reference | None = None


class Reply(msgspec.Struct, gc=False):
    parent: Reference | None = None


class Embed(msgspec.Struct, gc=False):
    record: Reference | None = None


class Record(msgspec.Struct, gc=False):
    """A post or a repost."""

    createdAt: str | None = None  # noqa: N815  # the protocol's name
    text: str | None = None
    langs: list[str] | None = None
    reply: Reply | None = None
    embed: Embed | None = None
    subject: Reference | None = None


class Commit(msgspec.Struct, gc=False):
    rev: str | None = None
    operation: str | None = None
    collection: str | None = None
    rkey: str | None = None
    record: msgspec.Raw = ABSENT


class Account(msgspec.Struct, gc=False):
    active: bool | None = None
    status: str | None = None


class Payload(msgspec.Struct, gc=False):
    """What is inside a message of v2."""

    type: str | None = msgspec.field(name="$type", default=None)
    did: str | None = None
    time: str | None = None
    rev: str | None = None
    operation: str | None = None
    collection: str | None = None
    rkey: str | None = None
    record: msgspec.Raw = ABSENT
    account: Account | None = None


class Event(msgspec.Struct, gc=False):
    """A line of either generation."""

    did: str | None = None
    time_us: int | None = None
    kind: str | None = None
    commit: Commit | None = None
    account: Account | None = None
    type: str | None = msgspec.field(name="$type", default=None)
    payload: Payload | None = None
    error: str | None = None


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell Jetstream's events from everything else."""

    did: msgspec.Raw = ABSENT
    kind: msgspec.Raw = ABSENT
    time_us: msgspec.Raw = ABSENT
    type: msgspec.Raw = msgspec.field(name="$type", default=ABSENT)
    payload: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(Event).decode
_decode_record = msgspec.json.Decoder(Record).decode
_probe = msgspec.json.Decoder(Probe).decode


def recognises(value: bytes) -> bool:
    """Whether a record is an event of either generation."""
    try:
        probe = _probe(value)
    except UNREADABLE:
        return False
    if probe.type is not ABSENT:
        return probe.payload is not ABSENT or probe.error is not ABSENT
    return probe.did is not ABSENT and probe.kind is not ABSENT and probe.time_us is not ABSENT


class Wanted(msgspec.Struct):
    """Commits of posts and reposts, in columns."""

    records: list[int] = []
    authors: list[str] = []
    commits: list[Commit | Payload] = []


def decode(records: Records) -> Decoded:
    """Read a batch of events: the usual ones whole columns at once, all else one by one."""
    outcome = Outcome()
    read_at_once = read_commits(records.values, outcome)
    if read_at_once is None:
        return _one_by_one(records)
    columns, rest = read_at_once
    whole = _rows.finish(records, outcome, columns, columns["said"], sound=True)
    return completed(whole, records, rest, _one_by_one)


def _one_by_one(records: Records) -> Decoded:
    """Read any events."""
    outcome = Outcome()
    columns: Columns = {name: [] for name in _GATHERED}
    for start in range(0, len(records.values), AT_ONCE):
        some = _columns(_kept(records.values[start : start + AT_ONCE], start, outcome))
        for name, values in some.items():
            columns[name] += values
    outcome.changes.sort(key=lambda change: change.name is not None)  # those of authors come first
    columns |= {"uid_time_us": tids_us(columns["key"]), "created_at_us": instants_us(columns["said"])}
    return _rows.finish(records, outcome, columns, columns["said"])


def _kept(values: Sequence[bytes], start: int, outcome: Outcome) -> Kept:
    """Read some events, the first of which is at `start`, and keep the posts that were made or changed."""
    events, refused = read(values, _decode)
    outcome.refused += refused_at(range(start, start + len(values)), refused)
    wanted = Wanted()
    places = wanted, outcome
    for record, event in enumerate(events, start):
        if event is None:
            continue
        message = event.payload is not None or event.type is not None
        if event.commit is not None and event.kind == "commit" and event.did and not message:
            _sort_commit(record, event.did, event.commit, places)  # as `_sort` would, nearly always
        else:
            _sort(record, event, wanted, outcome)
    revisions = tids_us([commit.rev or "" for commit in wanted.commits]).tolist()
    _add_deletes(wanted, revisions, outcome)
    return _with_records(wanted, revisions, outcome)


def _sort(record: int, event: Event, wanted: Wanted, outcome: Outcome) -> None:
    """Find the commits of posts; put everything else where it belongs."""
    if event.payload is not None or event.type is not None:
        _sort_message(record, event, wanted, outcome)
    elif not event.did or event.kind is None:
        outcome.refuse(record, "not a Jetstream event: no did or no kind")
    elif event.kind == "commit" and event.commit is not None:
        _sort_commit(record, event.did, event.commit, (wanted, outcome))
    elif event.kind == "account" and event.account is not None:
        _sort_account(record, event.did, (event.account, event.time_us), outcome)
    elif event.kind in ("commit", "account"):
        outcome.refuse(record, f"{event.kind} without content")
    else:
        outcome.leave(event.kind if event.kind in _COUNTED else "other kind")


def _sort_message(record: int, event: Event, wanted: Wanted, outcome: Outcome) -> None:
    payload = event.payload
    if payload is None:
        if event.error is not None:
            outcome.leave(f"stream error: {event.error}")
        else:
            outcome.refuse(record, "not a Jetstream event: no payload")
        return
    kind = (payload.type or "").rpartition("#")[2]
    if kind == "commit" and payload.did:
        _sort_commit(record, payload.did, payload, (wanted, outcome))
    elif kind == "account" and payload.did and payload.account is not None:
        _sort_account(record, payload.did, (payload.account, instant_us(payload.time)), outcome)
    elif kind in ("commit", "account", ""):
        outcome.refuse(record, f"{kind or 'message'} without content")
    else:
        outcome.leave(kind if kind in _COUNTED else "other kind")


def _sort_commit(record: int, did: str, commit: Commit | Payload, places: tuple[Wanted, Outcome]) -> None:
    wanted, outcome = places
    if commit.collection not in (POST_COLLECTION, REPOST_COLLECTION):
        if commit.collection:
            outcome.leave(OTHER_COLLECTIONS.get(commit.collection, "other collection"))
        else:
            outcome.refuse(record, "no collection")
    elif not commit.rkey:
        outcome.refuse(record, "no rkey")
    elif commit.operation not in _OPERATIONS:
        outcome.refuse(record, f"operation {str(commit.operation)[:40]!r} is unknown")
    else:
        wanted.records.append(record)
        wanted.authors.append(did)
        wanted.commits.append(commit)


def _sort_account(record: int, did: str, what: tuple[Account, int | None], outcome: Outcome) -> None:
    account, at_us = what
    if account.active is None:
        outcome.refuse(record, "account: whether it is active is not said")
    elif at_us is None or not 0 < at_us < 1 << 62:
        outcome.refuse(record, "account: no time")
    else:
        gone = "author_delete" if account.status in _GONE else "author_hide"
        outcome.change_author(record, "author_show" if account.active else gone, did, at_us)


def _uri(did: str, commit: Commit | Payload) -> str:
    return f"at://{did}/{commit.collection}/{commit.rkey}"


def _add_deletes(wanted: Wanted, revisions: list[int], outcome: Outcome) -> None:
    rows = [row for row, commit in enumerate(wanted.commits) if commit.operation == "delete"]
    times = tids_us([wanted.commits[row].rkey or "" for row in rows]).tolist()
    for row, name_time_us in zip(rows, times, strict=True):
        commit, version = wanted.commits[row], revisions[row]
        if not version:
            outcome.refuse(wanted.records[row], _bad_revision(commit))
            continue
        name = _uri(wanted.authors[row], commit)
        outcome.delete(wanted.records[row], (name, name_time_us), wanted.authors[row], (version, version))


def _bad_revision(commit: Commit | Payload) -> str:
    return f"rev {commit.rev[:40]!r} is not a TID" if commit.rev else "no rev"


class Kept(msgspec.Struct):
    """Posts and reposts that were made or changed, in columns."""

    records: list[int]
    authors: list[str]
    commits: list[Commit | Payload]
    versions: list[int]
    contents: list[Record]


def _with_records(wanted: Wanted, revisions: list[int], outcome: Outcome) -> Kept:
    """Read what is inside the commits; this is done late, as other collections put there what they like."""
    rows = []
    for row, commit in enumerate(wanted.commits):
        if commit.operation == "delete":
            continue
        if not revisions[row]:
            outcome.refuse(wanted.records[row], _bad_revision(commit))
        elif commit.record is ABSENT:
            outcome.refuse(wanted.records[row], f"{commit.operation} without record")
        else:
            rows.append(row)
    contents, refused = read([wanted.commits[row].record for row in rows], _decode_record)
    for each in refused:
        outcome.refuse(wanted.records[rows[each.record]], f"record: {each.reason}")
    if len(rows) == len(wanted.commits) and not refused:
        return Kept(wanted.records, wanted.authors, wanted.commits, revisions, contents)  # type: ignore[arg-type]  # none is None
    there = [(row, content) for row, content in zip(rows, contents, strict=True) if content is not None]
    return Kept(
        [wanted.records[row] for row, _ in there],
        [wanted.authors[row] for row, _ in there],
        [wanted.commits[row] for row, _ in there],
        [revisions[row] for row, _ in there],
        [content for _, content in there],
    )


def _columns(kept: Kept) -> Columns:
    height = len(kept.records)
    columns: Columns = {
        "record": kept.records,
        "uid": [
            f"at://{did}/{commit.collection}/{commit.rkey}"  # as `_uri`, without a call
            for did, commit in zip(kept.authors, kept.commits, strict=True)
        ],
        "key": [commit.rkey or "" for commit in kept.commits],
        "version": kept.versions,
        "kind": [POST] * height,
        "author": kept.authors,
        "text": [content.text for content in kept.contents],
        "lang": [content.langs[0] if content.langs else None for content in kept.contents],
        "about": [None] * height,
        "said": [content.createdAt for content in kept.contents],
    }
    linked = [
        (row, content)
        for row, content in enumerate(kept.contents)
        if content.embed is not None or content.reply is not None or kept.commits[row].collection == REPOST_COLLECTION
    ]
    for row, content in linked:
        quoted = content.embed and _quoted(content.embed)
        if kept.commits[row].collection == REPOST_COLLECTION:
            columns["kind"][row], columns["text"][row] = REPOST, ""
            columns["about"][row] = content.subject and content.subject.uri
        elif quoted:
            columns["kind"][row], columns["about"][row] = QUOTE, quoted
        elif content.reply is not None:
            columns["kind"][row], columns["about"][row] = REPLY, content.reply.parent and content.reply.parent.uri
    return columns


def _quoted(embed: Embed) -> str | None:
    """Give the uri of the post that is quoted; lists and feeds can be embedded too."""
    if embed.record is None:
        return None
    uri = embed.record.uri or (embed.record.record and embed.record.record.uri)
    return uri if uri and f"/{POST_COLLECTION}/" in uri else None


EXAMPLE = [
    b'{"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa","time_us":1799143200000000,"kind":"commit","commit":{'
    b'"rev":"3mbqsdkr7cc22","operation":"create","collection":"app.bsky.feed.post","rkey":"3mbqsdkr7b222",'
    b'"record":{"$type":"app.bsky.feed.post","createdAt":"2026-01-05T10:00:00.000Z","langs":["en"],'
    b'"text":"Hail in Perth"},"cid":"bafyexample"}}',
    b'{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#account","seq":7,'
    b'"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa","time":"2027-01-05T10:00:00.123456Z","account":{"active":true}}}',
]

FORMAT = Format(network="bluesky", recognises=recognises, decode=decode, example=EXAMPLE)
