"""What was listened to, for those who ask: duty, what was surely heard, the gaps that are still open."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np

from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.windows.completeness import (
    EVER_US,
    NEVER,
    Listening,
    Spans,
    common,
    merged,
    outside,
    pieces,
    spans_of,
    without,
)

LATE_US = 15_000_000
"""What was heard so lately may not have reached the ledger: until then a live source is judged by what did."""

_SPANS = """
SELECT s.id, c.from_us, c.to_us FROM sources s JOIN coverage c ON c.source = s.id AND c.from_us < :high
    AND c.from_us >= coalesce((SELECT max(from_us) FROM coverage WHERE source = s.id AND from_us <= :low), :low)
ORDER BY s.id, c.from_us
"""
_SOURCES = """
SELECT s.id, s.name, n.name AS network, coalesce(a.received, 0) AS received, coalesce(l.live, 0) AS live, l.first_us, l.last_us,
    (SELECT from_us FROM coverage WHERE source = s.id ORDER BY from_us LIMIT 1) AS heard_from_us,
    (SELECT to_us FROM coverage WHERE source = s.id ORDER BY from_us DESC LIMIT 1) AS heard_to_us,
    (SELECT min(from_us) FROM missed WHERE source = s.id) AS missed_from_us
FROM sources s JOIN networks n ON n.id = s.network LEFT JOIN accounting a ON a.source = s.id LEFT JOIN listening l ON l.source = s.id
WHERE a.source IS NOT NULL OR l.source IS NOT NULL ORDER BY s.name
"""
_FORMER = """
SELECT s.name, n.name, a.received, (SELECT max(at_us) FROM duties WHERE source = s.id AND NOT began)
FROM sources s JOIN networks n ON n.id = s.network JOIN accounting a ON a.source = s.id JOIN listening l ON l.source = s.id
WHERE a.stored > 0 AND l.live ORDER BY s.name
"""
_DUTIES = "SELECT source, at_us, began FROM duties ORDER BY source, at_us, began"
_GAPS = (
    "SELECT source, from_us, to_us, reason FROM missed WHERE from_us < :high AND to_us > :low ORDER BY source, from_us"
)


class Gap(msgspec.Struct, frozen=True):
    """A time in which something of a source, or of a topic, is missing."""

    source: str
    from_us: int
    to_us: int
    reason: str


class Source(msgspec.Struct, frozen=True):
    """A source, and how it was listened to in the time asked for."""

    name: str
    network: str
    live: bool
    on_duty: bool
    """Whether a live source should be heard now."""
    listening: Listening
    gaps: list[Gap]
    """Those that are open, each as far as nothing filled it later."""
    closed: int
    """How many gaps were filled wholly."""


class _Known(msgspec.Struct, frozen=True):
    """A row of `_SOURCES`."""

    id: int
    name: str
    network: str
    received: int
    live: bool
    first_us: int | None
    last_us: int | None
    heard_from_us: int | None
    heard_to_us: int | None
    missed_from_us: int | None


class _Noted(msgspec.Struct, frozen=True):
    """What was noted of a source in the time asked for; its duties, ever."""

    heard_us: Spans
    lost_us: Spans
    """When records of its network expired unread."""
    gaps: list[tuple[int, int, str]]
    duties: list[tuple[int, int]]


def sources(store: Store, filters: Filters, span_us: tuple[int, int], now_us: int) -> list[Source]:
    """The sources that the filters ask for, by name, and what is known of them from one time to another, as of now."""
    known = [_Known(*row) for row in store.connection.execute(_SOURCES)]
    known = [each for each in known if not filters.sources or each.name in filters.sources]
    known = [each for each in known if not filters.networks or each.network in filters.networks]
    if not known:
        return []
    gaps = _grouped(store.connection.execute(_GAPS, {"low": span_us[0], "high": span_us[1]}).fetchall())
    # A gap is shown whole, so what filled it is needed beyond the time asked for.
    around = [span_us, *((low, high) for some in gaps.values() for low, high, _ in some)]
    low, high = min(low for low, _ in around), max(high for _, high in around)
    heard = _spans_by_source(store.connection.execute(_SPANS, {"low": low, "high": high}))
    duties = _grouped(store.connection.execute(_DUTIES).fetchall())
    lost = _lost_by_network(store)
    spoke = [each.received for each in known if each.received]
    usual = sum(spoke) // len(spoke) if spoke else 1  # one that was never heard may say as much as the others do
    return [
        _source(
            each,
            _Noted(
                heard.get(each.id, NEVER),
                lost.get(each.network, NEVER),
                gaps.get(each.id, []),
                duties.get(each.id, []),
            ),
            now_us,
            usual,
        )
        for each in known
    ]


def with_posts(store: Store) -> list[tuple[str, str, int, int | None]]:
    """Name, network, records and when listening last ended (None: it never did) of every live source that brought posts."""
    return store.connection.execute(_FORMER).fetchall()


def losses(store: Store) -> list[Gap]:
    """What came and expired before it was read, by topic. No listening brings it back, so these stay."""
    rows = store.connection.execute("SELECT source, from_us, to_us, reason FROM gaps ORDER BY from_us")
    return [Gap(*row) for row in rows]


def _grouped(rows: list[tuple[Any, ...]]) -> dict[int, list[Any]]:
    """Rows without their first column, by it; they come in its order."""
    return {source: [row[1:] for row in some] for source, some in groupby(rows, itemgetter(0))}


def _spans_by_source(rows: Iterable[tuple[int, int, int]]) -> dict[int, Spans]:
    """Rows of source, from and to, in the order of the sources."""
    table = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, 3)
    found, first = np.unique(table[:, 0], return_index=True)
    return dict(zip(found.tolist(), np.split(table[:, 1:], first[1:]), strict=False))


def _lost_by_network(store: Store) -> dict[str, Spans]:
    """Topics of posts are named `raw.<network>` or `raw.<network>.<suffix>`."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for loss in losses(store):
        first, _, rest = loss.source.partition(".")
        if first == "raw":
            spans.setdefault(rest.partition(".")[0], []).append((loss.from_us, loss.to_us))
    return {network: merged(spans_of(some)) for network, some in spans.items()}


def _source(known: _Known, noted: _Noted, now_us: int, usual: int) -> Source:
    live = bool(known.live or noted.duties)
    duty, on_duty = _live_duty(known, noted.duties) if live else (_declared(known), False)
    judged_us = min(now_us, max(now_us - LATE_US, known.heard_to_us or 0)) if live else now_us
    unknown = NEVER
    if not live and known.heard_from_us is None and known.first_us is not None and known.last_us is not None:
        unknown = spans_of([(known.first_us, known.last_us + 1)])
    listening = Listening(
        common(duty, spans_of([(-EVER_US, judged_us)])),
        without(noted.heard_us, noted.lost_us),
        unknown,
        max(1, known.received or usual),
    )
    gaps, closed = _gaps(known.name, noted)
    return Source(known.name, known.network, live, on_duty, listening, gaps, closed)


def _declared(known: _Known) -> Spans:
    """An archive should have been heard from the first time that was declared to the last."""
    if known.heard_from_us is None or known.heard_to_us is None:
        return NEVER
    return spans_of([(known.heard_from_us, known.heard_to_us)])


def _live_duty(known: _Known, events: list[tuple[int, int]]) -> tuple[Spans, bool]:
    """From each time it began until it ended, and whether that still goes on. One of which no beginning is known began
    with the first that was noted of it. What ends and begins at the same time goes on.
    """
    noted = [time for time in (known.heard_from_us, known.missed_from_us) if time is not None]
    if noted and not any(began for _, began in events):
        events = sorted([*events, (min(noted), 1)])
    spans: list[tuple[int, int]] = []
    begun_us: int | None = None
    for at_us, began in events:
        if began and begun_us is None:
            begun_us = at_us
        elif not began and begun_us is not None:
            spans.append((begun_us, at_us))
            begun_us = None
    if begun_us is not None:
        spans.append((begun_us, EVER_US))
    return merged(spans_of(spans)), begun_us is not None


def _gaps(source: str, noted: _Noted) -> tuple[list[Gap], int]:
    """What is left of the gaps by what was heard, perhaps in pieces; and how many are wholly filled."""
    if not noted.gaps:
        return [], 0
    rows, parts = pieces(spans_of(gap[:2] for gap in noted.gaps), outside(noted.heard_us))
    found = zip(rows.tolist(), parts.tolist(), strict=True)
    return [Gap(source, low, high, noted.gaps[row][2]) for row, (low, high) in found], len(noted.gaps) - len(
        set(rows.tolist())
    )
