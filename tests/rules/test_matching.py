"""Which incidents a rule asks for."""

from __future__ import annotations

import pytest

from lapwing.app.areas import polygons_of
from lapwing.errors import UsageError
from lapwing.incidents.rules import About, Area, Circle, Rule, distance_km, matches
from rules.stories import CLOSED, CONFIRMED, FADING, FLOOD, MINOR, PERTH, SEVERE, at, news, rule

SYDNEY = (151.21, -33.87)
FREMANTLE = (115.75, -32.05)
NOON = at("12:00")
HERE = About(category=FLOOD, country="AU", longitude=FREMANTLE[0], latitude=FREMANTLE[1])


def hears(asked: Rule, about: About = HERE) -> bool:
    return matches(asked, news("a", NOON, about=about))


def test_perth_and_sydney_are_3290_km_apart() -> None:
    assert round(distance_km(PERTH, SYDNEY), -1) == 3290


def test_an_area_is_any_of_its_circles_countries_and_polygons() -> None:
    near = Area(circles=(Circle(*PERTH, 20.0),))
    assert hears(rule(area=near))
    assert not hears(rule(area=Area(circles=(Circle(*PERTH, 10.0),))))
    assert hears(rule(area=Area(circles=(Circle(*SYDNEY, 10.0),), countries=frozenset({"AU"}))))
    assert not hears(rule(area=Area(countries=frozenset({"NZ"}))))
    assert hears(rule(area=Area()))


def test_what_is_known_to_a_country_only_is_in_no_circle() -> None:
    vague = About(category=FLOOD, country="AU")
    assert not hears(rule(area=Area(circles=(Circle(*PERTH, 5_000.0),))), vague)
    assert hears(rule(area=Area(countries=frozenset({"AU"}))), vague)


@pytest.mark.parametrize(
    "said",
    [
        "POLYGON((115 -33, 117 -33, 117 -31, 115 -31, 115 -33))",
        "multipolygon(((0 0, 1 0, 1 1)), ((115 -33, 117 -33, 117 -31, 115 -31)))",
        '{"type":"Polygon","coordinates":[[[115,-33],[117,-33],[117,-31],[115,-31],[115,-33]]]}',
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {
            "type": "MultiPolygon", "coordinates": [[[[115, -33], [117, -33], [117, -31], [115, -31]]]]}}]},
        [[115, -33], [117, -33], [117, -31], [115, -31]],
    ],
)  # fmt: skip
def test_a_polygon_is_read_however_it_is_written(said: object) -> None:
    area = Area(polygons=polygons_of(said))
    assert hears(rule(area=area))
    assert not hears(rule(area=area), About(category=FLOOD, country="AU", longitude=SYDNEY[0], latitude=SYDNEY[1]))


def test_a_hole_is_outside() -> None:
    holed = "POLYGON((115 -33, 117 -33, 117 -31, 115 -31),(115.7 -32.1, 115.8 -32.1, 115.8 -32, 115.7 -32))"
    assert not hears(rule(area=Area(polygons=polygons_of(holed))))


@pytest.mark.parametrize(
    "said",
    [
        "POINT(1 2)",
        "POLYGON((1 2, 3 4))",
        "[[1,2],[3]]",
        "{",
        [[200, 0], [0, 1], [1, 1]],
        {"type": "Point"},
        "POLYGON((a b))",
    ],
)
def test_what_is_no_polygon_is_blamed(said: object) -> None:
    with pytest.raises(UsageError):
        polygons_of(said)


def test_category_severity_and_state_are_the_least() -> None:
    assert not hears(rule(categories=frozenset({2})))
    assert hears(rule(categories=frozenset({FLOOD})))
    assert not hears(rule(severity=SEVERE))
    assert not hears(rule(state=CONFIRMED))
    assert matches(rule(state=CONFIRMED, severity=SEVERE), news("a", NOON, CONFIRMED, SEVERE))


def test_words_and_languages_must_stand_in_the_evidence() -> None:
    told = About(category=FLOOD, country="AU", languages=frozenset({"en", "de"}), terms=frozenset({1, 2, 3}))
    assert hears(rule(languages=frozenset({"de"}), words=(frozenset({9}), frozenset({1, 3}))), told)
    assert not hears(rule(words=(frozenset({1, 9}),)), told)
    assert not hears(rule(languages=frozenset({"fr"})), told)


def test_what_fades_or_is_over_is_asked_for_by_nobody() -> None:
    assert not matches(rule(), news("a", NOON, FADING, MINOR))
    assert not matches(rule(), news("a", NOON, CLOSED, MINOR))
