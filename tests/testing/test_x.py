"""The fake X streams, obeys rules, searches and refuses as the protocol notes say that the real one does."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from lapwing.testing import SimulatedClock
from lapwing.testing.networks import XFake
from lapwing.testing.networks.x_rules import InvalidRule, read_rule
from testing.stories import story

APP = {"Authorization": "Bearer x-token"}
STREAM = "/2/tweets/search/stream"
FIELDS = {
    "tweet.fields": "created_at,author_id,geo,note_tweet,referenced_tweets",
    "expansions": "author_id,geo.place_id",
}


async def lines(answer: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    """Read so many lines that are no keep-alive."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = await answer.content.readuntil(b"\r\n")
        if line.strip():
            found.append(json.loads(line))
    return found


@story
async def test_the_stream_gives_what_matches_a_rule_with_what_was_asked_for() -> None:
    with XFake() as fake:
        rule = fake.rule("flood -drill", tag="water")
        async with (
            aiohttp.ClientSession(headers=APP) as session,
            session.get(fake.url + STREAM, params=FIELDS) as answer,
        ):
            other, drill, uid = (fake.say(1, text=text)[0] for text in ("Sun", "flood drill", "A Flood & more"))
            (line,) = await lines(answer, 1)
        post = fake.stock.posts[uid]
        assert line["data"]["id"] == uid.removeprefix("x:") == line["data"]["edit_history_tweet_ids"][0]
        assert line["data"]["text"] == "A Flood &amp; more"
        assert line["matching_rules"] == [{"id": rule, "tag": "water"}]
        assert line["includes"]["users"][0]["id"] == line["data"]["author_id"] == str(4_000_000_000 + post.author)
        assert line["includes"]["places"][0]["name"] == post.place
        assert set(fake.truth().posts) == {uid}
        assert set(fake.truth(matching=False).posts) == {other, drill, uid}


@story
async def test_only_what_was_asked_for_comes_and_silence_is_kept_alive() -> None:
    with XFake() as fake:
        fake.rule("flood")
        fake.keep_alive_s = 0.01
        async with aiohttp.ClientSession(headers=APP) as session, session.get(fake.url + STREAM) as answer:
            assert await answer.content.readuntil(b"\n") == b"\r\n"
            fake.say(1, text="flood")
            (line,) = await lines(answer, 1)
            assert set(line) == {"data", "matching_rules"}
            assert set(line["data"]) == {"id", "text", "edit_history_tweet_ids"}


@story
async def test_an_edit_is_a_new_post_and_names_change_with_the_generation() -> None:
    with XFake(generation="post") as fake:
        fake.rule("flood")
        async with (
            aiohttp.ClientSession(headers=APP) as session,
            session.get(fake.url + STREAM, params=FIELDS) as answer,
        ):
            (uid,) = fake.say(1, text="flood " * 60)
            fake.edit(uid, "no flood")
            fake.repost(uid)
            first, second, third = await lines(answer, 3)
        old, new = fake.stock.posts[uid].ids
        assert (first["data"]["edit_history_post_ids"], second["data"]["edit_history_post_ids"]) == ([old], [old, new])
        assert first["data"]["note_post"]["text"] == "flood " * 60
        assert len(first["data"]["text"]) == 280
        assert third["data"]["referenced_posts"] == [{"type": "retweeted", "id": old}]
        assert fake.truth().posts == {uid: "no flood"}
        assert list(fake.truth().reposts.values()) == [uid]


@story
async def test_rules_are_added_judged_and_taken_away_while_the_stream_runs() -> None:
    with XFake() as fake:
        rules = fake.url + STREAM + "/rules"
        async with aiohttp.ClientSession(headers=APP) as session:
            async with session.get(rules) as answer:
                assert "data" not in await answer.json()
            async with session.get(fake.url + STREAM) as answer:
                assert (answer.status, (await answer.json())["connection_issue"]) == (409, "RuleConfigurationIssue")
            async with session.post(rules, json={"add": [{"value": "fire", "tag": "f"}]}) as answer:
                told = await answer.json()
                assert (answer.status, told["meta"]["summary"]["created"], told["data"][0]["tag"]) == (201, 1, "f")
            async with session.post(rules, json={"add": [{"value": "fire"}]}) as answer:
                again = await answer.json()
                assert (answer.status, again["errors"][0]["title"]) == (200, "DuplicateRule")
            async with session.post(rules, json={"add": [{"value": "lang:en"}, {"value": "good"}]}) as answer:
                assert (answer.status, (await answer.json())["errors"][0]["details"]) == (
                    400,
                    ["the operators need one that can stand alone"],
                )
            assert [value for value, _ in fake.rules.values()] == ["fire"]
            fake.rules_max = 1
            async with session.post(rules, json={"add": [{"value": "storm"}]}) as answer:
                assert (await answer.json())["errors"][0]["title"] == "RulesCapExceeded"
            fake.rules_max = 1000
            async with session.get(fake.url + STREAM) as stream:
                async with session.post(rules, json={"add": [{"value": "storm"}]}) as answer:
                    assert answer.status == 201
                async with session.post(rules, json={"delete": {"values": ["fire"]}}) as answer:
                    assert (await answer.json())["meta"]["summary"] == {"deleted": 1, "not_deleted": 0}
                fake.say(1, text="fire")
                fake.say(1, text="storm")
                assert [line["data"]["text"] for line in await lines(stream, 1)] == ["storm"]


@story
async def test_one_connection_is_allowed_and_a_disconnect_is_announced() -> None:
    with XFake() as fake:
        fake.rule("flood")
        async with aiohttp.ClientSession(headers=APP) as session, session.get(fake.url + STREAM) as first:
            async with session.get(fake.url + STREAM) as second:
                assert (second.status, (await second.json())["connection_issue"]) == (429, "TooManyConnections")
            fake.disconnect()
            (word,) = await lines(first, 1)
            assert word["errors"][0]["disconnect_type"] == "UpstreamOperationalDisconnect"
            assert await first.content.read() == b""


@story
async def test_refusals_have_their_types() -> None:
    clock = SimulatedClock()
    with XFake(now_us=clock.now_us) as fake:
        fake.rule("flood")
        async with aiohttp.ClientSession() as session:
            async with session.get(fake.url + STREAM) as answer:
                assert answer.status == 401
            session.headers.update(APP)
            fake.entitled = False
            async with session.get(fake.url + STREAM) as answer:
                assert (answer.status, (await answer.json())["type"].rpartition("/")[2]) == (403, "client-forbidden")
            fake.entitled, fake.posts_cap = True, 0
            async with session.get(fake.url + STREAM) as answer:
                assert (answer.status, (await answer.json())["type"].rpartition("/")[2]) == (429, "usage-capped")
            fake.posts_cap = None
            fake.limit("stream", 1, window_s=900)
            for status, left in ((200, "0"), (429, "0")):
                async with session.get(fake.url + STREAM) as answer:
                    assert (answer.status, answer.headers["x-rate-limit-remaining"]) == (status, left)
                    assert answer.headers["x-rate-limit-reset"] == "1767572100"
            clock.advance(900)
            async with session.get(fake.url + STREAM, params={"backfill_minutes": "2"}) as answer:
                assert answer.status == 400


@story
async def test_a_cap_of_posts_ends_the_stream() -> None:
    with XFake() as fake:
        fake.rule("flood")
        fake.posts_cap = 2
        async with aiohttp.ClientSession(headers=APP) as session, session.get(fake.url + STREAM) as answer:
            for _ in range(3):
                fake.say(1, text="flood")
            assert ["data" in line for line in await lines(answer, 3)] == [True, True, False]
        assert len(fake.given) == 2


@story
async def test_backfill_gives_what_was_missed_and_search_pages_through_the_rest() -> None:
    clock = SimulatedClock()
    with XFake(now_us=clock.now_us) as fake:
        fake.rule("flood")
        fake.backfill = True
        old = fake.say(25, text="flood")
        clock.advance(600)
        (late,) = fake.say(1, text="late flood")
        async with aiohttp.ClientSession(headers=APP) as session:
            async with session.get(fake.url + STREAM, params={"backfill_minutes": "5"}) as answer:
                assert ["x:" + line["data"]["id"] for line in await lines(answer, 1)] == [late]
            fake.delete(old[3])
            found, query = [], {"query": "flood", "max_results": "10", "end_time": "2026-01-05T00:05:00Z"}
            while True:
                async with session.get(fake.url + "/2/tweets/search/recent", params=query) as answer:
                    page = await answer.json()
                found += ["x:" + row["id"] for row in page["data"]]
                if "next_token" not in page["meta"]:
                    break
                query["next_token"] = page["meta"]["next_token"]
        assert found == [uid for uid in reversed(old) if uid != old[3]]


@story
async def test_deletes_are_told_on_the_compliance_stream() -> None:
    with XFake() as fake:
        (uid,) = fake.say(1)
        async with (
            aiohttp.ClientSession(headers=APP) as session,
            session.get(fake.url + "/2/tweets/compliance/stream", params={"partition": 1}) as answer,
        ):
            fake.delete(uid)
            (line,) = await lines(answer, 1)
        assert "x:" + line["data"]["delete"]["tweet"]["id"] == uid


@pytest.mark.parametrize(
    ("rule", "text", "matches"),
    [
        ("flood fire", "Fire and FLOOD", True),
        ("flood fire", "flood", False),
        ("a OR b c", "b", False),
        ("(a OR b) c", "c b", True),
        ('"over the road"', "Water over the road", True),
        ("#flood", "flood", False),
        ("flood -(drill OR test)", "flood test", False),
        ("flood lang:en", "flood", True),
        ("flood place_country:US", "flood", False),
    ],
)
def test_rules_are_read_as_x_reads_them(rule: str, text: str, matches: bool) -> None:
    post = XFake().stock.add(text)
    assert read_rule(rule)(post, text) is matches


@pytest.mark.parametrize("rule", ["", "(a", "a)", "lang:en", "near:here a", '"a', "-a", "a" * 1025, "a OR"])
def test_rules_that_x_would_not_take(rule: str) -> None:
    with pytest.raises(InvalidRule):
        read_rule(rule)
