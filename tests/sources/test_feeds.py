"""Feeds, heard from a publisher that changes, moves, breaks and forgets."""

from __future__ import annotations

import json
import time as machine
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lapwing import catalog
from lapwing.hearing import Disconnected, RefusedBySource, SourceChunk
from lapwing.sources._feed_documents import date_us, read_document
from lapwing.testing.networks import FeedsFake
from sources.hearing import HurriedTime, Room
from sources.held import chunks_until, held, values_of
from sources.hours import Witness, memory_flat

SOURCE = catalog.load("sources", "feeds")
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
PAUSE_S = 1_000.0
"""Longer than any of these feeds wants to be left alone."""


def options(fake: FeedsFake, *paths: str, **words: Any) -> Any:
    return SOURCE.options(**({"urls": [fake.url + path for path in paths], "every_us": MINUTE_US} | words))


class LeapingTime:
    """The machine's clock, which the test puts forward: a feed that wants to be left alone for a while is due at once."""

    def __init__(self) -> None:
        self._true = HurriedTime()
        self._leapt_us = 0
        self.monotonic_s, self.sleep, self.within = self._true.monotonic_s, self._true.sleep, self._true.within

    def now_us(self) -> int:
        """UTC microseconds, put forward."""
        return self._true.now_us() + self._leapt_us

    def leap(self, seconds: float = PAUSE_S) -> None:
        """So many seconds have passed."""
        self._leapt_us += round(seconds * 1e6)


@contextmanager
def publisher() -> Iterator[tuple[Any, FeedsFake]]:
    """A publisher whose clock is the listener's."""
    time = LeapingTime()
    with FeedsFake(seed=1, now_us=time.now_us) as fake:
        yield time, fake


def heard(count: int) -> Any:
    return lambda chunks: len(values_of(chunks)) >= count and chunks[-1].covered_to_us is not None


def look_done(chunks: list[SourceChunk]) -> bool:
    return chunks[-1].covered_to_us is not None


def ids(chunks: list[SourceChunk]) -> list[str]:
    return [json.loads(value)["id"] for value in values_of(chunks)]


@pytest.mark.parametrize(
    ("path", "format"), [("/rss.xml", "feed_items"), ("/atom.xml", "feed_items"), ("/usgs.geojson", "usgs")]
)
def test_each_kind_of_feed_is_told_by_what_comes(path: str, format: str) -> None:
    with publisher() as (time, fake):
        fake.say(3)
        chunks = chunks_until(SOURCE, options(fake, path), "", time, heard(3))
        (with_records,) = [chunk for chunk in chunks if chunk.values]
        assert (with_records.format or "feed_items", with_records.network or "feeds") == (
            format,
            "usgs" if format == "usgs" else "feeds",
        )
        assert ids(chunks) == ["item-0", "item-1", "item-2"], "the oldest first"
        found = held(SOURCE, values_of(chunks), format)
        assert (len(found.posts), found.refused) == (3, [])
        assert all(any(text.startswith(said) for text in found.posts.values()) for said in fake.truth().posts.values())
        decoded = catalog.load("formats", format).decode(_records(values_of(chunks), format))
        assert decoded.posts["author"].to_list() == list(with_records.keys or ())


def _records(values: list[bytes], format: str) -> Any:
    from lapwing.model import Records

    return Records(
        source="a", network="a", format=format, values=values, received_at_us=[4_000_000_000_000_000] * len(values)
    )


def test_alerts_are_fetched_once_and_only_from_the_host_of_the_feed() -> None:
    with publisher() as (time, fake):
        fake.say(2)
        made = options(fake, "/cap.xml", kind="cap")
        chunks = chunks_until(SOURCE, made, "", time, heard(2))
        (some,) = [chunk for chunk in chunks if chunk.values]
        assert (some.format, some.network, some.keys) == ("cap", "cap", ["cap:duty@met.example.org"] * 2)
        assert set(held(SOURCE, values_of(chunks), "cap").posts) == {
            "cap:duty@met.example.org,item-0", "cap:duty@met.example.org,item-1",
        }  # fmt: skip
        fake.say(1)
        before = len(fake.requests)
        time.leap()
        again = chunks_until(SOURCE, made, str(chunks[-1].cursor), time, heard(1))
        assert len(values_of(again)) == 1
        assert [each.path for each in fake.requests[before:] if each.path.startswith("/cap/")] == ["/cap/item-2.xml"]


def test_an_alert_of_another_host_is_not_fetched_unless_that_host_is_named() -> None:
    with publisher() as (time, fake):
        fake.say(1)
        there = f"127.0.0.1:{fake.port}"  # where its links lead; to the listener localhost is another host
        urls = [f"http://localhost:{fake.port}/cap.xml"]
        strange = chunks_until(SOURCE, options(fake, urls=urls, kind="cap"), "", time, look_done)
        assert values_of(strange) == []
        assert strange[-1].details is not None
        assert strange[-1].details["alerts_not_had"] == 1
        assert [asked.path for asked in fake.requests] == ["/cap.xml"]
        named = chunks_until(SOURCE, options(fake, urls=urls, kind="cap", alert_hosts=[there]), "", time, look_done)
        assert len(values_of(named)) == 1


@pytest.mark.parametrize("path", ["/rss.xml", "/atom.xml", "/cap.xml", "/usgs.geojson"])
def test_from_any_cursor_exactly_the_rest_comes(path: str) -> None:
    with publisher() as (time, fake):
        made = options(fake, path, kind="cap" if path == "/cap.xml" else "auto")
        fake.max_age_s = 60
        fake.say(4)
        first = chunks_until(SOURCE, made, "", time, heard(4))
        fake.say(3)
        time.leap()
        second = chunks_until(SOURCE, made, str(first[-1].cursor), time, heard(3))
        fake.say(2)
        for chunk, rest in ((first[-1], 5), (second[-1], 2)):
            time.leap()
            again = chunks_until(SOURCE, made, str(chunk.cursor), time, heard(rest))
            assert len(values_of(again)) == rest
            assert len(set(values_of(again))) == rest
            covered = next(each for each in again if each.covered_to_us)
            assert covered.covered_from_us is not None
            assert covered.covered_from_us <= (chunk.covered_to_us or 0), "no gap: all of it is listed still"
            assert not any(each.lost for each in again)


@pytest.mark.parametrize(
    ("path", "items", "parts"), [("/cap.xml", 45, [20, 20, 5]), ("/atom.xml", 1100, [500, 500, 100])]
)
def test_a_page_that_was_cut_between_two_chunks_is_read_on(path: str, items: int, parts: list[int]) -> None:
    with publisher() as (time, fake):
        fake.items_max = items
        made = options(fake, path, kind="cap" if path == "/cap.xml" else "auto")
        fake.say(items)
        chunks = chunks_until(SOURCE, made, "", time, heard(items))
        assert [len(chunk.values) for chunk in chunks if chunk.values] == parts
        before = 0
        for chunk in chunks[:3]:
            before += len(chunk.values)
            time.leap()
            again = chunks_until(SOURCE, made, str(chunk.cursor), time, look_done)
            assert len(values_of(again)) == items - before
            assert not _names(again) & _names(chunks[: chunks.index(chunk) + 1])


def _names(chunks: list[SourceChunk]) -> set[bytes]:
    """What tells records apart: the id of an item, or the whole alert."""
    return {value.partition(b'"id":')[2].partition(b",")[0] or value for value in values_of(chunks)}


def test_a_feed_that_did_not_change_is_asked_for_that_and_sends_nothing() -> None:
    with publisher() as (time, fake):
        fake.say(2)
        made = options(fake, "/atom.xml")
        first = chunks_until(SOURCE, made, "", time, heard(2))
        time.leap()
        again = chunks_until(SOURCE, made, str(first[-1].cursor), time, look_done)
        assert values_of(again) == []
        assert [asked.status for asked in fake.requests] == [200, 304]
        assert (again[-1].covered_to_us or 0) > (first[-1].covered_to_us or 0)


@pytest.mark.parametrize(
    ("path", "max_age_s", "pause_s"), [("/atom.xml", None, 60), ("/atom.xml", 1200, 1200), ("/rss.xml", 30, 15 * 60)]
)
def test_no_feed_is_asked_more_often_than_it_allows(path: str, max_age_s: int | None, pause_s: int) -> None:
    with publisher() as (time, fake):
        fake.say(1)
        fake.max_age_s = max_age_s
        made = options(fake, path)
        cursor = str(chunks_until(SOURCE, made, "", time, look_done)[-1].cursor)
        for _ in range(2):  # the second time nothing has changed, and a 304 has no ttl
            time.leap(pause_s - 20)
            before = len(fake.requests)
            (waits,) = chunks_until(SOURCE, made, cursor, time, lambda chunks: len(chunks) == 1)
            assert (waits.covered_to_us, len(fake.requests)) == (None, before)
            time.leap(20)
            cursor = str(chunks_until(SOURCE, made, cursor, time, look_done)[-1].cursor)
            assert len(fake.requests) == before + 1


def test_what_says_something_else_comes_again_dated_by_us_where_the_feed_does_not_date_it() -> None:
    with publisher() as (time, fake):
        (uid,) = fake.say(1, text="Road closed")
        for path in ("/rss.xml", "/atom.xml"):
            made = options(fake, path)
            first = chunks_until(SOURCE, made, "", time, heard(1))
            time.leap(5)
            fake.edit(uid, f"A road open, {path}")
            time.leap()
            second = chunks_until(SOURCE, made, str(first[-1].cursor), time, heard(1))
            assert ids(second) == ["item-0"]
            both = held(SOURCE, values_of(first) + values_of(second))
            assert [text.split("\n")[0] for text in both.posts.values()] == [f"A road open, {path}"]
        assert "updated" in json.loads(values_of(second)[0])


def test_what_is_no_longer_listed_is_a_gap_from_the_last_look_to_the_oldest_item() -> None:
    with publisher() as (time, fake):
        fake.items_max = 3
        made = options(fake, "/rss.xml")
        fake.say(3)
        first = chunks_until(SOURCE, made, "", time, heard(3))
        sure_us = first[-1].covered_to_us
        time.leap(10)
        fake.say(2)
        time.leap(10)
        fake.say(3)
        oldest_us = date_us(json.loads(values_of(chunks_until(SOURCE, made, "", time, heard(3)))[0])["published"])
        time.leap()
        again = chunks_until(SOURCE, made, str(first[-1].cursor), time, heard(3))
        (lost,) = again[-1].lost
        assert (lost.from_us, lost.to_us) == (sure_us, oldest_us)
        fake.say(2)
        time.leap()
        once_more = chunks_until(SOURCE, made, str(again[-1].cursor), time, heard(2))
        assert not any(chunk.lost for chunk in once_more), "one of the old ones is there: nothing is missing"


def test_earthquakes_are_missing_only_beyond_the_hour_that_is_listed() -> None:
    with publisher() as (time, fake):
        fake.items_max = 1
        fake.say(1)
        made = options(fake, "/usgs.geojson")
        first = chunks_until(SOURCE, made, "", time, heard(1))
        time.leap(5)
        fake.say(1)
        time.leap()
        again = chunks_until(SOURCE, made, str(first[-1].cursor), time, heard(1))
        assert [chunk.lost for chunk in again if chunk.lost] != [], "this one names no span, so a known one is wanted"
        text = b'{"type":"FeatureCollection","metadata":{"url":"https://q.example/all_hour.geojson"},"features":[]}'
        assert read_document(text, "https://q.example/x").span_us == HOUR_US


def test_one_that_moved_is_asked_where_it_is_and_keeps_its_name() -> None:
    with publisher() as (time, fake):
        made = options(fake, "/rss.xml")
        fake.say(1)
        first = chunks_until(SOURCE, made, "", time, heard(1))
        fake.moved("/rss.xml", f"{fake.url}/new.xml")
        fake.say(1)
        time.leap()
        second = chunks_until(SOURCE, made, str(first[-1].cursor), time, heard(1))
        fake.say(1)
        before = len(fake.requests)
        time.leap()
        third = chunks_until(SOURCE, made, str(second[-1].cursor), time, heard(1))
        assert [asked.path for asked in fake.requests[before:]] == ["/new.xml"]
        assert {json.loads(value)["feed"] for value in values_of(first + second + third)} == {f"{fake.url}/rss.xml"}


def test_one_that_is_gone_is_not_asked_again_and_the_others_go_on() -> None:
    with publisher() as (time, fake):
        fake.say(1)
        fake.gone("/rss.xml")
        made = options(fake, "/rss.xml", "/atom.xml")
        chunks = chunks_until(SOURCE, made, "", time, lambda chunks: len(fake.requests) >= 2 and look_done(chunks))
        assert "gone for good (410)" in chunks[-1].reason
        cursor = str(chunks[-1].cursor)
        time.leap()
        fake.say(1)
        again = chunks_until(SOURCE, made, cursor, time, heard(1))
        assert [asked.path for asked in fake.requests].count("/rss.xml") == 1
        assert again[-1].covered_to_us is not None, "it holds nothing back"
        with pytest.raises(RefusedBySource, match="gone for good"):
            chunks_until(SOURCE, options(fake, "/rss.xml"), cursor, time, lambda _: False)


def test_one_that_breaks_leaves_the_others_alone_and_holds_back_what_is_sure() -> None:
    with publisher() as (time, fake):
        fake.say(1)
        made = options(fake, "/atom.xml", "/nothing.xml")
        chunks = chunks_until(SOURCE, made, "", time, lambda chunks: bool(chunks[-1].reason))
        assert len(values_of(chunks)) == 1
        assert "1 of 2 feeds cannot be heard" in chunks[-1].reason
        assert chunks[-1].details is not None
        assert list(chunks[-1].details["broken"]) == [f"127.0.0.1:{fake.port}/nothing.xml"]
        sure_us = max(chunk.covered_to_us or 0 for chunk in chunks)
        time.leap()
        fake.say(1)
        cursor = next(str(chunk.cursor) for chunk in reversed(chunks) if chunk.cursor)
        again = chunks_until(
            SOURCE, made, cursor, time, lambda chunks: bool(values_of(chunks)) and bool(chunks[-1].reason)
        )
        assert max(chunk.covered_to_us or 0 for chunk in again) <= sure_us, "of the other nothing is known"
        with pytest.raises(RefusedBySource, match="404"):
            chunks_until(SOURCE, options(fake, "/nothing.xml"), "", time, lambda _: False)


def test_a_host_that_answers_with_pages_is_broken() -> None:
    with publisher() as (time, fake):
        fake.fault("502", times=2)
        with pytest.raises(Disconnected, match="502"):
            chunks_until(SOURCE, options(fake, "/rss.xml", "/atom.xml"), "", time, lambda _: False)


def test_the_example_of_three_feeds_runs_on_a_publisher_of_all_three(tmp_path: Path) -> None:
    from lapwing import config
    from lapwing.app.listening import plan_of

    text = (Path(__file__).parents[2] / "examples" / "feeds.toml").read_text(encoding="utf-8")
    room = Room(tmp_path)
    with FeedsFake(seed=6, now_us=room.time.now_us) as fake:
        fake.say(2, text="Flood in Perth")
        for address, path in (
            ("https://www.gdacs.org/xml/rss.xml", "/rss.xml"),
            ("https://earthquake.usgs.gov/earthquakes/feed/v1.0/summary/all_hour.geojson", "/usgs.geojson"),
            ("https://met.example/warnings.xml", "/cap.xml"),
        ):
            assert text.count(address) == 1
            text = text.replace(address, fake.url + path)
        for table in config.parse(text, environment={}).sources:
            plan = plan_of(table, str(tmp_path))
            with room.listening(plan.name, plan.source, plan.options, plan.topic):
                room.wait_until(lambda topic=plan.topic: len(room.values(topic)) == 2)
                room.wait_until(lambda name=plan.name: room.states()[name]["state"] == "live")
    assert len(room.values()) == 6


def test_status_tells_the_truth_when_a_publisher_goes_down_and_comes_back(tmp_path: Path) -> None:
    room = Room(tmp_path, 60.0)
    with FeedsFake(seed=7, now_us=room.time.now_us) as fake:
        fake.say(1)
        with room.listening("news", SOURCE, options(fake, "/atom.xml")):
            room.wait_until(lambda: len(room.values()) == 1)
            fake.stop()
            room.wait_until(lambda: room.states()["news"]["state"] == "broken")
            assert "no connection" in room.states()["news"]["reason"]
            fake.say(1)
            fake.start()
            room.wait_until(lambda: len(room.values()) == 2)
            room.wait_until(lambda: room.states()["news"]["state"] == "live")
        assert len(room.heard_us()) == 1, "what was said meanwhile is listed: there is no gap"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_through_an_hour_of_faults_nothing_is_lost_that_could_be_had(tmp_path: Path) -> None:
    room = Room(tmp_path, 60.0)
    room.time.patience_s = 0.9  # a busy machine is slow to answer; a stall lasts 1 s
    with memory_flat() as looked, FeedsFake(seed=4, now_us=room.time.now_us) as fake:
        fake.items_max = 60
        fake.faults(seed=5, count=50, over_posts=120)
        made = options(fake, "/atom.xml", "/usgs.geojson")
        begun_us = room.time.now_us()
        for share in (0.3, 0.6, 1.0):  # it is stopped twice
            with room.listening("news", SOURCE, made):
                while room.time.now_us() - begun_us < share * HOUR_US:
                    if len(fake.stock.posts) < 120:
                        fake.say(1)
                    if room.states().get("news", {}).get("state") not in (None, "paused"):  # from before it was stopped
                        Witness(room, None, "news").look()
                    machine.sleep(0.4)  # the publisher says something every 24 s of its own clock
            looked()
        with room.listening("news", SOURCE, made):
            fake.say(120 - len(fake.stock.posts))  # on a busy machine the hour was over before all was said
            room.wait_until(lambda: fake.pending == 0, "every fault")
            room.wait_until(lambda: room.states()["news"]["state"] == "live")
            room.wait_until(lambda: len(_by_id(room.values())) >= 240, "every post")
        assert len(fake.happened) >= 50
        posts = fake.truth().posts
        items = [value for value in room.values() if b'"feed"' in value]
        quakes = [value for value in room.values() if b'"Feature"' in value]
        for values, format in ((items, "feed_items"), (quakes, "usgs")):
            found = held(SOURCE, values, format)
            texts = sorted(text.split(" - 61 km")[0].split("\n")[0] for text in found.posts.values())
            assert texts == sorted(posts.values())
            assert len(values) == len(found.posts), "nothing came twice"
        (span,) = room.heard_us()
        assert span[1] - span[0] >= 0.9 * HOUR_US


def _by_id(values: list[bytes]) -> set[tuple[bool, str]]:
    return {(b'"feed"' in value, json.loads(value)["id"]) for value in values}
