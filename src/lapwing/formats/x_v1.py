"""Tweets of X's API v1.1, whose streams are closed and whose archives live on.

The facts come from the archived v1.1 documentation. `coordinates` are [longitude, latitude], the older `geo` is
[latitude, longitude]; a truncated tweet has its whole text in `extended_tweet`; a retweet carries the whole original.
"""

from __future__ import annotations

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _x_posts
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Columns, Outcome
from lapwing.formats._times import old_instants_us, snowflake_us, snowflakes_us
from lapwing.formats._x_posts import (
    POST,
    QUOTE,
    REPLY,
    REPOST,
    blank,
    identify,
    middle,
    set_place,
    set_point,
    without_problems,
)
from lapwing.model import FINAL, Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""


class Words(msgspec.Struct, gc=False):
    full_text: str | None = None


class Point(msgspec.Struct, gc=False):
    coordinates: list[float] | None = None


class Polygon(msgspec.Struct, gc=False):
    coordinates: list[list[list[float]]] | None = None


class Place(msgspec.Struct, gc=False):
    full_name: str | None = None
    country_code: str | None = None
    bounding_box: Polygon | None = None


class User(msgspec.Struct, gc=False):
    id: int | None = None
    id_str: str | None = None
    screen_name: str | None = None
    location: str | None = None


class Original(msgspec.Struct, gc=False):
    """The tweet that was retweeted."""

    id: int | None = None
    id_str: str | None = None
    text: str | None = None
    full_text: str | None = None
    extended_tweet: Words | None = None


class Deleted(msgspec.Struct, gc=False):
    id: int | None = None
    id_str: str | None = None
    user_id: int | None = None
    user_id_str: str | None = None


class Delete(msgspec.Struct, gc=False):
    status: Deleted | None = None
    timestamp_ms: str | None = None


class Status(msgspec.Struct, gc=False):
    created_at: str | None = None
    id: int | None = None
    id_str: str | None = None
    text: str | None = None
    in_reply_to_status_id_str: str | None = None
    user: User | None = None
    geo: Point | None = None
    coordinates: Point | None = None
    place: Place | None = None
    retweeted_status: Original | None = None
    quoted_status_id_str: str | None = None
    lang: str | None = None
    full_text: str | None = None
    extended_tweet: Words | None = None
    in_reply_to_status_id: int | None = None
    quoted_status_id: int | None = None
    delete: Delete | None = None


class Probe(msgspec.Struct, gc=False):
    """Just enough to tell tweets and control lines from everything else."""

    id: msgspec.Raw = ABSENT
    id_str: msgspec.Raw = ABSENT
    user: msgspec.Raw = ABSENT
    text: msgspec.Raw = ABSENT
    full_text: msgspec.Raw = ABSENT
    created_at: msgspec.Raw = ABSENT
    delete: msgspec.Raw = ABSENT
    limit: msgspec.Raw = ABSENT
    warning: msgspec.Raw = ABSENT
    disconnect: msgspec.Raw = ABSENT
    scrub_geo: msgspec.Raw = ABSENT
    status_withheld: msgspec.Raw = ABSENT
    user_withheld: msgspec.Raw = ABSENT


CONTROLS = ("limit", "warning", "disconnect", "scrub_geo", "status_withheld", "user_withheld")
"""Lines of the stream that are not about one tweet that could be kept."""

_decode = msgspec.json.Decoder(Status).decode
_probe = msgspec.json.Decoder(Probe).decode


def recognises(value: bytes) -> bool:
    """Whether a record is a tweet, a delete or a control line of the API v1.1."""
    try:
        probe = _probe(value)
    except UNREADABLE:
        return False
    if probe.delete is not ABSENT or _control(probe) is not None:
        return True
    named = probe.id is not ABSENT or probe.id_str is not ABSENT
    worded = probe.text is not ABSENT or probe.full_text is not ABSENT
    return named and worded and probe.user is not ABSENT and probe.created_at is not ABSENT


def _control(probe: Probe) -> str | None:
    return next((name for name in CONTROLS if getattr(probe, name) is not ABSENT), None)


def decode(records: Records) -> Decoded:
    """Read a batch of tweets and control lines."""
    outcome = Outcome()
    made, refused = read(records.values, _decode)
    outcome.refused += refused
    found = [(i, status) for i, status in enumerate(made) if status is not None]
    ids = identify([status.id_str or status.id for _, status in found])
    for row, reason in ids.problems.items():
        record, status = found[row]
        _sort_other(record, status, records.values[record], outcome, reason)
    if ids.problems:
        rows, ids = without_problems(ids)
        found = [found[row] for row in rows]
    statuses = [status for _, status in found]
    said = [status.created_at for status in statuses]
    columns = _columns(statuses) | {"record": [i for i, _ in found], "uid": ids.names}
    columns |= {"uid_time_us": snowflakes_us(ids.numbers), "created_at_us": old_instants_us(said)}
    return _x_posts.finish(records, outcome, columns, said)


def _sort_other(record: int, status: Status, value: bytes, outcome: Outcome, reason: str) -> None:
    """Put a line without a usable id where it belongs."""
    control = _control(_probe(value))
    if status.delete is not None:
        _delete(record, status.delete, outcome)
    elif status.id is None and status.id_str is None and control is not None:
        outcome.leave(control)
    else:
        outcome.refuse(record, reason)


def _delete(record: int, delete: Delete, outcome: Outcome) -> None:
    gone = delete.status or Deleted()
    name = gone.id_str or (gone.id and str(gone.id))
    if not name:
        outcome.refuse(record, "delete: no id")
        return
    author = gone.user_id_str or (gone.user_id and str(gone.user_id))
    stamp = delete.timestamp_ms or "0"
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        outcome.refuse(record, f"delete: timestamp_ms {stamp[:40]!r} is not a time")
        return
    when = (FINAL, int(stamp) * 1000)
    outcome.delete(record, (f"x:{name}", snowflake_us(name)), f"x:{author}" if author else None, when)


def _columns(statuses: list[Status]) -> Columns:
    users = [status.user or User() for status in statuses]
    columns: Columns = {
        "kind": [POST] * len(statuses),
        "author": [user.id_str or (str(user.id) if user.id is not None else None) for user in users],
        "author_name": [user.screen_name for user in users],
        "profile": [user.location or None for user in users],
        "text": [_text(status) for status in statuses],
        "lang": [status.lang for status in statuses],
        "about": [None] * len(statuses),
    }
    _add_references(columns, statuses)
    _add_places(columns, statuses)
    return columns


def _text(status: Status | Original) -> str | None:
    if status.extended_tweet is not None and status.extended_tweet.full_text:
        return status.extended_tweet.full_text
    return status.text if status.full_text is None else status.full_text


def _add_references(columns: Columns, statuses: list[Status]) -> None:
    for row, status in enumerate(statuses):
        original = status.retweeted_status
        if original is not None:
            columns["text"][row] = _text(original) or columns["text"][row]
            kind, about = REPOST, original.id_str or original.id
        elif (about := status.quoted_status_id_str or status.quoted_status_id) is not None:
            kind = QUOTE
        elif (about := status.in_reply_to_status_id_str or status.in_reply_to_status_id) is not None:
            kind = REPLY
        else:
            continue
        columns["kind"][row] = kind
        columns["about"][row] = None if about is None else str(about)


def _add_places(columns: Columns, statuses: list[Status]) -> None:
    there = [
        (row, status)
        for row, status in enumerate(statuses)
        if status.place is not None or status.coordinates is not None or status.geo is not None
    ]
    if not there:
        return
    names = ("longitude", "latitude", "place_name", "place_country", "place_longitude", "place_latitude")
    columns |= blank(len(statuses), names)
    for row, status in there:
        if status.coordinates is not None:
            set_point(columns, row, "", status.coordinates.coordinates)
        elif status.geo is not None and status.geo.coordinates is not None:
            set_point(columns, row, "", status.geo.coordinates[1::-1])  # the old field is [latitude, longitude]
        if status.place is not None:
            set_place(columns, row, status.place.full_name, status.place.country_code)
            set_point(columns, row, "place_", _middle(status.place.bounding_box))


def _middle(polygon: Polygon | None) -> tuple[float, float] | None:
    corners = [corner for ring in (polygon and polygon.coordinates) or [] for corner in ring if len(corner) >= 2]
    if not corners:
        return None
    longitudes, latitudes = [corner[0] for corner in corners], [corner[1] for corner in corners]
    return middle([min(longitudes), min(latitudes), max(longitudes), max(latitudes)])


EXAMPLE = [
    b'{"created_at":"Tue Jan 05 10:00:00 +0000 2027","id":2140000000000000001,"id_str":"2140000000000000001",'
    b'"text":"Bridge closed &amp; no bus","user":{"id_str":"77","screen_name":"ada_example","location":"Perth"},'
    b'"coordinates":{"type":"Point","coordinates":[115.86,-31.95]},"lang":"en"}',
    b'{"delete":{"status":{"id_str":"2140000000000000001","user_id_str":"77"},"timestamp_ms":"1799143800000"}}',
]

FORMAT = Format(network="x", recognises=recognises, decode=decode, example=EXAMPLE)
