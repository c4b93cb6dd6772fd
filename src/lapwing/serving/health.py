"""Whether the server lives, and whether it can do its work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from lapwing.contracts import Front
from lapwing.errors import TooSlow
from lapwing.serving.problems import problems
from lapwing.serving.security import requires
from lapwing.serving.shapes import Health

READY_WAIT_S = 5.0


def router(front: Front) -> APIRouter:
    """`GET /healthz` and `/readyz`."""
    routes = APIRouter(tags=["health"], dependencies=[requires("public")])

    @routes.get("/healthz", response_model=Health, responses=problems())
    async def healthz() -> Response:
        """The server lives."""
        return Response(b'{"status":"ok"}', media_type="application/json")

    @routes.get("/readyz", response_model=Health, responses=problems(507))
    async def readyz() -> Response:
        """The data can be read, and the log can be appended to."""
        try:
            await asyncio.wait_for(asyncio.wrap_future(front.interactive(front.ready)), READY_WAIT_S)
        except TimeoutError:
            raise TooSlow("somebody holds log or ledger", "`lapwing status` says who is writing") from None
        return Response(b'{"status":"ready"}', media_type="application/json")

    return routes
