"""Keywords of emergencies in posts: whole words and pieces, every script, and phrases that only sound like it."""

from __future__ import annotations

from functools import lru_cache

import polars as pl
import pytest

from lapwing.app.emergency import gate_of_ours
from lapwing.text.keywords import CATEGORIES, Keywords, find, keywords_of
from lapwing.text.words import cut_lists

OURS = lru_cache(gate_of_ours)


def found(keywords: Keywords, *texts: str) -> list[tuple[str | None, str]]:
    answer = find(keywords, cut_lists(pl.Series(texts, dtype=pl.String)))
    return [(gate, CATEGORIES[code]) for gate, code in answer.select("gate", "category").iter_rows()]


SMALL = keywords_of(
    {
        "en": {
            "fire": ["fire", "*wildfire*"],
            "flood": ["flood*"],
            "other": ["killed"],
            "figurative": ["this song is fire", "killed it"],
        },
        "ja": {"earthquake": ["地震", "緊急地震速報"]},
        "ar": {"earthquake": ["*زلزال*"]},
    }
)


@pytest.mark.parametrize(
    ("text", "gate", "category"),
    [
        ("A fire broke out", "fire", "fire"),
        ("FIRE!", "fire", "fire"),
        ("#fire", "fire", "fire"),
        ("the fireplace is warm", None, "none"),
        ("backfire", None, "none"),
        ("floods again", "flood", "flood"),
        ("bloodflood", None, "none"),
        ("#coloradowildfires", "wildfire", "fire"),
        ("三陸沖で地震がありました", "地震", "earthquake"),
        ("緊急地震速報です", "緊急地震速報", "earthquake"),
        ("地面が震える", None, "none"),
        ("شعرنا بالزلزال الآن", "زلزال", "earthquake"),
        ("", None, "none"),
    ],
)
def test_a_keyword_is_found_as_it_is_written(text: str, gate: str | None, category: str) -> None:
    assert found(SMALL, text) == [(gate, category)]


def test_figurative_phrases_hide_the_keywords_in_them_and_no_others() -> None:
    assert found(
        SMALL, "this song is fire", "She killed it", "this song is fire and two killed", "fire fire flood"
    ) == [
        (None, "none"),
        (None, "none"),
        ("killed", "other"),
        ("fire, flood", "fire"),
    ]


def test_other_is_the_category_only_where_nothing_finer_is_named() -> None:
    assert found(SMALL, "killed in a flood", "killed") == [("killed, flood", "flood"), ("killed", "other")]


def test_a_post_says_the_same_in_any_company_and_none_is_no_trouble() -> None:
    texts = ["fire", "nothing", "flood and fire"]
    assert found(SMALL, *texts) == [found(SMALL, text)[0] for text in texts]
    assert found(SMALL) == []


def test_a_category_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="en: there is no category 'fier'"):
        keywords_of({"en": {"fier": ["fire"]}})
    with pytest.raises(ValueError, match="nothing is left of the keyword '!!'"):
        keywords_of({"en": {"fire": ["!!"]}})


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Huge fire at the harbour, people trapped", "fire"),
        ("El río se desbordó, inundaciones en el centro", "flood"),
        ("Séisme ressenti à Nice, forte secousse", "earthquake"),
        ("Deslizamento de terra e chuvas fortes", "weather"),
        ("Gempa bumi di Lombok", "earthquake"),
        ("津波警報が出ています", "flood"),
        ("انفجار كبير في المرفأ", "accident"),
        ("İzmir'de deprem oldu", "earthquake"),
    ],
)
def test_our_own_keywords_know_eight_languages(text: str, category: str) -> None:
    ((gate, said),) = found(OURS(), text)
    assert gate is not None
    assert said == category


@pytest.mark.parametrize(
    "text",
    [
        "good morning everybody, coffee first",
        "this song is fire omg",
        "I'm dead 😂 you killed it",
        "el dia de los muertos es mi fiesta",
        "je suis mort de rire",
        "今日はいい天気ですね",
        "bugün hava çok güzel",
    ],
)
def test_everyday_talk_does_not_pass(text: str) -> None:
    assert found(OURS(), text) == [(None, "none")]
