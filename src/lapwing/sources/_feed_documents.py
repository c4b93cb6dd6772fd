"""What a feed's document holds: RSS 0.9 to 2.0, Atom, one CAP alert, or earthquakes of USGS, told apart by content.

Sources: the RSS 2.0 and RSS 1.0 specifications, RFC 4287 (Atom), RFC 6721 (deleted entries), GeoRSS Simple, the W3C's
basic geo vocabulary, CAP 1.2 (OASIS), and USGS's description of its GeoJSON summaries. Documents come from anybody:
entities are refused unread, and so are documents of more elements than any feed has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # it brings no types
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

Kind = Literal["auto", "items", "cap", "usgs"]

MARKS_MAX = 200_000
"""More `<` than this are refused; each element costs a hundred times the bytes that it is written with."""
ENTRIES_MAX = 2_000
"""So many entries of a document are looked at, the newest."""
SPAN_US = {"hour": 3_600_000_000, "day": 86_400_000_000, "week": 604_800_000_000, "month": 2_592_000_000_000}
TTL_S_MAX = 86_400.0

CAP_TYPE = "application/cap+xml"
CAP_NAMESPACES = ("urn:oasis:names:tc:emergency:cap:", "http://www.incident.com/cap/")
ATOM = ("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#")
RSS = (
    "",
    "http://purl.org/rss/1.0/",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://my.netscape.com/rdf/simple/0.9/",
)
DUBLIN = "http://purl.org/dc/elements/1.1/"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
GEORSS = "http://www.georss.org/georss"
GEO = "http://www.w3.org/2003/01/geo/wgs84_pos#"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"

_SPAN = re.compile(r"_(hour|day|week|month)\.geojson")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotAFeed(Exception):
    """What came is no feed; its text says what it is."""


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item in the form that `formats/feed_items.py` reads."""

    feed: str
    categories: list[str] | msgspec.UnsetType = msgspec.UNSET
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


class Entry(msgspec.Struct, frozen=True):
    """One thing that a document lists."""

    name: str
    """Tells it from the others of this feed."""
    content: bytes
    """Other bytes when it says something else."""
    key: str
    """Its author's global id."""
    at_us: int | None
    updated_us: int | None
    item: Item | None = None
    alert: str | None = None
    """The address of the alert that it stands for."""
    value: bytes | None = None
    """The record, where the document holds it as it is."""


class Document(msgspec.Struct, frozen=True):
    """What a feed says, and when it wants to be asked again."""

    kind: Literal["items", "alerts", "alert", "earthquakes"]
    entries: list[Entry]
    """The oldest first."""
    ttl_s: float = 0.0
    span_us: int | None = None
    """So far back it lists everything; None: a number of entries."""
    left_out: int = 0


def read_document(body: bytes, feed: str, kind: Kind = "auto") -> Document:
    """What `body`, from the address `feed`, holds. Raises `NotAFeed`."""
    start = body[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if kind == "usgs" or (kind == "auto" and start in (b"{", b"[")):
        return _earthquakes(body, feed)
    root = _root(body)
    name = _name(root)
    if name == "alert" and _space(root).startswith(CAP_NAMESPACES):
        if kind == "items":
            raise NotAFeed("a CAP alert, and no feed of items")
        return Document("alert", [alert_entry(root, body)])
    if name == "feed" and _space(root) in ATOM:
        entries, language, ttl_s = [each for each in root if _name(each) == "entry"], _lang(root), 0.0
        made = [_atom(each, feed, language, kind) for each in entries]
    elif name in ("rss", "RDF"):
        channel = next((each for each in root if _name(each) == "channel"), root)
        told = _Texts(channel)
        language, ttl_s = told.first((*RSS, DUBLIN), "language"), _minutes_s(told.first(RSS, "ttl"))
        items = [each for each in (*channel, *(root if channel is not root else ())) if _name(each) == "item"]
        made = [_rss(each, feed, language, kind) for each in items]
    else:
        raise NotAFeed(f"the document is <{name[:40]}>, and no feed")
    made += _tombstones(root, feed)
    alerts = any(entry.alert for entry in made)
    entries_in_order, left_out = _newest(made)
    return Document("alerts" if alerts or kind == "cap" else "items", entries_in_order, ttl_s, None, left_out)


def read_alert(body: bytes) -> Entry:
    """One CAP alert as an entry. Raises `NotAFeed`."""
    root = _root(body)
    if _name(root) != "alert":
        raise NotAFeed(f"the document is <{_name(root)[:40]}>, and no CAP alert")
    return alert_entry(root, body)


def alert_entry(root: Element, body: bytes) -> Entry:
    """An alert, known by what CAP says that it is known by."""
    texts = {_name(each): (each.text or "").strip() for each in root}
    sender, at = texts.get("sender", ""), date_us(texts.get("sent"))
    name = f"{sender},{texts.get('identifier', '')},{texts.get('sent', '')}"
    return Entry(name, body, f"cap:{sender}" if sender else "", at, at, value=body)


def _root(body: bytes) -> Element:
    if body.count(b"<") > MARKS_MAX:
        raise NotAFeed(f"XML of more than {MARKS_MAX // 2:,} elements")
    try:
        root: Element = fromstring(body)
    except DefusedXmlException:
        raise NotAFeed("XML with entities of its own, which may be bombs") from None
    except ParseError as problem:
        page = b"<html" in body[:4096].lower()
        raise NotAFeed("a page of HTML" if page else f"not well-formed XML ({str(problem)[:80]})") from None
    except (ValueError, LookupError, RecursionError) as problem:  # encodings that expat does not know
        raise NotAFeed(f"XML that cannot be read ({str(problem)[:80]})") from None
    return root


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _space(element: Element) -> str:
    return str(element.tag)[1:].rpartition("}")[0]


def _lang(element: Element) -> str | None:
    return element.get("{http://www.w3.org/XML/1998/namespace}lang")


class _Texts:
    """The texts of an element's children, by namespace and name, the first of each that has any."""

    def __init__(self, element: Element) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        for each in element:
            text = "".join(each.itertext()).strip()
            if text:
                self._texts.setdefault((_space(each), _name(each)), text)

    def first(self, spaces: Iterable[str], *names: str) -> str | None:
        return next(
            (self._texts[space, name] for name in names for space in spaces if (space, name) in self._texts), None
        )

    def point(self) -> str | None:
        """Latitude and longitude, as GeoRSS writes them."""
        point = self.first([GEORSS], "point")
        latitude, longitude = self.first([GEO], "lat"), self.first([GEO], "long")
        if point is None and latitude and longitude:
            point = f"{latitude} {longitude}"
        return point or self.first([GEO], "Point")


def _rss(element: Element, feed: str, language: str | None, kind: Kind) -> Entry:
    texts = _Texts(element)
    link = texts.first(RSS, "link") or _href(element)
    categories = ["".join(each.itertext()).strip() for each in element if _name(each) == "category"]
    item = Item(
        feed=feed,
        id=texts.first(RSS, "guid") or texts.first(ATOM, "id"),
        title=texts.first(RSS, "title"),
        summary=texts.first(RSS, "description"),
        content=texts.first([CONTENT], "encoded"),
        link=urljoin(feed, link) if link else None,
        author=texts.first([DUBLIN], "creator") or texts.first(RSS, "author"),
        lang=texts.first([DUBLIN], "language") or language,
        published=texts.first(RSS, "pubDate") or texts.first([DUBLIN], "date") or texts.first(ATOM, "published"),
        updated=texts.first(ATOM, "updated"),
        georss=texts.point(),
        categories=[category for category in categories if category],
    )
    return _entry(item, _alert_link(element, item.link, kind))


def _atom(element: Element, feed: str, language: str | None, kind: Kind) -> Entry:
    texts = _Texts(element)
    link = _href(element)
    people = [each for each in element if _name(each) == "author"]
    author = next((name for each in people if (name := _Texts(each).first(ATOM, "name"))), None)
    item = Item(
        feed=feed,
        id=texts.first(ATOM, "id"),
        title=texts.first(ATOM, "title"),
        summary=texts.first(ATOM, "summary"),
        content=texts.first(ATOM, "content"),
        link=urljoin(feed, link) if link else None,
        author=author,
        lang=_lang(element) or language,
        published=texts.first(ATOM, "published", "issued"),
        updated=texts.first(ATOM, "updated", "modified"),
        georss=texts.point(),
        categories=[term for each in element if _name(each) == "category" and (term := each.get("term"))],
    )
    return _entry(item, _alert_link(element, item.link, kind))


def _entry(item: Item, alert: str | None) -> Entry:
    dates = [date_us(item.published), date_us(item.updated)]
    name = item.id or item.link or f"{item.title} {item.published or item.updated or ''}"
    at_us = next((each for each in dates if each is not None), None)
    key = author_of(item.feed, item.author)
    return Entry(name, msgspec.json.encode(item), key, at_us, dates[1], item=item, alert=alert)


def author_of(feed: str, author: str | None) -> str:
    """The global id of whoever wrote an item, as the format names it."""
    host = (urlsplit(feed).hostname or "").removeprefix("www.")
    return f"feed:{host}/{author}" if author else f"feed:{host}"


def _href(element: Element) -> str | None:
    """Where an entry is to be read by people."""
    links = [each for each in element if _name(each) == "link" and each.get("href")]
    plain = [each for each in links if each.get("rel", "alternate") == "alternate"]
    return next((each.get("href") for each in plain or links), None)


def _alert_link(element: Element, link: str | None, kind: Kind) -> str | None:
    """The address of the alert that an entry stands for: by its type, or since the entry speaks of an alert."""
    if kind == "items":
        return None
    for each in element:
        if _name(each) in ("link", "enclosure") and (each.get("type") or "").split(";")[0].strip() == CAP_TYPE:
            address = each.get("href") or each.get("url") or (each.text or "").strip()
            if address:
                return urljoin(link or "", address)
    speaks = kind == "cap" or any(_space(each).startswith(CAP_NAMESPACES) for each in element)
    return link if speaks else None


def _tombstones(root: Element, feed: str) -> Iterator[Entry]:
    for each in root.iter(f"{{{TOMBSTONES}}}deleted-entry"):
        name, when = each.get("ref"), each.get("when")
        if name and when:
            item = Item(feed=feed, id=name, deleted=when)
            yield Entry(f"deleted {name}", msgspec.json.encode(item), author_of(feed, None), None, None, item=item)


def _newest(entries: list[Entry]) -> tuple[list[Entry], int]:
    """At most `ENTRIES_MAX` of them, the oldest first; feeds put the newest on top, and some have no dates."""
    upwards = entries[::-1]
    if all(entry.at_us is not None for entry in entries):
        upwards.sort(key=lambda entry: entry.at_us or 0)
    left_out = max(0, len(upwards) - ENTRIES_MAX)
    return upwards[left_out:], left_out


class _Told(msgspec.Struct):
    net: str | None = None
    time: float | None = None
    updated: float | None = None


class _Feature(msgspec.Struct):
    id: str
    properties: _Told


class _About(msgspec.Struct):
    url: str = ""


class _Collection(msgspec.Struct):
    type: Literal["FeatureCollection"]
    features: list[msgspec.Raw]
    metadata: _About | None = None


def _earthquakes(body: bytes, feed: str) -> Document:
    try:
        told = msgspec.json.decode(body, type=_Collection)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise NotAFeed(f"no GeoJSON of USGS ({str(problem)[:80]})") from None
    entries = []
    for raw in told.features:
        value = bytes(raw)
        try:
            feature = msgspec.json.decode(value, type=_Feature)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotAFeed("GeoJSON whose features have no id and no properties as those of USGS") from None
        said = feature.properties
        at_us, updated_us = (None if each is None else round(each * 1000) for each in (said.time, said.updated))
        entries.append(Entry(feature.id, value, f"usgs:{said.net or feature.id[:2]}", at_us, updated_us, value=value))
    found = _SPAN.search((told.metadata.url if told.metadata else "") or feed) or _SPAN.search(feed)
    in_order, left_out = _newest(entries)
    return Document("earthquakes", in_order, 0.0, SPAN_US[found[1]] if found else None, left_out)


def _minutes_s(text: str | None) -> float:
    try:
        return min(max(0.0, float(text or 0) * 60), TTL_S_MAX)
    except ValueError:
        return 0.0


def date_us(text: str | None) -> int | None:
    """A date of either kind of feed in microseconds; None where it is none."""
    if not text:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text.strip())
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return int((moment - _EPOCH).total_seconds()) * 1_000_000
        except (
            ValueError,
            TypeError,
            IndexError,
            OverflowError,
            AttributeError,
        ):  # what the second raises is not documented
            continue
    return None


def written(time_us: int) -> str:
    """A time as RFC 3339."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
