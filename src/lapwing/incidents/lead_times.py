"""How early an incident was known here, beside what official feeds said and when."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lapwing.incidents.intervals import Middle, Share, middle_of, share_of
from lapwing.incidents.rules import distance_km
from lapwing.text.keywords import CATEGORIES, PARENTS

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MONTH_US = 365.2425 / 12 * DAY_US
NEAR_KM = 100.0
"""An official event and an incident so near to each other may be one; official areas are large."""
BEFORE_US = 12 * HOUR_US
AFTER_US = 24 * HOUR_US
"""So long before the first post, and after the last, an official word belongs to an incident."""
SAME_EVENT_KM = 100.0
SAME_EVENT_US = DAY_US
"""Official posts of one category so near in place and time are one event: warnings are said again and again."""


class Official(msgspec.Struct, frozen=True, kw_only=True):
    """What an official feed said: a post, or the first of several about one event."""

    at_us: int
    category: int
    area: int
    country: str
    longitude: float | None
    latitude: float | None
    posts: int = 1


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """An incident and its times; None where something has not happened, or nobody noted it."""

    incident: str
    category: int
    area: int
    country: str
    longitude: float | None
    latitude: float | None
    first_us: int
    """Of its first post."""
    last_us: int
    detected_us: int | None = None
    confirmed_us: int | None = None
    sent_us: int | None = None
    delivered_us: int | None = None
    false: bool = False
    """Dismissed, taken back, or called not useful."""
    official_us: int | None = None
    lead_us: int | None = None
    """From detection to the official word; negative where that came first."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the lead times of a time come to."""

    official_events: int
    recall: Share
    """Of official events: those that an incident tells of."""
    incidents: int
    false_alarms: int
    false_alarms_per_month: float | None
    without_official: int
    lead_s: Middle
    first_post_to_detected_s: Middle
    detected_to_sent_s: Middle
    sent_to_delivered_s: Middle


def events_of(posts: Sequence[Official]) -> list[Official]:
    """Official posts as events, by the time of the first word about each."""
    events: list[tuple[Official, int]] = []
    for post in sorted(posts, key=lambda each: each.at_us):
        for place, (event, last_us) in enumerate(events):
            if (
                post.at_us - last_us <= SAME_EVENT_US
                and _same_kind(event.category, post.category)
                and _near(event, post, SAME_EVENT_KM)
            ):
                events[place] = (msgspec.structs.replace(event, posts=event.posts + 1), post.at_us)
                break
        else:
            events.append((post, post.at_us))
    return [event for event, _ in events]


def joined(courses: Sequence[Course], events: Sequence[Official]) -> tuple[list[Course], int]:
    """Incidents with the first official word about each, and how many events some incident tells of."""
    found, heard = [], set()
    for course in courses:
        about = [place for place, event in enumerate(events) if _is_about(course, event)]
        heard.update(about)
        official_us = min((events[place].at_us for place in about), default=None)
        lead_us = (
            official_us - course.detected_us if official_us is not None and course.detected_us is not None else None
        )
        found.append(msgspec.structs.replace(course, official_us=official_us, lead_us=lead_us))
    return found, len(heard)


def summary(courses: Sequence[Course], events: Sequence[Official], span_us: int) -> Summary:
    """Recall, false alarms and delays of joined incidents; `span_us` is how long it was listened."""
    _, heard = joined(courses, events)
    false = sum(each.false for each in courses)
    return Summary(
        official_events=len(events),
        recall=share_of(heard, len(events)),
        incidents=len(courses),
        false_alarms=false,
        false_alarms_per_month=false / (span_us / MONTH_US) if span_us > 0 else None,
        without_official=sum(each.official_us is None for each in courses),
        lead_s=middle_of([each.lead_us / 1e6 for each in courses if each.lead_us is not None]),
        first_post_to_detected_s=_between(courses, "first_us", "detected_us"),
        detected_to_sent_s=_between(courses, "detected_us", "sent_us"),
        sent_to_delivered_s=_between(courses, "sent_us", "delivered_us"),
    )


def _between(courses: Sequence[Course], start: str, end: str) -> Middle:
    pairs = [(getattr(each, start), getattr(each, end)) for each in courses]
    return middle_of([(after - before) / 1e6 for before, after in pairs if before is not None and after is not None])


def _is_about(course: Course, event: Official) -> bool:
    in_time = course.first_us - BEFORE_US <= event.at_us <= course.last_us + AFTER_US
    return in_time and _same_kind(course.category, event.category) and _near(course, event, NEAR_KM)


def _same_kind(one: int, other: int) -> bool:
    """Whether two categories are one, one is above the other, or one says nothing."""
    names = CATEGORIES[one], CATEGORIES[other]
    return (
        names[0] == names[1]
        or PARENTS.get(names[0]) == names[1]
        or PARENTS.get(names[1]) == names[0]
        or not {"none", "other"}.isdisjoint(names)
    )


def _near(one: Course | Official, other: Course | Official, within_km: float) -> bool:
    """By points where both have one, otherwise by the country."""
    if one.longitude is None or one.latitude is None or other.longitude is None or other.latitude is None:
        return bool(one.country) and one.country == other.country
    return distance_km((one.longitude, one.latitude), (other.longitude, other.latitude)) <= within_km
