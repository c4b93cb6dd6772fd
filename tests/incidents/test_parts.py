"""The parts of grouping, each with facts that can be reckoned by hand."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from lapwing.incidents.burst import BIN_US, HALF_LIFE_US, Rhythm, ordinary, surprise, tail, together
from lapwing.incidents.copies import ALIKE_MIN, alike, bands, signatures
from lapwing.incidents.exports import NAMESPACE, cap, geojson
from lapwing.incidents.happening import Flagged, Happening, Spot, mark_of
from lapwing.incidents.picking import diverse
from lapwing.incidents.scene import scene_of
from lapwing.incidents.scoring import score
from lapwing.incidents.states import severity_of


def flagged(seq: int, **more: object) -> Flagged:
    given = {
        "at_us": seq,
        "author": seq,
        "mark": mark_of(str(seq)),
        "area": 0,
        "country": "",
        "category": 2,
        "weight": 0.9,
    }
    return Flagged(seq=seq, **(given | more))  # type: ignore[arg-type]


def test_signatures_of_texts_that_share_most_words_are_alike() -> None:
    one, nearly, other, nothing = signatures([range(100, 120), range(101, 121), range(500, 520), []])
    assert alike(one, one) == 1.0
    assert alike(one, nearly) >= ALIKE_MIN  # 19 of 21 words
    assert alike(one, other) < 0.2
    assert set(bands(one)) & set(bands(nearly))
    assert nothing == b""
    assert alike(nothing, nothing) == 0.0


def test_signatures_never_change() -> None:
    (made,) = signatures([[1, 2, 3]])
    assert made[:4].hex() == signatures([[3, 2, 1]])[0][:4].hex()
    assert len(made) == 64


def test_the_tail_of_a_geometric_variable() -> None:
    # With shape 1 the negative binomial is geometric: P(X >= k) is (1 - p)^k.
    assert tail(3, 1.0, 0.75) == pytest.approx(0.25**3)
    assert tail(10, 1.0, 0.9) == pytest.approx(0.1**10)


def test_three_voices_surprise_a_village_and_not_a_capital() -> None:
    flags, posts = ordinary({}, 5, 2)
    assert (round(flags, 6), round(posts, 6)) == (0.3, 150.0)
    assert surprise(3, 4, (50.0 + posts, flags)) < 1e-5
    assert surprise(3, 2_000, (200_000.0, 400.0)) == 0.5
    assert surprise(25, 2_000, (200_000.0, 400.0)) < 1e-6


def test_what_other_places_of_the_country_say_every_day_is_no_surprise_here() -> None:
    rhythms = {
        1: Rhythm(posts=10_000.0, flags={2: 200.0}, joins={2: 150.0}, country="JP"),
        2: Rhythm(posts=10_000.0, flags={2: 90.0}, joins={2: 50.0}, country="JP"),
        3: Rhythm(country="JP"),
        4: Rhythm(posts=5_000.0, country="AU"),
        5: Rhythm(country="AU"),
    }
    rhythms |= together(rhythms)
    share = {area: flags / posts for area in (3, 5) for flags, posts in [ordinary(rhythms, area, 2)]}
    assert round(share[3], 4) == 0.0099  # 200 of 20,000 posts, and 150 posts of what other countries say
    assert round(share[5], 4) == 0.0005  # none of 5,000, which is less than is believed of any place


def test_copies_are_no_talk_that_hides_what_they_copy() -> None:
    rhythm = Rhythm()
    rhythm.hear(0, 3)
    rhythm.unhear(1)
    rhythm.unhear(BIN_US)  # nothing was heard there
    assert (rhythm.now(), rhythm.recent) == (2, {0: 2})


def test_history_counts_half_after_three_days() -> None:
    rhythm = Rhythm(posts=80.0, flags={2: 4.0}, as_of_us=1_000)
    rhythm.settle(1_000 + HALF_LIFE_US)
    assert (rhythm.posts, rhythm.flags[2]) == (40.0, 2.0)


def test_the_point_is_the_median_and_few_far_ones_do_not_move_it() -> None:
    happening = Happening(founder=1, mark="a", first_us=0, last_us=0)
    happening.spots = {1: Spot("AU", 115.0, -32.0, 8), 2: Spot("AU", 151.0, -34.0, 1), 0: Spot("", None, None, 3)}
    scene = scene_of(happening)
    assert (scene.area, scene.longitude, scene.latitude, scene.radius_km, scene.share) == (1, 115.0, -32.0, 0.0, 0.75)


def test_diverse_posts_differ_in_words() -> None:
    made = signatures([range(10), range(10), range(20, 30), range(40, 50)])
    posts = [flagged(n, signature=made[n]) for n in range(4)]
    assert [post.seq for post in diverse(posts)] == [0, 2, 3]
    assert diverse([]) == []


def test_severity_rises_with_people() -> None:
    happening = Happening(founder=1, mark="a", first_us=0, last_us=0)
    for n, severity in ((1, 1), (12, 2), (45, 3), (250, 4)):
        happening.voices = [_voice(each) for each in range(n)]
        assert severity_of(happening) == severity


def _voice(n: int):  # type: ignore[no-untyped-def]
    from lapwing.incidents.happening import Voice

    return Voice(n, n, n, 1, 2, 1.0, False, (), b"")


INCIDENT = {
    "id": "abc", "state": "confirmed", "category": "fire", "severity": "severe", "country": "AU", "changes": 2,
    "place": {"id": 1, "name": "Perth <&>", "country": "AU"}, "first_at": "2026-01-05T09:00:00Z",
    "point": {"longitude": 115.0, "latitude": -32.0, "radius_km": 0.0},
}  # fmt: skip


def test_a_cap_draft_is_xml_whatever_people_wrote() -> None:
    root = ET.fromstring(cap(INCIDENT, "2026-01-05T10:00:00.5Z", "]]> & <script>\x00\x08 😀"))
    said = {each.tag.removeprefix(f"{{{NAMESPACE}}}"): each.text for each in root.iter()}
    assert (said["status"], said["sent"], said["severity"], said["certainty"]) == (
        "Draft",
        "2026-01-05T10:00:00-00:00",
        "Severe",
        "Likely",
    )
    assert said["areaDesc"] == "Perth <&>, AU"
    assert said["circle"] == "-32.0,115.0 1.0"


def test_geojson_has_a_point_or_none() -> None:
    made = geojson([INCIDENT, INCIDENT | {"point": None}])
    assert [each["geometry"] and each["geometry"]["coordinates"] for each in made["features"]] == [[115.0, -32.0], None]


def test_the_score_counts_fragments_and_false_ones() -> None:
    pairs = [("a", "quake"), ("a", "quake"), ("a", None), ("b", "quake"), ("c", None), ("d", "fire")]
    found = score(pairs, ["quake", "fire", "storm"])
    assert (found.once, found.fragments, found.false, found.missed, found.mixed) == (1, 1, 1, 1, 0)
    assert math.isclose(found.purity, 5 / 6)
