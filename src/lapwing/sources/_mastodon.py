"""What a source asks of a Mastodon server, and what the answers mean. The facts are from Mastodon's documentation."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lapwing.hearing import RefusedBySource, Surroundings
from lapwing.sources._addresses import host_of, named_by, swapped
from lapwing.sources._http import Http, Question, Reply, http_of
from lapwing.sources._limits import Pace
from lapwing.sources._timeline import Timeline

ROWS = 40
PACE = Pace(every_s=3.4, burst=30)
"""Servers allow 300 requests in 15 minutes that page; this is 295, for all sources of the process together."""
GONE = frozenset({404, 410})

Part = Literal["public", "local", "remote"]


class Access(msgspec.Struct):
    """Who may read the posts of the server's own people, and those of others: public, authenticated, disabled."""

    local: str = "public"
    remote: str = "public"


class TimelinesAccess(msgspec.Struct):
    """The same for each kind of timeline (since 4.5)."""

    live_feeds: Access = msgspec.field(default_factory=Access)
    hashtag_feeds: Access = msgspec.field(default_factory=Access)


class Urls(msgspec.Struct):
    """Where else this server is."""

    streaming: str | None = None


class Configuration(msgspec.Struct):
    """The part of the instance document that a source needs."""

    urls: Urls = msgspec.field(default_factory=Urls)
    timelines_access: TimelinesAccess = msgspec.field(default_factory=TimelinesAccess)


class Instance(msgspec.Struct):
    """What a server says of itself."""

    configuration: Configuration = msgspec.field(default_factory=Configuration)


class Asker:
    """Asks one server, as one of all sources of the process that may ask it."""

    def __init__(self, url: str, token: str | None, surroundings: Surroundings, contact: str = "") -> None:
        self.url, self.host = url.rstrip("/"), host_of(url)
        self.http: Http = http_of(surroundings)
        self.left: str | None = None
        """How many requests the server still allows, as it says."""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._contact = contact

    @property
    def waits_until_us(self) -> int:
        """Before this the server wants to hear nothing."""
        return self.http.allowance(self.url).until_us

    async def instance(self) -> Instance:
        """What the server says of itself; nothing, where it does not."""
        reply = await self.http.ask(self.question("/api/v2/instance", passes=GONE))
        return Instance() if reply.status in GONE else reply.json(Instance)

    async def page(self, timeline: Timeline, part: Part, after: str) -> list[msgspec.Raw]:
        """The statuses that follow next after an id, newest first; the newest of all without one."""
        path = f"/api/v1/timelines/tag/{timeline.tag}" if timeline.tag else "/api/v1/timelines/public"
        only = [] if part == "public" else [(part, "true")]
        reply = await self._told(
            self.question(path, [("limit", str(ROWS)), *only, *([("min_id", after)] if after else [])])
        )
        return reply.json(list[msgspec.Raw])

    async def is_gone(self, id: str) -> bool:
        """Whether a status is no longer there."""
        try:
            reply = await self.http.ask(self.question(f"/api/v1/statuses/{id}", passes=GONE))
        except RefusedBySource:
            return False  # it is not for us to know
        return reply.status in GONE

    def question(
        self, path: str, query: list[tuple[str, str]] | None = None, passes: frozenset[int] = frozenset()
    ) -> Question:
        """A request to this server."""
        return Question(
            url=self.url + path,
            query=query or [],
            headers=self._headers,
            passes=passes,
            pace=PACE,
            contact=self._contact,
        )

    def stream(self, instance: Instance, part: Part, tag: str) -> Question:
        """The request that begins a stream, at the host that the server names for it."""
        named = instance.configuration.urls.streaming
        host = named_by(self.url, swapped(named) if named.startswith("ws") else named) if named else self.url
        channel = {"public": "public", "local": "public/local", "remote": "public/remote"}[part]
        if tag:
            channel = "hashtag/local" if part == "local" else "hashtag"
        query = [("tag", tag)] if tag else []
        headers = {**self._headers, "Accept": "text/event-stream"}
        url = f"{host.rstrip('/')}/api/v1/streaming/{channel}"
        return Question(url=url, query=query, headers=headers, contact=self._contact)

    async def _told(self, question: Question) -> Reply:
        """Ask; where users alone are answered, say so."""
        try:
            reply = await self.http.ask(question)
        except RefusedBySource as problem:
            if " answered 401" not in problem.what or self._headers:
                raise
            what = f"{self.host} shows this timeline to its users alone"
            raise RefusedBySource(what, "give a token, or try timeline = 'local'") from None
        self.left = reply.headers.get("x-ratelimit-remaining", self.left)
        return reply


def closed_parts(instance: Instance, part: Part, tags: bool, token: bool) -> list[str]:
    """Which of the wanted parts this server shows to nobody; raises `RefusedBySource` where nothing is left to hear."""
    access: Any = instance.configuration.timelines_access
    feed: Access = access.hashtag_feeds if tags else access.live_feeds
    wanted = ["local", "remote"] if part == "public" else [part]
    closed = [each for each in wanted if getattr(feed, each) == "disabled"]
    if closed == wanted:
        raise RefusedBySource("this server has turned this timeline off", "choose another timeline or another server")
    for each in wanted:
        if getattr(feed, each) == "authenticated" and not token:
            others = [other for other in ("local", "remote") if getattr(feed, other) == "public"]
            choice = f" or timeline = '{others[0]}'" if others else ""
            raise RefusedBySource(f"this server shows its {each} posts to its users alone", f"give a token{choice}")
    return closed
