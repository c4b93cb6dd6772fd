"""How the dashboard's files are handed out."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from fastapi import FastAPI

from lapwing.serving import pages
from serving.asking import serving
from source_code import ROOT

FILES = {
    "index.html": b"<!DOCTYPE html><p>here</p>",
    "index.html.br": b"brotli",
    "index.html.gz": b"gzip",
    "icon.svg": b"<svg/>",
    "assets/index-1a2b.js": b"1",
    "assets/index-1a2b.js.br": b"b",
    ".made-of": b"a hash",
}


@pytest.fixture(scope="module")
def client():
    app = FastAPI(openapi_url=None)
    app.include_router(pages.router(FILES))
    with serving(app) as client:
        yield client


def plain(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    """The answer as it went over the line; the copies of these tests are not really compressed."""
    with client.stream("GET", path, headers={"accept-encoding": "identity"} | headers) as answer:
        answer.raw_bytes = b"".join(answer.iter_raw())
        return answer


@pytest.mark.parametrize("path", ["/", "/search", "/incidents", "/rules", "/status"])
def test_every_page_is_the_one_page_and_asked_for_anew(client, path):
    answer = plain(client, path)
    assert answer.raw_bytes == FILES["index.html"]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


def test_who_has_the_page_is_told_so(client):
    tag = plain(client, "/").headers["etag"]
    again = plain(client, "/", **{"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.raw_bytes, again.headers["etag"]) == (304, b"", tag)


@pytest.mark.parametrize(
    ("accepted", "encoding", "content"),
    [("gzip, br", "br", b"brotli"), ("gzip", "gzip", b"gzip"), ("br;q=0, gzip;q=0.5", "gzip", b"gzip"), ("", None, FILES["index.html"])],
)  # fmt: skip
def test_the_smallest_copy_that_the_browser_reads_is_sent(client, accepted, encoding, content):
    answer = plain(client, "/", **{"accept-encoding": accepted})
    assert (answer.headers.get("content-encoding"), answer.raw_bytes) == (encoding, content)
    assert answer.headers["vary"] == "Accept-Encoding"


def test_copies_have_tags_of_their_own(client):
    tags = {plain(client, "/", **{"accept-encoding": each}).headers["etag"] for each in ("br", "gzip", "identity")}
    assert len(tags) == 3


def test_names_with_a_hash_are_kept_for_ever(client):
    answer = plain(client, "/assets/index-1a2b.js", **{"accept-encoding": "br"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.raw_bytes == b"b"


@pytest.mark.parametrize(
    "path", ["/assets/other.js", "/assets/index-1a2b.js.br", "/assets/..%2findex.html", "/.made-of"]
)
def test_nothing_else_is_handed_out(client, path):
    assert plain(client, path).status_code == 404


def test_what_was_not_built_is_said_in_a_sentence():
    app = FastAPI(openapi_url=None)
    app.include_router(pages.router({}))
    with serving(app) as client:
        answer = client.get("/")
    assert answer.status_code == 503
    assert "`make web`" in answer.text


def test_the_server_knows_every_page_of_the_dashboard():
    text = (ROOT / "web" / "src" / "pure" / "view.ts").read_text("utf-8")
    names = re.findall(r'"(\w+)"', re.search(r"PAGES = \[(.*?)\]", text)[1])
    assert ["/" if name == "now" else f"/{name}" for name in names] == list(pages.PAGES)


def test_the_lock_names_no_registry_and_pins_every_package():
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    packages = {name: about for name, about in lock.items() if name}
    assert len(packages) > 20
    assert [name for name, about in packages.items() if "resolved" in about or "integrity" not in about] == []
