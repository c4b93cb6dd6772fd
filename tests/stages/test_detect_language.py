"""The language of posts: the platform's word first, then script, then the model, and an honest "und"."""

from __future__ import annotations

import polars as pl
import pytest

from lapwing.stages.detect_language import STAGE
from resources import resource


def languages(*posts: tuple[str | None, str]) -> list[str]:
    frame = pl.DataFrame(
        {"lang": [tag for tag, _ in posts], "text": [text for _, text in posts]},
        schema={"lang": pl.String, "text": pl.String},
    )
    return STAGE.make({"language_model": resource("language_model")})(frame)["lang"].to_list()


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"),
        ("en-us", "en"),
        ("pt_br", "pt"),
        ("in", "id"),
        ("iw", "he"),
        ("fil", "tl"),
        ("und", "und"),
        ("qme", "und"),
        ("zh-Hant-TW", "zh"),
    ],
)
def test_the_platforms_tag_is_believed_and_made_even(tag: str, expected: str) -> None:
    assert languages((tag, "Das ist ein deutscher Satz")) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今日は東京で地震がありました", "ja"),
        ("地震が", "ja"),
        ("วันนี้ฝนตกหนัก", "th"),
        ("오늘 비가 온다", "ko"),
        ("今天北京下大雨", "zh"),
        ("καλημέρα σε όλους", "el"),
        ("The quick brown fox jumps over the lazy dog", "en"),
        ("Das ist ein schöner Tag heute im Garten", "de"),
        ("Hoy hace mucho calor en la ciudad", "es"),
        ("Сегодня очень холодно на улице", "ru"),
        ("https://example.org/the/quick/brown/fox @someone 123", "und"),
        ("ok lol", "und"),
        ("🔥🔥🔥", "und"),
        ("", "und"),
    ],
)
def test_without_a_tag_the_text_tells(text: str, expected: str) -> None:
    assert languages((None, text), ("x", text)) == [expected, expected]
