"""The client that sources share: where it goes, where it does not, and what trouble it makes of what it meets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from lapwing.hearing import Disconnected, RateLimited, RefusedBySource
from lapwing.internet.waiting import until_us
from lapwing.sources._addresses import checked, host_of, named_by, public_socket, sent_on, swapped
from lapwing.sources._http import Http, Question, user_agent
from sources.hearing import HurriedTime
from testing.stories import story

NOW_US = 1_795_000_000_000_000
LATER_US = NOW_US + 60_000_000


@asynccontextmanager
async def server(**answers: web.Response | int) -> AsyncIterator[tuple[Http, str, list[web.Request]]]:
    """A client, and a server that answers each path as it is told: a response, or so many bytes."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        told = answers[request.path.strip("/")]
        if isinstance(told, int):
            return web.Response(body=b"x" * told)
        return web.Response(status=told.status, body=told.body, headers=told.headers)  # one can be sent only once

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    http = Http(HurriedTime())
    try:
        yield http, f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await http.close()
        await runner.cleanup()


def to(location: str, status: int = 301) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


@story
async def test_redirects_are_followed_on_the_same_host_alone() -> None:
    async with server(old=to("/older"), older=to("/new"), moved=to("/new", 302), new=3, out=to("https://evil.example/")) as (
        http, url, asked,
    ):  # fmt: skip
        reply = await http.ask(Question(url=f"{url}/old"))
        assert (reply.body, reply.url, reply.moved_to) == (b"xxx", f"{url}/new", f"{url}/new")
        assert (await http.ask(Question(url=f"{url}/moved"))).moved_to is None, "that one is not for good"
        said = r"sends us on to evil\.example; if that is right, write that address"
        with pytest.raises(RefusedBySource, match=said):
            await http.ask(Question(url=f"{url}/out"))
        assert asked[0].headers["User-Agent"] == user_agent()


@story
async def test_a_socket_is_not_led_elsewhere_and_says_why_it_was_refused() -> None:
    too_old = web.json_response({"error": "CursorTooOld", "message": "the oldest seq is 7"}, status=400)
    async with server(out=to("https://evil.example/"), old=too_old) as (http, url, _):
        with pytest.raises(RefusedBySource, match=r"sends us on to evil\.example"):
            async with http.socket(Question(url=swapped(f"{url}/out"))):
                pass
        with pytest.raises(RefusedBySource, match="answered 400: CursorTooOld the oldest seq is 7"):
            async with http.socket(Question(url=swapped(f"{url}/old"))):
                pass


@story
async def test_statuses_mean_what_they_mean() -> None:
    page = web.Response(status=503, text="<html><h1>503</h1></html>", content_type="text/html")
    closed = web.json_response({"error": "This API requires an authenticated user"}, status=403)
    often = web.Response(status=429, headers={"Retry-After": "7"})
    async with server(page=page, closed=closed, often=often, big=2_000, html=9) as (http, url, _):
        with pytest.raises(Disconnected, match=r"answered 503$"):
            await http.ask(Question(url=f"{url}/page"))
        with pytest.raises(RefusedBySource, match="403: This API requires an authenticated user; look at the token"):
            await http.ask(Question(url=f"{url}/closed"))
        assert (await http.ask(Question(url=f"{url}/closed", passes=frozenset({403})))).status == 403
        with pytest.raises(RefusedBySource, match="more than 1 KiB"):
            await http.ask(Question(url=f"{url}/big", bytes_max=1024))
        with pytest.raises(Disconnected, match="something else than was asked for"):
            (await http.ask(Question(url=f"{url}/html"))).json(list)
        with pytest.raises(RateLimited) as limited:
            await http.ask(Question(url=f"{url}/often", lane="mine"))
        assert limited.value.until_us is not None
        assert http.allowance(url, "mine").until_us == limited.value.until_us, "for all sources that ask this host"
        assert http.allowance(url).until_us == 0, "but for this lane alone"


@story
async def test_what_is_not_there_is_disconnected_in_a_sentence_without_the_query() -> None:
    http = Http(HurriedTime())
    with pytest.raises(Disconnected, match=r"^127\.0\.0\.1:9: no connection") as refused:
        await http.ask(Question(url="http://127.0.0.1:9/feed", query=[("key", "a-secret")]))
    assert "a-secret" not in str(refused.value)
    with pytest.raises(Disconnected, match=r"nowhere\.invalid: nobody knows this name"):
        await http.ask(Question(url="https://nowhere.invalid/"))
    await http.close()


@story
async def test_what_a_stranger_names_never_leads_into_our_network() -> None:
    async with server(new=3) as (http, url, asked):
        with pytest.raises(Disconnected, match="is not a public address"):
            await http.ask(Question(url=f"{url}/new", public=True))
        assert asked == []
    with pytest.raises(OSError, match=r"10\.0\.0\.8 is not a public address"):
        public_socket((2, 1, 6, "", ("10.0.0.8", 443)))


@story
async def test_a_slow_answer_ends_by_the_clock_that_was_handed_in() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", slow)
    runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http = Http(HurriedTime(speed=300.0))
    with pytest.raises(Disconnected, match="did not answer in time"):
        await http.ask(Question(url=f"http://127.0.0.1:{runner.addresses[0][1]}/", timeout_s=30.0))
    await http.close()
    await runner.cleanup()


WAITS = [
    ({"retry-after": "60"}, LATER_US),
    ({"retry-after": "Wed, 18 Nov 2026 11:07:40 GMT"}, LATER_US),
    ({"x-ratelimit-reset": "2026-11-18T11:07:40.000000Z"}, LATER_US),
    ({"x-rate-limit-reset": "1795000060"}, LATER_US),
    ({"ratelimit-reset": "60"}, LATER_US),
    ({"x-ratelimit-reset-after": "60.0"}, LATER_US),
    ({"retry-after": "60", "x-ratelimit-reset": "1795009999"}, LATER_US),
    ({"x-ratelimit-reset": "1700000000"}, NOW_US),
    ({"retry-after": "99999999999"}, NOW_US + 86_400_000_000),
    ({"x-ratelimit-reset": "9" * 400}, NOW_US + 86_400_000_000),
    ({"retry-after": "soon", "x-ratelimit-reset": "nan"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "at_us"), WAITS)
def test_when_to_come_again_is_read_in_every_form(headers: dict[str, str], at_us: int | None) -> None:
    assert until_us(headers, NOW_US) == at_us


REFUSED = [
    (
        "http://aus.example",
        "http:// is not encrypted, so it is for this machine alone, and not for aus.example; write https",
    ),
    ("ws://10.0.0.1/a", "ws:// is not encrypted"),
    ("https://name:word@aus.example", "holds a password"),
    ("ftp://aus.example", "is no address"),
    ("https://", "is no address"),
    ("https://a.example:99999/", "is no address"),
    ("https://a.example/\n", "is no address"),
]


@pytest.mark.parametrize(("url", "said"), REFUSED)
def test_addresses_that_may_not_be_asked_are_refused(url: str, said: str) -> None:
    with pytest.raises(RefusedBySource, match=said):
        checked(url)


def test_addresses_that_servers_name_are_looked_at() -> None:
    assert checked("http://127.0.0.1:8080/a") == "http://127.0.0.1:8080/a"
    assert checked("ws://[::1]:1/") == "ws://[::1]:1/"
    assert host_of("https://AUS.example:443/a") == "aus.example"
    assert host_of("http://127.0.0.1:8080") == "127.0.0.1:8080"
    assert sent_on("https://aus.example/a", "/b?c=1") == "https://aus.example/b?c=1"
    with pytest.raises(RefusedBySource):
        sent_on("https://aus.example/a", "http://aus.example/b")
    assert named_by("https://aus.example", "https://streams.example") == "https://streams.example"
    with pytest.raises(RefusedBySource, match="names an address on this machine"):
        named_by("https://aus.example", "http://127.0.0.1:8080")
