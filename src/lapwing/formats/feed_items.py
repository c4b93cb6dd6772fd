"""Items of RSS and entries of Atom, as the source `feeds` writes them down: one JSON object for each.

The form is our own, as a feed is one document of many items; the texts in it are the feed's, verbatim:

    {"feed": "https://news.example/rss",       the address of the feed, as it is configured; needed
     "id": "news-1",                           guid or id; without it the link, or else title and date, name the item
     "title": "…", "summary": "<p>…", "content": "<p>…",   texts, as plain text or HTML; description is the summary
     "link": "https://news.example/a/1",
     "author": "Desk", "lang": "en-au",
     "published": "Sun, 22 Nov 2026 02:50:00 GMT",         RFC 822 or RFC 3339, as the feed has it
     "updated": "2026-11-22T03:00:00Z",        the same; the greatest of an item is what stands
     "seen": "2026-11-22T03:05:00Z",           when the source first read the item: its date where the feed has none
     "georss": "-37.81 144.96",                latitude and longitude, of georss:point or geo:lat and geo:long
     "deleted": "2026-11-22T04:00:00Z",        only in a tombstone (RFC 6721), which has feed and id beside it
     "categories": ["weather"]}                always there, that the form can be told from others

The uid is `feed:` and a hash. An id that is an address (RFC 3986) means the same item in all feeds of one host, any
other id only in its own feed: a feed can therefore name no item of another host, and change none.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec

from lapwing.contracts import Format
from lapwing.formats import _by_row
from lapwing.formats._by_row import Row
from lapwing.formats._html import plain_text
from lapwing.formats._reading import UNREADABLE, read
from lapwing.formats._rows import Outcome
from lapwing.formats._times import UNKNOWN_US, instant_us
from lapwing.model import Decoded, Records

ABSENT = msgspec.Raw()
"""Stands for a field that a record does not have."""

HASH_DIGITS = 32
"""128 bits of SHA-256, in hexadecimal digits."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_POINT = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)[\s,]+(-?\d{1,3}(?:\.\d+)?)\s*")
_LANG_CHARACTERS_MAX = 35


class Item(msgspec.Struct, gc=False):
    """One item, or the tombstone of one."""

    feed: str | None = None
    id: str | None = None
    title: str | None = None
    summary: str | None = None
    content: str | None = None
    link: str | None = None
    author: str | None = None
    lang: str | None = None
    published: str | None = None
    updated: str | None = None
    seen: str | None = None
    georss: str | None = None
    deleted: str | None = None


class Probe(msgspec.Struct, gc=False):
    feed: msgspec.Raw = ABSENT
    categories: msgspec.Raw = ABSENT
    deleted: msgspec.Raw = ABSENT


_item = msgspec.json.Decoder(Item).decode
_probe = msgspec.json.Decoder(Probe).decode


def recognises(value: bytes) -> bool:
    """Whether a record is an item in the form of this file."""
    try:
        probe = _probe(value)
    except UNREADABLE:
        return False
    return bytes(probe.feed)[:5] == b'"http' and (probe.categories is not ABSENT or probe.deleted is not ABSENT)


def decode(records: Records) -> Decoded:
    """Read a batch of items."""
    outcome = Outcome()
    made, refused = read(records.values, _item)
    outcome.refused += refused
    rows: list[Row] = []
    for record, item in enumerate(made):
        if item is None:
            continue
        host = _host(item.feed)
        if not host:
            outcome.refuse(record, "not an item of a feed: no address in feed")
        elif item.deleted is not None:
            _delete(record, item, host, outcome)
        elif not (item.title or item.summary or item.content):
            outcome.refuse(record, "no title, summary or content")
        else:
            rows.append(_row(record, item, host))
    return _by_row.finish(records, outcome, rows)


def _row(record: int, item: Item, host: str) -> Row:
    dates = (item.published, item.updated, item.seen)
    readable = ((said, time_us) for said in dates if (time_us := _date_us(said)) is not None)
    said, created = next(readable, (next((said for said in dates if said), None), UNKNOWN_US))
    longitude, latitude = _point(item.georss)
    return {
        "record": record,
        "uid": _uid(item, host),
        "version": max(0, _date_us(item.updated) or 0),
        "author": f"feed:{host}/{item.author}" if item.author else f"feed:{host}",
        "author_name": item.author or host,
        "text": _words(item),
        "lang": item.lang[:_LANG_CHARACTERS_MAX] if item.lang else None,
        "said": said,
        "created_at_us": created,
        "longitude": longitude,
        "latitude": latitude,
        "url": item.link if item.link and _WEB.fullmatch(item.link) else None,
    }


def _delete(record: int, item: Item, host: str, outcome: Outcome) -> None:
    at_us = _date_us(item.deleted)
    if not item.id:
        outcome.refuse(record, "deleted: no id")
    elif at_us is None or at_us < 0:
        outcome.refuse(record, f"deleted {str(item.deleted)[:60]!r} is not a date")
    else:
        outcome.delete(record, (_uid(item, host), 0), None, (at_us, at_us))


def _uid(item: Item, host: str) -> str:
    name = item.id or item.link or f"{item.title} {item.published or item.updated or ''}"
    scope = host if _ADDRESS.fullmatch(name) else item.feed
    return "feed:" + sha256(f"{scope}\n{name}".encode()).hexdigest()[:HASH_DIGITS]


def _host(feed: str | None) -> str:
    try:
        return (urlsplit(feed or "").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _words(item: Item) -> str:
    """Title and summary; many feeds begin the summary with the title, or have nothing but the content."""
    title = plain_text(item.title) if item.title else ""
    body = plain_text(item.summary) if item.summary else ""
    if not body and item.content:
        body = plain_text(item.content)
    if not title or body.startswith(title):
        return body or title
    return f"{title}\n{body}" if body else title


def _date_us(text: str | None) -> int | None:
    """Read a date of either kind of feed; None where it is none."""
    time_us = instant_us(text.strip()) if text else None
    if time_us is not None or not text:
        return time_us
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):  # what it raises is not documented
        return None


def _point(georss: str | None) -> tuple[float | None, float | None]:
    """Longitude and latitude; an item whose point cannot be read is an item all the same."""
    found = _POINT.fullmatch(georss) if georss else None
    return (float(found[2]), float(found[1])) if found else (None, None)


EXAMPLE = [
    b'{"feed":"https://news.example/rss","id":"news-1","title":"Hail in Perth &amp; around","summary":"<p>Roads are '
    b'<b>closed</b>.</p>","link":"https://news.example/a/1","author":"Desk","lang":"en-AU","published":'
    b'"Tue, 05 Jan 2027 10:00:00 GMT","georss":"-31.95 115.86","categories":["weather"]}',
    b'{"feed":"https://news.example/rss","id":"news-2","deleted":"2027-01-05T11:00:00Z"}',
]

FORMAT = Format(network="feeds", recognises=recognises, decode=decode, example=EXAMPLE)
