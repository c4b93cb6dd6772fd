"""What goes wrong with the fakes goes wrong as it was asked for, and is written down."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import aiohttp
import pytest

from lapwing.testing.networks import JetstreamFake, MastodonFake, XFake
from lapwing.testing.networks.faults import DRAWN
from testing.stories import story

PUBLIC = "/api/v1/timelines/public"
USER = {"Authorization": "Bearer user-token"}
BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError, asyncio.IncompleteReadError)


async def status(session: aiohttp.ClientSession, url: str) -> int:
    """The status of an answer that was read to its end."""
    async with session.get(url) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("kind", ["cut", "half"])
@story
async def test_an_answer_is_cut(kind: str) -> None:
    with MastodonFake() as fake:
        fake.say(3)
        # aiohttp asks once more by itself when a connection ends before an answer began.
        times = {"cut": 2, "half": 1}[kind]
        fake.fault(kind, times=times)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await status(session, fake.url + PUBLIC)
            assert await status(session, fake.url + PUBLIC) == 200
        assert [(each.kind, each.at) for each in fake.happened] == [(kind, f"GET {PUBLIC}")] * times


@story
async def test_answers_are_refused_in_the_networks_own_words() -> None:
    with MastodonFake() as fake:
        async with aiohttp.ClientSession() as session:
            fake.fault("503", times=2)
            for _ in range(2):
                async with session.get(fake.url + PUBLIC) as answer:
                    assert (answer.status, answer.content_type) == (503, "text/html")
            fake.fault("429")
            async with session.get(fake.url + PUBLIC) as answer:
                assert (answer.status, "X-RateLimit-Reset" in answer.headers) == (429, False)
            fake.fault("429", after_s=60)
            async with session.get(fake.url + PUBLIC) as answer:
                assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (429, "0")
            fake.fault("401")
            assert await status(session, fake.url + PUBLIC) == 401
            assert await status(session, fake.url + PUBLIC) == 200
        assert [asked.status for asked in fake.requests] == [503, 503, 429, 429, 401, 200]


@story
async def test_a_server_that_is_down_refuses_connections_and_comes_back_at_its_port() -> None:
    with MastodonFake() as fake:
        async with aiohttp.ClientSession() as session:
            url = fake.url + PUBLIC
            assert await status(session, url) == 200
            fake.stop()
            with pytest.raises(aiohttp.ClientConnectorError):
                await status(session, url)
            fake.start()
            assert await status(session, url) == 200
            fake.fault("down", seconds=0.05)
            refused, answered = 0, 0
            # The server comes back by its own clock; until then each try is refused.
            while not answered:
                try:
                    answered = await status(session, url)
                except BROKEN:
                    refused += 1
                await asyncio.sleep(0.005)
            assert (refused > 1, answered) == (True, 200)


@story
async def test_a_stall_is_open_and_silent_and_nothing_is_lost() -> None:
    with JetstreamFake() as fake:
        async with aiohttp.ClientSession() as session, session.ws_connect(fake.url_v2) as socket:
            fake.fault("stall", seconds=0.3)
            uids = fake.say(2)
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.05)
            keys = [json.loads(await socket.receive_str())["payload"]["rkey"] for _ in range(2)]
        assert [uid.rpartition("/")[2] for uid in uids] == keys


@story
async def test_a_message_is_cut_in_the_middle_of_a_chunk() -> None:
    with XFake() as fake:
        fake.rule("flood")
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer x-token"}) as session,
            session.get(fake.url + "/2/tweets/search/stream") as answer,
        ):
            fake.fault("half")
            fake.say(1, text="flood")
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.content.readuntil(b"\r\n")
        assert [each.kind for each in fake.happened] == ["half"]


@story
async def test_messages_come_twice_and_out_of_the_past() -> None:
    with JetstreamFake() as fake:
        fake.say(5)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{fake.url_v1}?cursor=1000") as socket:
            seqs = [json.loads(await socket.receive_str())["cursor"] for _ in range(5)]
            fake.fault("duplicate")
            fake.say(1)
            seqs += [json.loads(await socket.receive_str())["cursor"] for _ in range(4)]
            fake.fault("back")
            fake.say(1)
            seqs += [json.loads(await socket.receive_str())["cursor"] for _ in range(7)]
        assert seqs[5:9] == [1002, 1003, 1004, 1005]
        assert seqs[9:] == [1000, 1001, 1002, 1003, 1004, 1005, 1006]


@story
async def test_rows_come_twice_and_out_of_the_past_in_pages_too() -> None:
    with MastodonFake() as fake:
        uids = fake.say(6)
        cursor = fake.stock.posts[uids[3]].id
        async with aiohttp.ClientSession() as session:
            found = []
            for kind in ("duplicate", "back"):
                fake.fault(kind)
                async with session.get(f"{fake.url}{PUBLIC}?min_id={cursor}") as answer:
                    found.append([uids.index(row["uri"]) for row in await answer.json()])
        assert found == [[5, 5, 4], [5, 4, 0, 1, 2, 3]]


@story
async def test_a_refusal_of_a_stream_cuts_it_so_that_the_next_request_is_refused() -> None:
    with MastodonFake() as fake:
        url = fake.url + "/api/v1/streaming/public"
        async with aiohttp.ClientSession(headers=USER) as session:
            async with session.get(url) as answer:
                await answer.content.readuntil(b"\n")
                fake.fault("500")
                with pytest.raises(BROKEN):
                    await answer.content.readuntil(b"\n")
            assert await status(session, url) == 500
        assert [(each.kind, each.at) for each in fake.happened] == [
            ("cut", "stream /api/v1/streaming/public"),
            ("500", "GET /api/v1/streaming/public"),
        ]


@pytest.mark.full
@story
async def test_an_hour_with_fifty_faults_is_survived_and_nothing_is_missed() -> None:
    """A listener that resumes by cursor and does nothing else hears everything, whatever happens."""
    with JetstreamFake(seed=11) as fake:
        fake.faults(seed=11, count=50, over_posts=3000)
        heard: set[str] = set()
        cursor = fake.first_seq
        fake.flow(posts_per_s=1500, seconds=2)
        async with aiohttp.ClientSession() as session:
            while fake.flowing or fake.pending or cursor < fake.next_seq:
                if not fake.flowing and fake.pending:
                    fake.say(1)
                try:
                    async with session.ws_connect(f"{fake.url_v2}?cursor={cursor}") as socket:
                        while fake.flowing or fake.pending or cursor < fake.next_seq:
                            frame = json.loads((await socket.receive(timeout=0.2)).data)["payload"]
                            assert frame["seq"] <= cursor + 1
                            cursor = max(cursor, frame["seq"] + 1)
                            heard.add(f"at://{frame['did']}/{frame['collection']}/{frame['rkey']}")
                except (*BROKEN, TypeError):
                    # TypeError: what came was no text but the end of the stream.
                    await asyncio.sleep(0.01)
        assert heard == set(fake.truth().posts)
        kinds = Counter(each.kind for each in fake.happened)
        assert all(kinds[kind] >= 4 for kind in DRAWN), kinds


def test_faults_are_drawn_by_their_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        with MastodonFake() as fake:
            fake.faults(seed=seed, count=20, over_posts=100)
            assert fake.pending == 20
            drawn.append(list(fake._faults._due))
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_fault_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no fault 'hiccup'"):
        MastodonFake().fault("hiccup")
