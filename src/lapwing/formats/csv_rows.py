"""Rows of tables of posts, each as a JSON object of its header's names: `{"tweet_id": "1", "text": "…"}`.

There is no protocol: what a column means is guessed from its name, in the order of `NAMES`. `containers.cutting` makes
the objects, so that a row in the log still says what it is. Rows whose ids are X's (a column called tweet or status, or
a source of the network x) get X's uids, so that they meet the same posts from elsewhere; addresses are uids already;
every other id gets the name of its source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import numpy as np

from lapwing.contracts import Format
from lapwing.formats import _rows
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Columns, Outcome
from lapwing.formats._times import UNKNOWN_US, instant_us, old_instants_us, snowflake_us, tids_us
from lapwing.model import Decoded, Records

NAMES: dict[str, tuple[str, ...]] = {
    "uid": ("uid", "uri", "tweet_id", "tweetid", "status_id", "post_id", "message_id", "id_str", "id"),
    "text": ("text", "full_text", "tweet_text", "tweet", "message", "content", "body", "post", "status"),
    "created_at": (
        "created_at", "created", "createdat", "tweet_created_at", "timestamp", "datetime", "date_time", "date", "time",
        "posted_at", "published_at",
    ),
    "author": ("author_id", "user_id", "user_id_str", "author", "user", "username", "screen_name"),
    "author_name": ("author_name", "screen_name", "username", "user_screen_name", "user_name", "handle", "user", "name"),
    "lang": ("lang", "language", "tweet_lang"),
    "longitude": ("longitude", "lon", "lng", "long", "x"),
    "latitude": ("latitude", "lat", "y"),
    "place_name": ("place_name", "place_full_name", "place", "full_name", "city"),
    "place_country": ("country_code", "place_country", "place_country_code", "country"),
    "profile": ("user_location", "author_location", "location", "profile"),
    "url": ("url", "link", "permalink"),
}  # fmt: skip
"""What a column may be called, after `_plain`, the surest name first."""

PROBLEM = "csv_problem"
"""The name under which the container says that a row does not fit its header."""

Cell = str | int | float | bool | None
_decode = msgspec.json.Decoder(dict[str, Cell]).decode
_SEPARATORS = re.compile(r"[^0-9a-z]+")
_SECOND_US = 1_000_000
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?")
_MILLISECONDS = re.compile(r"\d{12,13}")


def recognises(value: bytes) -> bool:
    """Whether a record is a flat object of texts with an id and a text among them."""
    try:
        row = _decode(value)
    except UNREADABLE:
        return False
    if not all(cell is None or isinstance(cell, str) for cell in row.values()):
        return False
    plain = {_plain(name) for name in row}
    return PROBLEM in plain or (not plain.isdisjoint(NAMES["uid"]) and not plain.isdisjoint(NAMES["text"]))


def _plain(name: str) -> str:
    """Write a header's name in small letters with underscores: ``Tweet ID`` is ``tweet_id``."""
    return _SEPARATORS.sub("_", name.strip().lower()).strip("_")


def decode(records: Records) -> Decoded:
    """Read a batch of rows."""
    outcome = Outcome()
    made, refused = read(records.values, _decode)
    outcome.refused += refused
    guesses: dict[tuple[str, ...], dict[str, str]] = {}
    rows: list[dict[str, str | None]] = []
    kept: list[int] = []
    for record, cells in enumerate(made):
        if cells is None:
            continue
        header = tuple(cells)
        guess = guesses.get(header) or guesses.setdefault(header, _guess(header))
        row = _row(cells, guess, records)
        if (reason := _why_not(cells, row)) is not None:
            outcome.refuse(record, reason)
        else:
            rows.append(row)
            kept.append(record)
    said = [row["created_at"] for row in rows]
    columns = {"record": kept} | _columns(rows) | _times(rows)
    return _rows.finish(records, outcome, columns, said)


def _guess(header: tuple[str, ...]) -> dict[str, str]:
    """Choose a column for each thing that a post has."""
    plain = {_plain(name): name for name in reversed(header)}
    chosen = {what: next((plain[name] for name in names if name in plain), None) for what, names in NAMES.items()}
    return {what: name for what, name in chosen.items() if name is not None}


def _row(cells: Mapping[str, Cell], guess: Mapping[str, str], records: Records) -> dict[str, str | None]:
    """Give a row under our own names, with global ids."""
    row: dict[str, str | None] = {what: _cell(cells.get(guess[what])) if what in guess else None for what in NAMES}
    theirs = _plain(guess.get("uid", "")).startswith(("tweet", "status")) or records.network == "x"
    prefix = "x:" if theirs else f"{records.source}/"
    for what in ("uid", "author"):
        name = row[what]
        if name and "://" not in name and not name.startswith(("x:", "did:")):
            row[what] = prefix + name
    return row


def _cell(cell: Cell) -> str | None:
    return None if cell is None or cell == "" else str(cell).strip()


def _why_not(cells: Mapping[str, Cell], row: Mapping[str, str | None]) -> str | None:
    if PROBLEM in cells:
        return f"not a row of the table: {cells[PROBLEM]}"[:200]
    if not row["uid"]:
        return f"no id among the columns {', '.join(cells)}"[:200]
    if row["text"] is None:
        return f"no text among the columns {', '.join(cells)}"[:200]
    if row["longitude"] and row["latitude"] and (_number(row["longitude"]) is None or _number(row["latitude"]) is None):
        return f"coordinates {row['longitude']!r}, {row['latitude']!r} are not numbers"[:200]
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _columns(rows: list[dict[str, str | None]]) -> Columns:
    copied = ("uid", "author_name", "text", "lang", "place_name", "profile", "url")
    columns: Columns = {name: [row[name] for row in rows] for name in copied}
    countries = [row["place_country"] for row in rows]
    columns["place_country"] = [each.upper() if each and len(each) == 2 else None for each in countries]
    columns["author"] = [row["author"] or "" for row in rows]
    points = [(_number(row["longitude"]), _number(row["latitude"])) for row in rows]
    points = [point if None not in point else (None, None) for point in points]
    return columns | {"longitude": [point[0] for point in points], "latitude": [point[1] for point in points]}


def _times(rows: list[dict[str, str | None]]) -> Columns:
    """Times as texts or as seconds or milliseconds since 1970, or else those in the ids."""
    said = [row["created_at"] for row in rows]
    created = old_instants_us(said)
    for i in np.flatnonzero(created == UNKNOWN_US).tolist():
        created[i] = _unix_us(said[i])
    names = [row["uid"] or "" for row in rows]
    uid_times = created - created % _SECOND_US
    keyed = tids_us([name.rpartition("/")[2] for name in names])
    for i, name in enumerate(names):
        if name.startswith("x:"):
            uid_times[i] = snowflake_us(name[2:])
        elif name.startswith("at://"):
            uid_times[i] = keyed[i]
        if said[i] is None and name.startswith(("x:", "at://")) and uid_times[i]:
            created[i] = uid_times[i]
    return {"created_at_us": created, "uid_time_us": uid_times}


def _unix_us(text: str | None) -> int:
    if text and _SECONDS.fullmatch(text):
        return round(float(text) * _SECOND_US)
    if text and _MILLISECONDS.fullmatch(text):
        return int(text) * 1000
    known = instant_us(text.replace("/", "-")) if text else None
    return UNKNOWN_US if known is None else known


EXAMPLE = [
    b'{"Tweet ID":"2140000000000000001","Text":"Hail in Perth","created_at":"2027-01-05T10:00:00Z","user":"ada"}',
    b'{"id":"17","message":"Water in the street","date":"2027-01-05 10:00:00","lat":"-31.95","lon":"115.86"}',
]

FORMAT = Format(network="", recognises=recognises, decode=decode, example=EXAMPLE)
