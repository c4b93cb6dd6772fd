"""The routes of the programs that Lapwing replaces, answered from the same code: retrieve, search, word cloud.

They were ``/retrieve/{server}``, ``/search/{server}/keyword/{keyword}[/start/D/end/D][/size/N]`` and ``/wordcloud/…``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Response

from lapwing.contracts import Asked, Front, Page
from lapwing.errors import UnknownName, UsageError
from lapwing.serving.exports import Export, answered, exported
from lapwing.serving.problems import problems
from lapwing.serving.security import requires
from lapwing.serving.shapes import Post

READ = [requires("read")]
POSTS_DEFAULT = 1_000
WORDS_DEFAULT = 100
SIZE_MAX = 10_000

Source = Annotated[str, Path(min_length=1, max_length=200, description="The source's name.")]
Name = Annotated[str, Path(min_length=1, max_length=200, description="A source's or a collection's name.")]
Keyword = Annotated[str, Path(min_length=1, max_length=200, description="A word of any script, or words side by side.")]
DAY = {"format": "date"}
Start = Annotated[str, Path(json_schema_extra=DAY, description="The first day, as 2026-01-05, UTC.")]
End = Annotated[str, Path(json_schema_extra=DAY, description="The last day, which is inside.")]
Size = Annotated[int, Path(ge=1, le=SIZE_MAX, description="At most so many posts, or of a word cloud words.")]


class Sought(msgspec.Struct, frozen=True):
    """A word in the posts of a source, and perhaps the first and the last day."""

    source: str
    word: str
    start: str | None = None
    end: str | None = None
    size: int | None = None

    def asked(self) -> Asked:
        """The filters; raises `UsageError` for days that there are not."""
        if self.start is None or self.end is None:
            return Asked(source=(self.source,))
        first, last = _day("start", self.start), _day("end", self.end)
        if last < first:
            raise UsageError(f"start {first} is after end {last}", "exchange them")
        until = None if last == date.max else str(last + timedelta(days=1))
        return Asked(source=(self.source,), since=str(first), until=until)

    def query(self) -> str:
        """The word as it stands, without the query language's signs."""
        return '"' + "".join(" " if sign in '"“”' else sign for sign in self.word) + '"'


def _day(name: str, text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(f"{name}: there is no day {text[:40]}", "write one as 2026-01-05")


Answering = Callable[[Sought], Awaitable[Response]]


def router(front: Front) -> APIRouter:
    """`/retrieve/…`, `/search/…` and `/wordcloud/…`."""
    routes = APIRouter(tags=["as before"])
    everything = problems(404, 507) | {
        200: {
            "description": "A JSON array of all of them: a source's posts, newest first, or a collection's documents.",
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
        }
    }

    @routes.get("/retrieve/{name}", dependencies=READ, response_class=Response, responses=everything)
    async def retrieve(name: Name) -> Response:
        """All posts of a source, or all documents of a collection."""
        known = await asyncio.wrap_future(front.interactive(front.sources))

        def ask(limit: int, after: str | None) -> Page:
            if name in known:
                return front.posts(Asked(source=(name,)), None, limit, after)
            try:
                page = front.documents(name, None, limit, after)
            except UnknownName as unknown:
                raise UnknownName("source or collection", name, [*known, *front.collections()]) from unknown
            return Page([row["document"] for row in page.rows], page.next)

        return await exported(front, Export("posts", "array", ask))

    async def search(sought: Sought) -> Response:
        size = sought.size or POSTS_DEFAULT
        return await answered(front.interactive, lambda: front.posts(sought.asked(), sought.query(), size).rows)

    async def wordcloud(sought: Sought) -> Response:
        def counted() -> dict[str, int]:
            rows = front.words(sought.asked(), sought.query(), sought.size or WORDS_DEFAULT).rows
            return {row["word"]: row["count"] for row in rows}

        return await answered(front.interactive, counted)

    _sought(
        routes, "search", (list[Post], f"Posts with the word, newest first; {POSTS_DEFAULT} without a size."), search
    )
    clouds = f"How many of the posts with the word have each word, most first; {WORDS_DEFAULT} words without a size."
    _sought(routes, "wordcloud", (dict[str, int], clouds), wordcloud)
    return routes


def _sought(routes: APIRouter, name: str, said: tuple[Any, str], answer: Answering) -> None:
    """The four routes of one kind: with and without days, with and without a size."""
    path, (shape, description) = f"/{name}/{{source}}/keyword/{{word}}", said
    how: dict[str, Any] = {
        "dependencies": READ,
        "response_model": shape,
        "responses": problems(404, 507) | {200: {"description": description}},
        "description": description,
    }

    @routes.get(path, name=f"{name}_all", **how)
    async def everywhere(source: Source, word: Keyword) -> Response:
        return await answer(Sought(source, word))

    @routes.get(f"{path}/size/{{size}}", name=f"{name}_some", **how)
    async def some(source: Source, word: Keyword, size: Size) -> Response:
        return await answer(Sought(source, word, size=size))

    @routes.get(f"{path}/start/{{start}}/end/{{end}}", name=f"{name}_days", **how)
    async def days(source: Source, word: Keyword, start: Start, end: End) -> Response:
        return await answer(Sought(source, word, start, end))

    @routes.get(f"{path}/start/{{start}}/end/{{end}}/size/{{size}}", name=f"{name}_some_days", **how)
    async def some_days(source: Source, word: Keyword, start: Start, end: End, size: Size) -> Response:
        return await answer(Sought(source, word, start, end, size))
