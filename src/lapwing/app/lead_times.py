"""How early incidents were known, detected, sent and delivered, beside the official feeds of the ledger."""

from __future__ import annotations

from typing import Any

import msgspec

from lapwing.app.alerts import useful_by_incident
from lapwing.app.opening import Directory
from lapwing.app.tables import sheet_of
from lapwing.app.times import written
from lapwing.incidents.lead_times import AFTER_US, BEFORE_US, Course, Official, events_of, joined, summary
from lapwing.ledger.sqlite import alerting, flagged
from lapwing.ledger.sqlite.store import Store
from lapwing.text.keywords import CATEGORIES

COLUMNS = ("incident", "category", "country", "first_post_at", "detected_at", "confirmed_at", "sent_at", "delivered_at",
           "official_at", "lead_s", "false_alarm")  # fmt: skip
FALSE_REASONS = ("dismissed", "withdrawn")


def lead_times(directory: Directory, since_us: int, until_us: int) -> dict[str, Any]:
    """``{"incidents": […], "summary": {…}}`` of a time; what has not happened, or nobody noted, is null."""
    store = directory.ledger.store
    with store.snapshot():
        courses = _courses(directory, since_us, until_us)
        events = events_of(_official(store, since_us - BEFORE_US, until_us + AFTER_US))
    found, _ = joined(courses, events)
    inside = [each for each in events if since_us <= each.at_us < until_us]
    first_us = min([each.first_us for each in found] + [each.at_us for each in inside], default=until_us)
    total = summary(found, inside, until_us - max(since_us, first_us))
    return {
        "since": written(since_us) if since_us else None,
        "until": written(until_us),
        "incidents": [_shape(each) for each in found],
        "summary": msgspec.to_builtins(total),
    }


def sheet(found: dict[str, Any]) -> str:
    """The incidents as CSV that is safe to open in a spreadsheet."""
    return sheet_of([COLUMNS, *([row[name] for name in COLUMNS] for row in found["incidents"])])


def _courses(directory: Directory, since_us: int, until_us: int) -> list[Course]:
    connection = directory.ledger.store.connection
    told, useful = alerting.first_told(connection, since_us), useful_by_incident(directory)
    found = []
    for row in alerting.courses(connection, since_us, until_us):
        sent_us, delivered_us = told.get(row["incident"], (None, None))
        yes, no = useful.get(row["incident"], (0, 0))
        reason = row.pop("reason")
        course = Course(**row, sent_us=sent_us, delivered_us=delivered_us, false=reason in FALSE_REASONS or no > yes)
        found.append(course)
    return found


def _official(store: Store, since_us: int, until_us: int) -> list[Official]:
    posts = alerting.official_posts(store.connection, since_us, until_us)
    rows = {row["seq"]: row for row in flagged.rows_of(store, [seq for seq, _, _ in posts])}
    return [
        Official(
            at_us=at_us, category=category, area=rows[seq]["area"], country=rows[seq]["country"],
            longitude=rows[seq]["longitude"], latitude=rows[seq]["latitude"],
        )
        for seq, at_us, category in posts
        if seq in rows
    ]  # fmt: skip


def _shape(course: Course) -> dict[str, Any]:
    times = {
        "first_post_at": course.first_us, "detected_at": course.detected_us, "confirmed_at": course.confirmed_us,
        "sent_at": course.sent_us, "delivered_at": course.delivered_us, "official_at": course.official_us,
    }  # fmt: skip
    return (
        {"incident": course.incident, "category": CATEGORIES[course.category], "country": course.country or None}
        | {name: written(at_us) if at_us is not None else None for name, at_us in times.items()}
        | {"lead_s": course.lead_us / 1e6 if course.lead_us is not None else None, "false_alarm": course.false}
    )
