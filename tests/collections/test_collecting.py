"""Documents from a topic: kept once for each key, accounted for, and carried along."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from collecting_house import NOW_US, SEEN, House

from lapwing.app import collections, letters
from lapwing.app.safekeeping import back_up
from lapwing.errors import Unacceptable
from lapwing.ledger.sqlite.ledger import generation_path

DEADLINE_S = 60


def document(key: object, text: str = "rain", **more: object) -> str:
    return json.dumps({"id": key, "text": text} | more, ensure_ascii=False)


def test_a_later_document_replaces_an_earlier_one(house: House) -> None:
    house.put("observations", document("a", "rain"), document("b"), document("a", "snow"))
    house.work()
    assert house.outcomes("seen") == [3, 2, 1, 0, 0, 0]
    assert house.keys("seen") == ["b", "a"]
    assert house.keys("seen", "snow") == ["a"]
    assert house.keys("seen", "rain") == ["b"]
    house.put("observations", document("b", "hail"))
    house.work()
    assert house.keys("seen", "rain") == []
    assert house.keys("seen", "hail") == ["b"]
    assert house.broken() == []


def test_a_document_is_taken_away_and_may_come_back(house: House) -> None:
    house.put("observations", document("a"), '{"id": "a", "_deleted": true}', '{"id": "never", "_deleted": true}')
    house.work()
    assert house.outcomes("seen") == [3, 1, 0, 1, 1, 0]
    assert house.keys("seen") == []
    assert house.keys("seen", "rain") == []
    house.put("observations", document("a", "sun"))
    house.work()
    assert house.outcomes("seen") == [4, 2, 0, 1, 1, 0]
    assert house.keys("seen", "sun") == ["a"]
    assert house.broken() == []


def test_null_in_a_field_is_a_value(house: House) -> None:
    house.put("observations", '{"id": "a", "text": null, "_deleted": false}')
    house.work()
    assert house.bodies("seen") == [b'{"id":"a","text":null,"_deleted":false}']


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("no json", "this is not JSON"),
        (b"\xff\xfe", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ("[1]", "this is a list, and a collection keeps JSON objects"),
        ("null", "this is null, and a collection keeps JSON objects"),
        ('{"name": 1}', "there is no 'id' in this document, by which the collection tells them apart; there is: name"),
        ('{"id": null}', "'id' is null in this document; a key is a text or a whole number"),
        ('{"id": 1.5}', "'id' is a number in this document; a key is a text or a whole number"),
        ('{"id": true}', "'id' is true or false in this document"),
        ('{"id": {}}', "'id' is an object in this document"),
        ('{"id": ""}', "'id' has 0 characters in this document; a key has 1 to 1000"),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(house: House, record: str | bytes, reason: str) -> None:
    house.put("observations", document(1), record, document(2), record)
    house.work()
    assert house.outcomes("seen") == [4, 2, 0, 0, 1, 1]
    [(topic, said)] = house.letters()
    assert topic == "observations"
    assert said.startswith(f"collection 'seen': {reason}")
    assert house.broken() == []


def test_a_dead_letter_that_was_mended_is_one_no_longer(house: House) -> None:
    house.put("observations", '{"name": "a"}', "still no json")
    house.work()
    first, second = letters.listed(house.directory, "collection 'seen'", None, 10)[::-1]
    collections.send_again(house.directory, first, b'{"id": "a"}')
    collections.send_again(house.directory, second, b"still no json")
    collections.work_off(house.directory)
    assert house.keys("seen") == ["a"]
    assert house.outcomes("seen") == [4, 1, 0, 0, 1, 2]
    assert [each["id"] for each in letters.listed(house.directory, None, None, 10)] == [second["id"]]
    assert house.broken() == []


def test_a_correction_that_is_no_document_leaves_the_dead_letter_as_it_is(house: House) -> None:
    house.put("observations", '{"name": "a"}', "no json")
    house.work()
    before = letters.listed(house.directory, None, None, 10)
    number = before[1]["id"]
    for mended, reason in ((b"still no json", "not JSON"), (b'{"name": "b"}', "id")):
        with pytest.raises(Unacceptable, match=reason):
            letters.retried(house.directory, (number,), False, mended)
        assert letters.listed(house.directory, None, None, 10) == before
    assert letters.retried(house.directory, (number,), False, b'{"id": "a"}') == (1, 0)
    assert letters.discarded(house.directory, (before[0]["id"], number)) == 1
    assert letters.listed(house.directory, None, None, 10) == []
    assert house.broken() == []


def test_a_topic_feeds_several_collections_and_equal_keys_do_not_meet(tmp_path: Path) -> None:
    house = House(tmp_path, SEEN, ("by-text", "observations", "text"), ("others", "elsewhere", "id"))
    house.put("observations", document("a", "rain"), document("b", "rain"))
    house.put("elsewhere", document("a", "dust"))
    house.work()
    assert house.keys("seen") == ["b", "a"]
    assert house.keys("by-text") == ["rain"]
    assert house.keys("others") == ["a"]
    assert house.keys("seen", "dust") == []
    assert house.keys("others", "dust") == ["a"]
    assert house.broken() == []


def test_a_number_and_its_text_are_one_key(house: House) -> None:
    house.put("observations", document(5, "rain"), document("5", "snow"))
    house.work()
    assert house.bodies("seen") == [b'{"id":"5","text":"snow"}']


def test_in_different_partitions_the_one_appended_later_counts(tmp_path: Path) -> None:
    house = House(tmp_path, SEEN)
    house.put("observations", document("a", "late"), keys=["x"], at_us=NOW_US + 5)
    house.put("observations", document("a", "early"), keys=["some other author"], at_us=NOW_US)
    house.put("observations", '{"id": "b", "_deleted": true}', keys=["x"], at_us=NOW_US + 5)
    house.put("observations", document("b"), keys=["some other author"], at_us=NOW_US)
    house.work()
    assert house.bodies("seen") == [b'{"id":"a","text":"late"}']
    assert house.broken() == []


def test_what_expired_from_the_log_is_passed_over(house: House) -> None:
    house.put("observations", document("a"), keys=["k"])
    house.put("observations", document("b"), keys=["k"])
    house.directory.log._connection.execute("DELETE FROM batches WHERE base_offset = 0")
    house.work()
    assert house.keys("seen") == ["b"]
    assert house.outcomes("seen")[0] == 1
    assert house.broken() == []


def test_a_rebuild_carries_documents_over(house: House) -> None:
    house.put("observations", document("a"), document("b", "snow"))
    house.work()
    house.rebuild()
    assert house.keys("seen", "snow") == ["b"]
    house.put("observations", document("c", "snow"))
    house.work()
    assert house.keys("seen", "snow") == ["c", "b"]
    assert house.outcomes("seen") == [3, 3, 0, 0, 0, 0]
    assert house.broken() == []


def test_another_key_makes_the_collection_again(tmp_path: Path) -> None:
    house = House(tmp_path, SEEN)
    house.put("observations", document("a", "rain"), document("b", "rain"))
    house.work()
    house.close()
    house = House(tmp_path, ("seen", "observations", "text"))
    house.work()
    assert house.keys("seen") == ["rain"]
    assert house.outcomes("seen") == [2, 1, 1, 0, 0, 0]
    assert house.broken() == []


def test_another_key_is_refused_where_the_log_has_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = House(tmp_path, SEEN)
    house.put("observations", document("a"), document("b"))
    house.work()
    house.directory.log._connection.execute("DELETE FROM batches")
    house.directory.log._connection.execute("UPDATE partitions SET first_offset = next_offset")
    house.close()
    house = House(tmp_path, ("seen", "observations", "text"))
    collections.collector(house.directory).run(lambda: True)
    assert "cannot be made again" in caplog.text
    assert house.keys("seen") == ["b", "a"]
    assert house.broken() == []


def test_posts_are_no_documents(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = House(tmp_path, ("posts", "raw.mastodon", "id"), SEEN)
    assert [kept.name for kept in collections.collector(house.directory).wanted] == ["seen"]
    assert "raw.mastodon holds posts" in caplog.text


def test_a_directory_from_before_gets_the_tables(tmp_path: Path) -> None:
    house = House(tmp_path, SEEN)
    path = generation_path(house.directory.ledger.folder)
    house.close()
    connection = sqlite3.connect(path)
    for table in ("collections", "documents", "document_terms"):
        connection.execute(f"DROP TABLE {table}")
    connection.close()
    house = House(tmp_path, SEEN)
    house.put("observations", document("a"))
    house.work()
    assert house.keys("seen") == ["a"]


def test_a_taken_partition_changes_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, SEEN)
    house.put("observations", document("a"))
    sleeper = collections.collector(house.directory)
    sleeper._keep_claims()
    rival = House(tmp_path, SEEN)
    late_us = rival.directory.clock.now_us() + 60_000_000
    for topic, partition in rival.directory.ledger.claims():
        rival.directory.ledger.claim(topic, partition, "rival", late_us)
    sleeper.step()
    assert house.outcomes("seen") == [0] * 6
    assert sleeper.claims.keys() != set()
    rival.directory.ledger.release("rival")
    rival.work()
    assert rival.keys("seen") == ["a"]
    assert rival.broken() == []


def many(house: House, seed: int, count: int = 150) -> dict[str, str]:
    """Documents that replace and remove one another, and what must be left of them."""
    chance, left = random.Random(seed), {}
    for number in range(count):
        key = str(chance.randrange(40))
        if chance.random() < 0.2:
            house.put("observations", json.dumps({"id": key, "_deleted": True}), keys=[key])
            left.pop(key, None)
        else:
            house.put("observations", document(key, f"text {number}"), keys=[key])
            left[key] = f"text {number}"
    return left


def command_of(folder: Path, mark: str = "", times: int = 1) -> list[str]:
    return [sys.executable, str(Path(__file__).parent / "run_collector.py"), str(folder), mark, str(times)]


def collect(folder: Path, mark: str = "", times: int = 1) -> int:
    surroundings = {**os.environ, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command_of(folder, mark, times), env=surroundings, timeout=DEADLINE_S, check=False)
    return done.returncode


@pytest.mark.parametrize(
    "marks",
    [
        ("documents.written", "ledger.after_commit"),
        pytest.param(
            ("documents.fenced", "documents.written", "ledger.before_commit", "ledger.after_commit"),
            marks=pytest.mark.full,
        ),
    ],
)
def test_killed_at_named_points_one_after_the_other(tmp_path: Path, marks: tuple[str, ...]) -> None:
    house = House(tmp_path, SEEN)
    left = many(house, seed=3)
    house.close()
    for mark in marks:
        assert collect(tmp_path, mark, 3) == -signal.SIGKILL
        house = House(tmp_path, SEEN)
        assert 0 < house.outcomes("seen")[0] < 150, f"it was killed at {mark} in the middle of its work"
        assert house.broken() == []
        house.close()
    assert collect(tmp_path) == 0
    house = House(tmp_path, SEEN)
    assert {each["id"]: each["text"] for each in map(json.loads, house.bodies("seen"))} == left
    assert house.outcomes("seen")[0] == 150
    assert house.broken() == []


@pytest.mark.full
def test_twenty_kills_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(8)
    house = House(tmp_path, SEEN)
    left = many(house, seed=5, count=1_200)
    house.close()
    for _ in range(20):
        process = subprocess.Popen(command_of(tmp_path))
        try:
            process.wait(chance.uniform(0.6, 1.2))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert collect(tmp_path) == 0
    house = House(tmp_path, SEEN)
    assert {each["id"]: each["text"] for each in map(json.loads, house.bodies("seen"))} == left
    assert house.outcomes("seen")[0] == 1_200
    assert house.broken() == []


def test_the_body_of_a_child_process(tmp_path: Path) -> None:
    house = House(tmp_path, SEEN)
    house.put("observations", document("a"))
    collections.collect(tmp_path, house.directory.configuration, lambda: collections.behind(house.directory) == 0)
    assert house.keys("seen") == ["a"]
    owners = {owner for owner, _, _ in house.directory.ledger.claims().values()}
    assert owners == {None}


BREAKS = {
    "DELETE FROM document_terms WHERE document = 1": "is not found by all of its words",
    "INSERT INTO document_terms VALUES (1, 7, 1)": "words are in the index",
    "DELETE FROM documents WHERE number = 1": "documents are there",
    "UPDATE documents SET key = 'z' WHERE number = 1": "says another key",
    "UPDATE collections SET refused = 1": "are accounted for",
    "UPDATE collections SET received = 9, stored = 9": "records were read from the log",
}


@pytest.mark.parametrize(("statement", "said"), BREAKS.items())
def test_verify_sees_what_is_broken(house: House, statement: str, said: str) -> None:
    house.put("observations", document("a"), document("b"))
    house.work()
    house.directory.ledger.store.connection.execute(statement)
    assert any(said in broken for broken in house.broken())


def test_a_backup_has_the_documents(house: House, tmp_path: Path) -> None:
    house.put("observations", document("a"))
    house.work()
    back_up(house.directory, tmp_path / "copy")
    copy = House(tmp_path / "copy", SEEN)
    assert copy.keys("seen", "rain") == ["a"]
    assert copy.broken() == []
