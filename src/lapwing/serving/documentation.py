"""The OpenAPI document, and the page at /docs that shows it: every script and style comes from this server."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response

from lapwing.contracts import Front
from lapwing.serving.problems import SCHEMA
from lapwing.serving.security import requires

PAGE = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lapwing: the HTTP API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = b"""window.addEventListener("load", () => SwaggerUIBundle({
  url: "/docs/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
}));
"""
"""A file of its own, since our pages run no script that stands in them."""
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "png": "image/png"}
DAY = {"Cache-Control": "max-age=86400"}


def router(app: FastAPI, front: Front) -> APIRouter:
    """`GET /openapi.json`, `/docs` and its files."""
    routes = APIRouter(dependencies=[requires("public")], include_in_schema=False)

    @routes.get("/openapi.json")
    async def document() -> Response:
        return Response(msgspec.json.encode(app.openapi()), media_type="application/json")

    @routes.get("/docs")
    async def page() -> Response:
        return Response(PAGE, media_type="text/html; charset=utf-8")

    @routes.get("/docs/openapi.json")
    async def document_for_page() -> Response:
        return Response(msgspec.json.encode(older(app.openapi())), media_type="application/json")

    @routes.get("/docs/{name}")
    async def file(name: str, request: Request) -> Response:
        found = {**front.page_files(), "start.js": START}.get(name)
        if found is None:
            raise HTTPException(404, f"there is nothing at {request.url.path[:200]}")
        return Response(found, media_type=MEDIA_TYPES[name.rpartition(".")[2]], headers=DAY)

    return routes


def describe(app: FastAPI) -> None:
    """Have the document define what every route's problems refer to."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def older(document: dict[str, Any]) -> dict[str, Any]:
    """The document as OpenAPI 3.0 writes it, which is what the page's scripts read."""
    return _older(document) | {"openapi": "3.0.3"}  # type: ignore[no-any-return]


def _older(value: Any) -> Any:
    if isinstance(value, list):
        return [_older(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _older(each) for key, each in value.items()}
    choices = plain.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        plain.pop("anyOf")
        plain |= {"nullable": True} | (rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest})
    return plain
