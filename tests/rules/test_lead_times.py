"""How early: shares and medians worked out by hand, and incidents beside official words."""

from __future__ import annotations

from typing import Any

import pytest

from lapwing.incidents.intervals import middle_of, share_of
from lapwing.incidents.lead_times import Course, Official, events_of, joined, summary
from rules.stories import FLOOD, HOUR_US, MINUTE_US, PERTH, at

WEATHER, EARTHQUAKE = 4, 9
DAY_US = 24 * HOUR_US


def course(incident: str, first_us: int, **more: Any) -> Course:
    said: dict[str, Any] = {
        "category": FLOOD, "area": 1, "country": "AU", "longitude": PERTH[0], "latitude": PERTH[1],
        "last_us": first_us + HOUR_US, "detected_us": first_us + 5 * MINUTE_US,
    }  # fmt: skip
    return Course(incident=incident, first_us=first_us, **(said | more))


def official(
    at_us: int, category: int = FLOOD, point: tuple[float, float] | None = PERTH, country: str = "AU"
) -> Official:
    longitude, latitude = point or (None, None)
    return Official(at_us=at_us, category=category, area=1, country=country, longitude=longitude, latitude=latitude)


@pytest.mark.parametrize(
    ("yes", "of", "low", "high"),
    [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (1, 2, 0.095, 0.905)],
)
def test_wilsons_interval(yes: int, of: int, low: float, high: float) -> None:
    found = share_of(yes, of)
    assert (round(found.low or 0, 3), round(found.high or 0, 3)) == (low, high)


def test_nothing_has_no_share_and_no_median() -> None:
    assert (share_of(0, 0).share, middle_of([]).median) == (None, None)


def test_a_median_has_an_interval_from_six_values_on() -> None:
    """Of six the outermost hold it in 1 − 2/64; of ten the second and the ninth: 1 − 2·11/1024."""
    assert (middle_of([3, 1, 2, 5, 4]).median, middle_of([3, 1, 2, 5, 4]).low) == (3, None)
    six = middle_of([6, 1, 5, 2, 4, 3])
    assert (six.median, six.low, six.high) == (3.5, 1, 6)
    ten = middle_of(list(range(1, 11)))
    assert (ten.low, ten.high) == (2, 9)


def test_a_warning_that_is_said_again_is_one_event() -> None:
    said = [official(at("10:00")), official(at("20:00")), official(at("19:00", 1)), official(at("20:00", 3))]
    assert [(each.at_us, each.posts) for each in events_of(said)] == [(at("10:00"), 3), (at("20:00", 3), 1)]
    apart = [official(at("10:00")), official(at("10:01"), point=(151.2, -33.9)), official(at("10:02"), EARTHQUAKE)]
    assert len(events_of(apart)) == 3


def test_an_incident_is_joined_by_category_area_and_time() -> None:
    (found,), heard = joined([course("a", at("10:00"))], [official(at("10:30"), WEATHER)])
    assert (found.official_us, found.lead_us, heard) == (at("10:30"), 25 * MINUTE_US, 1)
    for other in (
        official(at("10:30"), EARTHQUAKE),
        official(at("10:30"), point=(118.0, -32.0)),
        official(at("12:00", 1)),
        official(at("10:30"), point=None, country="NZ"),
    ):
        assert joined([course("a", at("10:00"))], [other])[1] == 0
    assert joined([course("a", at("10:00"))], [official(at("10:30"), point=None)])[1] == 1


def test_the_summary_of_a_month() -> None:
    """Two of three official events were found; 61 days with two false alarms are one a month."""
    courses = [course("a", at("10:00")), course("b", at("10:00", 5)), course("c", at("10:00", 20), false=True)]
    courses += [course("d", at("10:00", 30), false=True, sent_us=at("10:06", 30), delivered_us=at("10:07", 30))]
    events = [official(at("10:30")), official(at("10:03", 5)), official(at("10:00", 12))]
    found = summary(joined(courses, events)[0], events, round(60.873750 * DAY_US))
    assert (found.official_events, found.recall.of, round(found.recall.share or 0, 3)) == (3, 3, 0.667)
    assert (found.false_alarms, round(found.false_alarms_per_month or 0, 3), found.without_official) == (2, 1.0, 2)
    assert (found.lead_s.of, found.lead_s.median) == (2, (1500 - 120) / 2)
    assert (found.detected_to_sent_s.median, found.sent_to_delivered_s.median) == (60, 60)
