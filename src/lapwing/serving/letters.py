"""The dead letters: listed, shown, exported, mended and read again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from lapwing.contracts import Front, Page
from lapwing.model import RECORD_BYTES_MAX
from lapwing.serving.asking import LettersAsked, LettersExported
from lapwing.serving.bodies import TooLarge, read_body
from lapwing.serving.exports import STREAMS, Export, answered, exported
from lapwing.serving.problems import problems
from lapwing.serving.reading import paged, streams
from lapwing.serving.security import requires
from lapwing.serving.shapes import Discarded, Letters, Retried, WholeLetter

LETTERS_PAGE = 50

Number = Annotated[int, Path(ge=1, le=1 << 62, description="The dead letter's number.")]
MENDED = {
    "requestBody": {
        "description": "The mended record; without one, the record is read as it came.",
        "required": False,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def router(front: Front) -> APIRouter:
    """`/api/v1/errors` and what is below it."""
    routes = APIRouter(prefix="/api/v1", tags=["dead letters"])
    _retrying(routes, front)  # first, so that the number of a dead letter is not `retry-all`
    _reading(routes, front)
    return routes


def _reading(routes: APIRouter, front: Front) -> None:
    read = [requires("read")]

    @routes.get("/errors", dependencies=read, response_model=Letters, responses=streams("Dead letters, newest first."))
    async def errors(asked: Annotated[LettersAsked, Query()]) -> Response:
        """Records that were refused, and why, newest first."""

        def ask(limit: int, after: str | None) -> Page:
            return front.letters(asked.reason, asked.topic, limit, after)

        return await paged(front, Export("errors", asked.format, ask, asked.limit, asked.after), LETTERS_PAGE)

    exports = problems(507) | {200: {"description": "Dead letters with their records.", "content": STREAMS}}

    @routes.get("/errors/export", dependencies=read, response_class=Response, responses=exports)
    async def export(asked: Annotated[LettersExported, Query()]) -> Response:
        """Dead letters with their records; a record that is not UTF-8 as `{"base64":…}`."""

        def ask(limit: int, after: str | None) -> Page:
            page = front.letters(asked.reason, asked.topic, min(limit, 100), after)
            return Page([front.letter(letter["id"]) for letter in page.rows], page.next)

        return await exported(front, Export("errors", asked.format, ask, asked.limit))

    @routes.get("/errors/{id}", dependencies=read, response_model=WholeLetter, responses=problems(404, 507))
    async def error(id: Number) -> Response:
        """One dead letter with its record."""
        return await answered(front.interactive, lambda: front.letter(id))


def _retrying(routes: APIRouter, front: Front) -> None:
    write = [requires("write")]

    @routes.post("/errors/retry-all", dependencies=write, response_model=Retried, responses=problems(507))
    async def retry_all() -> Response:
        """Read all dead letters again. To repeat it changes nothing."""
        return await answered(front.patient, lambda: front.retry(None, None))

    @routes.get("/errors/retry-all", dependencies=[requires("read")], include_in_schema=False)
    async def only_posted() -> Response:
        """Not a dead letter: `GET /errors/{id}` would take it for one."""
        raise HTTPException(405, headers={"Allow": "POST"})

    @routes.post(
        "/errors/{id}/retry", dependencies=write, response_model=Retried, responses=problems(404, 413, 422, 507),
        openapi_extra=MENDED,
    )  # fmt: skip
    async def retry(id: Number, request: Request) -> Response:
        """Read a dead letter again, as it came or mended; 422 where the mended one cannot be read. To repeat it changes nothing."""
        try:
            body = await read_body(request, RECORD_BYTES_MAX)
        except TooLarge:
            raise HTTPException(413, f"a record has at most {RECORD_BYTES_MAX} bytes") from None
        mended = body.rstrip(b"\r\n") or None
        return await answered(front.patient, lambda: front.retry(id, mended))

    @routes.post("/errors/{id}/discard", dependencies=write, response_model=Discarded, responses=problems(404, 507))
    async def discard(id: Number) -> Response:
        """Give a dead letter up; its record counts as filtered. To repeat it changes nothing."""
        return await answered(front.patient, lambda: front.discard(id))
