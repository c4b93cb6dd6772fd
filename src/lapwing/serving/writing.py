"""What programs hand in: `POST /api/v1/topics/{topic}`, and `/enqueue/{topic}` as the seeds call it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse

from lapwing.serving.bodies import TooLarge, read_body
from lapwing.serving.problems import problem, problems
from lapwing.serving.security import requires

BODY_BYTES_MAX = 8 << 20
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
KEY_CHARACTERS_MAX = 200


class Door(Protocol):
    """Takes what was handed in."""

    def accept(self, topic: str, body: bytes, lines: bool, key: str | None) -> Future[dict[str, Any]]:
        """``{"topic", "records", "repeated"}`` once it is durable; raises as `Front` does, and `Unacceptable`."""


CONTENT = {"schema": {}, "example": {"text": "anything"}}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": CONTENT,
            "application/x-ndjson": {"schema": {}, "example": '{"n": 1}\n{"n": 2}\n'},
        },
    }
}
ACCEPTED: dict[str, Any] = {
    "description": "It is durable.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["topic", "records", "repeated"],
                "properties": {
                    "topic": {"type": "string"},
                    "records": {"type": "integer"},
                    "repeated": {"type": "boolean"},
                },
            }
        }
    },
}
TopicName = Annotated[str, Path(max_length=249, description="Letters, digits, `.`, `_` and `-`.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_CHARACTERS_MAX,
        description="The same key within a day is accepted once: a repetition answers `repeated`.",
    ),
]


def router(door: Door) -> APIRouter:
    """The routes that write."""
    routes = APIRouter()

    async def hand_in(topic: TopicName, request: Request, idempotency_key: Key = None) -> Response:
        """One JSON value, or NDJSON with a record in each line; answered when it is durable.

        Posts go to `raw.<network>` as the network itself writes them. Any other topic takes any JSON.
        """
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind not in ("application/json", *LINES):
            return problem(
                415, f"{kind} is not taken", "send application/json, or application/x-ndjson for many records"
            )
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding != "identity":
            return problem(415, f"the content encoding {encoding[:40]!r} is not taken", "send it as it is")
        if request.headers.get("idempotency-key") == "":  # which the framework takes for none
            return problem(422, "the header Idempotency-Key is empty", "give a key, or leave it out")
        try:
            body = await read_body(request, BODY_BYTES_MAX)
        except TooLarge:
            return problem(413, f"the body is larger than {BODY_BYTES_MAX:,} bytes", "send it in parts")
        if not body.strip():
            return problem(422, "the body is empty", "send a JSON value")
        accepted = await asyncio.wrap_future(door.accept(topic, body, kind in LINES, idempotency_key))
        return JSONResponse(accepted, status_code=202)

    answers = {202: ACCEPTED} | problems(400, 409, 413, 415, 422, 507)
    for path in ("/api/v1/topics/{topic}", "/enqueue/{topic}"):
        routes.add_api_route(
            path, hand_in, methods=["POST"], status_code=202, responses=answers, openapi_extra=BODY,
            dependencies=[requires("write")], response_class=JSONResponse, response_model=None,
        )  # fmt: skip
    return routes
