"""The dashboard: the page, its scripts and styles, as they were built, from this server alone.

Files with a hash in their name are kept by browsers for ever; the page itself is asked for anew each time, by its ETag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePosixPath

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse

from lapwing.serving.security import requires

PAGES = ("/", "/search", "/incidents", "/rules", "/receiver", "/status")
"""Addresses at which the one page is shown; it reads the rest of the address by itself."""
INDEX = "index.html"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""The compressed copies that may lie beside a file, best first."""
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}  # fmt: skip
FOR_EVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"
NOT_BUILT = """Lapwing answers, but its dashboard was not built: run `make web` where its source is, or install a wheel.

The API is at /api/v1, and /docs shows how to ask.
"""


def router(files: Mapping[str, bytes]) -> APIRouter:
    """`GET /` and the addresses of its pages, `/assets/…`, and what else lies beside the page.

    `files` are bytes by path: the built folder, compressed copies included; empty where it was not built.
    """
    routes = APIRouter(dependencies=[requires("public")], include_in_schema=False)
    answer = _Answers(files).answer

    async def page(request: Request) -> Response:
        return answer(request, INDEX, ANEW) if INDEX in files else PlainTextResponse(NOT_BUILT, 503)

    async def beside(request: Request) -> Response:
        return answer(request, request.url.path.removeprefix("/"), ANEW)

    async def asset(name: str, request: Request) -> Response:
        path = f"assets/{name}"
        if path not in files or not _is_known(path):
            raise HTTPException(404, f"there is nothing at {request.url.path[:200]}")
        return answer(request, path, FOR_EVER)

    for path in PAGES:
        routes.add_api_route(path, page)
    for name in files:
        if "/" not in name and name != INDEX and _is_known(name):
            routes.add_api_route(f"/{name}", beside)
    routes.add_api_route("/assets/{name}", asset)
    return routes


def build_of(files: Mapping[str, bytes]) -> str:
    """Which build of the page these files are, as the page says it of itself; empty where it says nothing."""
    found = re.search(rb'<meta name="lapwing-build" content="([0-9a-f]+)"', files.get(INDEX, b""))
    return found[1].decode() if found else ""


class _Answers:
    """The files as answers, each with its tag."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._tags = {name: _tag(content) for name, content in files.items()}

    def answer(self, request: Request, name: str, cache: str) -> Response:
        found, encoding = _best(self._files, name, request.headers.get("accept-encoding", ""))
        tag = self._tags[found]
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding", "ETag": tag}
        headers |= {"Content-Encoding": encoding} if encoding else {}
        if _known(tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(self._files[found], media_type=MEDIA_TYPES[PurePosixPath(name).suffix], headers=headers)


def _is_known(name: str) -> bool:
    """Whether it is of a kind that is handed out; compressed copies are so only in place of their originals."""
    return PurePosixPath(name).suffix in MEDIA_TYPES


def _tag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:20]}"'


def _best(files: Mapping[str, bytes], name: str, accepted: str) -> tuple[str, str]:
    """The copy that the browser can read and that is smallest, and its encoding."""
    said = {}
    for each in accepted.lower().split(","):
        encoding, _, weight = each.strip().partition(";")
        said[encoding.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    for encoding, suffix in ENCODINGS:
        if said.get(encoding, False) and name + suffix in files:
            return name + suffix, encoding
    return name, ""


def _known(tag: str, given: str) -> bool:
    """Whether the browser has this already (RFC 9110, 13.1.2)."""
    return given.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in given.split(",")}
