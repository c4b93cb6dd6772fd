"""Where posts are, told with the whole gazetteer: the famous traps, and what counts more than what."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from lapwing.model import EVIDENCE
from lapwing.places.tables import gazetteer_tables
from lapwing.stages.cut_words import STAGE as CUT_WORDS
from lapwing.stages.locate import STAGE as LOCATE
from resources import resource

FIELDS = {
    "text": pl.String, "longitude": pl.Float64, "latitude": pl.Float64, "place_name": pl.String, "place_country": pl.String,
    "place_longitude": pl.Float64, "place_latitude": pl.Float64, "profile": pl.String,
}  # fmt: skip

PERTH, PERTH_SCOTLAND, TOKYO, BANGKOK, CAIRO, JAKARTA = 2063523, 2640358, 1850147, 1609350, 360630, 1642911
LONDON, LONDON_ONTARIO, PARIS, PARIS_TEXAS, NEW_YORK, AUSTIN, SAO_PAULO = (
    2643743,
    6058560,
    2988507,
    4717560,
    5128581,
    4671654,
    3448439,
)


@pytest.fixture(scope="module")
def gazetteer() -> Any:
    return resource("gazetteer")


def located(gazetteer: Any, **fields: Any) -> dict[str, Any]:
    """What is said of one post with these fields."""
    post = pl.DataFrame([{"text": "", **fields}], schema=FIELDS)
    return LOCATE.make({"gazetteer": gazetteer})(CUT_WORDS.make({})(post)).row(0, named=True)


@pytest.mark.parametrize(
    ("text", "place", "country"),
    [
        ("Storm over Perth, WA tonight", PERTH, "AU"),
        ("Storm over Perth tonight", PERTH, "AU"),
        ("Storm over Perth, Scotland tonight", PERTH_SCOTLAND, "GB"),
        ("#Perth storm", PERTH, "AU"),
        ("A tornado in Paris, TX", PARIS_TEXAS, "US"),
        ("Rain in Paris", PARIS, "FR"),
        ("London Ontario is cold", LONDON_ONTARIO, "CA"),
        ("London is cold", LONDON, "GB"),
        ("今朝東京で地震がありました", TOKYO, "JP"),
        ("東京都の天気", TOKYO, "JP"),
        ("น้ำท่วมกรุงเทพแล้ว", BANGKOK, "TH"),
        ("زلزال في القاهرة الآن", CAIRO, "EG"),
        ("banjir di Jakarta lagi", JAKARTA, "ID"),
        ("Chuva forte em São Paulo", SAO_PAULO, "BR"),
        ("#NewYork traffic", NEW_YORK, "US"),
        ("Fighting goes on in Syria", 0, "SY"),
        ("It rains in Ontario, Canada", 0, "CA"),
        ("the ambassador said so", 0, ""),
        ("Reading a nice book of mine", 0, ""),
        ("スクランブルエッグ", 0, ""),
        ("good luck, have a rest", 0, ""),
        ("la gente que usa el metro habrá llegado", 0, ""),
        ("", 0, ""),
    ],
)
def test_a_name_in_the_text(gazetteer: Any, text: str, place: int, country: str) -> None:
    post = located(gazetteer, text=text)
    assert (post["place"], post["country"]) == (place, country)
    assert EVIDENCE[post["place_by"]] == ("mention" if country else "none")
    assert (post["place_evidence"] is None) == (country == "")


@pytest.mark.parametrize(
    ("profile", "place", "country"),
    [
        ("Perth, Western Australia", PERTH, "AU"),
        ("perth wa", PERTH, "AU"),
        ("Perth, Scotland", PERTH_SCOTLAND, "GB"),
        ("São Paulo - Brasil", SAO_PAULO, "BR"),
        ("Austin, TX", AUSTIN, "US"),
        ("London | she/her", LONDON, "GB"),
        ("🇯🇵 東京", TOKYO, "JP"),
        ("USA", 0, "US"),
        ("Ontario, Canada", 0, "CA"),
        ("somewhere on earth", 0, ""),
        ("in your heart", 0, ""),
        ("", 0, ""),
    ],
)
def test_where_the_author_lives(gazetteer: Any, profile: str, place: int, country: str) -> None:
    post = located(gazetteer, profile=profile)
    assert (post["place"], post["country"]) == (place, country)
    assert EVIDENCE[post["place_by"]] == ("profile" if country else "none")


def test_coordinates_count_more_than_all_else(gazetteer: Any) -> None:
    post = located(
        gazetteer,
        longitude=139.70,
        latitude=35.69,
        text="Rain in Paris",
        profile="London",
        place_name="Perth",
        place_country="AU",
    )
    assert (post["country"], EVIDENCE[post["place_by"]]) == ("JP", "coordinates")
    assert post["place_confidence"] > 0.9


def test_the_platforms_place_counts_more_than_the_text(gazetteer: Any) -> None:
    fields = {
        "place_name": "Perth, Western Australia",
        "place_country": "AU",
        "place_longitude": 115.9,
        "place_latitude": -32.0,
    }
    post = located(gazetteer, text="Rain in Paris", **fields)
    assert (post["place"], EVIDENCE[post["place_by"]], post["place_evidence"]) == (
        PERTH,
        "place",
        "Perth, Western Australia",
    )


def test_a_platforms_place_that_is_a_state_gives_its_country(gazetteer: Any) -> None:
    fields = {"place_name": "Texas, USA", "place_country": "US", "place_longitude": -99.9, "place_latitude": 31.2}
    post = located(gazetteer, **fields)
    assert (post["place"], post["country"]) == (0, "US")


def test_an_unnamed_place_goes_to_the_city_at_its_middle(gazetteer: Any) -> None:
    post = located(
        gazetteer, place_name="Swan River Foreshore", place_country="AU", place_longitude=115.86, place_latitude=-31.96
    )
    assert (post["place"], post["country"]) == (PERTH, "AU")


def test_the_text_counts_more_than_the_profile(gazetteer: Any) -> None:
    assert located(gazetteer, text="Rain in Paris", profile="London")["place"] == PARIS


def test_an_author_at_home_tells_which_city_is_meant(gazetteer: Any) -> None:
    assert located(gazetteer, text="Rain in Perth", profile="Perth, Scotland")["place"] == PERTH_SCOTLAND


def test_a_country_in_the_text_gives_way_to_a_city_there_where_the_author_lives(gazetteer: Any) -> None:
    assert located(gazetteer, text="Japan wins!", profile="Tokyo, Japan")["place"] == TOKYO
    assert located(gazetteer, text="Japan wins!", profile="London")["country"] == "JP"


def test_the_tables_hold_cities_of_15000_and_more() -> None:
    cities = gazetteer_tables().cities
    assert cities.height > 30_000
    assert cities.filter(pl.col("id") == PERTH)["name"].to_list() == ["Perth"]
