"""The reading routes: posts, counts, words, places, status."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from lapwing.contracts import Front, Page
from lapwing.serving.asking import CountsAsked, PlacesAsked, PostsAsked, WordsAsked, page_size
from lapwing.serving.exports import STREAMS, Export, answered, exported
from lapwing.serving.problems import problems
from lapwing.serving.security import requires
from lapwing.serving.shapes import Cities, Counts, Posts, Status, Words

POSTS_PAGE = 20
COUNTS_PAGE = 1_000
PLACES_PAGE = 1_000

READ = [requires("read")]


def streams(description: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that can export."""
    return problems(507) | {200: {"description": description, "content": STREAMS}}


def router(front: Front) -> APIRouter:
    """`GET /api/v1/posts`, `/counts`, `/words`, `/places`, `/status`."""
    routes = APIRouter(prefix="/api/v1", tags=["reading"])
    _posts(routes, front)
    _counts(routes, front)
    _words(routes, front)
    _places(routes, front)

    @routes.get("/status", dependencies=READ, response_model=Status, responses=problems(507))
    async def status() -> Response:
        """Sources, lag, workers, gaps, sizes, and what became of every record."""
        return await answered(front.patient, front.status)

    return routes


def _posts(routes: APIRouter, front: Front) -> None:
    @routes.get("/posts", dependencies=READ, response_model=Posts, responses=streams("Posts, newest first."))
    async def posts(asked: Annotated[PostsAsked, Query()]) -> Response:
        """Posts that match, newest first; pages are stable while more arrive."""
        about = asked.asked()

        def ask(limit: int, after: str | None) -> Page:
            return front.posts(about, asked.q, limit, after, pseudonyms=asked.pseudonyms)

        return await paged(front, Export("posts", asked.format, ask, asked.limit, asked.after), POSTS_PAGE)


def _counts(routes: APIRouter, front: Front) -> None:
    @routes.get("/counts", dependencies=READ, response_model=Counts, responses=streams("Counts by window."))
    async def counts(asked: Annotated[CountsAsked, Query()]) -> Response:
        """Posts, reposts and people by window and place, and how complete they are."""
        about, counting = asked.asked(), asked.counting()

        def ask(limit: int, after: str | None) -> Page:
            return front.counts(about, counting, limit, after)

        return await paged(front, Export("counts", asked.format, ask, asked.limit, asked.after), COUNTS_PAGE)


def _words(routes: APIRouter, front: Front) -> None:
    @routes.get("/words", dependencies=READ, response_model=Words, responses=streams("The most frequent words."))
    async def words(asked: Annotated[WordsAsked, Query()]) -> Response:
        """The most frequent words of the posts that match, each counted once for a post."""
        about = asked.asked()

        def ask(limit: int, _: str | None = None) -> Page:
            return front.words(about, asked.q, limit)

        if asked.format != "json":
            every = Export("words", asked.format, lambda *_: ask(asked.limit))
            return await exported(front, every)
        return await answered(front.interactive, lambda: {"words": ask(asked.limit).rows})


def _places(routes: APIRouter, front: Front) -> None:
    @routes.get("/places", dependencies=READ, response_model=Cities, responses=streams("The cities that posts are in."))
    async def places(asked: Annotated[PlacesAsked, Query()]) -> Response:
        """The cities that posts are in, by GeoNames id, with their posts, reposts and people."""
        about = asked.asked()

        def ask(limit: int, after: str | None) -> Page:
            return front.places(about, limit, after)

        return await paged(front, Export("places", asked.format, ask, asked.limit, asked.after), PLACES_PAGE)


async def paged(front: Front, listing: Export, default: int) -> Response:
    """One page as JSON, of `default` rows unless it is said; or, in another shape, everything."""
    if listing.shape != "json":
        return await exported(front, listing)
    limit = page_size(listing.limit, default)

    def page() -> dict[str, Any]:
        found = listing.ask(limit, listing.after)
        return {listing.kind: found.rows, "next": found.next}

    return await answered(front.interactive, page)
