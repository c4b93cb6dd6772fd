"""The fake Jetstream hosts replay, filter, pack and refuse as the protocol notes say that the real ones do."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
import zstandard

from lapwing.testing import SimulatedClock
from lapwing.testing.networks import JetstreamFake
from testing.stories import story

POSTS = "app.bsky.feed.post"
V2 = "network.bsky.jetstream.subscribeEvents"


async def hear(url: str, count: int, **query: Any) -> list[dict[str, Any]]:
    """Connect and read so many frames."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url, params=query) as socket:
        return [json.loads(await socket.receive_str()) for _ in range(count)]


@story
async def test_v1_replays_from_a_time_and_goes_on_live() -> None:
    with JetstreamFake() as fake:
        before, after = fake.say(2)
        cursor = fake.stock.events[1].at_us
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{fake.url_v1}?cursor={cursor}") as socket:
            first = json.loads(await socket.receive_str())
            assert f"at://{first['did']}/{POSTS}/{first['commit']['rkey']}" == after != before
            assert (first["time_us"], first["cursor"], first["kind"]) == (cursor, 1001, "commit")
            fake.edit(after, "now it is closed")
            fake.delete(before)
            second, third = json.loads(await socket.receive_str()), json.loads(await socket.receive_str())
        assert second["commit"]["operation"] == "update"
        assert second["commit"]["record"]["text"] == "now it is closed"
        assert third["commit"]["operation"] == "delete"
        assert {"record", "cid"}.isdisjoint(third["commit"])


@story
async def test_without_a_cursor_only_what_is_new_is_heard() -> None:
    with JetstreamFake() as fake:
        fake.say(3)
        async with aiohttp.ClientSession() as session, session.ws_connect(fake.url_v1) as socket:
            fake.say(1, text="new")
            assert json.loads(await socket.receive_str())["commit"]["record"]["text"] == "new"


@story
async def test_collections_are_chosen_and_accounts_come_anyway() -> None:
    with JetstreamFake() as fake:
        (uid,) = fake.say(1, author=3)
        fake.like(uid)
        repost = fake.repost(uid, author=4)
        fake.identity(3, "ana.example.com")
        fake.sync(3)
        fake.account(3, "deleted")
        heard = await hear(fake.url_v1, 3, wantedCollections="app.bsky.feed.repost", cursor=1000)
        assert [each["kind"] for each in heard] == ["commit", "identity", "account"]
        assert heard[0]["commit"]["record"]["subject"]["uri"] == uid
        assert heard[2]["account"]["status"] == "deleted"
        every = await hear(fake.url_v1, 3, wantedCollections="app.bsky.feed.*", cursor=1000)
        assert [each["commit"]["collection"].rpartition(".")[2] for each in every] == ["post", "like", "repost"]
        v2 = await hear(fake.url_v2, 3, kinds=["sync", "account", "identity"], cursor=1000)
        assert [each["payload"]["$type"].partition("#")[2] for each in v2] == ["identity", "sync", "account"]
        assert (fake.truth().deleted, fake.truth().reposts) == ({uid}, {repost: uid})


@story
async def test_a_cursor_that_is_too_old_is_clamped_in_silence_on_v1_and_refused_on_v2() -> None:
    clock = SimulatedClock()
    with JetstreamFake(now_us=clock.now_us) as fake:
        fake.say(2)
        old_us = clock.now_us()
        clock.advance(40 * 3600)
        (kept,) = fake.say(1)
        (frame,) = await hear(fake.url_v1, 1, cursor=old_us)
        assert kept.endswith(frame["commit"]["rkey"])
        async with (
            aiohttp.ClientSession() as session,
            session.get(fake.url + f"/xrpc/{V2}", params={"cursor": 1000}) as answer,
        ):
            assert (answer.status, (await answer.json())["error"]) == (400, "CursorTooOld")
        info, frame = await hear(fake.url_v2, 2, cursor=old_us)
        assert (info["payload"]["$type"], info["payload"]["name"]) == (f"{V2}#info", "OutdatedCursor")
        assert "seq" not in info["payload"]
        assert (frame["payload"]["seq"], frame["payload"]["time"]) == (1002, "2026-01-06T16:00:00.000000Z")


@story
async def test_v2_resumes_with_the_very_event_of_its_seq() -> None:
    with JetstreamFake(first_seq=5000) as fake:
        fake.say(5)
        frames = await hear(fake.url_v2, 2, cursor=5003)
        assert [frame["payload"]["seq"] for frame in frames] == [5003, 5004]
        assert fake.next_seq == 5005


@story
async def test_two_hosts_tell_the_same_with_other_numbers() -> None:
    with JetstreamFake() as east, JetstreamFake(of=east, first_seq=70_000) as west:
        east.say(2)
        here = await hear(east.url_v2, 2, cursor=1000)
        there = await hear(west.url_v2, 2, cursor=70_000)
        assert [frame["payload"]["seq"] for frame in there] == [70_000, 70_001]
        assert [frame["payload"]["rkey"] for frame in here] == [frame["payload"]["rkey"] for frame in there]
        assert here[0]["payload"]["time"] < there[0]["payload"]["time"]
        async with (
            aiohttp.ClientSession() as session,
            session.get(west.url + f"/xrpc/{V2}", params={"cursor": 1000}) as answer,
        ):
            assert (await answer.json())["error"] == "CursorTooOld"


@story
async def test_frames_are_packed_with_a_dictionary_that_is_fetched() -> None:
    with JetstreamFake() as fake:
        (uid,) = fake.say(1, text="packed")
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + "/xrpc/network.bsky.jetstream.getZstdDictionary") as answer:
                dictionary = await answer.read()
            assert dictionary[:4] == bytes.fromhex("37A430EC")
            number = int.from_bytes(dictionary[4:8], "little")
            unpack = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))
            for url in (
                f"{fake.url_v2}?zstdDictionary={number}&cursor=1000",
                f"{fake.url_v1}?compress=true&cursor=1000",
            ):
                async with session.ws_connect(url) as socket:
                    frame = json.loads(unpack.decompress(await socket.receive_bytes(), max_output_size=1 << 20))
                    said = frame.get("payload") or frame["commit"]
                    assert (said["record"]["text"], uid.endswith(said["rkey"])) == ("packed", True)
            async with session.get(fake.url + f"/xrpc/{V2}", params={"zstdDictionary": 5}) as answer:
                assert (await answer.json())["error"] == "UnknownZstdDictionary"


@story
async def test_a_listener_of_v1_changes_its_wishes_and_one_of_v2_must_be_silent() -> None:
    with JetstreamFake() as fake:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"{fake.url_v1}?requireHello=true&cursor=1000") as socket:
                (uid,) = fake.say(1)
                fake.like(uid)
                wish = {"type": "options_update", "payload": {"wantedCollections": ["app.bsky.feed.like"]}}
                await socket.send_json(wish)
                assert json.loads(await socket.receive_str())["commit"]["collection"] == "app.bsky.feed.like"
            async with session.ws_connect(fake.url_v2) as socket:
                await socket.send_str("hello?")
                assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


@story
async def test_who_is_too_slow_is_told_on_v2_and_cut_off() -> None:
    with JetstreamFake() as fake:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(fake.url_v2) as socket:
                fake.too_slow()
                assert json.loads(await socket.receive_str())["error"] == "ConsumerTooSlow"
                assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            async with session.ws_connect(fake.url_v1) as socket:
                fake.leave()
                closing = await socket.receive()
                assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 1001)


@pytest.mark.parametrize(
    "query",
    [
        {"wantedCollections": POSTS},
        {"kinds": "commits"},
        {"kinds": "account", "collections": POSTS},
        {"cursor": "yesterday"},
    ],
)
@story
async def test_v2_refuses_what_it_does_not_know(query: dict[str, str]) -> None:
    with JetstreamFake() as fake:
        async with aiohttp.ClientSession() as session, session.get(fake.url + f"/xrpc/{V2}", params=query) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "InvalidRequest")


@story
async def test_ten_thousand_events_arrive_in_order() -> None:
    with JetstreamFake(seed=5) as fake:
        uids = fake.say(10_000)
        frames = await hear(fake.url_v2, 10_000, cursor=1000)
        assert [f"at://{each['payload']['did']}/{POSTS}/{each['payload']['rkey']}" for each in frames] == uids
        assert [frame["payload"]["seq"] for frame in frames] == list(range(1000, 11_000))


@story
async def test_hard_cases_have_their_reason() -> None:
    with JetstreamFake(odd_every=1) as fake:
        fake.say(8)
        frames = await hear(fake.url_v1, 8, cursor=1000)
        assert frames[2]["commit"]["record"]["createdAt"] == "1970-01-01T00:00:00Z"
        assert "text" not in frames[5]["commit"]["record"]
        assert len(fake.truth().posts) == 3
        assert sorted(fake.truth().odd.values()) == [
            "createdAt is in 1970", "createdAt is in 2099", "createdAt is no date", "no text", "text is a number",
        ]  # fmt: skip
