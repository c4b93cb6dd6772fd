"""Retention, rebuilding, opening: what happens to a ledger after the day it was filled."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import expected
from house import HOW, House
from streams import Content, Delete, Event, stream

from lapwing.engine.understanding import Understanding, gathered, parts_of, understand
from lapwing.errors import UnknownVersion
from lapwing.ledger.sqlite import retention
from lapwing.ledger.sqlite.rebuilding import rebuild
from lapwing.ledger.sqlite.retention import Retention

DAY_US = 86_400_000_000


def filled(folder: Path, seed: int = 21) -> tuple[House, list[Event]]:
    events = stream(seed, 60)
    house = House(folder, batch_records=60)
    house.append(events)
    house.work()
    return house, events


def test_texts_go_before_counts_and_a_late_delete_still_corrects_them(tmp_path: Path) -> None:
    house, events = filled(tmp_path)
    later_us = house.clock.now_us() + 91 * DAY_US

    lost = retention.expire(house.ledger.store, Retention(90 * DAY_US, 1000 * DAY_US), later_us)

    contents = expected.standing(events)
    assert lost == house.ledger.store.connection.execute("SELECT sum(rows) FROM facts").fetchone()[0]
    assert house.counts(300_000_000) == expected.counts(contents, 300_000_000)
    victim = next(content for content in contents if content.network == "x")
    number = victim.uid.removeprefix("x:")
    record = b'{"delete":{"status":{"id":%b,"id_str":"%b","user_id":1,"user_id_str":"1"}}}' % (
        number.encode(),
        number.encode(),
    )
    house.append([Event("stream", "x", "x_v1", record, Delete(victim.uid, (1 << 63) - 1))])
    house.work()
    assert house.counts(300_000_000) == expected.counts([each for each in contents if each != victim], 300_000_000)
    assert house.broken() == []
    house.close()


def test_counts_go_with_their_facts_and_every_promise_holds(tmp_path: Path) -> None:
    house, _ = filled(tmp_path)
    later_us = house.clock.now_us() + 2000 * DAY_US

    retention.expire(house.ledger.store, Retention(90 * DAY_US, 1000 * DAY_US), later_us)

    assert house.counts(300_000_000) == {}
    assert house.broken() == []
    house.append(stream(22, 30, first=1000))
    house.work()
    assert house.broken() == []
    house.close()


def elsewhere(posts: pl.DataFrame) -> pl.DataFrame:
    """A newer rule for places: everything is one further."""
    return HOW.transforms[0](posts).with_columns(pl.col("place") + 1)


def rebuilt(house: House, since_us: int = 0) -> tuple[int, int]:
    """Rebuild with the newer rule, of what was appended since a time; posts recomputed and copied."""
    how = Understanding(HOW.formats, [elsewhere])
    places = {
        row[0]: row[1:] for row in house.ledger.store.connection.execute("SELECT id, topic, partition FROM partitions")
    }

    def understood(wanted: dict[int, np.ndarray]) -> pl.DataFrame:
        parts = []
        for origin, offsets in wanted.items():
            chunks = house.log.read(*places[origin], int(offsets[0]), 1 << 30)
            recent = [chunk for chunk in chunks if chunk.appended_at_us >= since_us]
            parts += [parts_of(chunk, origin, (int(offsets[0]), int(offsets[-1]) + 1)) for chunk in recent]
        return understand(gathered(parts), how).posts

    result = rebuild(house.ledger, understood)
    return result.recomputed, result.copied


def test_a_rebuild_applies_the_new_rule_and_keeps_what_was_deleted_and_edited(tmp_path: Path) -> None:
    house, events = filled(tmp_path)
    accounting = house.accounting()

    recomputed, copied = rebuilt(house)

    moved = [Content(**{**content.__dict__, "place": content.place + 1}) for content in expected.standing(events)]
    assert copied == 0
    assert recomputed > 60
    assert house.counts(300_000_000) == expected.counts(moved, 300_000_000)
    assert house.accounting() == accounting
    assert house.broken() == []
    house.close()


def test_what_is_too_old_for_a_rebuild_is_copied_unchanged(tmp_path: Path) -> None:
    house, events = filled(tmp_path)

    recomputed, copied = rebuilt(house, since_us=house.clock.now_us())

    assert recomputed == 0
    assert copied > 60
    assert house.counts(300_000_000) == expected.counts(expected.standing(events), 300_000_000)
    assert house.broken() == []
    house.close()


def test_a_rebuild_that_fails_leaves_the_old_generation_in_use(tmp_path: Path) -> None:
    house, events = filled(tmp_path)

    def fails(wanted: dict[int, np.ndarray]) -> pl.DataFrame:
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        rebuild(house.ledger, fails)

    assert house.counts(300_000_000) == expected.counts(expected.standing(events), 300_000_000)
    assert [path.name for path in (tmp_path / "ledger").glob("*.sqlite")] == ["generation-1.sqlite"]
    house.close()


def test_a_worker_goes_on_in_the_new_generation(tmp_path: Path) -> None:
    house, _ = filled(tmp_path, seed=31)
    other = House(tmp_path, batch_records=60)
    worker = other.worker("other")
    worker.run(lambda: True)
    rebuilt(house)

    more = stream(32, 20, first=1000)
    other.append(more)
    worker.run(lambda: other.behind() == 0)

    assert other.ledger.store.path.name == "generation-2.sqlite"
    assert house.accounting() == other.accounting()
    assert house.broken() == []
    house.close()
    other.close()


def test_what_others_merge_does_not_go_away_under_a_reader(tmp_path: Path) -> None:
    house, _ = filled(tmp_path, seed=41)
    for number in range(12):
        house.append(stream(50 + number, 6, first=1000 * (number + 1)))
        worker = house.worker()
        worker._keep_claims()
        worker.step()  # and nobody merges
        house.ledger.release("worker")
    reader = House(tmp_path)
    store = reader.ledger.store

    with store.snapshot():
        pages, blocks = store.keys.runs.pages(-(1 << 62), 1 << 62), store.facts.listed()
        while house.ledger.tidy(idle=False):
            pass
        assert [store.keys.runs.read(page, "key").height for page in pages] != []
        assert [store.facts.read(block, "uid").height for block in blocks] == [block.rows for block in blocks]

    assert len(store.facts.listed()) < len(blocks)
    assert house.broken() == []
    house.close()
    reader.close()


@pytest.mark.parametrize("name", ["ledger/generation-1.sqlite", "log.sqlite"])
@pytest.mark.parametrize("statement", ["CREATE TABLE bookmarks (a)", "CREATE TABLE meta (key, value)"])
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_was(tmp_path: Path, statement: str, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(UnknownVersion, match="nothing was touched"):
        House(tmp_path)

    assert path.read_bytes() == before
