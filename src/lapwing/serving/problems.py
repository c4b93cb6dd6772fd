"""What goes wrong, told to programs and people: RFC 9457 problem details, always with a next step where there is one."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from lapwing.errors import (
    DiskFull,
    Fenced,
    KeyReused,
    LapwingError,
    QueryError,
    TooSlow,
    Unacceptable,
    UnknownName,
    UsageError,
)
from lapwing.serving.wording import told

log_lines = logging.getLogger("lapwing.serving")

MEDIA_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong, after RFC 9457.",
    "properties": {
        "type": {"type": "string", "description": "`about:blank`: the status says it."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong here."},
        "next_step": {"type": "string", "description": "What to do about it."},
        "column": {"type": "integer", "description": "Of a query: where the mistake is, counted in characters from 1."},
        "records": {
            "type": "array",
            "description": "Of records that were handed in: which are wrong, and why.",
            "items": {"type": "object"},
        },
        "errors": {
            "type": "array",
            "description": "Each value that is wrong.",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
                "required": ["where", "what"],
            },
        },
    },
    "required": ["type", "title", "status"],
}
REFERENCE = {"$ref": "#/components/schemas/Problem"}
MEANINGS = {
    400: "What was asked cannot be understood, or names something that there is not.",
    401: "A token is needed.",
    403: "The token does not permit this, or another site asked.",
    404: "There is nothing of this name.",
    409: "The same key came before, with another body.",
    413: "The body is too large.",
    415: "The body is of a kind that is not taken.",
    421: "The server is not called so.",
    422: "A value is of the wrong kind or out of bounds.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "Something that nobody foresaw, or data that cannot be read.",
    503: "It would take too long, or somebody else holds what is needed.",
    507: "The disk is full.",
}
EVERYWHERE = (400, 401, 403, 421, 422, 429, 500, 503)
"""What any route may answer."""
STATUSES: dict[type[LapwingError], int] = {KeyReused: 409, UsageError: 400, DiskFull: 507, TooSlow: 503, Fenced: 503}
"""The first that an error is decides."""
_OPTION = re.compile(r"--(?=[a-z])")


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its `responses`; those of every route and `more`."""
    return {
        status: {"description": MEANINGS[status], "content": {MEDIA_TYPE: {"schema": REFERENCE}}}
        for status in sorted({*EVERYWHERE, *more})
    }


def problem(status: int, detail: str, next_step: str = "", **more: Any) -> Response:
    """The answer that says what is wrong."""
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    said |= ({"next_step": next_step} if next_step else {}) | more
    headers = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(msgspec.json.encode(said), status, headers, MEDIA_TYPE)


def status_of(error: LapwingError) -> int:
    """The status that tells an error best."""
    if isinstance(error, Unacceptable):
        return error.status
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return status
    return 500


def install(app: FastAPI) -> None:
    """Tell every error as a problem."""
    app.add_exception_handler(LapwingError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


def said(text: str) -> str:
    """A message as a program hears it: parameters have the names of the command line's options."""
    return _OPTION.sub("", text)


def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001  (a handler's)
    """Who asked left in the middle: nobody is there to read an answer, and nothing is wrong with us."""
    return Response(status_code=400)


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, LapwingError)
    status = status_of(error)
    if isinstance(error, UnknownName) and request.path_params:
        status = 404
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log_lines.error("%s %s: %s", request.method, request.url.path, error)
    more: dict[str, Any] = {"column": error.column} if isinstance(error, QueryError) else {}
    if isinstance(error, Unacceptable):
        more["records"] = error.records
    return problem(status, said(error.what), said(error.next_step), **more)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [told(each, _parameters(request)) for each in error.errors()]
    detail = "; ".join(f"{each['where']}: {each['what']}" for each in wrong[:5])
    return problem(422, detail, "correct these values; /docs says what each may be", errors=wrong)


def _parameters(request: Request) -> list[str]:
    """What may stand behind the question mark of this route."""
    operation = _operations(request).get(request.method.lower(), {})
    return [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]


def _operations(request: Request) -> dict[str, Any]:
    """What may be done at this path, by method, as OpenAPI says it."""
    path = getattr(request.scope.get("route"), "path_format", "")
    operations: dict[str, Any] = request.app.openapi()["paths"].get(path, {})
    return operations


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    next_step = "see /docs for what there is" if error.status_code in (404, 405) else ""
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"there is nothing at {request.url.path[:200]}"
    answer = problem(error.status_code, detail, next_step)
    answer.headers.update(error.headers or {})
    # The framework names the methods of the first route of this path alone.
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _operations(request)):
        answer.headers["allow"] = ", ".join(sorted(map(str.upper, methods)))
    if "GET" in answer.headers.get("allow", "").split(", "):
        answer.headers["allow"] += ", HEAD"
    return answer


def _unforeseen(request: Request, error: Exception) -> Response:
    log_lines.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "something that we did not foresee", "the server's log says where; report it")
