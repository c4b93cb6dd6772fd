"""A person is forgotten: by every answer, by the files on the disk, and for whatever comes later."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard

from cli.running import ingest, lapwing, lines, numbers, standing, status
from lapwing import config
from lapwing.app import collections, forgetting
from lapwing.app.alive import alive
from lapwing.app.opening import Directory
from lapwing.app.secret_keys import FORGETTING
from lapwing.ledger.sqlite.verify import verify
from lapwing.model import Records

ADA = "https://a.example/users/ada-lovelace"
BEN = "https://a.example/users/ben"
FRAME = b"\x28\xb5\x2f\xfd"
"""How a compressed frame begins (RFC 8878)."""
SECRET_TEXT = "Ozymandias lives in Perth, Australia"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause in which listeners are told is for them; nobody listens here."""
    monkeypatch.setattr(forgetting, "TOLD_S", 0.0)


def by(author: str, number: int, text: str, **more: Any) -> bytes:
    name = author.rpartition("/")[2]
    account: dict[str, Any] = {
        "acct": name,
        "uri": author,
        "url": f"https://a.example/@{name}",
        "fields": [{"name": "Home", "value": "Perth"}],
    }
    return status(number, text, **({"account": account, "uri": f"{author}/statuses/{number}"} | more))


def filled(data: Path, folder: Path) -> None:
    """Ada has two posts, one of them edited, and a repost; Ben answers her, reposts her and has one of his own."""
    hers = f"{ADA}/statuses/1"
    lived = {"uri": hers, "content": f"<p>{SECRET_TEXT}</p>"}
    ingest(
        data,
        lines(
            folder / "a.ndjson",
            by(ADA, 1, SECRET_TEXT),
            by(ADA, 2, "Hail in Perth, Australia"),
            by(ADA, 2, "Quixotic hail in Perth, Australia", edited_at="2024-06-01T10:30:00Z"),
            by(BEN, 3, "Rain in Perth, Australia"),
            by(BEN, 4, "", reblog=lived),
            by(BEN, 5, "I agree", in_reply_to_id="1", mentions=[{"url": ADA}]),
            b'{"account": {"uri": "' + ADA.encode() + b'"}, "content": "no time", "uri": "x"}',
            json.dumps({"event": "delete", "payload": "99"}).encode(),
        ),
    )


def everything(data: Path) -> Iterator[tuple[str, bytes]]:
    """All bytes of a data directory: the files as they are, and what can be expanded in them: values of tables, and every
    compressed frame that begins anywhere, in pages that are free too.
    """
    for file in sorted(path for path in data.rglob("*") if path.is_file()):
        raw = file.read_bytes()
        yield file.name, raw
        start = raw.find(FRAME)
        while start >= 0:
            with suppress(zstandard.ZstdError):
                yield file.name, zstandard.ZstdDecompressor().decompressobj().decompress(raw[start : start + 100_000])
            start = raw.find(FRAME, start + 4)
    for file in [data / "log.sqlite", *data.glob("ledger/*.sqlite")]:
        with closing(sqlite3.connect(file)) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in connection.execute(f"SELECT * FROM {table}"):
                    yield from ((f"{file.name}:{table}", part) for value in row for part in expanded(value))


def expanded(value: Any) -> Iterator[bytes]:
    """A value, and whatever compressed frames begin in it."""
    whole = value if isinstance(value, bytes) else str(value).encode()
    yield whole
    start = whole.find(FRAME)
    while start >= 0:
        with suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(whole[start:])
        start = whole.find(FRAME, start + 4)


def found(data: Path, *needles: str) -> set[tuple[str, str]]:
    return {(place, needle) for place, part in everything(data) for needle in needles if needle.encode() in part}


def broken(data: Path) -> list[str]:
    with closing(Directory(data)) as directory:
        return [line for each in verify(directory.ledger.store, directory.log.spans()) for line in each.broken]


def texts(data: Path, *query: object) -> list[str]:
    return [post["text"] for post in lapwing(data, "posts", "--json", *query).json["posts"]]


NEEDLES = ("Ozymandias", "Quixotic", ADA, "ada-lovelace")


def test_nothing_of_a_person_is_left_in_any_answer_or_any_file(tmp_path: Path, data_dir: Path) -> None:
    filled(data_dir, tmp_path)
    assert {needle for _, needle in found(data_dir, *NEEDLES)} == set(NEEDLES)
    assert len(texts(data_dir, "Ozymandias")) == 2

    done = lapwing(data_dir, "forget", ADA, "--yes", "--json")

    assert (done.json["posts"], done.json["changes"], done.json["dead_letters"]) == (3, 1, 1)
    assert done.json["records"] == 6
    assert (done.json["waiting"], done.json["scrubbed"], done.json["again"]) == (0, True, False)
    assert found(data_dir, *NEEDLES) == set()
    assert sorted(texts(data_dir)) == ["I agree", "Rain in Perth, Australia"]
    assert texts(data_dir, "Ozymandias") == texts(data_dir, "hail") == []
    (row,) = lapwing(data_dir, "counts", "--window", "all", "--by", "none", "--json").json
    assert (row["posts"], row["reposts"], row["people"]) == (2, 0, 1)
    assert "quixotic" not in [each["word"] for each in lapwing(data_dir, "words", "--json").json]
    assert broken(data_dir) == []
    standing(data_dir)


def test_free_pages_keep_nothing(tmp_path: Path, data_dir: Path) -> None:
    """Blocks that were merged leave free pages behind; some builds of SQLite overwrite these, and some do not."""
    filled(data_dir, tmp_path)
    with closing(Directory(data_dir)) as directory:
        for connection in (directory.ledger.store.connection, directory.log._connection):
            connection.execute("PRAGMA secure_delete = OFF")
        for number in range(30, 44):
            now_us = directory.clock.now_us()
            values = [by(ADA, number, SECRET_TEXT), by(BEN, number + 100, "rain")]
            some = Records(
                source="a", network="mastodon", format="mastodon", values=values, received_at_us=[now_us] * 2
            )
            directory.log.append("raw.mastodon", some, now_us=now_us - 10_000_000)
            directory.worker().run(lambda: directory.behind() == 0)
        assert forgetting.forget(directory, ADA)["posts"] == 17
    assert found(data_dir, *NEEDLES) == set()
    assert broken(data_dir) == []


def test_what_comes_later_is_refused_and_named_nowhere(tmp_path: Path, data_dir: Path) -> None:
    filled(data_dir, tmp_path)
    with alive(data_dir, "sources-7"):
        done = lapwing(data_dir, "forget", ADA, "--yes")
    assert "run `lapwing forget --again` in a while" in done.err
    again = lines(
        tmp_path / "b.ndjson",
        by(ADA, 7, "Back again"),
        by(BEN, 8, "", reblog={"uri": f"{ADA}/statuses/1", "content": f"<p>{SECRET_TEXT}</p>"}),
        by(BEN, 9, "Still here"),
    )
    assert numbers(ingest(data_dir, again)) == [3, 1, 0, 0, 2, 0]
    assert lapwing(data_dir, "status", "--json").json["filtered"]["forgotten"] == 3
    done = lapwing(data_dir, "forget", "--again", "--json")
    assert (done.json["records"], done.json["again"]) == (2, False)
    assert found(data_dir, *NEEDLES) == set()
    assert broken(data_dir) == []


def test_rebuilding_and_a_ledger_made_anew_know_it_still(tmp_path: Path, data_dir: Path) -> None:
    filled(data_dir, tmp_path)
    lapwing(data_dir, "rebuild")  # leaves the generation before on the disk
    lapwing(data_dir, "forget", "ada-lovelace", "--yes")
    assert found(data_dir, *NEEDLES) == set()
    lapwing(data_dir, "rebuild")
    assert sorted(texts(data_dir)) == ["I agree", "Rain in Perth, Australia"]
    assert broken(data_dir) == []

    for file in (data_dir / "ledger").iterdir():
        file.unlink()
    with closing(Directory(data_dir)) as directory:
        directory.worker().run(lambda: directory.behind() == 0)
    numbers(ingest(data_dir, lines(tmp_path / "b.ndjson", by(ADA, 7, "Back again"))))
    assert texts(data_dir) == ["Rain in Perth, Australia"]  # the answer's record named her, and was emptied
    assert broken(data_dir) == []


def test_it_says_first_what_goes_and_goes_on_only_when_told(tmp_path: Path, data_dir: Path) -> None:
    filled(data_dir, tmp_path)
    done = lapwing(data_dir, "forget", "@Ada-Lovelace", given=b"n\n")
    assert done.code == 130
    assert (
        f"{ADA} (ada-lovelace): 3 posts and edits from 2024-06-01 to 2024-06-01, 1 reposts of them by others"
        in done.err
    )
    assert len(texts(data_dir)) == 5
    assert lapwing(data_dir, "forget", "nobody", "--yes").code == 2
    assert lapwing(data_dir, "forget", "--yes").code == 2


def test_a_name_that_two_have_is_asked_about(tmp_path: Path, data_dir: Path) -> None:
    other = by("https://b.example/users/ben", 11, "Hail")
    ingest(data_dir, lines(tmp_path / "a.ndjson", by(BEN, 3, "Rain"), other))
    done = lapwing(data_dir, "forget", "ben", "--yes")
    assert done.code == 2
    assert "2 people are called 'ben'" in done.err
    assert len(texts(data_dir)) == 2


def test_the_list_of_the_forgotten_is_keyed_and_private(tmp_path: Path, data_dir: Path) -> None:
    filled(data_dir, tmp_path)
    lapwing(data_dir, "forget", ADA, "--yes")
    key = data_dir / "secrets" / FORGETTING
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    key.rename(tmp_path / "lost")
    done = ingest(data_dir, lines(tmp_path / "b.ndjson", by(BEN, 20, "Rain")))
    assert done.code == 1
    assert "is missing" in done.err


def test_a_source_is_purged_but_for_what_another_saw_too(tmp_path: Path, data_dir: Path) -> None:
    shared, own, other = by(BEN, 1, "Seen by both"), by(BEN, 2, "Alone"), by(ADA, 3, "Of the other")
    ingest(data_dir, "--source", "one", lines(tmp_path / "a.ndjson", shared, own, b"{broken"))
    ingest(data_dir, "--source", "two", lines(tmp_path / "b.ndjson", shared, other))
    done = lapwing(data_dir, "forget", "--source", "one", "--yes", "--json")
    assert (done.json["posts"], done.json["dead_letters"], done.json["records"]) == (1, 1, 3)
    assert sorted(texts(data_dir)) == ["Of the other", "Seen by both"]
    assert found(data_dir, "Alone") == set()
    assert broken(data_dir) == []

    lapwing(data_dir, "forget", "--network", "mastodon", "--yes")
    assert texts(data_dir) == []
    assert lapwing(data_dir, "counts", "--json").json == []
    assert broken(data_dir) == []
    assert numbers(ingest(data_dir, lines(tmp_path / "c.ndjson", by(BEN, 2, "Alone")))) == [1, 1, 0, 0, 0, 0]


def test_what_a_crash_interrupted_is_finished_later(tmp_path: Path, data_dir: Path) -> None:
    filled(data_dir, tmp_path)

    class Crash(Exception):
        """The end, before the places were emptied for good."""

    def at(name: str) -> None:
        if name == "ledger.erased":
            raise Crash

    with closing(Directory(data_dir, mark=at)) as directory, pytest.raises(Crash):
        forgetting.forget(directory, ADA)
    assert sorted(texts(data_dir)) == ["I agree", "Rain in Perth, Australia"]
    assert found(data_dir, "Quixotic")

    assert lapwing(data_dir, "forget", "--again", "--json").json["posts"] == 3
    assert found(data_dir, "Ozymandias", "Quixotic") == set()
    assert broken(data_dir) == []


def test_documents_and_own_topics_that_name_the_person_go_too(tmp_path: Path, data_dir: Path) -> None:
    settings = config.parse(
        'source = []\n[[collection]]\nname = "notes"\ntopic = "notes"\nkey = "id"\n', environment={}
    )
    notes = [{"id": 1, "by": ADA, "says": "Quixotic"}, {"id": ADA, "says": "hail"}, {"id": 3, "says": "rain"}]
    with closing(Directory(data_dir, settings)) as directory:
        now_us = directory.clock.now_us()
        values = [json.dumps(note).encode() for note in notes]
        some = Records(source="me", network="", format="json", values=values, received_at_us=[now_us] * 3)
        directory.log.append("notes", some, now_us=now_us)
        collections.work_off(directory)
        done = forgetting.forget(directory, ADA)
        assert (done["documents"], done["records"]) == (2, 2)
        (left,) = collections.page(directory, "notes", None, 10)["documents"]
        assert left["key"] == "3"
        chunks = [chunk for at in range(8) for chunk in directory.log.read("notes", at, 0, 10)]
        assert [bytes(value) for chunk in chunks for value in chunk.records.values] == [b"null", b"null", values[2]]
    assert found(data_dir, *NEEDLES) == set()
    assert broken(data_dir) == []
