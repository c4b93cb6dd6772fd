"""Answers to those who wrote: each at least once, in order, with the same key when it is sent again; failures to `errors`."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from lapwing import config
from lapwing.app.recording import Wish, record
from lapwing.engine.answering import Answering
from lapwing.engine.clock import SystemClock
from lapwing.engine.ears import ears_of
from lapwing.engine.heard import Plan
from lapwing.engine.listening import Hands, Listener
from lapwing.errors import DiskFull
from lapwing.hearing import Answer, Disconnected, RateLimited, RefusedBySource, Source, SourceChunk, Surroundings
from lapwing.log.sqlite import SqliteLog
from lapwing.model import Records
from lapwing.testing import crash_at
from sources.hearing import HurriedTime

DEADLINE_S = 60.0
LOOK_S = 0.01
TOPIC = "answers"


class Options(msgspec.Struct, frozen=True):
    """None."""


async def read(options: Options, after: str, surroundings: Surroundings) -> Any:
    """Say nothing."""
    while True:
        yield SourceChunk()
        await surroundings.time.sleep(1.0)


Respond = Callable[[Any, Answer, Surroundings], Awaitable[None]]


def source(respond: Respond) -> Source:
    return Source(
        network="test", format="unrecognised", options=Options, read=read, resume="none", respond=respond, example=""
    )


def plan(respond: Respond, name: str = "bird", answers: str | None = TOPIC) -> Plan:
    return Plan(name=name, type="test", topic="raw.test", source=source(respond), options=Options(), answers=answers)


def post(number: int, text: str | None = None, **more: Any) -> bytes:
    said = f"answer {number}" if text is None else text
    return json.dumps({"uid": f"test:{number}", "author": "test:a", "text": said, "url": None, **more}).encode()


def append(log: SqliteLog, *values: bytes, keys: list[str] | None = None) -> None:
    log.append(
        TOPIC,
        Records(
            source="f", network="", format="json", values=list(values), received_at_us=[1] * len(values), keys=keys
        ),
        now_us=1,
    )


def letters(log: SqliteLog) -> list[dict[str, Any]]:
    found = []
    for (topic, partition), (begin, end) in sorted(log.spans().items()):
        if topic == "errors" and end > begin:
            for chunk in log.read(topic, partition, begin, 1 << 30):
                found += [json.loads(value) for value in chunk.records.values]
    return found


def hands_of(log: Any, thread: ThreadPoolExecutor, time: HurriedTime, owner: str = "test") -> Hands:
    in_thread = partial(asyncio.get_running_loop().run_in_executor, thread)
    return Hands(log=log, time=time, chance=Random(1), owner=owner, in_thread=in_thread, shared={})


def answered(
    log: Any, respond: Respond, time: HurriedTime | None = None, owner: str = "test", name: str = "bird"
) -> None:
    """Answer everything that waits in the topic, and stop."""

    async def run() -> None:
        with ThreadPoolExecutor(1) as thread:
            hands = hands_of(log, thread, time or HurriedTime(), owner)
            listener = Listener(plan(respond, name), hands)
            work = asyncio.create_task(Answering(listener, hands, TOPIC).run())
            async with asyncio.timeout(DEADLINE_S):
                while not work.done() and await hands.in_thread(lambda: log.group_lag(f"answers.{name}", TOPIC)):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_S)  # it works in the same loop, and in a thread
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    asyncio.run(run())


def into(sent: list[Answer]) -> Respond:
    async def respond(_: Any, answer: Answer, __: Surroundings) -> None:
        sent.append(answer)

    return respond


def test_each_answer_is_sent_once_and_those_of_one_author_in_their_order(tmp_path: Path) -> None:
    log, sent = SqliteLog(tmp_path / "log.sqlite"), list[Answer]()
    append(
        log,
        *[post(number, author=f"test:{number % 3}") for number in range(300)],
        keys=[f"{n % 3}" for n in range(300)],
    )
    answered(log, into(sent))
    assert len(sent) == len({each.key for each in sent}) == 300
    for author in range(3):
        said = [int(each.uid.removeprefix("test:")) for each in sent if each.author == f"test:{author}"]
        assert said == list(range(author, 300, 3))
    answered(log, into(sent))
    assert len(sent) == 300, "what was sent is not sent again"
    append(log, post(300))
    answered(log, into(sent))
    assert sent[300:] == [Answer("test:300", "test:a", None, "answer 300", sent[300].key)]


def test_the_key_is_of_the_post_and_the_text_wherever_the_answer_stands(tmp_path: Path) -> None:
    keys = []
    for name, values in (("a", [post(1, "one")]), ("b", [post(7), post(1, "one")]), ("c", [post(1, "two")])):
        log, sent = SqliteLog(tmp_path / f"{name}.sqlite"), list[Answer]()
        append(log, *values, keys=["k"] * len(values))
        answered(log, into(sent))
        keys.append(sent[-1].key)
    assert keys[0] == keys[1] != keys[2]


def test_a_post_that_came_twice_is_answered_once(tmp_path: Path) -> None:
    log, sent = SqliteLog(tmp_path / "log.sqlite"), list[Answer]()
    append(log, post(1), post(2), post(1), post(1, "another text"), keys=["k"] * 4)
    answered(log, into(sent))
    assert [(each.uid, each.text) for each in sent] == [
        ("test:1", "answer 1"), ("test:2", "answer 2"), ("test:1", "another text"),
    ]  # fmt: skip


def test_empty_texts_and_answers_for_other_networks_or_sources_are_left_alone(tmp_path: Path) -> None:
    log, sent = SqliteLog(tmp_path / "log.sqlite"), list[Answer]()
    append(
        log, post(1, " "), post(2, network="other"), post(3, source="another"), post(4, network="test", source="bird"),
    )  # fmt: skip
    answered(log, into(sent))
    assert [each.uid for each in sent] == ["test:4"]
    assert letters(log) == []


def test_what_can_never_be_sent_goes_to_errors_and_the_others_go_on(tmp_path: Path) -> None:
    log, sent = SqliteLog(tmp_path / "log.sqlite"), list[Answer]()

    async def respond(_: Any, answer: Answer, __: Surroundings) -> None:
        if answer.uid == "test:3":
            raise RefusedBySource("this person blocked us", "do not answer")
        if answer.uid == "test:4":
            raise KeyError("a bug")
        sent.append(answer)

    torn = b'{"uid":"test:1"'
    append(log, torn, b"\xff", b"7", b'{"uid":1,"author":"a","text":"t"}', post(3), post(4), post(5), keys=["k"] * 7)
    answered(log, respond)
    assert [each.uid for each in sent] == ["test:5"]
    found = letters(log)
    assert len(found) == 6
    reasons = {str(each["record"]): each["reason"] for each in found}
    assert reasons[torn.decode()].startswith("this is no answer")
    assert {each["function"] for each in found} == {"answers.bird"}
    refused, bug = found[-2:]
    assert (refused["record"]["uid"], refused["reason"]) == ("test:3", "this person blocked us; do not answer")
    assert bug["reason"] == "KeyError: 'a bug'"
    assert {(each["topic"], each["partition"]) for each in found} == {(TOPIC, found[0]["partition"])}
    assert [each["offset"] for each in found] == [0, 1, 2, 3, 4, 5]


def test_trouble_with_the_network_is_waited_out_and_the_key_stays_the_same(tmp_path: Path) -> None:
    log, time = SqliteLog(tmp_path / "log.sqlite"), HurriedTime(speed=200.0)
    tried: list[tuple[int, str, str]] = []
    script: list[Exception | None] = [
        Disconnected("gone"), OSError("broken"), TimeoutError(), RateLimited("slower", time.now_us() + 100_000_000), None, None,
    ]  # fmt: skip

    async def respond(_: Any, answer: Answer, __: Surroundings) -> None:
        tried.append((time.now_us(), answer.uid, answer.key))
        if (problem := script.pop(0)) is not None:
            raise problem

    until_us = time.now_us() + 100_000_000
    append(log, post(1), post(2), keys=["k", "k"])
    answered(log, respond, time)
    assert [uid for _, uid, _ in tried] == ["test:1"] * 5 + ["test:2"]
    assert len({key for _, _, key in tried[:5]}) == 1
    waits_s = [(later[0] - earlier[0]) / 1e6 for earlier, later in pairwise(tried[:4])]
    assert [wait >= least for wait, least in zip(waits_s, (0.8, 1.6, 3.2), strict=True)] == [True] * 3
    assert tried[4][0] >= until_us - 1_000_000, "as long as the network said"
    assert letters(log) == []


def test_after_an_hour_an_answer_is_given_up(tmp_path: Path) -> None:
    log, time = SqliteLog(tmp_path / "log.sqlite"), HurriedTime(speed=3_000.0)
    tries, sent = list[int](), list[Answer]()

    async def respond(_: Any, answer: Answer, __: Surroundings) -> None:
        if answer.uid == "test:1":
            tries.append(time.now_us())
            raise Disconnected("the server answers with an error")
        sent.append(answer)

    append(log, post(1), post(2), keys=["k", "k"])
    answered(log, respond, time)
    assert tries[-1] - tries[0] <= 3_600_000_000
    assert len(tries) > 10
    (letter,) = letters(log)
    assert letter["reason"] == "it was tried for 60 minutes: the server answers with an error"
    assert [each.uid for each in sent] == ["test:2"]


def test_however_long_an_answer_takes_nobody_else_takes_its_place(tmp_path: Path) -> None:
    path, time = tmp_path / "log.sqlite", HurriedTime(speed=20.0)
    log, others = SqliteLog(path), list[object]()

    async def respond(_: Any, answer: Answer, surroundings: Surroundings) -> None:
        await surroundings.time.sleep(25.0)
        other = SqliteLog(path)
        spans = [key for key in other.spans() if key[0] == TOPIC]
        others.extend(other.claim_group("answers.bird", *key, "another", time.now_us()) for key in spans)
        other.close()

    append(log, post(1))
    answered(log, respond, time)
    assert others
    assert set(others) == {None}, "a lease lives for 10 s, and was kept"


class FullAtFirst:
    """A log whose disk is full for a while."""

    def __init__(self, log: SqliteLog) -> None:
        self._log, self.refusals = log, 2

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append_and_advance(self, *words: Any, **more: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise DiskFull("there is no room", "free some")
        return self._log.append_and_advance(*words, **more)


def test_where_the_disk_is_full_it_is_not_sent_again_and_again(tmp_path: Path) -> None:
    log, sent = FullAtFirst(SqliteLog(tmp_path / "log.sqlite")), list[Answer]()
    append(log._log, post(1), post(2), keys=["k", "k"])
    answered(log, into(sent), HurriedTime(speed=50.0))
    assert [each.uid for each in sent] == ["test:1", "test:2"]
    assert log.refusals == 0


def work(path: Path, said: Path, crash_after: int | None) -> None:
    """A process that answers, and may be killed when an answer was sent and nobody has noted it."""
    armed = crash_at("sent", crash_after) if crash_after is not None else None

    def mark(name: str) -> None:
        if armed is not None and name == "log.before_commit" and said.exists() and said.stat().st_size > before[0]:
            before[0] = said.stat().st_size
            armed("sent")

    before = [said.stat().st_size if said.exists() else 0]

    async def respond(_: Any, answer: Answer, __: Surroundings) -> None:
        with said.open("a") as file:
            file.write(f"{answer.uid} {answer.key}\n")

    answered(SqliteLog(path, mark=mark), respond, owner=f"owner-{crash_after}")


def test_killed_after_sending_and_before_noting_it_sends_that_one_again_with_the_same_key(tmp_path: Path) -> None:
    path, said = tmp_path / "log.sqlite", tmp_path / "said.txt"
    append(SqliteLog(path), *[post(number) for number in range(6)], keys=["k"] * 6)
    spawn = multiprocessing.get_context("spawn")
    codes = []
    for crash_after in (3, None):
        process = spawn.Process(target=work, args=(path, said, crash_after))
        process.start()
        process.join(DEADLINE_S)
        codes.append(process.exitcode)
    assert codes == [-9, 0]
    lines = said.read_text().split("\n")[:-1]
    assert [line.split()[0] for line in lines] == [f"test:{n}" for n in (0, 1, 2, 2, 3, 4, 5)]
    assert len(set(lines)) == 6, "the key of a repeat is the same"


def test_ears_answer_for_those_sources_that_have_a_topic_of_answers(tmp_path: Path) -> None:
    log, sent = SqliteLog(tmp_path / "log.sqlite"), list[Answer]()
    append(log, post(1))

    async def run() -> None:
        with ThreadPoolExecutor(1) as thread:
            ears = ears_of(hands_of(log, thread, HurriedTime()))
            try:
                async with asyncio.timeout(DEADLINE_S):
                    await ears.want({"silent": plan(into(sent), "silent", answers=None)})
                    await asyncio.sleep(0)
                    await ears.want({"silent": plan(into(sent), "silent", answers=None), "bird": plan(into(sent))})
                    while not sent:
                        ears.check()
                        await asyncio.sleep(LOOK_S)  # it works in the same loop, and in a thread
                    append(log, post(2))
                    await ears.want({"bird": plan(into(sent), answers=None)})
            finally:
                await ears.close()

    asyncio.run(run())
    assert [each.uid for each in sent] == ["test:1"], "answers that are taken out of the configuration are not sent"
    assert log.group_lag("answers.bird", TOPIC) == 1
    assert log.group_lag("answers.silent", TOPIC) == 2


def test_where_nobody_can_be_answered_or_the_topic_is_not_for_answers_it_is_said_and_the_source_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, sent = SqliteLog(tmp_path / "log.sqlite"), list[Answer]()
    mute = msgspec.structs.replace(plan(into(sent)), source=msgspec.structs.replace(source(into(sent)), respond=None))
    wrong = [plan(into(sent), name, answers=name) for name in ("errors", "raw.test", "_lapwing.gaps")]

    async def run() -> None:
        with ThreadPoolExecutor(1) as thread:
            ears = ears_of(hands_of(log, thread, HurriedTime()))
            try:
                async with asyncio.timeout(DEADLINE_S):
                    await ears.want({each.name: each for each in [mute, *wrong]})
                    while len(log.source_states()) < 4:  # noqa: ASYNC110
                        await asyncio.sleep(LOOK_S)  # it works in the same loop, and in a thread
            finally:
                await ears.close()

    asyncio.run(run())
    assert [line for line in caplog.messages if "answer" in line] == [
        "bird: nobody can be answered through test, so take `answers` out",
        "errors: answers cannot stand in errors; name a topic of their own",
        "raw.test: answers cannot stand in raw.test; name a topic of their own",
        "_lapwing.gaps: answers cannot stand in _lapwing.gaps; name a topic of their own",
    ]


def test_whoever_records_answers_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINE_SECRET", "a-secret")
    text = '[[source]]\ntype = "line"\nsecret = "env:LINE_SECRET"\ntoken = "env:LINE_SECRET"\nanswers = "answers"\n'
    looks = iter(range(6))  # answers would be looked for between one look and the next
    done = record(
        config.parse(text, environment={}), tmp_path / "said.ndjson", Wish(), SystemClock(),
        lambda: next(looks, None) is None,
    )  # fmt: skip
    assert [source["name"] for source in done["sources"]] == ["line"]
