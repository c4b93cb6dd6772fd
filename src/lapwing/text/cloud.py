"""Words as people read them, for counting and word clouds: whole words, accents kept, without those that say nothing."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import polars as pl

from lapwing.text.fold import fold
from lapwing.text.segment import Segmenter, segment, segmenter_of
from lapwing.text.stop_words import stop_words
from lapwing.text.words import UNSPACED

_LEFT_OUT = r"https?://\S+|\bwww\.\S+|@[\p{L}\p{N}_.]*\p{L}[\p{L}\p{N}_]*"
_WORD = r"#?[\p{L}\p{N}_](?:['’\u{200c}\u{200d}]?[\p{L}\p{M}\p{N}_])*"
_ELISION = r"^(?:l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|dell|nell|sull|all|dall|un|quest|quell)['’]|['’]s$"
_RUN = rf"{UNSPACED}[\p{{M}}ー{UNSPACED[1:]}*|[^{UNSPACED[1:-1]}]+"

_MODELS = {"ja": "ja_word", "th": "th", "zh": "zh-hans", "zh-hant": "zh-hant"}
_TRADITIONAL = "[這個們來說對會時過開關電國學車東門問間見長風馬魚鳥黃龍發請樓區氣讓與為點園灣臺應還後現動體網歡樂聽買賣錢難]"
_HIRAGANA_MAX = 2
"""Japanese words of so few Hiragana are endings and particles."""


def readable(texts: pl.Series, lang: pl.Series | None = None) -> pl.DataFrame:
    """The words of texts: row UInt32 (position in `texts`), word String, in no order, one row for each time it stands.

    Small letters; hashtags keep their sign; no mentions, addresses, numbers or stop words (`stop_words.py`; those of
    the text's language and of English, where `lang` says it, else those of all). Scripts without spaces are cut by the
    models of BudouX (Japanese, Chinese, Thai); of others without spaces whole runs are given. Neither may hold nulls
    but `lang`.
    """
    lowered = texts.str.to_lowercase().str.replace_all(_LEFT_OUT, " ")
    frame = pl.DataFrame({
        "row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True),
        "lang": lang.cast(pl.String).fill_null("") if lang is not None else pl.repeat("", len(texts), eager=True),
        "word": lowered.str.extract_all(_WORD),
    })  # fmt: skip
    words = frame.explode("word").drop_nulls("word")
    vocabulary = words.select("lang", "word").unique()
    parts = vocabulary.join(_pieces(vocabulary), on=["lang", "word"])
    return words.join(_without_stop_words(parts), on=["lang", "word"]).select("row", word="piece")


def _pieces(vocabulary: pl.DataFrame) -> pl.DataFrame:
    """What each found word is made of: lang, word, piece."""
    unspaced = pl.col("word").str.contains(UNSPACED) & ~pl.col("word").str.starts_with("#")
    spaced = vocabulary.filter(~unspaced).with_columns(piece=pl.col("word").str.replace(_ELISION, ""))
    runs = vocabulary.filter(unspaced).with_columns(piece=pl.col("word").str.extract_all(_RUN)).explode("piece")
    cut = [spaced]
    for model, part in runs.with_columns(model=_model()).group_by("model"):
        segmenter = _segmenter(_MODELS[str(model[0])]) if model[0] in _MODELS else None
        pieces = segment(segmenter, part["piece"]) if segmenter else part["piece"].reshape((-1, 1)).arr.to_list()
        cut.append(part.select("lang", "word").with_columns(pieces.alias("piece")).explode("piece"))
    return pl.concat(cut)


def _model() -> pl.Expr:
    """The model for a run by its script, and for Chinese characters by the language that the platform said."""
    run, word = pl.col("piece"), pl.col("word")
    return (
        pl.when(~run.str.contains(UNSPACED)).then(pl.lit(""))
        .when(run.str.contains(r"\p{Thai}")).then(pl.lit("th"))
        .when(word.str.contains(r"\p{Hiragana}|\p{Katakana}") | (pl.col("lang") == "ja")).then(pl.lit("ja"))
        .when(run.str.contains(r"\p{Han}") & word.str.contains(_TRADITIONAL)).then(pl.lit("zh-hant"))
        .when(run.str.contains(r"\p{Han}")).then(pl.lit("zh"))
        .otherwise(pl.lit(""))
    )  # fmt: skip


@cache
def _segmenter(name: str) -> Segmenter:
    """A model out of the package budoux."""
    text = (resources.files("budoux") / "models" / f"{name}.json").read_text(encoding="utf-8")
    return segmenter_of(json.loads(text))


def _without_stop_words(parts: pl.DataFrame) -> pl.DataFrame:
    """The pieces that say something: lang, word, piece."""
    piece = pl.col("piece")
    lone = piece.str.contains(r"^\p{N}*\p{L}?\p{N}*$") & ~(piece.str.contains(r"^\p{Han}$") & (pl.col("lang") == "ja"))
    ending = piece.str.contains(rf"^\p{{Hiragana}}{{1,{_HIRAGANA_MAX}}}$|[っッ]$|^\p{{M}}")
    telling = parts.filter(piece.str.contains(r"\p{L}") & ~lone & ~ending)
    folded = fold(telling["piece"].str.strip_prefix("#")).str.replace_all(" ", "", literal=True)
    telling = telling.with_columns(folded=folded)
    stops = stop_words()
    everywhere = stops.select(folded="word").unique()
    known = stops["lang"].unique().implode()
    unsure = telling.filter(~pl.col("lang").is_in(known)).join(everywhere, on="folded", how="anti")
    english = stops.filter(pl.col("lang") == "en").select(folded="word")
    sure = telling.filter(pl.col("lang").is_in(known)).join(english, on="folded", how="anti")
    sure = sure.join(stops.rename({"word": "folded"}), on=["lang", "folded"], how="anti")
    return pl.concat([unsure, sure]).select("lang", "word", "piece")
