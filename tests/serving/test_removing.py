"""Edits and deletes, through the real commands: what every answer says afterwards, and what those who listen are told."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, cast

import pytest

from cli.running import ingest, lapwing, lines, status
from lapwing.app import forgetting, private
from lapwing.app.living import changed_since, last_commit
from lapwing.app.opening import Directory
from lapwing.app.secret_keys import PSEUDONYMS, key_of
from lapwing.engine.clock import Clock
from lapwing.serving.live import events
from serving.asking import asked

DID = "did:plc:aaaabbbbccccddddeeeeffff"
OTHER = "did:plc:zzzzyyyyxxxxwwwwvvvvuuuu"
US = 1_717_236_000_000_000  # 2024-06-01T10:00:00Z
KEY = "3ktw3oxcxd22a"
URI = f"at://{DID}/app.bsky.feed.post/{KEY}"


class Told(NamedTuple):
    """What a data directory says of its posts, in every way."""

    texts: list[str]
    counts: tuple[int, int]
    words: set[str]


def said(data: Path) -> Told:
    """Posts, counts and words by the command line; the exports, CSV and NDJSON, say the same as the posts."""
    texts = sorted(post["text"] for post in lapwing(data, "posts", "--json").json["posts"])
    rows = lapwing(data, "posts", "--format", "csv").out.decode()
    assert sorted(row["text"] for row in csv.DictReader(io.StringIO(rows))) == texts
    with asked(data) as client:
        exported = client.get("/api/v1/posts?format=ndjson").text.splitlines()
        assert sorted(json.loads(line)["text"] for line in exported) == texts
        sheet = client.get("/api/v1/posts?format=csv").text
        assert sorted(row["text"] for row in csv.DictReader(io.StringIO(sheet))) == texts
    counted = lapwing(data, "counts", "--window", "all", "--by", "none", "--json").json
    numbers = (counted[0]["posts"], counted[0]["people"]) if counted else (0, 0)
    return Told(texts, numbers, {row["word"] for row in lapwing(data, "words", "--json").json})


def commit(data: Path) -> int:
    with closing(Directory(data)) as directory:
        return last_commit(directory)


def told(data: Path, since: int) -> dict[str, Any]:
    """The event of posts that the live stream gives for what changed since a commit."""
    with closing(Directory(data)) as directory:
        change = changed_since(directory, since)
    assert change is not None
    (line,) = [line for line in events(change)["posts"].decode().split("\n") if line.startswith("data: ")]
    found: dict[str, Any] = json.loads(line.removeprefix("data: "))
    return found


def frame(kind: str, **more: Any) -> bytes:
    return json.dumps({"did": DID, "time_us": US + 60_000_000, "kind": kind} | more).encode()


def post(did: str, key: str, text: str, operation: str = "create") -> bytes:
    record = {"$type": "app.bsky.feed.post", "createdAt": "2024-06-01T10:00:00Z", "text": text, "langs": ["en"]}
    said: dict[str, Any] = {"rev": f"{key[:-1]}b" if operation == "create" else f"{key[:-2]}zz", "operation": operation}
    said |= {"collection": "app.bsky.feed.post", "rkey": key, "cid": "bafy", "record": record}
    return json.dumps({"did": did, "time_us": US, "kind": "commit", "commit": said}).encode()


@pytest.fixture
def heard(tmp_path: Path, data_dir: Path) -> Path:
    """Two posts of two people."""
    ingest(data_dir, lines(tmp_path / "a.ndjson", post(DID, KEY, "hail tonight"), post(OTHER, "3ktw3oxcxd22c", "rain")))
    return data_dir


def test_an_edit_replaces_the_text_everywhere(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1, "hail tonight"), status(2, "rain")))
    before = commit(data_dir)
    edit = status(1, "thunder tonight", edited_at="2024-06-01T10:30:00Z")
    ingest(data_dir, "--source", "a", lines(tmp_path / "b.ndjson", edit))
    assert said(data_dir) == Told(["rain", "thunder tonight"], (2, 2), {"rain", "thunder", "tonight"})
    change = told(data_dir, before)
    assert [each["text"] for each in change["posts"]] == ["thunder tonight"]
    assert "removed" not in change


def test_a_delete_removes_it_everywhere_and_is_told(tmp_path: Path, heard: Path) -> None:
    before = commit(heard)
    gone = {"rev": "3ktw3oxcxzz2a", "operation": "delete", "collection": "app.bsky.feed.post", "rkey": KEY}
    ingest(heard, lines(tmp_path / "b.ndjson", frame("commit", commit=gone)))
    assert said(heard) == Told(["rain"], (1, 1), {"rain"})
    assert told(heard, before)["removed"] == [URI]


@pytest.mark.parametrize(("state", "comes_back"), [("deleted", False), ("deactivated", True)])
def test_an_author_who_goes_takes_all_along_and_may_come_back(
    tmp_path: Path, heard: Path, state: str, comes_back: bool
) -> None:
    before = commit(heard)
    account = {"active": False, "did": DID, "seq": 1, "status": state, "time": "2024-06-01T11:00:00Z"}
    ingest(heard, lines(tmp_path / "b.ndjson", frame("account", account=account)))
    assert said(heard) == Told(["rain"], (1, 1), {"rain"})
    assert told(heard, before)["removed"] == [URI]

    before = commit(heard)
    back = {"active": True, "did": DID, "seq": 2, "time": "2024-06-01T12:00:00Z"}
    later = frame("account", account=back, time_us=US + 120_000_000)
    ingest(heard, lines(tmp_path / "c.ndjson", later))
    if comes_back:
        assert said(heard) == Told(["hail tonight", "rain"], (2, 2), {"hail", "rain", "tonight"})
        assert [each["uid"] for each in told(heard, before)["posts"]] == [URI]
    else:
        assert said(heard) == Told(["rain"], (1, 1), {"rain"})


def test_forgetting_tells_by_name_while_there_is_a_name(heard: Path) -> None:
    before, heard_of = commit(heard), []

    class Pause:
        """The clock of the command: what listeners are told is looked at while it pauses for them."""

        def __init__(self, clock: Any) -> None:
            self._clock = clock

        def __getattr__(self, name: str) -> Any:
            return getattr(self._clock, name)

        def sleep(self, seconds: float, wake: Event | None = None) -> bool:
            heard_of.append((seconds, told(heard, before)["removed"]))
            return False

    with closing(Directory(heard)) as directory:
        directory.clock = cast(Clock, Pause(directory.clock))
        forgetting.forget(directory, DID)
    assert heard_of == [(forgetting.TOLD_S, [URI])]
    assert said(heard) == Told(["rain"], (1, 1), {"rain"})
    with closing(Directory(heard)) as directory:  # who listens later is told nothing of a post without a name
        assert changed_since(directory, before)["removed"] == []  # type: ignore[index]


def test_pseudonyms_are_stable_and_leave_no_name(tmp_path: Path, data_dir: Path) -> None:
    author = {"acct": "ada", "uri": "https://a.example/users/ada", "url": "https://a.example/@ada"}
    author["fields"] = [{"name": "Home", "value": "Perth"}]  # type: ignore[assignment]
    text = "Hail! @ben @eve@b.example, see https://a.example/@ada or mail ada.l@a.example"
    own = status(1, text, account=author, uri="https://a.example/users/ada/statuses/1")
    reply = status(2, "me too", account=author, in_reply_to_id="1", uri="https://a.example/users/ada/statuses/2")
    ingest(data_dir, lines(tmp_path / "a.ndjson", own, reply))
    with closing(Directory(data_dir)) as directory:
        name = private.pseudonym(key_of(directory.path, PSEUDONYMS), "author", author["uri"])

    shown = lapwing(data_dir, "posts", "--json", "--pseudonyms")
    assert {each["author"] for each in shown.json["posts"]} == {name}
    assert shown.json["posts"][1]["text"] == "Hail! @someone @someone, see https://removed or mail @someone"
    with asked(data_dir) as client:
        answers = [
            client.get(f"/api/v1/posts?pseudonyms=true&format={shape}").text for shape in ("json", "ndjson", "csv")
        ]
        assert json.loads(answers[0])["posts"] == shown.json["posts"]
    for answer in (shown.out.decode(), lapwing(data_dir, "posts", "--pseudonyms").out.decode(), *answers):
        assert not [name for name in ("ada", "eve", "ben", "a.example") if name in answer.replace("removed", "")]


def test_few_people_are_not_counted_out_when_asked_so(heard: Path) -> None:
    wanted = ("--window", "all", "--by", "none", "--json")
    (row,) = lapwing(heard, "counts", *wanted, "--at-least", "3").json
    assert (row["posts"], row["reposts"], row["people"]) == (None, None, None)
    (row,) = lapwing(heard, "counts", *wanted, "--at-least", "2").json
    assert (row["posts"], row["people"]) == (2, 2)
    assert "few" in lapwing(heard, "counts", "--at-least", "5").out.decode()
    with asked(heard) as client:
        assert client.get("/api/v1/counts?window=all&by=none&at_least=3").json()["counts"][0]["people"] is None
        assert client.get("/api/v1/counts?window=all&by=none&at_least=3&format=csv").status_code == 200
