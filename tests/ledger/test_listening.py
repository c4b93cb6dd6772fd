"""What the ledger keeps of the listening to sources, and what it answers: from notes in the log to windows."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from house import HOW, House
from listening_house import (
    LATER_US,
    SECOND_US,
    append,
    append_posts,
    at,
    gaps,
    heard_spans,
    known,
    note,
    post,
    shares,
    tell,
    windows,
)

from lapwing.engine.understanding import understand
from lapwing.ledger.sqlite import listened
from lapwing.ledger.sqlite.rebuilding import rebuild
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.log.sqlite import Retention, SqliteLog
from lapwing.model import COVERAGE, Records


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(House(tmp_path, partitions=1)) as made:
        yield made


@pytest.fixture
def broken_for_thirty_seconds(house: House) -> House:
    """One that says three of four posts is away from 10:02:00 to 10:02:30; the other is heard all the time."""
    post(house, "talker", 1, 2, 3)
    post(house, "other", 4)
    tell(house, note("began", "talker", 0), note("began", "other", 0), note("heard", "other", 0, 300))
    tell(house, note("heard", "talker", 0, 120), note("gap", "talker", 120, 150, "HTTP 502"))
    tell(house, note("heard", "talker", 150, 300))
    return house


def test_thirty_seconds_missed_by_the_one_that_says_three_of_four(broken_for_thirty_seconds: House) -> None:
    (row,) = windows(broken_for_thirty_seconds)
    assert row["complete"] == 0.925  # 1 - 3/4 · 30/300
    assert gaps(row) == [("talker", "10:02:00", "10:02:30", "HTTP 502")]
    assert row["processed"]
    (only,) = windows(broken_for_thirty_seconds, filters=Filters(sources=("other",)))
    assert (only["complete"], only["gaps"]) == (1.0, [])


def test_a_gap_closes_as_far_as_it_is_filled(broken_for_thirty_seconds: House) -> None:
    house = broken_for_thirty_seconds
    tell(house, note("heard", "talker", 130, 140))
    (row,) = windows(house)
    assert row["complete"] == 0.95  # 20 s are left: 1 - 3/4 · 20/300
    assert gaps(row) == [
        ("talker", "10:02:00", "10:02:10", "HTTP 502"),
        ("talker", "10:02:20", "10:02:30", "HTTP 502"),
    ]
    assert known(house, "talker").closed == 0
    tell(house, note("heard", "talker", 119, 131), note("heard", "talker", 140, 150))
    (row,) = windows(house)
    assert (row["complete"], row["gaps"]) == (1.0, [])
    assert (known(house, "talker").gaps, known(house, "talker").closed) == ([], 1)
    assert heard_spans(house, "talker") == [(at(0), at(300))]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_gap_grows_while_it_lasts(house: House, backwards: bool) -> None:
    grown = [note("gap", "a", 10, 20, "cut"), note("gap", "a", 10, 40, "no route"), note("gap", "a", 10, 30, "refused")]
    tell(house, note("began", "a", 0), *(reversed(grown) if backwards else grown), at_once=1)
    assert known(house, "a").gaps == [listened.Gap("a", at(10), at(40), "no route")]
    causes = [note("gap", "b", 10, 20, "cut"), note("gap", "b", 10, 20, "stalled")]
    tell(house, *(reversed(causes) if backwards else causes), at_once=1)
    assert known(house, "b").gaps == [listened.Gap("b", at(10), at(20), "stalled")]


@pytest.mark.parametrize("backwards", [False, True])
def test_what_lies_within_a_second_is_one_span(house: House, backwards: bool) -> None:
    notes = [note("heard", "a", 0, 10), note("heard", "a", 11, 20), note("heard", "a", 21.1, 30)]
    tell(house, *(reversed(notes) if backwards else notes), at_once=1)
    assert heard_spans(house, "a") == [(at(0), at(20)), (at(21.1), at(30))]
    tell(house, note("heard", "a", 20.2, 20.3))
    assert heard_spans(house, "a") == [(at(0), at(30))]


def test_a_gap_is_shown_whole_in_each_window_that_it_touches_and_in_no_other(house: House) -> None:
    post(house, "a", 1, 301, 601, 901)
    tell(house, note("began", "a", 0), note("heard", "a", 0, 290), note("gap", "a", 290, 310, "cut"))
    tell(house, note("heard", "a", 310, 1200), note("gap", "a", 600, 600, "nothing"))
    cut = [("a", "10:04:50", "10:05:10", "cut")]
    assert [gaps(row) for row in windows(house)] == [cut, cut, [], []]
    (second,) = windows(house, filters=Filters(since_us=at(300), until_us=at(600)))
    assert gaps(second) == cut
    tell(house, note("heard", "a", 290, 292), note("heard", "a", 294, 296), note("heard", "a", 298, 310))
    (second,) = windows(house, filters=Filters(since_us=at(300), until_us=at(600)))
    assert second["gaps"] == []
    (first,) = windows(house, filters=Filters(until_us=at(300)))
    assert gaps(first) == [("a", "10:04:52", "10:04:54", "cut"), ("a", "10:04:56", "10:04:58", "cut")]


def test_a_short_gap_within_a_long_one_is_in_its_own_window_only(house: House) -> None:
    post(house, "a", 1, 301)
    tell(house, note("gap", "long", 0, 1000, "down"), note("gap", "short", 10, 20, "cut"))
    long = ("long", "10:00:00", "10:16:40", "down")
    assert [gaps(row) for row in windows(house)] == [[long, ("short", "10:00:10", "10:00:20", "cut")], [long]]


def test_a_source_counts_from_when_it_began_until_it_ended(house: House) -> None:
    post(house, "a", 1, 301, 601, 901, 1201)
    tell(house, note("ended", "a", 600), note("began", "a", 300), note("heard", "a", 0, 450), at_once=1)
    tell(house, note("began", "a", 1200), note("heard", "a", 1200, 1500))
    assert shares(house) == {"10:00": None, "10:05": 0.5, "10:10": None, "10:15": None, "10:20": 1.0}
    assert known(house, "a").on_duty
    tell(house, note("ended", "a", 1500))
    assert not known(house, "a").on_duty


def test_one_that_is_changed_at_one_moment_goes_on(house: House) -> None:
    post(house, "a", 1)
    tell(house, note("began", "a", 0), note("ended", "a", 100), note("began", "a", 100), note("heard", "a", 0, 150))
    assert shares(house) == {"10:00": 0.5}


def test_of_a_live_one_no_beginning_is_known(house: House) -> None:
    post(house, "a", 1)
    tell(house, note("gap", "a", 100, 200, "cut"), note("heard", "a", 200, 300))
    assert shares(house) == {"10:00": 0.5}


def test_one_that_never_connected_weighs_as_much_as_the_others_do(house: House) -> None:
    post(house, "talker", 1, 2, 3)
    tell(house, note("began", "talker", 0), note("began", "mute", 0), note("heard", "talker", 0, 300))
    assert shares(house) == {"10:00": 0.5}
    assert known(house, "mute").on_duty


def test_a_window_that_goes_on_is_judged_up_to_now(house: House) -> None:
    post(house, "a", 1)
    tell(house, note("began", "a", 0), note("heard", "a", 0, 140))
    (row,) = windows(house, at(150))
    assert (row["complete"], row["processed"], row["gaps"]) == (1.0, False, [])  # the last 10 s are on their way
    (row,) = windows(house, at(215))
    assert row["complete"] == 0.7  # 140 of the 200 s up to 15 s ago
    assert shares(house, at(-20)) == {"10:00": None}


def test_an_archive_answers_for_what_was_declared(house: House) -> None:
    post(house, "archive", 1, 301, 901, 1201)
    tell(house, note("heard", "archive", 300, 450, live=False), note("heard", "archive", 900, 1200, live=False))
    assert shares(house) == {"10:00": None, "10:05": 0.5, "10:15": 1.0, "10:20": None}


def test_an_archive_of_which_nothing_was_declared_makes_its_own_time_unknown(house: House) -> None:
    post(house, "live", 1, 301, 601, 901)
    tell(house, note("began", "live", 0), note("heard", "live", 0, 1200))
    assert shares(house) == {"10:00": 1.0, "10:05": 1.0, "10:10": 1.0, "10:15": 1.0}
    post(house, "archive", 310, 620)
    assert shares(house) == {"10:00": 1.0, "10:05": None, "10:10": None, "10:15": 1.0}


def test_records_of_before_there_were_kinds_are_of_what_was_heard(house: House) -> None:
    post(house, "a", 1)
    value = msgspec.json.encode({"source": "a", "network": "mastodon", "from_us": at(0), "to_us": at(300)})
    records = Records(source="a", network="mastodon", format="", values=[value], received_at_us=[at(0)])
    house.log.append(COVERAGE, records, now_us=at(0))
    house.work()
    assert shares(house) == {"10:00": 1.0}


def test_what_expired_unread_is_missing_for_good(house: House) -> None:
    post(house, "a", 1, 30)
    tell(house, note("began", "a", 0), note("heard", "a", 0, 300))
    append_posts(house, "a", (60, 90), appended_us=at(90))
    with closing(SqliteLog(house.folder / "log.sqlite", retention=Retention(age_us=3600 * SECOND_US))) as log:
        log.expire(house.clock.now_us())
    append_posts(house, "a", (120, 150), appended_us=house.clock.now_us() - 10 * SECOND_US)
    house.work()
    (row,) = windows(house)
    gone = "2 records expired from the log before they were read"
    assert gaps(row) == [("raw.mastodon", "10:00:30", "10:02:00", gone)]
    assert row["complete"] == 0.7  # it was heard, and yet 90 s are missing
    tell(house, note("heard", "a", 0, 300))
    assert windows(house) == [row]
    assert house.broken() == []


def test_a_rebuild_keeps_what_was_listened_to(broken_for_thirty_seconds: House) -> None:
    house = broken_for_thirty_seconds
    before = windows(house), known(house, "talker").gaps
    house.log.expire(house.clock.now_us() + 1000 * LATER_US)
    rebuild(house.ledger, lambda _: understand([], HOW).posts)
    assert (windows(house), known(house, "talker").gaps) == before


def test_an_older_ledger_is_opened_and_what_was_declared_joined(house: House) -> None:
    post(house, "archive", 1)
    post(house, "nobody", 2)
    tell(house, note("heard", "archive", 0, 100, live=False))
    for table in ("listening", "duties", "missed"):
        house.ledger.store.connection.execute(f"DROP TABLE {table}")
    (number,) = house.ledger.store.connection.execute("SELECT id FROM sources WHERE name = 'archive'").fetchone()
    older = [(number, at(50), at(300)), (number, at(300), at(600))]
    house.ledger.store.connection.executemany("INSERT INTO coverage VALUES (?, ?, ?)", older)
    house.close()
    again = House(house.folder)
    assert heard_spans(again, "archive") == [(at(0), at(600))]
    assert shares(again) == {"10:00": None}  # nobody knows from when to when the posts of `nobody` are
    tell(again, note("heard", "nobody", 0, 600, live=False))
    assert shares(again) == {"10:00": 1.0}
    again.close()


def test_workers_that_save_at_once_keep_all(tmp_path: Path) -> None:
    """Notes of ten minutes, a second each, in the wrong order, saved by two workers: one span."""
    house, *others = (House(tmp_path, partitions=6, batch_records=20) for _ in range(3))
    notes = [note("heard", "a", second * 7919 % 600, second * 7919 % 600 + 1) for second in range(600)]
    append(house, notes, 10)
    threads = [
        threading.Thread(target=each.worker(f"worker {number}").run, args=(partial(_is_done, each),))
        for number, each in enumerate(others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert heard_spans(house, "a") == [(at(0), at(600))]
    for each in (house, *others):
        each.close()


def _is_done(house: House) -> bool:
    return house.behind() == 0
