"""What is handed in is looked at on the doorstep: what is good is durable at once, what is not is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.running import lapwing, status
from lapwing.app.accepting import Handed, accept
from lapwing.app.opening import Directory
from lapwing.app.public import consume
from lapwing.errors import Unacceptable, UsageError


@pytest.fixture
def directory(data_dir: Path) -> Iterator[Directory]:
    with closing(Directory(data_dir)) as opened:
        yield opened


def hand_in(directory: Directory, topic: str, body: bytes, **more: Any) -> dict[str, Any]:
    return accept(directory, Handed(topic=topic, body=body, source="desk", **({"lines": False} | more)))


def kept(directory: Directory, topic: str) -> list[bytes]:
    spans = {key: span for key, span in directory.log.spans().items() if key[0] == topic}
    chunks = [chunk for key in sorted(spans) for chunk in directory.log.read(*key, 0, 1_000)]
    return [bytes(value) for chunk in chunks for value in chunk.records.values]


def test_any_json_goes_to_a_topic_of_ones_own(directory: Directory) -> None:
    assert hand_in(directory, "observations", b' {"id": 1} ') == {
        "topic": "observations", "records": 1, "repeated": False,
    }  # fmt: skip
    assert hand_in(directory, "observations", b'[1, 2]\n\n"three"\n', lines=True)["records"] == 2
    assert kept(directory, "observations") == [b'{"id": 1}', b"[1, 2]", b'"three"']


def test_of_names_that_stand_twice_in_an_object_the_last_counts(directory: Directory, data_dir: Path) -> None:
    hand_in(directory, "mine", b'{"id": 1, "id": 2}')
    assert kept(directory, "mine") == [b'{"id": 1, "id": 2}']  # the log keeps what came
    assert list(consume("mine", data=data_dir, follow=False)) == [{"id": 2}]


def test_posts_come_as_their_network_writes_them(directory: Directory, data_dir: Path) -> None:
    body = b"[" + status(1) + b"," + status(2) + b"]"
    assert hand_in(directory, "raw.mastodon", body)["records"] == 2
    assert hand_in(directory, "raw.mastodon.perth", status(3))["records"] == 1
    lapwing(data_dir, "worker", "--until-empty")
    posts = lapwing(data_dir, "posts", "--json").json["posts"]
    assert [(post["uid"][-1], post["source"]) for post in posts] == [("3", "desk"), ("2", "desk"), ("1", "desk")]


@pytest.mark.parametrize(
    ("topic", "body", "said"),
    [
        ("a/b", b"1", "'a/b' is not the name of a topic"),
        ("", b"1", "'' is not the name of a topic"),
        (".", b"1", "'.' is not the name of a topic"),
        ("..", b"1", "'..' is not the name of a topic"),
        ("x" * 250, b"1", "is not the name of a topic"),
        ("_lapwing.retries", b"1", "_lapwing.retries is one of our own topics"),
        ("raw.", b"1", "raw. is no topic of posts"),
        ("raw.myspace", b"{}", "no format reads posts of 'myspace'"),
    ],
)
def test_topics_that_are_not_to_be_written_to(topic: str, body: bytes, said: str, directory: Directory) -> None:
    with pytest.raises(UsageError) as caught:
        hand_in(directory, topic, body)
    assert said in str(caught.value)
    assert directory.log.spans() == {}


@pytest.mark.parametrize(
    ("topic", "body", "record", "reason"),
    [
        ("mine", b'{"a": 1}\n{"a": ', 1, "truncated"),
        ("mine", b'"\xff"', 0, "utf-8"),
        ("mine", b"[" * 100_000, 0, "nested too deep"),
        ("mine", rb'{"id":"\ud800"}', 0, "a lone surrogate in a text: not unicode"),
        ("raw.mastodon", b'{"id": 1}', 0, "not a mastodon status: no uri"),
        ("raw.x", b'{"hello": "world"}', 0, "as x_v1: no id; as x_v2: not an x v2 post: no data"),
        ("raw.mastodon", status(1) + b"\n" + status(2, created_at=7), 1, "created_at"),
    ],
)
def test_records_that_are_wrong_are_named_and_nothing_is_kept(
    topic: str, body: bytes, record: int, reason: str, directory: Directory
) -> None:
    with pytest.raises(Unacceptable) as caught:
        hand_in(directory, topic, body, lines=True)
    assert caught.value.status == 422
    assert caught.value.records[0]["record"] == record
    assert reason in str(caught.value.records[0]["reason"]).lower()
    assert directory.log.spans() == {}


def test_a_record_that_is_too_large(directory: Directory) -> None:
    with pytest.raises(Unacceptable) as caught:
        hand_in(directory, "mine", json.dumps("x" * (1 << 20)).encode())
    assert caught.value.status == 413


def test_the_same_key_is_accepted_once(directory: Directory) -> None:
    assert not hand_in(directory, "mine", b"1", key="k")["repeated"]
    assert hand_in(directory, "mine", b"1", key="k")["repeated"]
    assert kept(directory, "mine") == [b"1"]
    with pytest.raises(UsageError):
        hand_in(directory, "mine", b"2", key="k")
