"""The fake Mastodon pages, limits, streams and fails as the protocol notes say that the real one does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from lapwing.testing import SimulatedClock
from lapwing.testing.networks import MastodonFake
from testing.stories import story

PUBLIC = "/api/v1/timelines/public"
USER = {"Authorization": "Bearer user-token"}


async def page(
    session: aiohttp.ClientSession, fake: MastodonFake, path: str = PUBLIC, **query: Any
) -> list[dict[str, Any]]:
    async with session.get(fake.url + path, params=query) as answer:
        assert answer.status == 200, await answer.text()
        rows: list[dict[str, Any]] = await answer.json()
        return rows


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str]]:
    """Read server-sent events, and comments as events without a name."""
    name = ""
    async for line in answer.content:
        text = line.decode().removesuffix("\n")
        if text.startswith(":"):
            yield "", text
        elif text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield name, text.removeprefix("data: ")


async def take(answer: aiohttp.ClientResponse, count: int) -> list[tuple[str, str]]:
    found = []
    async for event in events(answer):
        found.append(event)
        if len(found) == count:
            break
    return found


@story
async def test_paging_forward_by_min_id_never_skips() -> None:
    with MastodonFake(seed=1) as fake:
        first = fake.say(3)
        async with aiohttp.ClientSession() as session:
            rows = await page(session, fake, limit=2)
            assert [row["uri"] for row in rows] == [first[2], first[1]]
            later = fake.say(100)
            heard, cursor = [], rows[0]["id"]
            while rows := await page(session, fake, min_id=cursor, limit=40):
                heard += [row["uri"] for row in reversed(rows)]
                cursor = rows[0]["id"]
        assert heard == later
        assert [len(asked.query["limit"]) for asked in fake.requests] == [1, 1, 1, 1, 1]


@story
async def test_since_id_skips_the_middle_and_a_page_has_forty_rows_at_most() -> None:
    with MastodonFake() as fake:
        uids = fake.say(100)
        oldest = fake.stock.posts[uids[0]].id
        async with aiohttp.ClientSession() as session:
            newest = await page(session, fake, since_id=oldest, limit=80)
            assert [row["uri"] for row in newest] == uids[:59:-1]
            nearest = await page(session, fake, min_id=oldest, limit=80)
            assert [row["uri"] for row in nearest] == uids[40:0:-1]
            between = await page(session, fake, min_id=oldest, max_id=fake.stock.posts[uids[3]].id)
            assert [row["uri"] for row in between] == [uids[2], uids[1]]
            assert len(await page(session, fake)) == 20


@story
async def test_a_link_leads_to_the_older_and_to_the_newer_page_and_an_empty_page_has_none() -> None:
    with MastodonFake() as fake:
        uids = fake.say(5)
        ids = [fake.stock.posts[uid].id for uid in uids]
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + PUBLIC, params={"limit": 2, "local": "true"}) as answer:
                expected = (
                    f'<{fake.url}{PUBLIC}?limit=2&local=true&max_id={ids[3]}>; rel="next", '
                    f'<{fake.url}{PUBLIC}?limit=2&local=true&min_id={ids[4]}>; rel="prev"'
                )
                assert answer.headers["Link"] == expected
            async with session.get(fake.url + PUBLIC, params={"min_id": ids[4]}) as answer:
                assert (await answer.json(), "Link" in answer.headers) == ([], False)


@story
async def test_the_limit_bites_and_says_when_it_ends() -> None:
    clock = SimulatedClock()
    with MastodonFake(now_us=clock.now_us) as fake:
        fake.limit(2, window_s=300)
        async with aiohttp.ClientSession() as session:
            statuses, left = [], []
            for _ in range(3):
                async with session.get(fake.url + PUBLIC) as answer:
                    statuses.append(answer.status)
                    left.append(answer.headers["X-RateLimit-Remaining"])
                    assert answer.headers["X-RateLimit-Reset"] == "2026-01-05T00:05:00.000000Z"
            assert (statuses, left) == ([200, 200, 429], ["1", "0", "0"])
            fake.reset_format = "epoch"
            async with session.get(fake.url + PUBLIC) as answer:
                assert answer.headers["X-RateLimit-Reset"] == "1767571500"
            clock.advance(300)
            assert await page(session, fake) == []
        assert [fault.kind for fault in fake.happened] == ["429", "429"]


@story
async def test_a_feed_may_be_closed_or_turned_off() -> None:
    with MastodonFake() as here, MastodonFake("far.example") as there:
        there.federate(here)
        mine, theirs = here.say(1)[0], there.say(1)[0]
        async with aiohttp.ClientSession() as session:
            assert [row["uri"] for row in await page(session, here)] == [theirs, mine]
            assert [row["uri"] for row in await page(session, here, remote="true")] == [theirs]
            here.access["live_feeds"]["remote"] = "authenticated"
            async with session.get(here.url + PUBLIC) as answer:
                assert (answer.status, await answer.json()) == (401, {"error": "The access token is invalid"})
            assert [row["uri"] for row in await page(session, here, local="true")] == [mine]
            async with session.get(here.url + PUBLIC, headers=USER) as answer:
                assert len(await answer.json()) == 2
            async with session.get(here.url + PUBLIC, headers={"Authorization": "Bearer wrong"}) as answer:
                assert answer.status == 401
            here.access["live_feeds"] = {"local": "disabled", "remote": "disabled"}
            assert await page(session, here) == []
            async with session.get(here.url + "/api/v2/instance") as answer:
                said = (await answer.json())["configuration"]
                assert said["timelines_access"]["live_feeds"] == {"local": "disabled", "remote": "disabled"}
                assert said["urls"]["streaming"] == here.ws_url


@story
async def test_one_post_is_on_two_servers_with_one_uri_and_two_ids_and_its_changes_follow() -> None:
    with MastodonFake() as here, MastodonFake("far.example") as there:
        here.say(4)
        here.federate(there)
        uid, gone = here.say(2)
        here.edit(uid, "The bridge is open #bridge")
        here.delete(gone)
        async with aiohttp.ClientSession() as session:
            (row,) = await page(session, there)
            assert (row["uri"], row["account"]["acct"].endswith("@aus.example")) == (uid, True)
            assert row["id"] != here.stock.posts[uid].id
            assert row["content"].startswith("<p>The bridge is open <a href=")
            assert row["edited_at"] is not None
            (tagged,) = await page(session, there, "/api/v1/timelines/tag/Bridge")
            assert tagged["uri"] == uid
        assert there.truth().posts == {uid: "The bridge is open #bridge"}
        assert (there.truth().edited, there.truth().deleted) == ({uid}, {gone})


@story
async def test_a_post_that_federates_late_lies_below_the_cursor() -> None:
    clock = SimulatedClock()
    with MastodonFake(now_us=clock.now_us) as here, MastodonFake("far.example", now_us=clock.now_us) as there:
        there.federate(here, late=1)
        (late,) = there.say(1, text="heard late")
        clock.advance(1)
        mine = here.say(1)[0]
        there.say(1)
        async with aiohttp.ClientSession() as session:
            assert await page(session, here, min_id=here.stock.posts[mine].id) == []
            assert [row["uri"] for row in await page(session, here)] == [mine, late]


@story
async def test_the_stream_says_what_is_new_and_replays_nothing() -> None:
    with MastodonFake() as fake:
        fake.say(2)
        stream = fake.url + "/api/v1/streaming/public"
        async with aiohttp.ClientSession(headers=USER) as session, session.get(stream) as answer:
            assert await take(answer, 1) == [("", ":)")]
            (uid,) = fake.say(1, text="one\u2028line")
            fake.edit(uid, "two")
            fake.noise()
            fake.delete(uid)
            heard = await take(answer, 6)
        id = fake.stock.posts[uid].id
        names = ["update", "status.update", "filters_changed", "future_event", "delete", "delete"]
        assert [name for name, _ in heard] == names
        assert json.loads(heard[0][1])["content"] == "<p>one\u2028line</p>"
        assert json.loads(heard[0][1])["edited_at"] is None
        assert json.loads(heard[1][1])["content"] == "<p>two</p>"
        assert heard[2][1] == "undefined"
        assert heard[5][1] == id


@story
async def test_silence_is_full_of_thumps() -> None:
    with MastodonFake() as fake:
        fake.thump_s = 0.01
        async with (
            aiohttp.ClientSession(headers=USER) as session,
            session.get(fake.url + "/api/v1/streaming/public/local") as answer,
        ):
            assert await take(answer, 3) == [("", ":)"), ("", ":thump"), ("", ":thump")]


@story
async def test_streams_want_a_users_token_and_may_live_elsewhere() -> None:
    with MastodonFake() as fake:
        stream = fake.url + "/api/v1/streaming/public"
        async with aiohttp.ClientSession() as session:
            async with session.get(stream) as answer:
                assert (answer.status, await answer.json()) == (401, {"error": "Missing access token"})
            async with session.get(stream, headers={"Authorization": "Bearer app-token"}) as answer:
                assert (answer.status, await answer.json()) == (401, {"error": "Invalid access token"})
            async with session.get(fake.url + "/api/v1/streaming/everything", headers=USER) as answer:
                assert answer.status == 400
            fake.streams_elsewhere = True
            async with session.get(stream, headers=USER, allow_redirects=False) as answer:
                assert answer.status == 301
                assert answer.headers["Location"] == f"{fake.url}/streaming-host/api/v1/streaming/public"
            async with session.get(stream, headers=USER) as answer:
                assert answer.status == 200


@story
async def test_hard_cases_are_served_and_the_truth_knows_which_are_no_posts() -> None:
    with MastodonFake(odd_every=1) as fake:
        fake.say(8)
        async with aiohttp.ClientSession() as session:
            rows = await page(session, fake)
        assert sorted(fake.truth().odd.values()) == ["account is null", "content is null", "created_at is in 2099"]
        assert [row["created_at"] for row in rows].count("2099-01-01T00:00:00.000Z") == 1
        assert rows == sorted(rows, key=lambda row: -int(row["id"]))
        assert [row["account"] for row in rows].count(None) == 1
        assert len(fake.truth().posts) == 5


def test_the_same_seed_says_the_same() -> None:
    clock = SimulatedClock()
    said = []
    for _ in range(2):
        with MastodonFake(seed=3, now_us=lambda: 1_767_571_200_000_000) as fake:
            fake.say(20)
            said.append(fake.truth())
    assert said[0] == said[1]
    assert clock.slept_s == []
    with MastodonFake(seed=4, now_us=clock.now_us) as fake:
        fake.say(20)
        assert fake.truth() != said[0]


def test_what_was_never_said_cannot_be_taken_back() -> None:
    with MastodonFake() as fake, pytest.raises(KeyError):
        fake.delete("https://aus.example/users/kelda_1/statuses/1")
