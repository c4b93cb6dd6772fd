"""Incidents as they are asked for: lists, evidence cards, exports, and what people decide about them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec
import numpy as np

from lapwing.app import answers, cursors
from lapwing.app.opening import Directory
from lapwing.app.times import written
from lapwing.contracts import Asked
from lapwing.errors import UnknownName, UsageError
from lapwing.incidents.deciding import Decision
from lapwing.incidents.exports import cap, geojson
from lapwing.incidents.following import flagged_of
from lapwing.incidents.happening import SEVERITIES, STATES, Flagged
from lapwing.incidents.picking import diverse
from lapwing.ledger.sqlite import flagged, listened
from lapwing.ledger.sqlite.incidents import COLUMNS
from lapwing.ledger.sqlite.reading import rows as whole_posts
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import DECISIONS, Records
from lapwing.text.keywords import CATEGORIES
from lapwing.text.weights import BETWEEN, FOR
from lapwing.windows.areas import country_of_area
from lapwing.windows.completeness import complete

SHOWN_STATES = STATES[1:]
ACTIONS = ("confirm", "dismiss", "merge", "mute", "unmute")
CARD_POSTS_MAX = 2_000
TIMELINE_US = 300_000_000
WORDS_MAX = 12
MARK = re.compile(r"[0-9a-hjkmnp-tv-z]{12}")
NEVER = (1 << 62, 1 << 62)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents."""

    filters: Filters = Filters()
    """Places, countries and times; what is said of posts (networks, languages …) limits nothing here."""
    states: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def wanted_of(filters: Filters, states: tuple[str, ...], categories: tuple[str, ...]) -> Wanted:
    """Which incidents are asked for; raises `UnknownName` for a state or category that there is not."""
    for kind, given, known in (("state", states, SHOWN_STATES), ("category", categories, CATEGORIES[1:])):
        for each in given:
            if each not in known:
                raise UnknownName(kind, each, known)
    return Wanted(filters=filters, states=states, categories=categories)


def only(asked: Asked) -> Asked:
    """The filters that incidents have; raises `UsageError` for the others."""
    for name in ("source", "network", "lang", "kinds"):
        if getattr(asked, name):
            raise UsageError(f"incidents have no {name}", "filter by place, country, since, until, state or category")
    return asked


def page(store: Store, wanted: Wanted, limit: int, after: str | None = None) -> dict[str, Any]:
    """So many incidents, those with the latest evidence first: ``{"incidents": […], "next": …}``."""
    before = NEVER if after is None else cursors.read(after, tuple[int, int])
    if before is None:
        raise UsageError(f"cursor {after!r} is not one that we gave", "start without one")
    conditions, values = ["state > 0", "(last_us, founder) < (?, ?)"], [*before]
    filters = wanted.filters
    conditions.append("last_us >= ? AND first_us < ?")
    values += [filters.since_us, filters.until_us]
    for column, codes in (
        ("state", [STATES.index(each) for each in wanted.states]),
        ("category", [CATEGORIES.index(each) for each in wanted.categories]),
        ("area", list(filters.places)),
    ):
        if codes:
            conditions.append(f"{column} IN ({','.join('?' * len(codes))})")
            values += codes
    if filters.countries:
        conditions.append(f"country IN ({','.join('?' * len(filters.countries))})")
    statement = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY last_us DESC, founder DESC LIMIT ?"
    found = store.connection.execute(statement, (*values, *filters.countries, limit + 1)).fetchall()
    rows = [dict(zip(_NAMES, row, strict=True)) for row in found]
    more = cursors.write((rows[limit - 1]["last_us"], rows[limit - 1]["founder"])) if len(rows) > limit else None
    return {"incidents": shaped(store, rows[:limit]), "next": more}


_NAMES = (*COLUMNS, "changes")
_SELECT = (
    f"SELECT {', '.join(COLUMNS)}, (SELECT count(*) FROM incident_changes c WHERE c.incident = incidents.mark) "
    "FROM incidents"
)


def told(store: Store) -> dict[str, int]:
    """How many incidents there were, and how many of them were confirmed at some time."""
    (there,) = store.connection.execute(
        "SELECT count(*) FROM incidents WHERE state > 0 AND merged_into = ''"
    ).fetchone()
    (confirmed,) = store.connection.execute(
        "SELECT count(DISTINCT incident) FROM incident_changes WHERE kind = 'confirmed'"
    ).fetchone()
    return {"there": there, "confirmed": confirmed}


def shaped(store: Store, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Incidents in the shape that is promised to programs."""
    places = answers.described(store, [row["area"] for row in rows])
    return [_shape(row, places[row["area"]]) for row in rows]


def _shape(row: dict[str, Any], place: dict[str, Any] | None) -> dict[str, Any]:
    point = None
    if row["longitude"] is not None:
        point = {name: row[name] for name in ("longitude", "latitude", "radius_km")}
    return {
        "id": row["mark"],
        "state": STATES[row["state"]],
        "reason": row["reason"] or None,
        "category": CATEGORIES[row["category"]],
        "severity": SEVERITIES[row["severity"]],
        "place": place,
        "country": row["country"] or country_of_area(row["area"]) or None,
        "point": point,
        "first_at": written(row["first_us"]),
        "last_at": written(row["last_us"]),
        "people": row["voices"],
        "posts": row["posts"],
        "reposts": row["reposts"],
        "withdrawn": row["taken_back"],
        "official": bool(row["official"]),
        "confirmed_by": row["confirmed_by"] or None,
        "muted": bool(row["muted"]),
        "merged_into": row["merged_into"] or None,
        "changes": row["changes"],
    }


def card(directory: Directory, mark: str) -> dict[str, Any]:
    """An incident with its evidence; raises `UnknownName` where there is none of this id."""
    store = directory.ledger.store
    with store.snapshot():
        row = _row(store, mark)
        voices = _voices(store, row["founder"])
        picked = sorted(post.seq for post in diverse(voices))
        posts = answers.shown(store, whole_posts(store, np.array(picked, dtype=np.int64)))
        return shaped(store, [row])[0] | {
            "timeline": _timeline(voices),
            "evidence": posts,
            "words": _words(store, [post.seq for post in voices]),
            "languages": dict(Counter(post.lang or "und" for post in voices).most_common()),
            "history": _history(store, mark),
            **_heard(directory, row["first_us"], row["last_us"]),
        }


def _row(store: Store, mark: str) -> dict[str, Any]:
    statement = f"{_SELECT} WHERE mark = ? AND state > 0"
    found = store.connection.execute(statement, (mark,)).fetchone() if MARK.fullmatch(mark) else None
    if found is None:
        raise UnknownName("incident", mark[:40], ())
    return dict(zip(_NAMES, found, strict=True))


def _voices(store: Store, founder: int) -> list[Flagged]:
    """The independent posts of an incident, by time."""
    rows = store.connection.execute(
        "SELECT seq FROM evidence WHERE founder = ? AND voice AND standing ORDER BY seq LIMIT ?",
        (founder, CARD_POSTS_MAX),
    )
    posts = flagged_of(flagged.rows_of(store, [seq for (seq,) in rows]))
    return sorted(posts, key=lambda post: (post.at_us, post.seq))


def _timeline(voices: list[Flagged]) -> list[dict[str, Any]]:
    counts = Counter(post.at_us // TIMELINE_US for post in voices)
    return [{"window": written(each * TIMELINE_US), "people": counts[each]} for each in sorted(counts)]


def _words(store: Store, seqs: list[int]) -> list[dict[str, Any]]:
    """The words that spoke for an emergency, those of most voices first."""
    rows = store.select("SELECT because FROM flagged WHERE seq IN ({}) AND because IS NOT NULL", seqs)
    said = Counter(word[1:] for (because,) in rows for word in because.split(BETWEEN) if word.startswith(FOR))
    most = sorted(said.items(), key=lambda each: (-each[1], each[0]))[:WORDS_MAX]
    return [{"word": word, "people": count} for word, count in most]


def _history(store: Store, mark: str) -> list[dict[str, Any]]:
    rows = store.connection.execute(
        "SELECT at_us, kind, state, severity, voices FROM incident_changes WHERE incident = ? ORDER BY number", (mark,)
    )
    return [
        {"at": written(at_us), "kind": kind, "state": STATES[state], "severity": SEVERITIES[severity], "people": voices}
        for at_us, kind, state, severity, voices in rows
    ]


def _heard(directory: Directory, first_us: int, last_us: int) -> dict[str, Any]:
    """How complete the time of an incident is, and what is missing in it."""
    span = (first_us, last_us + 1)
    sources = listened.sources(directory.ledger.store, Filters(), span, directory.as_of().now_us)
    (share,) = complete([each.listening for each in sources], np.array([span[0]]), np.array([span[1]]))
    gaps = [
        answers.shown_gap(gap) for each in sources for gap in each.gaps if gap.from_us < span[1] and gap.to_us > span[0]
    ]
    return {"complete": share, "gaps": gaps}


def completeness(directory: Directory, from_us: int, to_us: int) -> float | None:
    """Which share was heard of what the sources said from one time to another; None where it is not known."""
    found: float | None = _heard(directory, from_us, to_us - 1)["complete"]
    return found


def as_geojson(store: Store, wanted: Wanted, limit: int, after: str | None = None) -> dict[str, Any]:
    """Incidents as a FeatureCollection, and the ``next`` of a page."""
    found = page(store, wanted, limit, after)
    return geojson(found["incidents"]) | {"next": found["next"]}


def as_cap(directory: Directory, mark: str) -> str:
    """A draft of an alert in the Common Alerting Protocol."""
    found = card(directory, mark)
    texts = [f"“{(post['text'] or '')[:200]}”" for post in found["evidence"]]
    people = f"{found['people']} independent reports between {found['first_at']} and {found['last_at']}."
    return cap(found, written(directory.clock.now_us()), " ".join([people, *texts]))


def decision_of(kind: str, mark: str, into: str, by: str) -> Decision:
    """A decision; raises `UsageError` for one of a kind that there is not."""
    if kind not in ACTIONS:
        raise UnknownName("decision", kind, ACTIONS)
    return msgspec.convert({"kind": kind, "incident": mark, "into": into, "by": by}, Decision)


def decide(directory: Directory, decision: Decision) -> dict[str, Any]:
    """Write down what somebody decided; it is taken up by the stage of incidents. Answers with the incident as it is now.

    Raises `UnknownName` where there is no such incident, `UsageError` for one that is to be merged into itself.
    """
    store = directory.ledger.store
    now = _row(store, decision.incident)
    if decision.kind == "merge":
        _row(store, decision.into)
        if decision.into == decision.incident:
            raise UsageError("an incident cannot be merged into itself", "name another with `into`")
    now_us = directory.clock.now_us()
    record = msgspec.json.encode(msgspec.structs.replace(decision, at_us=now_us))
    records = Records(
        source="decisions",
        network="",
        format="json",
        values=[record],
        received_at_us=[now_us],
        keys=[decision.incident],
    )
    directory.log.append(DECISIONS, records, now_us=now_us)
    return {"accepted": decision.kind, "incident": shaped(store, [now])[0]}
