"""Labelled files as they were published, known by their columns."""

from __future__ import annotations

import polars as pl
import pytest

from lapwing.learning.labelled import rows_of


def read(name: str, **columns: list[str | None]) -> list[tuple[object, ...]]:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return rows_of(frame, name).select("text", "label", "category", "event", "origin").rows()


def test_our_own_columns_need_a_text_and_a_label() -> None:
    assert read("mine.csv", text=["a", "b", " "], label=["1", "0", "1"]) == [
        ("a", 1, None, "mine", "mine"),
        ("b", 0, None, "mine", "mine"),
    ]


def test_an_event_of_crisislex_gives_the_category() -> None:
    columns = {" Tweet Text": ["a", "b"], " Informativeness": ["Related and informative", "Not related"]}
    assert read("2013_Hill_Town_floods-tweets_labeled.csv", **columns) == [
        ("a", 1, "flood", "2013_hill_town_floods", "crisislex_t26"),
        ("b", 0, "flood", "2013_hill_town_floods", "crisislex_t26"),
    ]


def test_a_message_and_what_it_was_translated_from_are_two_posts() -> None:
    columns = {"message": ["we need water", "hello"], "original": ["nou bezwen dlo", None], "related": ["1", "0"]}
    rows = read("part.csv", **columns, event=["haiti", None])
    assert rows == [
        ("we need water", 1, None, "disaster_response_haiti", "disaster_response"),
        ("hello", 0, None, "disaster_response_news", "disaster_response"),
        ("nou bezwen dlo", 1, None, "disaster_response_haiti", "disaster_response"),
    ]


def test_what_is_no_label_and_no_set_is_said() -> None:
    with pytest.raises(ValueError, match="'perhaps' is no label"):
        read("mine.csv", text=["a"], label=["perhaps"])
    with pytest.raises(ValueError, match="needed are text and label"):
        read("mine.csv", body=["a"])
