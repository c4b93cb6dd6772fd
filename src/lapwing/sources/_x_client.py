"""Asks X's API v2: with the token, the fields that we want, and X's own meaning of refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lapwing.hearing import Disconnected, RateLimited, Surroundings
from lapwing.sources._http import Question, Reply, http_of
from lapwing.sources._x_answers import CONNECTION, raise_meaning

if TYPE_CHECKING:
    import aiohttp

FIELDS = (
    ("tweet.fields", "author_id,created_at,edit_history_tweet_ids,geo,lang,note_tweet,referenced_tweets"),
    ("expansions", "author_id,geo.place_id,referenced_tweets.id"),
    ("user.fields", "id,name,username,location"),
    ("place.fields", "id,full_name,name,country,country_code,place_type,geo"),
)
"""What is asked for of each post. The names of parameters stayed when those in answers changed from tweet to post."""
SECOND_US = 1_000_000


class Client:
    """One app of X. Its limits are its own, whatever other sources of this process ask."""

    def __init__(self, url: str, token: str, surroundings: Surroundings) -> None:
        self._url = url.rstrip("/")
        self._token = token.strip()
        self._surroundings = surroundings
        self._http = http_of(surroundings)

    async def ask(
        self,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        method: str = "GET",
        body: bytes | None = None,
        passes: frozenset[int] = frozenset(),
    ) -> Reply:
        """The answer; raises what a refusal means, see `raise_meaning`."""
        question = self._question(path, query, method=method, body=body, passes=passes)
        try:
            return await self._http.ask(question)
        except Disconnected as problem:
            raise Disconnected(str(problem), problem.back_off or CONNECTION) from None

    @asynccontextmanager
    async def stream(self, path: str, query: Sequence[tuple[str, str]]) -> AsyncIterator[aiohttp.StreamReader]:
        """The bytes of a stream; raises what a refusal means."""
        try:
            async with self._http.stream(self._question(path, query)) as content:
                yield content
        except Disconnected as problem:
            raise Disconnected(str(problem), problem.back_off or CONNECTION) from None

    def _question(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        method: str = "GET",
        body: bytes | None = None,
        passes: frozenset[int] = frozenset(),
    ) -> Question:
        headers = {"Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        question = Question(
            url=self._url + path, method=method, query=query, headers=headers, body=body, passes=passes,
            lane=f"{self._surroundings.name} {method} {path}", judge=self._judge,
        )  # fmt: skip
        blocked_us = self._http.allowance(question.url, question.lane).until_us
        if blocked_us > self._surroundings.time.now_us() + SECOND_US:
            raise RateLimited("X asked us to wait", blocked_us)
        return question

    def _judge(self, reply: Reply) -> None:
        raise_meaning(reply.status, reply.headers, reply.body, self._surroundings.time.now_us())
