"""`GET /metrics`: how things stand, as Prometheus reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response

from lapwing.contracts import Front
from lapwing.serving.problems import problems
from lapwing.serving.security import requires

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def router(front: Front, exposition: Callable[[dict[str, object]], bytes]) -> APIRouter:
    """The route; `exposition` turns a status into text."""
    routes = APIRouter(tags=["health"])
    answers = problems() | {200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}}

    @routes.get("/metrics", dependencies=[requires("read")], response_class=Response, responses=answers)
    async def metrics() -> Response:
        """Counters and gauges in the text format of Prometheus."""
        status = await asyncio.wrap_future(front.patient(front.status))
        return Response(exposition(status), media_type=MEDIA_TYPE)

    return routes
