"""What feeds say: RSS, Atom, alerts in CAP, earthquakes of USGS; no account is needed.

Each feed is looked at when its time has come, and not before it allows it; what it lists and was not heard before, or
says something else than before, is yielded. A feed that breaks leaves the others alone. Where nothing that was known is
listed any more, the time between is a gap.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, field

from lapwing.hearing import (
    BackOff,
    Disconnected,
    Lost,
    RateLimited,
    RefusedBySource,
    Source,
    SourceChunk,
    Surroundings,
    Unfit,
)
from lapwing.model import RECORD_BYTES_MAX
from lapwing.settings import UNITS_US, DurationUs

if TYPE_CHECKING:
    from lapwing.sources._feed_documents import Document, Entry
    from lapwing.sources._feed_memory import Place
    from lapwing.sources._http import Question, Reply

FEED_BYTES_MAX = 5 << 20
PAUSE_S_MAX = 86_400.0
"""No feed is believed that wants to be asked less often than once a day."""
WAIT_S = 20.0
SILENT_S = 180.0
AGAIN_S = 15.0
"""A feed that broke is asked again after so long, twice as long after each further failure, at most its own pause."""
BACK_OFF = BackOff(first_s=AGAIN_S, max_s=300.0)
ALERTS_AT_ONCE = 20
IN_FORCE_US = UNITS_US["h"]
"""Alerts are listed while they are in force, which is an hour at least."""
RECORDS_AT_ONCE = 500
FORMATS = {"items": None, "alerts": None, "alert": "cap", "earthquakes": "usgs"}
"""What reads the entries of each kind of document; an alert that an entry links is always read as one."""
SHOWN_MAX = 10
TEXT_CHARACTERS_MAX = 200_000
MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,;])", re.IGNORECASE)
TROUBLE = (Disconnected, RateLimited, RefusedBySource, OSError, TimeoutError)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which feeds, and how often they are looked at."""

    urls: Annotated[
        list[
            Annotated[
                str,
                Meta(
                    pattern=r"^https?://[^\s/@?#]+([/?]\S*)?$",
                    extra={"words": "the whole address, as in 'https://news.example/rss.xml'"},
                ),
            ]
        ],
        Meta(min_length=1, max_length=200, description="The addresses of the feeds, without a user or password."),
    ]
    every_us: Annotated[
        DurationUs,
        Meta(description="How often each is looked at; less often where the feed itself asks for that."),
    ] = field(name="every", default=5 * UNITS_US["m"])
    kind: Annotated[
        Literal["auto", "items", "cap", "usgs"],
        Meta(
            description="What they hold: `items` (RSS, Atom), `cap` (alerts, or feeds whose links are alerts), `usgs`"
            " (earthquakes); `auto` tells it by what comes."
        ),
    ] = "auto"
    alert_hosts: Annotated[
        list[
            Annotated[
                str, Meta(pattern=r"^[A-Za-z0-9.-]+(:\d+)?$", extra={"words": "a host alone, as in 'alerts.example'"})
            ]
        ],
        Meta(
            max_length=100, description="Hosts beside the feed's own from which the alerts that it links are fetched."
        ),
    ] = []


def check(options: Options) -> Unfit | None:
    """What cannot be listened to: an address that is not safe."""
    from lapwing.sources._addresses import unfit

    return unfit(options, "urls")


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Look at whichever feed is due, again and again."""
    reader = _Reader(options, after, surroundings)
    while True:
        watched = reader.next_one()
        while (wait_us := reader.due_us(watched) - surroundings.time.now_us()) > 0:
            if reader.may_speak:
                yield reader.chunk()
            await surroundings.time.sleep(min(wait_us / 1e6, WAIT_S))
        try:
            async for chunk in reader.look(watched):
                yield chunk
        except TROUBLE as problem:
            reader.failed(watched, problem)
            if reader.may_speak:
                yield reader.chunk()


class _Watched:
    """One feed, and how it is in this connection."""

    def __init__(self, url: str, place: Place) -> None:
        from lapwing.sources._feed_memory import Seen

        self.url, self.place, self.seen = url, place, Seen(place.seen)
        self.failures = 0
        self.problem: Exception | None = None
        self.tried = False
        self.not_had = 0
        """Alerts that could not be fetched, for good."""
        self.left_out = 0
        """Entries of the last document beyond those that are looked at."""

    @property
    def label(self) -> str:
        """What it is called where people read; an address may have a key behind its path."""
        parts = urlsplit(self.url)
        return f"{parts.netloc}{parts.path}"[:100]


class _Reader:
    """All feeds of one source, and up to when nothing of any is missing."""

    def __init__(self, options: Options, after: str, surroundings: Surroundings) -> None:
        from lapwing.sources._feed_memory import Claims, Cursor, Place
        from lapwing.sources._http import http_of

        self._options, self._time, self._http = options, surroundings.time, http_of(surroundings)
        now_us = self._time.now_us()
        known = msgspec.json.decode(after, type=Cursor) if after else Cursor({})
        places = {url: known.feeds.get(url) or Place(now_us) for url in dict.fromkeys(options.urls)}
        self._feeds = [_Watched(url, place) for url, place in places.items()]
        self._claims = Claims(min(place.sure_us for place in places.values()), known.lost)
        self._at_once: dict[str, bool] = surroundings.shared.setdefault(f"feeds {surroundings.name}", _Flags())
        self._wait = not self._at_once.pop("broke", False)
        self._answered = False

    @property
    def _active(self) -> list[_Watched]:
        return [each for each in self._feeds if not each.place.gone_us]

    @property
    def may_speak(self) -> bool:
        """Whether anything answers, or nothing was asked yet: a chunk says that the source is well."""
        return self._answered or not any(each.tried for each in self._feeds)

    def next_one(self) -> _Watched:
        """Whichever is due first. Raises `RefusedBySource` where all feeds are gone for good."""
        if not self._active:
            raise RefusedBySource("every feed says that it is gone for good (410)", "take them out, or write others")
        return min(self._active, key=self.due_us)

    def due_us(self, watched: _Watched) -> int:
        """When it is looked at; at once after a break, as nothing is known then."""
        return watched.place.due_us if self._wait or watched.tried else 0

    async def look(self, watched: _Watched) -> AsyncIterator[SourceChunk]:
        """Ask for one feed, and yield what is new. Raises what is wrong with it."""
        from lapwing.sources._feed_documents import NotAFeed, read_document

        place, asked_us = watched.place, self._time.now_us()
        watched.tried = True
        reply = await self._ask(_question(place.moved or watched.url, FEED_BYTES_MAX, place))
        if reply.moved_to:
            place.moved = reply.moved_to
        if reply.status == 410:
            place.gone_us = asked_us
        elif reply.status != 304:
            try:
                document = read_document(reply.body, watched.url, self._options.kind)
            except NotAFeed as problem:
                raise Disconnected(f"{watched.label}: {problem}", BACK_OFF) from None
            async for chunk in self._news(watched, document, asked_us):
                yield chunk
            place.ttl_s = document.ttl_s
            place.etag, place.modified = reply.headers.get("etag", ""), reply.headers.get("last-modified", "")
        place.sure_us = max(place.sure_us, asked_us)
        place.due_us = asked_us + round(self._pause_s(reply, place) * 1e6)
        watched.failures, watched.problem, self._answered = 0, None, True
        yield self.chunk(moved_on=True)

    def failed(self, watched: _Watched, problem: Exception) -> None:
        """Remember that a feed broke; raises the problem where none of them can be heard."""
        now_us, every_s = self._time.now_us(), self._options.every_us / 1e6
        watched.failures += 1
        watched.problem = problem
        watched.place.due_us = now_us + round(min(AGAIN_S * 2 ** min(watched.failures - 1, 20), every_s) * 1e6)
        if isinstance(problem, RateLimited) and problem.until_us is not None:
            watched.place.due_us = max(watched.place.due_us, problem.until_us)
        if isinstance(problem, RefusedBySource):
            watched.place.due_us = now_us + self._options.every_us
        problems = [each.problem for each in self._active if each.problem is not None]
        if len(problems) == len(self._active):
            self._at_once["broke"] = True
            raise next((each for each in problems if not isinstance(each, RefusedBySource)), problem)

    def chunk(
        self, entries: Sequence[tuple[bytes, Entry]] = (), format: str | None = None, *, moved_on: bool = False
    ) -> SourceChunk:
        """Some records, where to go on after them, and how all feeds are."""
        from lapwing.sources._feed_memory import Cursor

        from_us = to_us = None
        lost: tuple[Lost, ...] = ()
        if moved_on and self._active:
            from_us, to_us, lost = self._claims.upto(min(each.place.sure_us for each in self._active))
        cursor = None
        if entries or moved_on:
            for each in self._feeds:
                each.place.seen = each.seen.text()
            places = {each.url: each.place for each in self._feeds}
            cursor = msgspec.json.encode(Cursor(places, self._claims.lost)).decode()
        return SourceChunk(
            values=[value for value, _ in entries], keys=[entry.key for _, entry in entries], format=format,
            network=format, cursor=cursor, covered_from_us=from_us, covered_to_us=to_us, lost=lost,
            reason=self._reason(), details=self._details(),
        )  # fmt: skip

    async def _news(self, watched: _Watched, document: Document, asked_us: int) -> AsyncIterator[SourceChunk]:
        """What a document lists and was not heard before, or says something else now."""
        if lost := self._missed(watched, document, asked_us):
            self._claims.lose(lost)
        watched.left_out = document.left_out
        fresh = [entry for entry in document.entries if not watched.seen.says_the_same(entry)]
        plain = [(self._record(watched, entry), entry) for entry in fresh if entry.alert is None]
        for first in range(0, len(plain), RECORDS_AT_ONCE):
            some = plain[first : first + RECORDS_AT_ONCE]
            for _, entry in some:
                watched.seen.add(entry)
            yield self.chunk(some, FORMATS[document.kind])
        alerts = [entry for entry in fresh if entry.alert is not None]
        for first in range(0, len(alerts), ALERTS_AT_ONCE):
            found, problem = await self._alerts(watched, alerts[first : first + ALERTS_AT_ONCE])
            yield self.chunk(found, "cap")
            if problem is not None:
                raise problem
        for entry in document.entries:
            watched.seen.add(entry)
        watched.seen.forget(len(document.entries))

    def _missed(self, watched: _Watched, document: Document, asked_us: int) -> Lost | None:
        """The time of which a feed no longer lists everything."""
        sure_us, listed = watched.place.sure_us, document.entries
        if not listed or not len(watched.seen) or any(map(watched.seen.knows, listed)):
            return None
        why = f"{watched.label} no longer lists what was said in between"
        if document.span_us is not None:
            from_us = asked_us - document.span_us
            return Lost(sure_us, from_us, why) if from_us > sure_us else None
        if document.kind in ("alerts", "alert") and asked_us - sure_us < IN_FORCE_US:
            return None
        oldest_us = min((entry.at_us for entry in listed if entry.at_us is not None), default=asked_us)
        return Lost(sure_us, min(oldest_us, asked_us), why) if oldest_us > sure_us else None

    def _record(self, watched: _Watched, entry: Entry) -> bytes:
        """An entry as it is kept. An item has when we saw it beside it; a change that the feed does not date has that date."""
        from lapwing.sources._feed_documents import written

        if entry.item is None:
            assert entry.value is not None
            return entry.value
        if entry.item.deleted is not None:
            return msgspec.json.encode(entry.item)
        seen = written(self._time.now_us())
        item = msgspec.structs.replace(entry.item, seen=seen)
        silent = entry.updated_us is None or entry.updated_us <= watched.place.sure_us
        if silent and watched.seen.knows(entry):
            item = msgspec.structs.replace(item, updated=seen)
        value = msgspec.json.encode(item)
        if len(value) > RECORD_BYTES_MAX:
            summary = item.summary[:TEXT_CHARACTERS_MAX] if item.summary else None
            title = item.title[:TEXT_CHARACTERS_MAX] if item.title else None
            value = msgspec.json.encode(
                msgspec.structs.replace(item, content=None, summary=summary, title=title, categories=[])
            )
        return value

    async def _alerts(
        self, watched: _Watched, entries: list[Entry]
    ) -> tuple[list[tuple[bytes, Entry]], Exception | None]:
        """The alerts that entries stand for, and what went wrong on the way; those that cannot be had are counted."""
        found = []
        try:
            for entry in entries:
                alert = await self._alert(watched, entry)
                watched.seen.add(entry)
                watched.not_had += alert is None
                if alert is not None and alert.value is not None:
                    found.append((alert.value, alert))
        except TROUBLE as problem:
            return found, problem
        return found, None

    async def _alert(self, watched: _Watched, entry: Entry) -> Entry | None:
        """The alert that an entry stands for; None where it cannot be had, for good."""
        from lapwing.sources._addresses import host_of, named_by
        from lapwing.sources._feed_documents import NotAFeed, read_alert

        link = entry.alert or ""
        hosts = (host_of(watched.url), host_of(watched.place.moved), *self._options.alert_hosts)
        with suppress(RefusedBySource, NotAFeed):
            if host_of(link) in hosts:
                reply = await self._ask(_question(named_by(watched.url, link), RECORD_BYTES_MAX))
                return read_alert(reply.body)
        return None

    async def _ask(self, question: Question) -> Reply:
        """Ask, unless the host allows nothing for now: others are looked at in the meantime."""
        until_us = self._http.allowance(question.url).until_us
        if until_us > self._time.now_us():
            raise RateLimited(f"{urlsplit(question.url).netloc} allows nothing for now", until_us)
        return await self._http.ask(question)

    def _pause_s(self, reply: Reply, place: Place) -> float:
        """How long the feed is left alone: as long as we like, or it asks for."""
        found = MAX_AGE.search(reply.headers.get("cache-control", ""))
        wanted_s = max(float(found[1]) if found else 0.0, place.ttl_s)
        return max(self._options.every_us / 1e6, min(wanted_s, PAUSE_S_MAX))

    def _reason(self) -> str:
        broken = [each for each in self._active if each.problem is not None]
        gone = [each.label for each in self._feeds if each.place.gone_us]
        said = []
        if broken:
            said.append(f"{len(broken)} of {len(self._feeds)} feeds cannot be heard: {broken[0].problem}")
        if gone:
            said.append(f"gone for good (410): {', '.join(gone[:SHOWN_MAX])}")
        return "; ".join(said)

    def _details(self) -> dict[str, Any]:
        broken = {each.label: str(each.problem) for each in self._active if each.problem is not None}
        return {
            "feeds": len(self._feeds),
            "broken": dict(list(broken.items())[:SHOWN_MAX]),
            "gone": [each.label for each in self._feeds if each.place.gone_us][:SHOWN_MAX],
            "moved": {each.label: each.place.moved.partition("?")[0] for each in self._feeds if each.place.moved},
            "entries_left_out": sum(each.left_out for each in self._feeds),
            "alerts_not_had": sum(each.not_had for each in self._feeds),
        }


class _Flags(dict[str, bool]):
    """What the next connection has to know."""

    async def close(self) -> None:
        """Nothing is open."""


def _question(url: str, bytes_max: int, place: Place | None = None) -> Question:
    from lapwing.sources._http import Question

    headers = {
        "Accept": "application/atom+xml, application/rss+xml, application/cap+xml, application/geo+json, */*;q=0.5"
    }
    if place is not None and place.etag:
        headers["If-None-Match"] = place.etag
    if place is not None and place.modified:
        headers["If-Modified-Since"] = place.modified
    passes = frozenset() if place is None else frozenset({304, 410})
    return Question(url=url, headers=headers, bytes_max=bytes_max, passes=passes)


SOURCE = Source(
    network="feeds",
    format="feed_items",
    options=Options,
    read=read,
    check=check,
    resume="overlap",
    silence_s=lambda _: SILENT_S,
    example="""
[[source]]
type = "feeds"
urls = ["https://news.example/rss.xml", "https://met.example/warnings.atom"]
""",
)
