"""Words for people are whole words: at least four of five, in everyday sentences cut by hand."""

from __future__ import annotations

import json
import lzma
from functools import cache
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from lapwing.text.cloud import MODELS, Cutters, cutters_of, readable

CASES = Path(__file__).parent / "cases"
UNSPACED = ("ja", "th", "zh")
SHARE_MIN = 0.8


@cache
def cutters() -> Cutters:
    """The models as the application loads them."""
    folder = resources.files("budoux") / "models"
    models = {
        script: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for script, name in MODELS.items()
    }
    packed = (resources.files("lapwing.text") / "thai_words.txt.xz").read_bytes()
    return cutters_of(models, lzma.decompress(packed).decode().split("\n"))


def cases(lang: str) -> list[tuple[str, set[str]]]:
    """Sentences and their whole words: cut by | in scripts without spaces, listed behind a tab in others."""
    lines = (CASES / f"{lang}.txt").read_text(encoding="utf-8").splitlines()
    if lang in UNSPACED:
        return [(line.replace("|", ""), set(line.split("|"))) for line in lines]
    return [(text, set(words.split(" "))) for text, words in (line.split("\t") for line in lines)]


def words_of(text: str, lang: str | None = None) -> set[str]:
    return set(readable(pl.Series([text]), pl.Series([lang], dtype=pl.String), cutters())["word"])


@pytest.mark.parametrize("lang", ["ja", "th", "zh", "ar", "id", "en", "es", "ko"])
def test_four_words_of_five_are_whole(lang: str) -> None:
    told = cases(lang)
    found = readable(pl.Series([text for text, _ in told]), pl.Series([lang] * len(told)), cutters())
    misses = [(told[row][0], word) for row, word in found.rows() if word not in told[row][1]]
    print(f"{lang}: {found.height - len(misses)} of {found.height} whole; not: {misses}")
    assert len(told) == 20
    assert found.height >= 40
    assert 1 - len(misses) / found.height >= SHARE_MIN


def test_names_signs_and_accents_stay_and_fillers_go() -> None:
    text = "L'école de São Paulo, don't panic: see @anna https://example.org/x #QuakePerth 2026"
    assert words_of(text, "fr") == {"école", "são", "paulo", "panic", "#quakeperth"}


def test_a_language_has_its_own_fillers() -> None:
    assert words_of("die Katze", "de") == {"katze"}
    assert words_of("heroes never die", "en") == {"heroes", "die"}


def test_a_run_of_an_unknown_script_stays_whole() -> None:
    assert words_of("ရန်ကုန်") == {"ရန်ကုန်"}


def test_nothing_gives_nothing() -> None:
    assert readable(pl.Series([], dtype=pl.String)).rows() == []
    assert readable(pl.Series(["", "🔥 !!", "12 345"])).rows() == []


def test_without_cutters_runs_stay_whole() -> None:
    assert readable(pl.Series(["東京で地震"]))["word"].to_list() == ["東京で地震"]
