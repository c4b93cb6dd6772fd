"""What stands in the documents of feeds, and what is none."""

from __future__ import annotations

import json

import pytest

from lapwing import catalog
from lapwing.engine.heard import Plan, outputs_of
from lapwing.hearing import SourceChunk
from lapwing.sources._feed_documents import NotAFeed, read_document
from sources.held import held

SOURCE = catalog.load("sources", "feeds")
FEED = "https://news.example/rss"
BOMB = b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaa">]><rss><channel><item><title>&a;</title></item></channel></rss>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><body><p>Down<br></body></html>", "a page of HTML"),
        (b"<rss><channel>", "not well-formed XML"),
        (b"", "not well-formed XML"),
        (BOMB, "entities of its own"),
        (b"<a>" + b"<b/>" * 200_001 + b"</a>", "more than 100,000 elements"),
        (b"<opml/>", "the document is <opml>"),
        (b'{"type":"Topology"}', "no GeoJSON of USGS"),
        (b'{"type":"FeatureCollection","features":[{}]}', "no id"),
    ],
)
def test_what_is_no_feed_is_said(body: bytes, reason: str) -> None:
    with pytest.raises(NotAFeed, match=reason):
        read_document(body, FEED)


def test_an_item_is_written_down_as_the_feed_has_it() -> None:
    text = """<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"
      xmlns:georss="http://www.georss.org/georss" xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" xmlns:media="http://search.yahoo.com/mrss/">
      <channel><title>News</title><language>en-au</language><ttl>30</ttl>
      <item><media:title>no</media:title><title>Hail &amp; wind</title><link>/a/1</link><guid>n-1</guid><dc:creator>Desk</dc:creator>
      <pubDate>Sun, 22 Nov 2026 02:50:00 GMT</pubDate><description>&lt;p&gt;Roads</description><content:encoded>All</content:encoded>
      <georss:point>-37.81 144.96</georss:point><category>weather</category></item>
      <item><title>Second</title><geo:lat>1.5</geo:lat><geo:long>2.5</geo:long></item></channel></rss>"""
    document = read_document(text.encode(), FEED)
    second, first = (json.loads(entry.content) for entry in document.entries)
    assert document.ttl_s == 1800
    assert first == {
        "feed": FEED, "id": "n-1", "title": "Hail & wind", "summary": "<p>Roads", "content": "All",
        "link": "https://news.example/a/1", "author": "Desk", "lang": "en-au", "published": "Sun, 22 Nov 2026 02:50:00 GMT",
        "georss": "-37.81 144.96", "categories": ["weather"],
    }  # fmt: skip
    assert second == {"feed": FEED, "title": "Second", "lang": "en-au", "georss": "1.5 2.5", "categories": []}


def test_a_deleted_entry_is_a_tombstone() -> None:
    text = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">
      <at:deleted-entry ref="tag:a,2026:1" when="2026-11-22T04:00:00Z"/></feed>"""
    (entry,) = read_document(text.encode(), FEED).entries
    assert json.loads(entry.content) == {"feed": FEED, "id": "tag:a,2026:1", "deleted": "2026-11-22T04:00:00Z"}
    assert held(SOURCE, [entry.content]).refused == []


def test_an_entry_that_speaks_of_an_alert_is_fetched_as_one() -> None:
    text = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">
      <entry><id>1</id><link href="https://met.example/a"/><link type="application/cap+xml" href="https://met.example/a.cap"/></entry>
      <entry><id>2</id><link href="https://met.example/b"/><cap:event>Hail</cap:event></entry>
      <entry><id>3</id><link href="https://met.example/c"/></entry></feed>"""
    document = read_document(text.encode(), FEED)
    assert {entry.name: entry.alert for entry in document.entries} == {
        "1": "https://met.example/a.cap", "2": "https://met.example/b", "3": None,
    }  # fmt: skip


def test_of_a_document_that_is_too_long_the_newest_entries_are_looked_at() -> None:
    items = "".join(f"<item><guid>{number}</guid><title>t</title></item>" for number in range(2_003))
    document = read_document(f"<rss><channel>{items}</channel></rss>".encode(), FEED)
    assert (len(document.entries), document.left_out) == (2_000, 3)
    assert [document.entries[at].name for at in (0, -1)] == ["1999", "0"], "the newest is on top, and said last"


def test_a_cancel_of_two_alerts_becomes_two_records_on_its_way_into_the_log() -> None:
    from lapwing.app.listening import format_known

    cancel = catalog.load("formats", "cap").example[1]
    reference = b"duty@met.example,2027-1,2027-01-05T10:00:00-00:00"
    value = cancel.replace(reference, reference + b" " + reference.replace(b"2027-1,", b"2027-9,"))
    plan = Plan(name="met", type="feeds", topic="raw.feeds", source=SOURCE, options=None, known=format_known)
    chunk = SourceChunk(values=[value, cancel], keys=["cap:a", "cap:b"], format="cap", received_at_us=[5, 6])
    ((topic, records),) = outputs_of(plan, [chunk], 9)
    assert (topic, records.network, records.format) == ("raw.feeds", "cap", "cap")
    assert (records.keys, list(records.received_at_us)) == (["cap:a", "cap:a", "cap:b"], [5, 5, 6])
    changes = catalog.load("formats", "cap").decode(records).changes
    assert changes["name"].to_list() == [f"cap:duty@met.example,2027-{number}" for number in (1, 9, 1)]
