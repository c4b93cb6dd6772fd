"""Answers on their way out: one piece for somebody who waits, or page after page for an export of any length.

An export holds no thread and no moment of the database between its pages, so a slow reader costs nothing but its
connection; a page is read when the one before has gone out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Literal

import msgspec
from fastapi import Response
from fastapi.responses import StreamingResponse

from lapwing.contracts import Front, Page

PAGE_ROWS = 2_000
"""So many rows of an export are read, and in memory, at a time."""

Format = Literal["json", "ndjson", "csv"]
MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "array": "application/json"}
STREAMS: dict[str, Any] = {
    "application/x-ndjson": {"schema": {"type": "string", "description": "One JSON object to a line."}},
    "text/csv": {"schema": {"type": "string", "description": "A table with a heading; no cell is a formula."}},
}
"""What an export may be, for a route's `responses`."""

_encode_lines = msgspec.json.Encoder().encode_lines
_encode = msgspec.json.Encoder().encode

Ask = Callable[[int, str | None], Page]
"""So many rows after a cursor."""


class Export(msgspec.Struct, frozen=True):
    """What goes out, in which shape, and how much of it."""

    kind: str
    """posts, counts, words, places or errors: which columns a CSV has."""
    shape: Literal["json", "ndjson", "csv", "array"]
    """`json` is no export, but a page of it: `reading.paged`."""
    ask: Ask
    limit: int | None = None
    after: str | None = None


Run = Callable[[Callable[[], bytes]], Future[bytes]]
"""How a question is run: `Front.interactive`, within the budget of somebody who waits, or `Front.patient`."""


async def answered(run: Run, work: Callable[[], Any]) -> Response:
    """What `work` gives, as JSON."""
    body = await asyncio.wrap_future(run(lambda: _encode(work())))
    return Response(body, media_type="application/json")


async def exported(front: Front, export: Export) -> StreamingResponse:
    """All that the export asks for; what is wrong with the question is said before the answer begins."""
    pieces = _pieces(front, export)
    first = await anext(pieces)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if export.shape == "csv":
        headers["Content-Disposition"] = f'attachment; filename="{export.kind}.csv"'
    return StreamingResponse(_joined(first, pieces), media_type=MEDIA_TYPES[export.shape], headers=headers)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _pieces(front: Front, export: Export) -> AsyncIterator[bytes]:
    """The pages as bytes, one after the other."""
    left, after, begun = export.limit, export.after, False
    while True:
        size = PAGE_ROWS if left is None else min(PAGE_ROWS, left)
        read = partial(_piece, front, export, (size, after), begun)
        body, count, after = await asyncio.wrap_future(front.patient(read))
        left = None if left is None else left - count
        ends = after is None or left == 0
        yield body + b"]" if ends and export.shape == "array" else body
        if ends:
            return
        begun = True


def _piece(front: Front, export: Export, wish: tuple[int, str | None], begun: bool) -> tuple[bytes, int, str | None]:
    """One page as bytes, how many rows it has, and where the next one begins."""
    page = export.ask(*wish)
    if export.shape == "csv":
        body = front.sheet(export.kind, page, not begun)
    elif export.shape == "ndjson":
        body = _encode_lines(page.rows)
    else:
        body = (b"," if begun else b"[") + _encode(page.rows)[1:-1]
    return body, len(page.rows), page.next
