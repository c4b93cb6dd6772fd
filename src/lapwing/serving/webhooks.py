"""Where networks post what they have for us: `POST /webhooks/{name}`, signed by the network instead of a token."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Request, Response

from lapwing.hearing import Delivery
from lapwing.serving.bodies import TooLarge, read_body
from lapwing.serving.problems import problem, problems
from lapwing.serving.security import requires

BODY_BYTES_MAX = 1 << 20
RETRY_AFTER_S = "60"
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "It is durable."},
    **problems(404, 413, 507),
    400: {"description": "It is signed, and cannot be read."},
    401: {"description": "It is not signed as it should be."},
    503: {"description": "The source is paused, or lacks its secret; `Retry-After` says when to try again."},
}
BODY = {
    "requestBody": {
        "required": True,
        "description": "As the network posts it; the signature is checked over these very bytes.",
        "content": {"application/json": {"schema": {}, "example": {"destination": "U8e7", "events": []}}},
    }
}
SourceName = Annotated[
    str, Path(max_length=100, description="The name of a source; its type, where only one has that type.")
]


class Hooks(Protocol):
    """The sources that something is posted to."""

    def find(self, name: str) -> str:
        """The source of that name or type; raises `UnknownName`."""

    def take(self, name: str, headers: Mapping[str, str], body: bytes) -> Future[Delivery]:
        """What the source says to it; records are durable then. Raises `DiskFull`."""


def router(hooks: Hooks) -> APIRouter:
    """The one route."""
    routes = APIRouter()

    async def take(name: SourceName, request: Request) -> Response:
        """What a network delivers; answered when it is durable. No token is asked for, but the network's signature."""
        source = hooks.find(name)
        try:
            body = await read_body(request, BODY_BYTES_MAX)
        except TooLarge:
            return problem(413, f"the body is larger than {BODY_BYTES_MAX:,} bytes", "deliver it in parts")
        delivery = await asyncio.wrap_future(hooks.take(source, dict(request.headers), body))
        later = {"Retry-After": RETRY_AFTER_S} if delivery.status == HTTPStatus.SERVICE_UNAVAILABLE else None
        return Response(status_code=delivery.status, headers=later)

    routes.add_api_route(
        "/webhooks/{name}", take, methods=["POST"], responses=ANSWERS, openapi_extra=BODY,
        dependencies=[requires("public")], response_class=Response, response_model=None,
    )  # fmt: skip
    return routes
