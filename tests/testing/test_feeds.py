"""The fake feeds change, move and end, and say when to come again, as the protocol notes have it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import aiohttp

from lapwing.testing import SimulatedClock
from lapwing.testing.networks import FeedsFake
from testing.stories import story

ATOM = "{http://www.w3.org/2005/Atom}"
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


@story
async def test_a_document_that_did_not_change_is_not_sent_again() -> None:
    with FeedsFake() as fake:
        fake.max_age_s = 300
        fake.say(1)
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + "/rss.xml") as answer:
                tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
                assert answer.headers["Cache-Control"] == "max-age=300"
            for known in ({"If-None-Match": tag}, {"If-Modified-Since": date}):
                async with session.get(fake.url + "/rss.xml", headers=known) as answer:
                    assert (answer.status, await answer.read()) == (304, b"")
            fake.say(1)
            async with session.get(fake.url + "/rss.xml", headers={"If-None-Match": tag}) as answer:
                assert answer.status == 200


@story
async def test_items_come_change_and_drop_out() -> None:
    clock = SimulatedClock()
    with FeedsFake(now_us=clock.now_us) as fake:
        fake.items_max = 2
        fake.say(1, text="drops out")
        closed, gone = fake.say(1, text="Road & bridge closed")[0], fake.say(1)[0]
        clock.advance(60)
        fake.edit(closed, "Road open")
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + "/atom.xml") as answer:
                entries = ET.fromstring(await answer.read()).findall(f"{ATOM}entry")
            assert ["feed:" + (entry.findtext(f"{ATOM}id") or "") for entry in entries] == [gone, closed]
            assert entries[1].findtext(f"{ATOM}title") == "Road open"
            assert entries[1].findtext(f"{ATOM}published") == "2026-01-05T00:00:00Z"
            assert entries[1].findtext(f"{ATOM}updated") == "2026-01-05T00:01:00Z"
            fake.delete(gone)
            async with session.get(fake.url + "/rss.xml") as answer:
                items = ET.fromstring(await answer.read()).findall("channel/item")
            assert [item.findtext("title") for item in items] == ["Road open", "drops out"]
            assert items[0].findtext("pubDate") == "Mon, 05 Jan 2026 00:00:00 GMT"
            async with session.get(fake.url + "/usgs.geojson") as answer:
                told = await answer.json(content_type=None)
            assert [each["id"] for each in told["features"]] == ["item-1", "item-0"]
            assert told["features"][0]["properties"]["status"] == "reviewed"


@story
async def test_an_alert_is_updated_and_cancelled_with_reference_to_the_first() -> None:
    clock = SimulatedClock()
    with FeedsFake(now_us=clock.now_us) as fake:
        (uid,) = fake.say(1, text="Flood watch")
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + "/cap.xml") as answer:
                (item,) = ET.fromstring(await answer.read()).findall("channel/item")
            link = item.findtext("link") or ""
            kinds, references = [], []
            for change in (lambda: None, lambda: fake.edit(uid), lambda: fake.delete(uid)):
                change()
                async with session.get(link) as answer:
                    alert = ET.fromstring(await answer.read())
                kinds.append(alert.findtext(f"{CAP}msgType"))
                references.append(alert.findtext(f"{CAP}references"))
        assert kinds == ["Alert", "Update", "Cancel"]
        assert references[0] is None
        assert references[1] == references[2] == "duty@met.example.org,item-0,2026-01-05T00:00:00-00:00"


@story
async def test_feeds_move_and_end_and_ask_for_patience() -> None:
    with FeedsFake() as fake:
        fake.moved("/rss.xml", "/news/feed")
        fake.gone("/atom.xml")
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + "/rss.xml", allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (301, "/news/feed")
            async with session.get(fake.url + "/rss.xml") as answer:
                assert (answer.status, answer.content_type) == (200, "application/rss+xml")
            async with session.get(fake.url + "/atom.xml") as answer:
                assert answer.status == 410
            fake.fault("429", after_s=7)
            async with session.get(fake.url + "/usgs.geojson") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


@story
async def test_a_cache_may_go_back_in_time() -> None:
    with FeedsFake() as fake:
        fake.say(1, text="old")
        async with aiohttp.ClientSession() as session:
            seen = []
            for fault in ("", "", "back", ""):
                if fault:
                    fake.fault(fault)
                async with session.get(fake.url + "/rss.xml") as answer:
                    seen.append(len(ET.fromstring(await answer.read()).findall("channel/item")))
                fake.say(1)
        assert seen == [1, 2, 1, 4]
