"""The truth beside the recording: shares as promised, books that add up, and what happened, where it happened."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lapwing.demo import Options, Truth, generate
from lapwing.demo.scene import places


@pytest.fixture(scope="module")
def lines_and_truth() -> tuple[list[bytes], Truth]:
    lines, truth = generate(11, Options(scale=0.03))
    return list(lines), truth


@pytest.fixture(scope="module")
def truth(lines_and_truth: tuple[list[bytes], Truth]) -> Truth:
    return lines_and_truth[1]


def test_the_books_add_up(lines_and_truth: tuple[list[bytes], Truth]) -> None:
    lines, truth = lines_and_truth
    books = truth.accounting
    assert books.received == len(lines) == truth.records
    assert books.received == books.stored + books.duplicates + books.changes + books.filtered + books.refused
    assert books.stored == truth.posts + truth.reposts == len(truth.posted.uid) == len(set(truth.posted.uid))
    assert books.duplicates == sum(truth.duplicates.values())
    assert books.changes == truth.edits + truth.deletes + 1
    assert books.refused == sum(truth.refused.values()) == len(truth.broken)
    assert books.filtered == truth.filtered["like"] + truth.filtered["follow"]


def test_there_is_as_much_as_promised(truth: Truth) -> None:
    assert truth.posts == 6000
    assert truth.people == 1800
    assert len(truth.cities) == len(places()) == 300
    assert sum(count > 0 for count in truth.by_language.values()) >= 12
    assert truth.reposts > 500
    assert truth.late > 30
    assert truth.edits > 20
    assert truth.deletes > 60
    assert truth.early_deletes >= 2
    assert truth.gone_with_account >= 3
    assert len(truth.refused) == 12


def test_the_shares_are_as_promised(truth: Truth) -> None:
    share = {name: count / truth.posts for name, count in (truth.by_evidence | truth.by_format).items()}
    assert share["mention"] == pytest.approx(0.30, abs=0.03)
    assert share["profile"] == pytest.approx(0.40, abs=0.04)
    assert 0.04 < share["coordinates"] + share["place"] < 0.09
    assert share["x_v2"] == pytest.approx(0.45, abs=0.05)
    assert share["jetstream"] == pytest.approx(0.30, abs=0.06)
    assert share["mastodon"] == pytest.approx(0.20, abs=0.05)
    assert share["x_v1"] == pytest.approx(0.05, abs=0.02)


def test_every_place_keeps_somebody_and_totals_are_those_of_the_posts(truth: Truth) -> None:
    assert min(city.posts for city in truth.cities) >= 1
    counted: Counter[tuple[int, bool]] = Counter()
    posted = truth.posted
    for place, kind, gone in zip(posted.place, posted.kind, posted.gone, strict=True):
        counted[place, kind == "repost"] += not gone
    for city in [*truth.cities, truth.unlocated]:
        assert (city.posts, city.reposts) == (counted[city.id, False], counted[city.id, True])
        assert city.people <= city.posts + city.reposts


def test_a_flood_builds_up_and_an_accident_strikes(truth: Truth) -> None:
    flood, accident = truth.emergencies
    assert (flood.category, flood.place_name, flood.place) == ("flood", "Semarang", 1627896)
    assert (accident.category, accident.place_name, accident.place) == ("accident", "Brisbane", 2174003)
    created = dict(zip(truth.posted.uid, truth.posted.created_us, strict=True))
    for event, early, late in ((flood, 0, 0.25), (accident, 0.4, 1)):
        assert len(event.witnesses) >= 30
        assert event.people >= 20
        assert len(event.reposts) > len(event.witnesses)
        times = sorted(created[uid] for uid in event.witnesses)
        quick = sum(time - times[0] < 12 * 60_000_000 for time in times) / len(times)
        assert early <= quick <= late
    located = dict(zip(truth.posted.uid, truth.posted.place, strict=True))
    assert {located[uid] for uid in flood.witnesses} <= {flood.place, 0}


def test_gossip_is_everywhere_and_is_no_emergency(truth: Truth) -> None:
    assert truth.gossip.keys() == {"film", "football", "song", "daily"}
    for uids in truth.gossip.values():
        assert len(uids) >= 10
    told = {uid for event in truth.emergencies for uid in event.witnesses}
    assert not told & {uid for uids in truth.gossip.values() for uid in uids}


def test_some_deletes_come_before_their_post(lines_and_truth: tuple[list[bytes], Truth]) -> None:
    lines, truth = lines_and_truth
    deleted, early = set(), 0
    for line in lines:
        envelope = json.loads(line)
        record = envelope["record"]
        if envelope["format"] == "x_v1" and isinstance(record, str) and record.startswith('{"delete"'):
            deleted.add(json.loads(record)["delete"]["status"]["id_str"])
        elif envelope["format"] == "x_v2" and isinstance(record, str) and record.startswith('{"data":{"author_id":"9'):
            early += json.loads(record)["data"]["id"] in deleted
    assert early >= 1
    assert set(truth.deleted) <= set(truth.posted.uid)
