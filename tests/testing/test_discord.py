"""The fake Discord pages, dispatches, resumes and throws out as the protocol notes say that the real one does."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from lapwing.testing import SimulatedClock
from lapwing.testing.networks import DiscordFake
from testing.stories import story

BOT = {"Authorization": "Bot bot-token", "User-Agent": "DiscordBot (https://example.org, 1)"}
INTENTS = 33281
Socket = aiohttp.ClientWebSocketResponse


async def frame(socket: Socket) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await socket.receive_str())
    return told


async def identify(socket: Socket, intents: int = INTENTS, token: str = "bot-token") -> None:
    assert (await frame(socket))["d"]["heartbeat_interval"] == 41_250
    await socket.send_json({"op": 2, "d": {"token": token, "intents": intents, "properties": {}}})


async def begin(socket: Socket, intents: int = INTENTS) -> str:
    """Open a session; its id."""
    await identify(socket, intents)
    ready, guild = await frame(socket), await frame(socket)
    assert (ready["t"], ready["s"], guild["t"], guild["s"]) == ("READY", 1, "GUILD_CREATE", 2)
    session: str = ready["d"]["session_id"]
    return session


@story
async def test_messages_their_edits_and_deletes_are_dispatched_in_order() -> None:
    with DiscordFake(channels=("reports", "talk")) as fake:
        async with aiohttp.ClientSession() as session, session.ws_connect(fake.gateway_url) as socket:
            await begin(socket)
            await socket.send_json({"op": 1, "d": 2})
            assert (await frame(socket))["op"] == 11
            (uid,) = fake.say(1, text="Smoke")
            fake.preview(uid)
            fake.edit(uid, "Smoke is gone")
            fake.delete(uid)
            two = [fake.say_in("talk", "a"), fake.say_in("talk", "b")]
            fake.delete_bulk(two)
            heard = [await frame(socket) for _ in range(7)]
        assert [each["s"] for each in heard] == [3, 4, 5, 6, 7, 8, 9]
        assert [each["t"].removeprefix("MESSAGE_") for each in heard] == [
            "CREATE", "UPDATE", "UPDATE", "DELETE", "CREATE", "CREATE", "DELETE_BULK",
        ]  # fmt: skip
        assert (heard[1]["d"]["edited_timestamp"], heard[1]["d"]["content"]) == (None, "Smoke")
        assert (heard[2]["d"]["edited_timestamp"] is None, heard[2]["d"]["content"]) == (False, "Smoke is gone")
        assert heard[4]["d"]["channel_id"] == fake.channel_ids["talk"]
        assert ["discord:" + id for id in heard[6]["d"]["ids"]] == two
        assert fake.truth().deleted == {uid, *two}


@story
async def test_who_resumes_is_told_what_was_missed() -> None:
    with DiscordFake() as fake:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(fake.gateway_url) as socket:
                name = await begin(socket)
                fake.say(1, text="first")
                assert (await frame(socket))["s"] == 3
                fake.reconnect()
                assert (await frame(socket))["op"] == 7
                await socket.close(code=4000)
            fake.say(1, text="second")
            async with session.ws_connect(fake.gateway_url) as socket:
                await frame(socket)
                await socket.send_json({"op": 6, "d": {"token": "bot-token", "session_id": name, "seq": 2}})
                told = [await frame(socket) for _ in range(3)]
                assert [(each["s"], each["t"]) for each in told] == [
                    (3, "MESSAGE_CREATE"), (4, "MESSAGE_CREATE"), (5, "RESUMED"),
                ]  # fmt: skip
                assert [each["d"].get("content") for each in told] == ["first", "second", None]
                fake.invalidate()
                assert await frame(socket) == {"op": 9, "s": None, "t": None, "d": False}
                await socket.close(code=4000)
            async with session.ws_connect(fake.gateway_url) as socket:
                await frame(socket)
                await socket.send_json({"op": 6, "d": {"token": "bot-token", "session_id": name, "seq": 5}})
                assert (await frame(socket))["op"] == 9


@story
async def test_a_session_that_its_bot_ended_is_over() -> None:
    with DiscordFake() as fake:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(fake.gateway_url) as socket:
                name = await begin(socket)
            async with session.ws_connect(fake.gateway_url) as socket:
                await frame(socket)
                await socket.send_json({"op": 6, "d": {"token": "bot-token", "session_id": name, "seq": 2}})
                assert (await frame(socket))["d"] is False


@story
async def test_intents_decide_what_is_seen() -> None:
    with DiscordFake() as fake:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(fake.gateway_url) as socket:
                await begin(socket, intents=513)
                fake.say(1, text="Smoke")
                assert (await frame(socket))["d"]["content"] == ""
            fake.message_content = False
            async with session.ws_connect(fake.gateway_url) as socket:
                await identify(socket)
                assert (await socket.receive()).data == 4014
            async with session.ws_connect(fake.gateway_url) as socket:
                await identify(socket, token="wrong")
                assert (await socket.receive()).data == 4004


@story
async def test_history_is_paged_by_after_and_an_answer_is_posted() -> None:
    with DiscordFake() as fake:
        uids = fake.say(130)
        room = f"{fake.rest_url}/channels/{fake.channel_ids['reports']}/messages"
        async with aiohttp.ClientSession(headers=BOT) as session:
            after, found = uids[0].removeprefix("discord:"), []
            while True:
                async with session.get(room, params={"after": after, "limit": 100}) as answer:
                    assert answer.headers["Content-Type"] == "application/json"
                    rows = await answer.json()
                if not rows:
                    break
                found += ["discord:" + row["id"] for row in reversed(rows)]
                after = rows[0]["id"]
            assert found == uids[1:]
            async with session.post(room, json={"content": "Thank you", "nonce": "1", "enforce_nonce": True}) as answer:
                first = await answer.json()
            async with session.post(room, json={"content": "Thank you", "nonce": "1", "enforce_nonce": True}) as answer:
                assert (await answer.json())["id"] == first["id"]
            async with session.post(room, json={"content": "a" * 2001}) as answer:
                assert (answer.status, (await answer.json())["code"]) == (400, 50035)
            async with session.get(fake.rest_url + "/channels/1/messages") as answer:
                assert (answer.status, (await answer.json())["code"]) == (404, 10003)
        assert [sent["content"] for sent in fake.sent] == ["Thank you"]
        assert len(fake.truth().posts) == 130


@story
async def test_rest_has_limits_and_wants_a_token_and_a_name() -> None:
    clock = SimulatedClock()
    with DiscordFake(now_us=clock.now_us) as fake:
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.rest_url + "/users/@me") as answer:
                assert (answer.status, await answer.json()) == (401, {"message": "401: Unauthorized", "code": 0})
            async with session.get(fake.rest_url + "/users/@me", headers={"Authorization": "Bot bot-token"}) as answer:
                assert answer.status == 403
            fake.limit(1, window_s=2)
            async with session.get(fake.rest_url + "/gateway/bot", headers=BOT) as answer:
                assert ((await answer.json())["url"], answer.headers["X-RateLimit-Remaining"]) == (
                    fake.gateway_url,
                    "0",
                )
            async with session.get(fake.rest_url + "/gateway/bot", headers=BOT) as answer:
                assert (answer.status, (await answer.json())["retry_after"]) == (429, 2.0)
                assert answer.headers["Retry-After"] == "2"


@story
async def test_a_frame_that_was_cut_in_the_middle_is_told_again() -> None:
    with DiscordFake() as fake:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(fake.gateway_url) as socket:
                name = await begin(socket)
                fake.fault("half")
                fake.say(1, text="lost?")
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            async with session.ws_connect(fake.gateway_url) as socket:
                await frame(socket)
                await socket.send_json({"op": 6, "d": {"token": "bot-token", "session_id": name, "seq": 2}})
                told = await frame(socket)
        assert (told["s"], told["d"]["content"]) == (3, "lost?")
