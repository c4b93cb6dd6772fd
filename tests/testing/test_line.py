"""The fake LINE signs, repeats and takes answers as the protocol notes say that the real one does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web

from lapwing.testing import SimulatedClock
from lapwing.testing.networks import LineFake
from testing.stories import story

BOT = {"Authorization": "Bearer line-token"}


def test_the_signature_is_that_of_the_published_example() -> None:
    body = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    delivery = LineFake().verify()
    assert (delivery.body, delivery.signature) == (body, "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=")


def test_what_happens_is_queued_as_events() -> None:
    fake = LineFake()
    (uid,) = fake.say(1, text="น้ำท่วม", author=3)
    fake.edit(uid, "bridge closed")
    fake.delete(uid)
    message, edited, unsend = json.loads(fake.delivery().body)["events"]
    assert ("line:" + message["message"]["id"], message["message"]["text"]) == (uid, "น้ำท่วม")
    assert (edited["type"], edited["message"]["text"]) == ("messageEdited", "bridge closed")
    assert edited["message"]["id"] == message["message"]["id"]
    assert (unsend["unsend"], "replyToken" in unsend) == ({"messageId": message["message"]["id"]}, False)
    assert message["source"]["userId"] == "U" + "3".zfill(32)
    assert len({each["webhookEventId"] for each in (message, edited, unsend)}) == 3
    assert fake.truth().deleted == {uid}


async def post(url: str, body: Any, **headers: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession(headers=BOT | headers) as session, session.post(url, json=body) as answer:
        return answer.status, await answer.json()


@story
async def test_a_reply_token_serves_once_and_for_a_minute() -> None:
    clock = SimulatedClock()
    with LineFake(now_us=clock.now_us) as fake:
        fake.say(2)
        first, second = (event["replyToken"] for event in json.loads(fake.delivery().body)["events"])
        url, hello = fake.url + "/v2/bot/message/reply", [{"type": "text", "text": "Thank you"}]
        status, answer = await post(url, {"replyToken": first, "messages": hello})
        assert (status, len(answer["sentMessages"])) == (200, 1)
        assert await post(url, {"replyToken": first, "messages": hello}) == (400, {"message": "Invalid reply token"})
        clock.advance(61)
        assert (await post(url, {"replyToken": second, "messages": hello}))[0] == 400
        assert (await post(url, {"replyToken": second, "messages": []}))[1]["details"][0]["property"] == "messages"
        assert [sent["messages"][0]["text"] for sent in fake.sent] == ["Thank you"]


@story
async def test_a_push_that_is_repeated_with_its_key_is_sent_once() -> None:
    with LineFake() as fake:
        url, body = fake.url + "/v2/bot/message/push", {"to": "U1", "messages": [{"type": "text", "text": "hello"}]}
        key = {"X-Line-Retry-Key": "123e4567-e89b-12d3-a456-426614174000"}
        first = await post(url, body, **key)
        assert first[0] == 200
        status, again = await post(url, body, **key)
        assert (status, again["sentMessages"]) == (409, first[1]["sentMessages"])
        assert again["message"] == "The retry key is already accepted"
        assert len(fake.sent) == 1
        fake.quota = 1
        assert await post(url, body) == (429, {"message": "You have reached your monthly limit."})
        assert (await post(url, body, Authorization="Bearer wrong"))[0] == 401


@story
async def test_an_answer_that_was_lost_half_way_has_been_sent_nevertheless() -> None:
    with LineFake() as fake:
        url, body = fake.url + "/v2/bot/message/push", {"to": "U1", "messages": [{"type": "text", "text": "hello"}]}
        fake.fault("half")
        try:
            lost = await post(url, body, **{"X-Line-Retry-Key": "a"})
        except aiohttp.ClientPayloadError:
            lost = None
        assert lost is None
        assert (await post(url, body, **{"X-Line-Retry-Key": "a"}))[0] == 409
        assert len(fake.sent) == 1


@story
async def test_what_a_webhook_does_not_take_comes_again() -> None:
    statuses, taken = [500, 200, 200, 200], []

    async def webhook(request: web.BaseRequest) -> web.Response:
        taken.append((await request.read(), request.headers["x-line-signature"]))
        return web.Response(status=statuses.pop(0))

    server = web.ServerRunner(web.Server(webhook))
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{server.addresses[0][1]}/webhooks/line"
    try:
        with LineFake() as fake:
            fake.say(1)
            assert await asyncio.to_thread(fake.post_to, url) == 500
            assert await asyncio.to_thread(fake.post_to, url) == 200
            first, second = (json.loads(body)["events"][0] for body, _ in taken)
            assert first["webhookEventId"] == second["webhookEventId"]
            states = [each["deliveryContext"]["isRedelivery"] for each in (first, second)]
            assert states == [False, True]
            assert taken[1][1] == fake.sign(taken[1][0])
            fake.say(1)
            fake.fault("duplicate")
            assert await asyncio.to_thread(lambda: fake.post_to(url, signature="wrong")) == 200
            assert taken[2] == taken[3]
            assert taken[2][1] == "wrong"
    finally:
        await server.cleanup()
