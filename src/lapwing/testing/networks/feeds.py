"""Feeds that change: RSS, Atom, CAP alerts and USGS earthquakes, with all that HTTP says about when to come again.

Sources: RSS 2.0, RFC 4287 (Atom), CAP 1.2 (OASIS), the GeoJSON summary format of USGS, RFC 9110 and 9111 for validators.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
from aiohttp import web

from lapwing.testing.networks.fake import SYSTEM_US, Fake, refused_plainly
from lapwing.testing.networks.posts import Post, Stock
from lapwing.testing.networks.serving import Route

ITEMS_MAX = 20
SENDER = "duty@met.example.org"
TYPES = {
    "/rss.xml": "application/rss+xml",
    "/atom.xml": "application/atom+xml",
    "/cap.xml": "application/rss+xml",
    "/usgs.geojson": "application/geo+json",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACES = {"Toronto": (43.7, -79.4), "Perth": (-31.9, 115.9), "Melbourne": (-37.8, 145.0)}


class FeedsFake(Fake):
    """One publisher with a document in each form, of the same items. A uid is ``feed:`` and the guid, ``item-17``.

    A document shows the newest 20; what is older, or deleted, is just not there any more.
    """

    def __init__(self, *, seed: int = 0, now_us: Callable[[], int] = SYSTEM_US, odd_every: int = 0) -> None:
        """Nothing is published yet."""
        routes = [Route("GET", path, self._document) for path in TYPES]
        routes += [Route("GET", "/cap/{name}.xml", self._alert), Route("GET", "/{other:.*}", self._elsewhere)]
        super().__init__(routes, Stock(seed, now_us, self._name), refused_plainly)
        self.odd_every = odd_every
        self.items_max = ITEMS_MAX
        self.max_age_s: int | None = None
        """What `Cache-Control: max-age` says; None: nothing."""
        self.validators = True
        """Whether there is an ETag and a Last-Modified."""
        self._moved: dict[str, str] = {}
        self._gone: set[str] = set()
        self._older: dict[str, bytes] = {}

    def moved(self, path: str, to: str) -> None:
        """Answer 301 at a path from now on; at the new one, which may be any, the old document is served."""
        self._moved[path] = to

    def gone(self, path: str) -> None:
        """Answer 410 at a path from now on."""
        self._gone.add(path)

    def say_odd(self, which: int) -> Post:
        """Say a hard case: no guid, an odd date, mark-up and a script, a line separator."""
        cases: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("No guid here", "no guid", {"no_guid": True}),
            ("An odd date", "the date is not RFC 822", {"date": "2026-11-22 02:00"}),
            ("<b>Bold</b> & <script>alert(1)</script>", "", {}),
            ("one line\u2028the same line", "", {}),
        )
        text, odd, notes = cases[which % len(cases)]
        return self.stock.add(text, odd=odd, notes=notes)

    def _name(self, at_us: int, number: int, author: int, kind: str) -> tuple[str, str]:
        del at_us, author, kind
        return f"item-{number}", f"feed:item-{number}"

    def _shown(self) -> list[Post]:
        with self.stock.lock:
            posts = [post for post in self.stock.posts.values() if not post.deleted]
        return sorted(posts, key=lambda post: (-post.at_us, -post.number))[: self.items_max]

    async def _document(self, request: web.Request) -> web.Response:
        path = request.path
        if path in self._gone:
            return web.Response(status=410, text="Gone")
        if path in self._moved:
            return web.Response(status=301, headers={"Location": self._moved[path]})
        return self._serve(request, path)

    async def _elsewhere(self, request: web.Request) -> web.Response:
        """Serve what moved here."""
        old = next((path for path, to in self._moved.items() if to.removeprefix(self.url) == request.path), None)
        return web.Response(status=404, text="Not Found") if old is None else self._serve(request, old)

    def _serve(self, request: web.Request, path: str) -> web.Response:
        body = self._written(path)
        if self.page_fault(f"GET {request.path}") and path in self._older:
            # A cache in between has not heard of the new one yet.
            body = self._older[path]
        elif body != self._older.get(path):
            self._older.setdefault(path, body)
        changed_us = self.stock.last_us
        tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()[:16]}"'
        headers = {"Content-Type": TYPES[path]}
        if self.validators:
            headers |= {"ETag": tag, "Last-Modified": _http_date(changed_us)}
        if self.max_age_s is not None:
            headers["Cache-Control"] = f"max-age={self.max_age_s}"
        known = request.headers.get("If-None-Match")
        since = request.headers.get("If-Modified-Since")
        same = known == tag if known is not None else since == headers.get("Last-Modified")
        if self.validators and same:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    def _written(self, path: str) -> bytes:
        shown = self._shown()
        match path:
            case "/rss.xml":
                return self._rss("".join(self._rss_item(post) for post in shown))
            case "/cap.xml":
                return self._rss("".join(self._cap_item(post) for post in shown))
            case "/atom.xml":
                return self._atom(shown)
            case _:
                return self._earthquakes(shown)

    def _rss(self, items: str) -> bytes:
        told = f"<title>Invented Shire News</title><link>{self.url}/</link><description>Test feed</description><ttl>15</ttl>"
        names = 'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" {names}><channel>{told}{items}</channel></rss>'.encode()

    def _rss_item(self, post: Post) -> str:
        guid = "" if post.notes.get("no_guid") else f'<guid isPermaLink="false">{post.id}</guid>'
        date = str(post.notes.get("date", _http_date(post.at_us)))
        return (
            f"<item><title>{html.escape(post.text)}</title><link>{self.url}/a/{post.number}</link>{guid}"
            f"<pubDate>{date}</pubDate><dc:creator>Desk {post.author}</dc:creator><category>weather</category>"
            f"<description>{html.escape(f'<p>{html.escape(post.text)}</p>')}</description></item>\n"
        )

    def _cap_item(self, post: Post) -> str:
        link = f"<link>{self.url}/cap/{post.id}.xml</link>"
        return (
            f'<item><title>{html.escape(post.text)}</title>{link}<guid isPermaLink="false">{post.id}</guid>'
            f"<pubDate>{_http_date(post.at_us)}</pubDate></item>\n"
        )

    def _atom(self, shown: list[Post]) -> bytes:
        entries = "".join(
            f"<entry><id>{post.id}</id><title>{html.escape(post.text)}</title><updated>{_time(post.edited_us or post.at_us)}</updated>"
            f'<published>{_time(post.at_us)}</published><link rel="alternate" href="{self.url}/a/{post.number}"/>'
            f'<content type="html">{html.escape(f"<p>{html.escape(post.text)}</p>")}</content>'
            f"<author><name>Desk {post.author}</name></author></entry>\n"
            for post in shown
        )
        told = f"<id>tag:example.org,2026:feed</id><title>Invented Met Office</title><updated>{_time(self.stock.last_us)}</updated>"
        return f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">{told}{entries}</feed>'.encode()

    def _earthquakes(self, shown: list[Post]) -> bytes:
        features = [_earthquake(post) for post in shown]
        meta = {"generated": self.stock.last_us // 1000, "title": "Invented earthquakes", "status": 200}
        meta |= {"api": "1.14.1", "count": len(features), "url": f"{self.url}/usgs.geojson"}
        return msgspec.json.encode({"type": "FeatureCollection", "metadata": meta, "features": features})

    async def _alert(self, request: web.Request) -> web.Response:
        with self.stock.lock:
            post = self.stock.posts.get(f"feed:{request.match_info['name']}")
        if post is None:
            return web.Response(status=404, text="Not Found")
        return web.Response(body=_alert(post), headers={"Content-Type": "application/cap+xml"})


def _alert(post: Post) -> bytes:
    """Write a CAP 1.2 alert; one that was edited or deleted is an Update or a Cancel, which refers to the first."""
    sent = _cap_time(post.edited_us or post.at_us)
    kind = "Cancel" if post.deleted else "Alert" if post.edited_us is None else "Update"
    first = f"<references>{SENDER},{post.id},{_cap_time(post.at_us)}</references>" if kind != "Alert" else ""
    name = post.id if kind == "Alert" else f"{post.id}-{kind.lower()}"
    lat, lon = _PLACES.get(post.place, (45.5, -73.6))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>{name}</identifier><sender>{SENDER}</sender><sent>{sent}</sent><status>Actual</status>"
        f"<msgType>{kind}</msgType><scope>Public</scope>{first}<info><language>en-AU</language><category>Met</category>"
        "<event>Flood</event><urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>"
        f"<headline>{html.escape(post.text)}</headline><description>{html.escape(post.text)}</description>"
        f"<area><areaDesc>{html.escape(post.place)}</areaDesc><circle>{lat},{lon} 12.5</circle></area></info></alert>"
    ).encode()


def _earthquake(post: Post) -> dict[str, Any]:
    lat, lon = _PLACES.get(post.place, (45.5, -73.6))
    told = {
        "mag": 1 + post.number % 60 / 10,
        "place": f"61 km E of {post.place}",
        "time": post.at_us // 1000,
        "updated": (post.edited_us or post.at_us) // 1000,
        "tz": None,
        "url": f"https://earthquake.example/{post.id}",
        "status": "reviewed" if post.edited_us else "automatic",
        "tsunami": 0,
        "net": "us",
        "code": post.id,
        "ids": f",{post.id},ci{post.number},",
        "type": "earthquake",
        "title": post.text,
    }
    return {
        "type": "Feature",
        "id": post.id,
        "properties": told,
        "geometry": {"type": "Point", "coordinates": [lon, lat, 10.0]},
    }


def _date(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _http_date(at_us: int) -> str:
    return format_datetime(_date(at_us).replace(microsecond=0), usegmt=True)


def _time(at_us: int) -> str:
    return _date(at_us).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cap_time(at_us: int) -> str:
    return _date(at_us).strftime("%Y-%m-%dT%H:%M:%S-00:00")
