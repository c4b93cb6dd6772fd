"""LINE's webhook: signatures, events of a delivery, redeliveries, what is taken back; and answers that are pushed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from lapwing import catalog, config
from lapwing.app.serving import application
from lapwing.app.webhooks import DirectoryHooks, posted_to
from lapwing.errors import DiskFull
from lapwing.hearing import Answer, Delivery, Disconnected, RateLimited, RefusedBySource, SourceChunk
from lapwing.log.sqlite import SqliteLog
from lapwing.model import Records
from lapwing.serving import problems, webhooks
from lapwing.testing.networks import LineFake
from serving.asking import serving
from sources.hearing import HurriedTime, Room
from sources.held import chunks_until, held, missing, surroundings_of

SOURCE = catalog.load("sources", "line")
PUBLISHED_SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
PUBLISHED_BODY = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
PUBLISHED_SIGNATURE = "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="
PERSON = "U00000000000000000000000000000007"


def options(fake: LineFake | None = None, **words: Any) -> Any:
    about = {"secret": PUBLISHED_SECRET} | ({"url": fake.url, "token": fake.token} if fake else {})
    return SOURCE.options(**(about | words))


def received(fake: LineFake, *events: dict[str, Any], **words: Any) -> Delivery:
    made = fake.delivery(list(events))
    return SOURCE.receive(options(**words), made.headers, made.body)  # type: ignore[no-any-return]


def event(kind: str = "message", **more: Any) -> dict[str, Any]:
    said = {"id": "585000000000000001", "type": "text", "text": "Hail in Perth"}
    plain = {"type": kind, "message": said, "timestamp": 1799143200000, "mode": "active", "source": {"userId": PERSON}}
    return plain | more


def test_the_published_signature_is_right_and_a_delivery_of_nothing_is_welcome() -> None:
    heard = SOURCE.receive(options(), {"x-line-signature": PUBLISHED_SIGNATURE}, PUBLISHED_BODY)
    assert (heard.status, list(heard.values)) == (200, [])


@pytest.mark.parametrize(
    ("headers", "body", "secret"),
    [
        ({}, PUBLISHED_BODY, PUBLISHED_SECRET),
        ({"x-line-signature": ""}, PUBLISHED_BODY, PUBLISHED_SECRET),
        ({"x-line-signature": PUBLISHED_SIGNATURE}, PUBLISHED_BODY + b" ", PUBLISHED_SECRET),
        ({"x-line-signature": PUBLISHED_SIGNATURE}, PUBLISHED_BODY.replace(b"8e", b"9e"), PUBLISHED_SECRET),
        ({"x-line-signature": PUBLISHED_SIGNATURE}, PUBLISHED_BODY, "another"),
        ({"x-line-signature": PUBLISHED_SIGNATURE[:-4]}, PUBLISHED_BODY, PUBLISHED_SECRET),
        ({"x-line-signature": "\N{SNOWMAN}"}, PUBLISHED_BODY, PUBLISHED_SECRET),
        ({"x-line-signature": "not base64!"}, PUBLISHED_BODY, PUBLISHED_SECRET),
    ],
)
def test_anything_else_is_401_and_keeps_nothing(headers: dict[str, str], body: bytes, secret: str) -> None:
    heard = SOURCE.receive(options(secret=secret), headers, body)
    assert (heard.status, list(heard.values)) == (401, [])
    assert secret not in heard.reason


def test_signed_nonsense_is_400_and_an_event_that_cannot_be_read_is_kept_for_the_format_to_refuse() -> None:
    fake = LineFake()
    for body in (b"", b"[]", b'{"events":7}', b'{"events":[', b"\xff", b"[" * 100_000):
        heard = SOURCE.receive(options(), {"x-line-signature": fake.sign(body)}, body)
        assert (heard.status, list(heard.values)) == (400, []), body
    body = b'{"destination":"U1","events":[{"type":7}, "text"]}'
    heard = SOURCE.receive(options(), {"x-line-signature": fake.sign(body)}, body)
    assert (heard.status, list(heard.values), list(heard.keys)) == (200, [b'{"type":7}', b'"text"'], ["", ""])
    assert len(held(SOURCE, list(heard.values)).refused) == 2


def test_each_event_is_a_record_with_its_very_bytes_and_its_author() -> None:
    fake = LineFake()
    odd = b'{ "type":"message",  "source":{"type":"group","groupId":"C1"}, "message":{"id":"5","type":"text","text":"\\u6d2a" } }'
    plain = json.dumps(event()).encode()
    room = b'{"type":"join","source":{"roomId":"R1"}}'
    body = b'{"events":[' + odd + b",\n" + plain + b"," + room + b'],"destination":"U1"}'
    heard = SOURCE.receive(options(), {"x-line-signature": fake.sign(body)}, body)
    assert list(heard.values) == [odd, plain, room]
    assert list(heard.keys) == ["line:C1", f"line:{PERSON}", "line:R1"]


def test_what_another_bot_is_to_answer_is_left_out_but_for_what_was_taken_back() -> None:
    with LineFake() as fake:
        message, gone = event(mode="standby"), event("unsend", mode="standby", unsend={"messageId": "5"})
        heard = received(fake, message, gone)
        assert [json.loads(value)["type"] for value in heard.values] == ["unsend"]
        assert heard.reason == "1 for another bot (standby)"
        assert len(received(fake, message, gone, standby=True).values) == 2


def test_edits_and_unsent_messages_and_redeliveries_come_to_one_truth() -> None:
    with LineFake() as fake:
        first, second, third = fake.say(3)
        whole = received(fake, *_queued(fake))
        fake.edit(first, "no hail after all")
        fake.delete(second)
        later = received(fake, *_queued(fake))
        again = [*later.values, *whole.values, *whole.values, *later.values]
        for values in ([*whole.values, *later.values], again):
            what = held(SOURCE, list(values))
            assert what.posts == fake.truth().posts
            assert what.posts[first] == "no hail after all"
            assert (set(what.posts), what.deleted) == ({first, third}, {second})


def _queued(fake: LineFake) -> list[dict[str, Any]]:
    fake.delivery()
    events, fake.undelivered = fake.undelivered, []
    return events


@contextmanager
def served(data: Path, text: str, **environment: str) -> Iterator[httpx.Client]:
    """The whole application, as `lapwing serve` puts it together."""
    with ExitStack() as open_, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = config.parse(text, environment={})
        with serving(application(data, settings, open_)) as client:
            yield client


ONE = """
[[source]]
type = "line"
name = "reports"
topic = "raw.line.reports"
secret = "env:LINE_SECRET"
"""
TWO = (
    ONE
    + """
[[source]]
type = "line"
name = "second"
topic = "raw.line.second"
secret = "env:LINE_SECOND"
"""
)


def in_log(data: Path, topic: str) -> list[Records]:
    if not (data / "log.sqlite").exists():
        return []
    log = SqliteLog(data / "log.sqlite")
    try:
        spans = log.spans()
        return [
            chunk.records
            for (name, partition), (begin, end) in sorted(spans.items())
            if name == topic and end > begin
            for chunk in log.read(name, partition, begin, 1 << 30)
        ]
    finally:
        log.close()


def test_a_delivery_is_in_the_log_when_it_is_answered(data_dir: Path) -> None:
    with served(data_dir, ONE, LINE_SECRET=PUBLISHED_SECRET) as client, LineFake() as fake:
        hook = f"{client.base_url}/webhooks/reports"
        fake.say(3, author=7)
        assert fake.post_to(hook) == 200
        found = in_log(data_dir, "raw.line.reports")
        assert held(SOURCE, [bytes(value) for each in found for value in each.values]).posts == fake.truth().posts
        assert {(each.source, each.network, each.format) for each in found} == {("reports", "line", "line")}
        assert len(found) == 1, "one author, one partition"
        assert fake.post_to(f"{client.base_url}/webhooks/line") == 200, "by its type, too"
        assert fake.undelivered == []


def test_what_is_refused_is_answered_shortly_and_keeps_nothing(data_dir: Path) -> None:
    with served(data_dir, ONE, LINE_SECRET=PUBLISHED_SECRET) as client:
        wrong = client.post("/webhooks/reports", content=PUBLISHED_BODY, headers={"x-line-signature": "wrong"})
        assert (wrong.status_code, wrong.content) == (401, b"")
        right = {"X-Line-Signature": PUBLISHED_SIGNATURE}
        verified = client.post("/webhooks/reports", content=PUBLISHED_BODY, headers=right)
        assert (verified.status_code, verified.content) == (200, b"")
        unknown = client.post("/webhooks/other", content=PUBLISHED_BODY, headers=right)
        assert (unknown.status_code, unknown.json()["detail"]) == (404, "no webhook is called 'other'")
        large = client.post("/webhooks/reports", content=b" " * ((1 << 20) + 1), headers=right)
        assert (large.status_code, large.json()["detail"]) == (413, "the body is larger than 1,048,576 bytes")
        assert client.get("/webhooks/reports").status_code == 405
    assert in_log(data_dir, "raw.line.reports") == []


def test_two_channels_have_webhooks_and_secrets_of_their_own(data_dir: Path) -> None:
    with (
        served(data_dir, TWO, LINE_SECRET=PUBLISHED_SECRET, LINE_SECOND="second") as client,
        LineFake() as one,
        LineFake(secret="second", seed=2) as two,
    ):
        one.say(2)
        two.say(1)
        assert one.post_to(f"{client.base_url}/webhooks/second") == 401
        assert one.post_to(f"{client.base_url}/webhooks/reports") == 200
        assert two.post_to(f"{client.base_url}/webhooks/second") == 200
        assert client.post("/webhooks/line", content=b"").status_code == 404, "which of the two?"
        for topic, fake in (("raw.line.reports", one), ("raw.line.second", two)):
            values = [bytes(value) for each in in_log(data_dir, topic) for value in each.values]
            assert held(SOURCE, values).posts == fake.truth().posts


def test_a_source_that_is_paused_or_lacks_its_secret_asks_to_be_tried_again(data_dir: Path) -> None:
    """LINE delivers again whatever is not answered with 200, so nothing is lost while somebody mends it."""
    third = TWO.replace("reports", "third").partition('[[source]]\ntype = "line"\nname = "second"')[0]
    with served(data_dir, TWO + third + "paused = true", LINE_SECOND="second") as client:
        for name in ("reports", "third"):
            waits = client.post(f"/webhooks/{name}", content=b"")
            assert (waits.status_code, waits.headers["retry-after"]) == (503, "60")
        assert client.post("/webhooks/second", content=b"").status_code == 401
    assert posted_to(config.parse("", environment={}).sources) == (), "Bluesky is nothing that posts to us"


def test_a_name_that_nothing_has_is_said_once(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(data_dir, ONE, LINE_SECRET=PUBLISHED_SECRET) as client:
        assert [client.post("/webhooks/before", content=b"").status_code for _ in range(3)] == [404] * 3
    (line,) = [each for each in caplog.messages if "before" in each and "no source" in each]
    assert line == "no source is called 'before', so what was posted to its webhook is refused; there is: reports"


def test_what_was_posted_is_counted_under_its_source(tmp_path: Path) -> None:
    room = Room(tmp_path)
    with room.listening("reports", SOURCE, options()):
        room.wait_until(lambda: "reports" in room.states())
        with served(tmp_path, ONE, LINE_SECRET=PUBLISHED_SECRET) as client, LineFake() as fake:
            fake.say(3)
            assert fake.post_to(f"{client.base_url}/webhooks/reports") == 200
            state = room.states()["reports"]
    assert (state["records"], room.states()["reports"]["records"]) == (3, 3)
    assert state["last_record_us"] is not None


class Full:
    """Hooks on a disk that is full."""

    def find(self, name: str) -> str:
        return name

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Future[Delivery]:
        done: Future[Delivery] = Future()
        done.set_exception(DiskFull("there is no room", "free some"))
        return done


def test_where_the_disk_is_full_nobody_is_told_that_it_arrived() -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(webhooks.router(Full()))
    with serving(app) as client:
        assert client.post("/webhooks/line", content=PUBLISHED_BODY).status_code == 507


def test_through_fifty_faults_redelivery_brings_everything_once(data_dir: Path) -> None:
    with LineFake(seed=5, odd_every=23) as fake:
        fake.faults(seed=11, count=50, over_posts=400, kinds=("duplicate", "back", "half", "cut"))
        for _ in range(4):
            with served(data_dir, ONE, LINE_SECRET=PUBLISHED_SECRET) as client:
                hook = f"{client.base_url}/webhooks/reports"
                for number in range(25):
                    (first, *_) = fake.say(4)
                    if number % 10 == 3:
                        fake.delete(first)
                    if number % 10 == 7:
                        fake.edit(first)
                    fake.post_to(hook)
            assert fake.post_to(hook) == 0, "nobody is there"
        with served(data_dir, ONE, LINE_SECRET=PUBLISHED_SECRET) as client:
            for _ in range(60):  # each fault that is left spoils one delivery
                status = fake.post_to(f"{client.base_url}/webhooks/reports")
                if status == 200 and not fake.pending:
                    break
        assert fake.pending == 0
        assert len(fake.happened) == 50
        values = [bytes(value) for each in in_log(data_dir, "raw.line.reports") for value in each.values]
        what = held(SOURCE, values)
        assert not missing(fake.truth(), what)
        assert set(what.posts) - set(fake.truth().posts) <= set(fake.truth().odd), "places are posts, too"
        assert what.deleted == fake.truth().deleted
        assert len(values) > len({json.loads(value)["webhookEventId"] for value in values}), "some came twice"


def test_it_listens_as_long_as_it_lives(tmp_path: Path) -> None:
    room = Room(tmp_path, speed=20.0)
    with room.listening("reports", SOURCE, options()):
        room.wait_until(lambda: len([note for note in room.notes() if note.kind == "heard"]) >= 3)
        assert room.states()["reports"]["state"] == "live"
    assert len(room.heard_us()) == 1
    time = HurriedTime(20.0)

    def two(chunks: list[SourceChunk]) -> bool:
        return len(chunks) == 2

    first, second = chunks_until(SOURCE, options(), "", time, two)
    assert first.covered_from_us is not None
    assert second.covered_from_us is None
    assert (second.covered_to_us or 0) - (first.covered_to_us or 0) >= 5_000_000


def respond(made: Any, *answers: Answer) -> None:
    async def run() -> None:
        surroundings = surroundings_of(made, HurriedTime())
        try:
            for each in answers:
                await SOURCE.respond(made, each, surroundings)
        finally:
            for shared in surroundings.shared.values():
                await shared.close()

    asyncio.run(run())


def answer(author: str = f"line:{PERSON}", text: str = "Thank you", key: str = "k") -> Answer:
    return Answer(uid="line:585000000000000001", author=author, url=None, text=text, key=key)


def test_an_answer_is_pushed_to_whoever_wrote_and_a_repeat_is_dropped() -> None:
    with LineFake() as fake:
        group = "Cb2f5ff47436671b6e533d8dc3614845d"
        respond(options(fake), answer(), answer(), answer(key="another"), answer(author=f"line:{group}", key="third"))
        said = {"type": "text", "text": "Thank you"}
        assert [(sent["to"], sent["messages"]) for sent in fake.sent] == [
            (PERSON, [said]), (PERSON, [said]), (group, [said]),
        ]  # fmt: skip
        assert [each.status for each in fake.requests] == [200, 409, 200, 200]
        keys = [each.headers["x-line-retry-key"] for each in fake.requests]
        assert keys[0] == keys[1] != keys[2]
        # UUID version 5 of "lapwing:k" in the namespace of addresses
        assert keys[0] == "c66aab10-1aea-56fd-a548-41e121880222"
        assert {each.path for each in fake.requests} == {"/v2/bot/message/push"}


def test_answers_that_cannot_be_sent_are_given_up_and_those_that_wait_are_told_how_long() -> None:
    with LineFake() as fake:
        for author in ("discord:7", "line:7", f"line:{PERSON}/../x", "line:"):
            with pytest.raises(RefusedBySource, match="nobody of LINE"):
                respond(options(fake), answer(author=author))
        with pytest.raises(RefusedBySource, match="no channel access token"):
            respond(options(fake, token=None), answer())
        with pytest.raises(Disconnected, match="refuses the channel access token") as waits:
            respond(options(fake, token="wrong"), answer())
        assert waits.value.back_off is not None
        assert waits.value.back_off.first_s == 60.0
        assert "wrong" not in str(waits.value)
        fake.fault("429")
        with pytest.raises(RateLimited):
            respond(options(fake), answer())
        fake.fault("500")
        with pytest.raises(Disconnected, match="answered 500"):
            respond(options(fake), answer())
        fake.quota = 0
        with pytest.raises(RefusedBySource, match="the month's messages are used up"):
            respond(options(fake), answer())
        assert fake.sent == []


def test_hooks_are_found_by_name_first(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINE_SECRET", "s")
    text = ONE.replace('"reports"', '"line"', 1) + ONE.replace("reports", "other")
    hooks = DirectoryHooks(None, config.parse(text, environment={}))  # type: ignore[arg-type]
    assert hooks.find("line") == "line"
    assert hooks.find("other") == "other"
