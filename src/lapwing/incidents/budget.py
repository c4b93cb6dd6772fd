"""What a reader is told, and when: one alert for each incident, then upgrades, an all-clear; the rest in digests.

`decide` is all there is to it, live and in a back-test: a function of the news, of the rules that tell this reader, of
what the reader was told before, and of the clock.

- Of a day (in the rule's time zone) at most `budget` interrupts: first alerts and digests. As long as a digest is still to
  come that day, one place is kept for it; `breaks_through` may take that place, but is never beyond the budget.
- What comes in quiet hours, or when the budget is spent, is held, and stands in the next digest for which there is room.
- Upgrades of what an alert of its own told do not count; there are `UPGRADES_MAX` for an incident, `budget` a day.
- An all-clear goes to whom an alert told of the incident, outside quiet hours; whom a digest told, a digest tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from lapwing.incidents.happening import CLOSED, CONFIRMED, POSSIBLE
from lapwing.incidents.rules import News, Rule, matches

UPGRADES_MAX = 3
"""After so many upgrades of one incident the rest waits for a digest."""
LATE_US = 3_600_000_000
"""A digest that comes later than this (nobody was there to send it) belongs to the day on which it is sent."""
AWAY_US = 8 * 86_400_000_000
"""Longer ago nobody looks which digests were missed."""
REMEMBERED_US = 2 * 86_400_000_000
"""What was sent longer ago is of no day that a budget could still count."""

Kind = Literal["possible", "confirmed", "upgrade", "all-clear", "digest"]


class Known(msgspec.Struct, frozen=True):
    """What a reader knows of an incident that is not over."""

    state: int
    severity: int
    own: bool
    """An alert of its own told of it, and not a digest."""
    upgrades: int = 0


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """News that is told: at once, or as one line of a digest."""

    number: int
    key: str
    incident: str
    state: int
    severity: int
    voices: int
    since_us: int
    """When it was decided, or first held back."""
    into: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader is told now."""

    kind: Kind
    at_us: int
    rule: str
    """The name of the rule that decided."""
    counts: bool
    """Against the day's budget."""
    items: tuple[Item, ...]
    """One; of a digest any number, the oldest first."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What one reader was told so far, and what is held back."""

    known: dict[str, Known] = {}
    held: dict[str, Item] = {}
    """By incident: the latest of what was held back."""
    interrupts_us: tuple[int, ...] = ()
    """When the interrupts of the last days were."""
    upgrades_us: tuple[int, ...] = ()
    clock_us: int = 0
    """Until when it was looked for digests."""


Outcome = tuple[Standing, tuple[Told, ...]]


def decide(news: News, rules: Sequence[Rule], standing: Standing, clock_us: int) -> Outcome:
    """What a reader is told of the news, after the digests that are due by then; `rules` are those that tell this reader."""
    standing, digests = pass_time(rules, standing, clock_us)
    if not rules:
        return standing, digests
    clock_us = standing.clock_us
    standing, told = _heard(news, rules, standing, clock_us)
    return standing, (*digests, *told)


def pass_time(rules: Sequence[Rule], standing: Standing, clock_us: int) -> Outcome:
    """The digests that are due until `clock_us`. Time never goes back."""
    if clock_us <= standing.clock_us:
        return standing, ()
    told: list[Told] = []
    if standing.held:
        for due_us, rule in moments(rules, standing.clock_us, clock_us):
            late = clock_us - due_us > LATE_US
            at_us = clock_us if late else due_us
            if standing.held and _room_for_digest(rule, standing, at_us) and not (late and _is_quiet(rule, at_us)):
                standing, digest = _digest(rule, standing, at_us)
                told.append(digest)
    return msgspec.structs.replace(standing, clock_us=clock_us), tuple(told)


def moments(rules: Sequence[Rule], after_us: int, until_us: int) -> Iterator[tuple[int, Rule]]:
    """When digests are due, in order, each with its rule; of an absence longer than `AWAY_US` only the end."""
    after_us = max(after_us, until_us - AWAY_US)
    found = []
    for place, rule in enumerate(rules):
        day, last = _local(rule, after_us).date(), _local(rule, until_us).date()
        while day <= last:
            found += [(_at_us(rule, day, minute), place) for minute in rule.digests]
            day += timedelta(days=1)
    for due_us, place in sorted(found):
        if after_us < due_us <= until_us:
            yield due_us, rules[place]


# -- one piece of news -----------------------------------------------------------------------------------------------


def _heard(news: News, rules: Sequence[Rule], standing: Standing, clock_us: int) -> Outcome:
    if news.muted:
        return _without_held(standing, news.incident), ()
    if news.kind == "merged":
        return _merged(news, standing), ()
    if news.state == CLOSED:
        return _over(news, rules, standing, clock_us)
    wanted = [] if news.renewed else [rule for rule in rules if matches(rule, news)]
    if not wanted:
        return standing, ()
    known = standing.known.get(news.incident)
    if known is None or not known.own:
        return _first(news, wanted, standing, clock_us)
    return _upgrade(news, wanted, standing, clock_us)


def _first(news: News, wanted: list[Rule], standing: Standing, clock_us: int) -> Outcome:
    """An alert of its own, of an incident of which the reader had none: it counts, though a digest may have told of it."""
    known = standing.known.get(news.incident)
    if known is not None and not _is_more(news, known):
        return standing, ()
    for rule in wanted:
        if not _is_quiet(rule, clock_us, news.severity) and _room(rule, standing, clock_us, news.severity):
            kind: Kind = "upgrade" if known else "confirmed" if news.state == CONFIRMED else "possible"
            known_now = Known(news.state, news.severity, own=True)
            told = Told(kind=kind, at_us=clock_us, rule=rule.name, counts=True, items=(_item(news, clock_us),))
            return _interrupted(_knowing(standing, news.incident, known_now), clock_us), (told,)
    return _holding(standing, news, clock_us), ()


def _upgrade(news: News, wanted: list[Rule], standing: Standing, clock_us: int) -> Outcome:
    known = standing.known[news.incident]
    if not _is_more(news, known):
        return standing, ()
    for rule in wanted:
        today = _on_day(rule, standing.upgrades_us, clock_us)
        if known.upgrades < UPGRADES_MAX and today < rule.budget and not _is_quiet(rule, clock_us, news.severity):
            more = Known(max(news.state, known.state), max(news.severity, known.severity), True, known.upgrades + 1)
            standing = msgspec.structs.replace(
                _knowing(standing, news.incident, more), upgrades_us=_lately(standing.upgrades_us, clock_us)
            )
            item = _item(news, clock_us)
            return standing, (Told(kind="upgrade", at_us=clock_us, rule=rule.name, counts=False, items=(item,)),)
    return _holding(standing, news, clock_us), ()


def _over(news: News, rules: Sequence[Rule], standing: Standing, clock_us: int) -> Outcome:
    """An all-clear, if the reader knows of it; in a digest where it is held back, or where a digest had told."""
    known = standing.known.get(news.incident)
    if known is None:
        return (_holding(standing, news, clock_us) if news.incident in standing.held else standing), ()
    awake = next((rule for rule in rules if not _is_quiet(rule, clock_us)), None)
    if not known.own or awake is None:
        return _holding(standing, news, clock_us), ()
    told = Told(kind="all-clear", at_us=clock_us, rule=awake.name, counts=False, items=(_item(news, clock_us),))
    return _forgetting(_without_held(standing, news.incident), news.incident), (told,)


def _merged(news: News, standing: Standing) -> Standing:
    """Who knows of the one knows of the other; a line that is held back says where it went."""
    known, into = standing.known.get(news.incident), news.about.into
    standing = _forgetting(standing, news.incident)
    if known is not None and into:
        standing = msgspec.structs.replace(standing, known={into: known} | standing.known)
    if news.incident in standing.held:
        standing = _holding(standing, news, news.clock_us)
    return standing


def _is_more(news: News, known: Known) -> bool:
    return news.state > known.state or news.severity > known.severity


# -- digests ---------------------------------------------------------------------------------------------------------


def _digest(rule: Rule, standing: Standing, at_us: int) -> tuple[Standing, Told]:
    items = tuple(sorted(standing.held.values(), key=lambda each: (each.since_us, each.number)))
    known = dict(standing.known)
    for item in items:
        before = known.pop(item.incident, None)
        if item.state != CLOSED:
            own, upgrades = (before.own, before.upgrades) if before else (False, 0)
            known[item.incident] = Known(item.state, item.severity, own, upgrades)
        elif item.into:
            known.setdefault(item.into, Known(POSSIBLE, item.severity, own=False))
    told = Told(kind="digest", at_us=at_us, rule=rule.name, counts=True, items=items)
    standing = msgspec.structs.replace(standing, known=known, held={})
    return _interrupted(standing, at_us), told


def _room_for_digest(rule: Rule, standing: Standing, at_us: int) -> bool:
    """The last digest of a day has a place of its own, which earlier ones leave to it."""
    return _on_day(rule, standing.interrupts_us, at_us) < rule.budget - _digests_left(rule, at_us)


def _room(rule: Rule, standing: Standing, clock_us: int, severity: int) -> bool:
    """Whether one more alert may interrupt today."""
    kept = 0 if _breaks(rule, severity) else _digests_left(rule, clock_us)
    return _on_day(rule, standing.interrupts_us, clock_us) < rule.budget - kept


def _digests_left(rule: Rule, clock_us: int) -> int:
    """1 where a digest is still to come on this day, otherwise 0."""
    day = _local(rule, clock_us).date()
    return int(_at_us(rule, day, rule.digests[-1]) > clock_us)


# -- the day ---------------------------------------------------------------------------------------------------------


def _local(rule: Rule, time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(rule.zone)


def _at_us(rule: Rule, day: date, minute: int) -> int:
    """A minute of a local day; one that the clocks leave out is as far behind the one before as it says."""
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=rule.zone)
    return int(local.timestamp()) * 1_000_000


def _on_day(rule: Rule, times_us: tuple[int, ...], clock_us: int) -> int:
    """How many of these times are on the clock's day."""
    day = _local(rule, clock_us).date()
    return sum(_local(rule, each).date() == day for each in times_us)


def _breaks(rule: Rule, severity: int) -> bool:
    return rule.breaks_through is not None and severity >= rule.breaks_through


def _is_quiet(rule: Rule, clock_us: int, severity: int = 0) -> bool:
    """Whether quiet hours keep something of this severity back; what is 0 never breaks through."""
    if severity and _breaks(rule, severity):
        return False
    local = _local(rule, clock_us)
    return in_quiet(rule.quiet, local.hour * 60 + local.minute)


def in_quiet(quiet: tuple[tuple[int, int], ...], minute: int) -> bool:
    """Whether a minute of the day is in one of the spans."""
    return any(start <= minute < end if start < end else minute >= start or minute < end for start, end in quiet)


# -- what stands -----------------------------------------------------------------------------------------------------


def _item(news: News, since_us: int) -> Item:
    return Item(
        number=news.number, key=news.key, incident=news.incident, state=news.state, severity=news.severity,
        voices=news.voices, since_us=since_us, into=news.about.into,
    )  # fmt: skip


def _holding(standing: Standing, news: News, clock_us: int) -> Standing:
    before = standing.held.get(news.incident)
    item = _item(news, before.since_us if before else clock_us)
    return msgspec.structs.replace(standing, held=standing.held | {news.incident: item})


def _without_held(standing: Standing, incident: str) -> Standing:
    if incident not in standing.held:
        return standing
    return msgspec.structs.replace(standing, held={key: each for key, each in standing.held.items() if key != incident})


def _forgetting(standing: Standing, incident: str) -> Standing:
    if incident not in standing.known:
        return standing
    known = {key: each for key, each in standing.known.items() if key != incident}
    return msgspec.structs.replace(standing, known=known)


def _knowing(standing: Standing, incident: str, known: Known) -> Standing:
    """What an alert tells needs no line in a digest any more."""
    standing = _without_held(standing, incident)
    return msgspec.structs.replace(standing, known=standing.known | {incident: known})


def _lately(times_us: tuple[int, ...], clock_us: int) -> tuple[int, ...]:
    return (*(each for each in times_us if each > clock_us - REMEMBERED_US), clock_us)


def _interrupted(standing: Standing, at_us: int) -> Standing:
    return msgspec.structs.replace(standing, interrupts_us=_lately(standing.interrupts_us, at_us))
