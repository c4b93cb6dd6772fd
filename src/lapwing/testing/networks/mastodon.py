"""A Mastodon server: public timelines with cursors and limits, and streams that replay nothing.

Sources: the documentation of Mastodon 4.6 (methods/timelines, methods/streaming, api/rate-limits, entities/Status), and the
server's own code where that is silent: a post that is heard of late gets an id of the time at which it was made
(`Mastodon::Snowflake`), so that it lies below a cursor that went past it.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from lapwing.testing.networks import mastodon_entities as entities
from lapwing.testing.networks.fake import SYSTEM_US, Fake
from lapwing.testing.networks.faults import Fault
from lapwing.testing.networks.limits import Allowance, Limit
from lapwing.testing.networks.posts import Event, Post, Stock
from lapwing.testing.networks.serving import Route
from lapwing.testing.networks.streams import chunked

ROWS_MAX = 40
ROWS_DEFAULT = 20
REQUESTS_MAX = 300
WINDOW_S = 300.0
THUMP_S = 15.0
ELSEWHERE = "/streaming-host"
"""Where the streams are when they have a host of their own."""

Query = dict[str, str]


class MastodonFake(Fake):
    """One server of the fediverse; `federate` tells others what is said here.

    `token` is a user's, which the streams want; `app_token` is an application's, which they refuse. A uid is the post's
    ActivityPub uri, the same one on every server; ids are each server's own.
    """

    def __init__(
        self,
        domain: str = "aus.example",
        *,
        token: str = "user-token",  # noqa: S107
        seed: int = 0,
        now_us: Callable[[], int] = SYSTEM_US,
        odd_every: int = 0,
    ) -> None:
        """Nobody has spoken yet, everything is open to everybody, and 300 requests in 5 minutes are allowed."""
        paths = "/api/v1/streaming"
        routes = [
            Route("GET", "/api/v2/instance", self._instance),
            Route("GET", "/api/v1/timelines/public", self._public),
            Route("GET", "/api/v1/timelines/tag/{tag}", self._tag),
            Route("GET", "/api/v1/statuses/{id}", self._status),
            Route("GET", f"{paths}/health", self._health),
            Route("GET", paths + "/{channel:.+}", self._stream, streams=True),
            Route("GET", f"{ELSEWHERE}{paths}" + "/{channel:.+}", self._stream, streams=True),
        ]
        super().__init__(routes, Stock(seed, now_us, self._name), self._refuse)
        self.domain = domain
        self.token = token
        self.app_token = "app-token"  # noqa: S105
        self.odd_every = odd_every
        self.access = {
            "live_feeds": {"local": "public", "remote": "public"},
            "hashtag_feeds": {"local": "public", "remote": "public"},
        }
        """Who may read which feed: ``public``, ``authenticated`` or ``disabled``."""
        self.reset_format = "iso"
        """How `X-RateLimit-Reset` is written: ``iso``, or ``epoch`` as some compatible servers do."""
        self.thump_s = THUMP_S
        self.streams_elsewhere = False
        """Whether the streams have a host of their own, and the web host only says where."""
        self._now_us = now_us
        self._limit = Limit(REQUESTS_MAX, WINDOW_S, now_us)
        self._peers: list[tuple[MastodonFake, int]] = []
        self._waiting: list[tuple[int, MastodonFake, Post]] = []
        self._order: list[tuple[int, str]] = []

    def limit(self, requests: int, window_s: float) -> None:
        """Allow so many requests in each window; 300 in 300 s until then."""
        self._limit = Limit(requests, window_s, self._now_us)

    def federate(self, other: MastodonFake, late: int = 0) -> None:
        """Tell another server from now on what is said, edited and deleted here; `late` posts later, where it is slow."""
        self._peers.append((other, late))

    def edit(self, uid: str, text: str | None = None) -> None:
        """Change what a post says, here and wherever it was heard."""
        super().edit(uid, text)
        for peer, _ in self._peers:
            if uid in peer.stock.posts:
                peer.edit(uid, self.stock.posts[uid].text)

    def delete(self, uid: str) -> None:
        """Take a post back, here and wherever it was heard."""
        super().delete(uid)
        for peer, _ in self._peers:
            if uid in peer.stock.posts:
                peer.delete(uid)

    def noise(self) -> None:
        """Send what a listener has to ignore: an unknown event, one that is not JSON, the delete of a post never seen."""
        for kind in ("filters_changed", "future_event", "stray_delete"):
            self.stock.note(kind, None)
        self.tell()

    def say_odd(self, which: int) -> Post:
        """Say a hard case: see `mastodon_entities.ODD`."""
        case = entities.ODD[which % len(entities.ODD)]
        return self.stock.add(case.text, at_us=case.at_us, odd=case.odd, notes=case.notes)

    def _say(self, text: str | None, author: int | None, at_us: int | None) -> Post:
        post = super()._say(text, author, at_us)
        self._settle(post)
        return post

    def _settle(self, post: Post) -> None:
        """Put a post where it belongs by its id, and tell the others."""
        entry = (int(post.id), post.uid)
        with self.stock.lock:
            place = bisect.bisect_left(self._order, entry)
            if self._order[place : place + 1] == [entry]:
                return
            self._order.insert(place, entry)
        self._waiting += [(post.number + late, peer, post) for peer, late in self._peers]
        due = [waiting for waiting in self._waiting if waiting[0] <= post.number]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > post.number]
        for _, peer, heard in due:
            peer.hear(heard, self.domain)

    def hear(self, post: Post, domain: str) -> None:
        """Take in a post of another server: its uri, text and time, and an id of our own."""
        if post.deleted:
            return
        with self.stock.lock:
            number = len(self.stock.posts)
            id = _id_at(min(post.at_us, self.stock.tick_us()), number)
            remote = Post(
                post.uid, id, number, post.author, post.text, post.lang, post.at_us, post.place, odd=post.odd, ids=[id]
            )
            remote.notes = {"domain": domain, **post.notes}
            self.stock.posts[remote.uid] = remote
            self.stock.note("create", remote)
        self._settle(remote)
        self.tell()

    def _name(self, at_us: int, number: int, author: int, kind: str) -> tuple[str, str]:
        del kind
        id = _id_at(min(at_us, self.stock.last_us), number)
        return id, f"https://{self.domain}/users/{entities.username(author)}/statuses/{id}"

    def _refuse(self, fault: Fault) -> web.Response:
        if fault.kind == "401":
            return _json({"error": "The access token is invalid"}, 401)
        if fault.after_s is None:
            return _json({"error": "Too many requests"}, 429)
        reset_us = self._now_us() + round(fault.after_s * 1_000_000)
        return self._too_many(Allowance(False, self._limit.requests, 0, reset_us))

    def _too_many(self, allowance: Allowance) -> web.Response:
        return _json({"error": "Too many requests"}, 429, self._limits(allowance))

    def _limits(self, allowance: Allowance) -> dict[str, str]:
        reset = entities.time_of(allowance.reset_us, digits=6)
        if self.reset_format == "epoch":
            reset = str(-(-allowance.reset_us // 1_000_000))
        return {
            "X-RateLimit-Limit": str(allowance.limit),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Reset": reset,
        }

    def _answer(self, request: web.Request, make: Callable[[], tuple[Any, dict[str, str]]]) -> web.Response:
        """Count the request, look at its token, and answer with what `make` gives: the value and its headers."""
        allowance = self._limit.take()
        if not allowance.allowed:
            self.note("429", f"GET {request.path}", "the limit")
            return self._too_many(allowance)
        if _token(request) not in ("", self.token, self.app_token):
            return _json({"error": "The access token is invalid"}, 401, self._limits(allowance))
        value, headers = make()
        status = 401 if isinstance(value, dict) and "access token" in value.get("error", "") else 200
        if value == {"error": "Record not found"}:
            status = 404
        return _json(value, status, self._limits(allowance) | headers)

    async def _instance(self, request: web.Request) -> web.Response:
        streams = self.ws_url + (ELSEWHERE if self.streams_elsewhere else "")
        return self._answer(request, lambda: (entities.instance(self.domain, streams, self.access), {}))

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="OK")

    async def _status(self, request: web.Request) -> web.Response:
        def make() -> tuple[Any, dict[str, str]]:
            id = request.match_info["id"]
            with self.stock.lock:
                found = [post for post in self.stock.posts.values() if post.id == id and not post.deleted]
            return (entities.status(found[0], self.domain), {}) if found else ({"error": "Record not found"}, {})

        return self._answer(request, make)

    async def _public(self, request: web.Request) -> web.Response:
        return self._answer(request, lambda: self._timeline(request, "live_feeds", ""))

    async def _tag(self, request: web.Request) -> web.Response:
        tag = "#" + request.match_info["tag"].lower()
        return self._answer(request, lambda: self._timeline(request, "hashtag_feeds", tag))

    def _timeline(self, request: web.Request, feed: str, tag: str) -> tuple[Any, dict[str, str]]:
        query = dict(request.query)
        local, remote = _is_set(query, "local"), _is_set(query, "remote")
        wanted = {"local"} if local and not remote else {"remote"} if remote and not local else {"local", "remote"}
        access = self.access[feed]
        if not _token(request) and any(access[part] == "authenticated" for part in wanted):
            return {"error": "The access token is invalid"}, {}
        wanted = {part for part in wanted if access[part] != "disabled"}
        rows = self._page(query, lambda post: _part(post) in wanted and (not tag or tag in post.text.lower()))
        again = self.page_fault(f"GET {request.path}")
        if again == "duplicate":
            rows = rows[:1] + rows
        elif again == "back":
            rows += self._page({"limit": "5"}, lambda post: _part(post) in wanted and post not in rows)[::-1]
        link = _link(f"{self.url}{request.path}", query, rows)
        return [entities.status(post, self.domain) for post in rows], link

    def _page(self, query: Query, wanted: Callable[[Post], bool]) -> list[Post]:
        """Give a page as the server does: newest first, whichever end it was counted from."""
        limit = min(ROWS_MAX, max(1, _number(query.get("limit"), ROWS_DEFAULT)))
        below = _number(query.get("max_id"), 1 << 63)
        above = max(_number(query.get("min_id"), 0), _number(query.get("since_id"), 0))
        with self.stock.lock:
            first = bisect.bisect_right(self._order, (above, "\uffff"))
            last = bisect.bisect_left(self._order, (below, ""))
            order = range(first, last) if "min_id" in query else range(last - 1, first - 1, -1)
            rows: list[Post] = []
            for place in order:
                post = self.stock.posts[self._order[place][1]]
                if not post.deleted and wanted(post):
                    rows.append(post)
                if len(rows) == limit:
                    break
        return rows[::-1] if "min_id" in query else rows

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.streams_elsewhere and not request.path.startswith(ELSEWHERE):
            raise web.HTTPMovedPermanently(f"{self.url}{ELSEWHERE}{request.path_qs}")
        token = _token(request) or request.query.get("access_token", "")
        if token != self.token:
            return _json({"error": "Invalid access token" if token else "Missing access token"}, 401)
        hears = _channel(request.match_info["channel"], request.query.get("tag", ""))
        if hears is None:
            return _json({"error": "Unknown channel requested"}, 400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.enable_chunked_encoding()
        begin = len(self.stock.events)
        await response.prepare(request)
        with self.listening(chunked(request, response)) as listener:
            await listener.outlet.send(b":)\n")
            await listener.follow(
                self.stock.events, begin, lambda event: self._written(event, hears), (b":thump\n", self.thump_s)
            )
        return response

    def _written(self, event: Event, hears: Callable[[Post], bool]) -> bytes | None:
        if event.post is not None and not hears(event.post):
            return None
        if "sse" not in event.written:
            event.written["sse"] = entities.server_sent(event, self.domain)
        return event.written["sse"]


def _channel(name: str, tag: str) -> Callable[[Post], bool] | None:
    tag = f"#{tag.lower()}"
    channels: dict[str, Callable[[Post], bool]] = {
        "public": lambda _: True,
        "public/local": lambda post: _part(post) == "local",
        "public/remote": lambda post: _part(post) == "remote",
        "hashtag": lambda post: tag in post.text.lower(),
        "hashtag/local": lambda post: tag in post.text.lower() and _part(post) == "local",
    }
    return channels.get(name)


def _part(post: Post) -> str:
    return "remote" if "domain" in post.notes else "local"


def _id_at(at_us: int, number: int) -> str:
    return str((max(at_us, 0) // 1000 << 16) | (number & 0xFFFF))


def _token(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ").strip()


def _is_set(query: Query, name: str) -> bool:
    return query.get(name, "") in ("true", "1", "t", "on")


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else otherwise


def _link(url: str, query: Query, rows: list[Post]) -> dict[str, str]:
    if not rows:
        return {}
    kept = {name: value for name, value in query.items() if name in ("local", "remote", "only_media", "limit")}
    older = urlencode(kept | {"max_id": rows[-1].id})
    newer = urlencode(kept | {"min_id": rows[0].id})
    return {"Link": f'<{url}?{older}>; rel="next", <{url}?{newer}>; rel="prev"'}


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="utf-8")
