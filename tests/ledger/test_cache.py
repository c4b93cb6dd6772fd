"""What was decoded is kept in memory, within a bound, and shared by threads; it is never older than what is asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from house import House
from streams import stream

from lapwing.errors import UsageError
from lapwing.ledger.sqlite import forgetting, reading, retention
from lapwing.ledger.sqlite.blocks import Block
from lapwing.ledger.sqlite.cache import Cache
from lapwing.ledger.sqlite.counting import counts
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.retention import Retention
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.text.query import parse

DAY_US = 86_400_000_000
PLENTY = 1 << 24


def test_what_was_used_last_is_kept_up_to_the_bound() -> None:
    cache, made = Cache(10), []

    def get(label: str, size: int) -> str:
        return cache.get(label, lambda: made.append(label) or label.upper(), lambda _: size)

    assert [get("a", 4), get("b", 4), get("a", 4), get("c", 4), get("b", 4)] == ["A", "B", "A", "C", "B"]
    assert made == ["a", "b", "c", "b"]  # b fell out for c, a for b
    assert cache.bytes == 8
    assert cache.among(["a", "b", "c"]) == [None, "B", "C"]
    get("large", 11)
    assert (cache.bytes, cache.among(["b", "c", "large"])) == (11, [None, None, "LARGE"])  # one is kept, however large
    cache.forget()
    assert (cache.bytes, cache.among(["large"])) == (0, [None])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=60))
def test_no_more_is_kept_than_is_counted(asked: list[tuple[int, int]]) -> None:
    cache, sizes = Cache(50), {}
    for label, size in asked:
        sizes.setdefault(label, size)
        assert cache.get(label, lambda label=label: label + 1, lambda made: sizes[made - 1]) == label + 1
        kept = [label for label, hit in zip(sizes, cache.among(list(sizes)), strict=True) if hit is not None]
        assert cache.bytes == sum(sizes[label] for label in kept) <= 50


def asked(ledger: SqliteLedger) -> list[Any]:
    """Answers of each kind."""
    store = ledger.store
    words = [
        reading.posts(store, Filters(), parse(query), 20) for query in ("place", "the OR place", '"place 3"', "1*")
    ]
    lists = [[dict(row) for row in some] for some in (*words, reading.posts(store, Filters(), None, 30))]
    return [*lists, *(counts(store, Filters(), width, "place").rows() for width in (300_000_000, 3_600_000_000))]


def test_who_shares_memory_is_told_the_same_as_who_just_came(tmp_path: Path) -> None:
    house, memory = House(tmp_path, batch_records=40), Cache(PLENTY)
    readers = [SqliteLedger(tmp_path / "ledger") for _ in range(2)]
    for reader in readers:
        reader.share(memory)

    def told() -> list[Any]:
        fresh = SqliteLedger(tmp_path / "ledger")
        now = asked(fresh)
        fresh.close()
        assert [asked(reader) for reader in readers] == [now, now]
        return now

    answers = []
    events = stream(22, 120)
    for start in range(0, len(events), 60):
        house.append(events[start : start + 60])
        house.work()
        answers.append(told())
    while house.ledger.tidy(idle=True):
        pass
    assert told() == answers[-1]  # merging changes no answer

    store = house.ledger.store
    standing = answers[-1][-3][0]
    doomed = forgetting.by_people(store, lambda authors: authors == standing["author"])
    forgetting.erase(store, doomed)
    answers.append(told())
    assert standing["uid"] not in str(answers[-1])

    retention.expire(store, Retention(90 * DAY_US, 1_000 * DAY_US), house.clock.now_us() + 91 * DAY_US)
    answers.append(told())
    assert all(row["text"] is None for row in answers[-1][4])
    without_text = answers[-1][4][0]
    forgetting.erase(store, forgetting.by_people(store, lambda authors: authors == without_text["author"]))
    assert without_text["uid"] not in str(told())
    assert 0 < memory.bytes <= PLENTY
    for ledger in (house, *readers):
        ledger.close()


def test_what_was_rolled_back_is_nobody_elses(tmp_path: Path) -> None:
    house, memory = House(tmp_path), Cache(PLENTY)
    house.append(stream(23, 40))
    house.work()
    store = house.ledger.store
    house.ledger.share(memory)
    before = asked(house.ledger)
    written: list[Block] = []

    def rewrite_and_fail() -> None:
        with store.transaction():
            (block, *_) = store.facts.listed()
            store.facts.rewrite(block, store.connection.execute("SELECT blob FROM facts").fetchone()[0])
            written.extend(store.facts.listed())
            store.facts.read(written[0], "uid")
            raise UsageError("no", "do not")

    with pytest.raises(UsageError):
        rewrite_and_fail()
    assert memory.among([(str(store.path), "facts", written[0].id, ("uid",))]) == [None]
    assert asked(house.ledger) == before
    house.close()


@pytest.mark.parametrize("wanted", [[], [0], [3, 4, 5], [0, 39], [7, 12, 31]])
def test_lists_and_numbers_are_what_the_frame_holds(wanted: list[int], tmp_path: Path) -> None:
    house = House(tmp_path, batch_records=9)
    house.append(stream(24, 60))
    house.work()
    facts, seqs = house.ledger.store.facts, np.array(wanted, dtype=np.int64)
    frame = facts.at(seqs, "uid", "lang", "created_at_us", "kind")
    there, columns = facts.lists(seqs, "uid", "lang", "created_at_us", "kind")
    assert {**columns, "seq": there} == frame.to_dict(as_series=False)
    there_too, numbers = facts.numbers(seqs, "created_at_us", "lang")
    assert there_too.tolist() == there
    assert {name: values.tolist() for name, values in numbers.items()} == {name: columns[name] for name in numbers}
    house.close()
