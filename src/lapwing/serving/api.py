"""The HTTP API, put together: routes, problems, the OpenAPI document.

What it answers from is handed in, and so is whatever else is to be reachable: routers with routes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware

from lapwing.contracts import Front
from lapwing.serving import (
    collections,
    devices,
    documentation,
    health,
    incidents,
    letters,
    problems,
    reading,
    rules,
    seeds_routes,
)
from lapwing.serving.heads import HeadAsGet
from lapwing.serving.parameters import check_parameters

DESCRIPTION = """What was heard, where and when. Times are UTC, RFC 3339. Mistakes are told as `application/problem+json`
with a `next_step`. JSON comes in pages: the `next` of one is the `after` of the following. `format=ndjson` and `format=csv`
give everything that matches, however long it takes; JSON has a budget of time, and 503 says what to narrow. HEAD is answered
wherever GET is."""


def create(
    front: Front, *, version: str = "", extra: Sequence[APIRouter] = (), middlewares: Sequence[Middleware] = ()
) -> FastAPI:
    """The application; every route declares its permission, and `security.guarded` enforces it."""
    app = FastAPI(
        title="Lapwing", description=DESCRIPTION, version=version or "0", middleware=[*middlewares, Middleware(HeadAsGet)],
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        dependencies=[Depends(check_parameters)],
    )  # fmt: skip
    problems.install(app)
    for room in (reading, incidents, rules, devices, letters, collections, seeds_routes, health):
        app.include_router(room.router(front))
    for router in extra:
        app.include_router(router)
    app.include_router(documentation.router(app, front))
    documentation.describe(app)
    return app
