"""Names go before texts; and people are forgotten while batches with their posts are on the way."""

from __future__ import annotations

import stat
import sys
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cli.running import status
from lapwing import config
from lapwing.app import forgetting
from lapwing.app.opening import Directory
from lapwing.engine.understanding import batch_of, parts_of
from lapwing.errors import Fenced
from lapwing.ledger.sqlite import retention
from lapwing.ledger.sqlite.retention import Retention
from lapwing.ledger.sqlite.verify import verify
from lapwing.model import Read, Records

DAY_US = 86_400_000_000
NAMES = ("author_name", "profile", "url")


def house(folder: Path) -> Directory:
    return Directory(folder / "data", config.parse("source = []\n[log]\npartitions = 1\n", environment={}))


def put(directory: Directory, *records: bytes) -> None:
    """Long enough ago that no worker waits for more."""
    now_us = directory.clock.now_us()
    some = Records(
        source="here",
        network="mastodon",
        format="mastodon",
        values=list(records),
        received_at_us=[now_us] * len(records),
    )
    directory.log.append("raw.mastodon", some, now_us=now_us - 10_000_000)


def work(directory: Directory) -> None:
    directory.worker().run(lambda: directory.behind() == 0)


def by(name: str, number: int, text: str) -> bytes:
    author = f"https://a.example/users/{name}"
    fields = [{"name": "Location", "value": "Perth, Australia"}]
    account = {"acct": name, "uri": author, "url": f"https://a.example/@{name}", "fields": fields}
    return status(
        number, text, account=account, uri=f"{author}/statuses/{number}", url=f"https://a.example/@{name}/{number}"
    )


def texts(directory: Directory) -> pl.DataFrame:
    store = directory.ledger.store
    return pl.concat(store.texts.read(block) for block in store.texts.listed())


def broken(directory: Directory) -> list[str]:
    return [line for each in verify(directory.ledger.store, directory.log.spans()) for line in each.broken]


def test_names_and_profiles_go_and_texts_and_counts_stay(tmp_path: Path) -> None:
    with closing(house(tmp_path)) as directory:
        put(directory, by("ada", 1, "hail tonight"), by("ben", 2, "rain in Surabaya, Indonesia"))
        work(directory)
        before = texts(directory)
        assert before["author_name"].to_list() == ["ada", "ben"]
        assert before["place_evidence"].to_list() == ["Perth, Australia", "surabaya"]
        rule = Retention(90 * DAY_US, 1000 * DAY_US, names_us=30 * DAY_US)
        store, now_us = directory.ledger.store, directory.clock.now_us()

        retention.expire(store, rule, now_us + 29 * DAY_US)
        assert texts(directory).equals(before)
        for _ in range(2):  # the second time there is nothing to do
            assert retention.expire(store, rule, now_us + 31 * DAY_US) == 0
            after = texts(directory)
            assert [after[name].null_count() for name in NAMES] == [2, 2, 2]
            assert after["place_evidence"].to_list() == [None, "surabaya"]
            assert after["text"].to_list() == before["text"].to_list()
        assert broken(directory) == []


def test_a_batch_that_was_made_before_somebody_was_forgotten_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "TOLD_S", 0.0)
    with closing(house(tmp_path)) as directory, closing(house(tmp_path)) as other:
        put(directory, by("ada", 1, "hail tonight"), by("ben", 2, "rain"))
        claimed = directory.ledger.claim("raw.mastodon", 0, "worker", directory.clock.now_us())
        assert claimed is not None
        (chunk,) = directory.log.read("raw.mastodon", 0, 0, 10)
        read = Read(origin=claimed.id, epoch=claimed.epoch, from_offset=0, to_offset=2, records=2)
        batch = batch_of([parts_of(chunk, claimed.id, (0, 2))], [read], directory.understanding)

        assert forgetting.forget(other, "https://a.example/users/ada")["records"] == 1
        with pytest.raises(Fenced, match="forgotten"):
            directory.ledger.save(batch, directory.clock.now_us())
        directory.ledger.release("worker")
        work(directory)
        assert texts(directory)["text"].to_list() == ["rain"]
        assert broken(directory) == []


def test_others_records_that_wait_for_a_worker_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "TOLD_S", 0.0)
    with closing(house(tmp_path)) as directory:
        put(directory, by("ada-lovelace", 1, "hail"), by("ben", 2, "see https://a.example/users/ada-lovelace there"))
        done = forgetting.forget(directory, "https://a.example/users/ada-lovelace")
        assert (done["records"], done["waiting"]) == (1, 1)
        work(directory)
        assert texts(directory)["author_name"].to_list() == ["ben"]
        assert forgetting.forget(directory, "https://a.example/users/ada-lovelace")["records"] == 1


def test_those_who_were_forgotten_expire_from_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "TOLD_S", 0.0)
    with closing(house(tmp_path)) as directory:
        put(directory, by("ben", 2, "rain"))
        forgetting.forget(directory, "https://a.example/users/ada")
        directory.log.expire(directory.clock.now_us() + 400 * DAY_US)
        assert {topic for (topic, _), (first, end) in directory.log.spans().items() if end > first} == {
            "_lapwing.forgets"
        }


def test_nobody_else_may_look_into_a_data_directory(tmp_path: Path) -> None:

    with closing(house(tmp_path)) as directory:
        put(directory, by("ben", 2, "rain"))
        assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
