"""Words as people read them, for counting and word clouds: whole words, accents kept, without those that say nothing."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import polars as pl

from lapwing.text.fold import fold
from lapwing.text.lexicon import Lexicon, lexicon_of, words_in
from lapwing.text.segment import Segmenter, segment, segmenter_of
from lapwing.text.stop_words import stop_words
from lapwing.text.words import UNSPACED

_LEFT_OUT = r"https?://\S+|\bwww\.\S+|@[\p{L}\p{N}_.]*\p{L}[\p{L}\p{N}_]*"
_WORD = r"#?[\p{L}\p{N}_](?:['’\u{200c}\u{200d}]?[\p{L}\p{M}\p{N}_])*"
_ELISION = r"^(?:l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|dell|nell|sull|all|dall|un|quest|quell)['’]|['’]s$"
_RUN = rf"{UNSPACED}[\p{{M}}ー{UNSPACED[1:]}*|[^{UNSPACED[1:-1]}]+"

_ENDING = "(?:て|た|で|だ|ま|な|ら|れ|せ|さ|ん|ず|ば|よ|ちゃ|そう|たい)"
_SMALL = "[的了和很都也请請在是吃来來去把被就又还還]"
_TRADITIONAL = (
    "[這個們來說對會時過開關電國學車東門問間見長風馬魚鳥黃龍發請樓區氣讓與為點園灣臺應還後現動體網歡樂聽買賣錢難]"
)
_HIRAGANA_MAX = 2
"""Japanese words of so few Hiragana are endings and particles."""


MODELS = {"ja": "ja_word", "zh": "zh-hans", "zh-hant": "zh-hant"}
"""For each script the model of BudouX (the files ``budoux/models/….json``)."""


class Cutters(msgspec.Struct, frozen=True):
    """What knows the words of scripts without spaces; made once."""

    segmenters: dict[str, Segmenter]
    """By the names in `MODELS`."""
    thai: Lexicon


NO_CUTTERS = Cutters({}, lexicon_of(pl.Series([], dtype=pl.String)))


def cutters_of(models: Mapping[str, Mapping[str, Mapping[str, int]]], thai_words: list[str]) -> Cutters:
    """From BudouX's models by the names in `MODELS`, and a list of Thai words; takes 0.3 s."""
    return Cutters({script: segmenter_of(model) for script, model in models.items()}, lexicon_of(pl.Series(thai_words)))


def readable(texts: pl.Series, lang: pl.Series | None = None, cutters: Cutters = NO_CUTTERS) -> pl.DataFrame:
    """The words of texts: row UInt32 (position in `texts`), word String, in no order, one row for each time it stands.

    Small letters; hashtags keep their sign; no mentions, addresses, numbers or stop words (`stop_words.py`; those of
    the text's language and of English, where `lang` says it, else those of all). Japanese, Chinese and Thai are cut by
    `cutters`; of other scripts without spaces, and without cutters, whole runs are given. `texts` must not hold nulls.
    """
    tokens = _tokens(texts, lang)
    lowered = pl.col("token").str.to_lowercase().str.replace_all(_LEFT_OUT, " ")
    words = tokens.select("number", "lang", word=lowered.str.extract_all(_WORD)).explode("word").drop_nulls("word")
    vocabulary = words.select("lang", "word").unique()
    telling = words.join(_without_stop_words(_pieces(vocabulary, cutters)), on=["lang", "word"])
    return telling.select(row=tokens["row"].gather(telling["number"]), word="piece").explode("row")


def _tokens(texts: pl.Series, lang: pl.Series | None) -> pl.DataFrame:
    """What stands between spaces, each but once for a language, so that the costly steps meet it once.

    Columns: number (position), lang, token, row List(UInt32), as often as it stands there. Tokens are told apart by a
    hash of 64 bits: as strings they would take twice the time.
    """
    lang = lang.cast(pl.String).fill_null("") if lang is not None else pl.repeat("", len(texts), eager=True)
    spoken = lang.hash(1)
    frame = pl.DataFrame({
        "row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "spoken": spoken, "token": texts.str.split(" "),
    })  # fmt: skip
    keyed = frame.explode("token").with_columns(key=pl.col("token").hash(2) ^ pl.col("spoken"))
    tokens = (
        keyed.group_by("key").agg("row", pl.col("token").first(), at=pl.col("row").first()).with_row_index("number")
    )
    return tokens.select("number", "token", "row", lang=lang.gather(tokens["at"]))


def _pieces(vocabulary: pl.DataFrame, cutters: Cutters) -> pl.DataFrame:
    """What each found word is made of: lang, word, piece."""
    unspaced = pl.col("word").str.contains(UNSPACED) & ~pl.col("word").str.starts_with("#")
    spaced = vocabulary.filter(~unspaced).with_columns(piece=pl.col("word").str.replace(_ELISION, ""))
    runs = vocabulary.filter(unspaced).with_columns(piece=pl.col("word").str.extract_all(_RUN)).explode("piece")
    cut = [spaced]
    for model, part in runs.with_columns(model=_model()).group_by("model"):
        lists = part.select("lang", "word").with_columns(_cut(cutters, str(model[0]), part["piece"]).alias("piece"))
        cut.append(lists.explode("piece").drop_nulls("piece"))
    return pl.concat(cut)


def _cut(cutters: Cutters, model: str, runs: pl.Series) -> pl.Series:
    """The words of runs of one script: List(String)."""
    if model == "th" and len(cutters.thai.keys):
        return words_in(cutters.thai, runs)
    if model not in cutters.segmenters:
        return runs.reshape((-1, 1)).arr.to_list()
    pieces = segment(cutters.segmenters[model], runs).list.join(" ")
    return (_japanese(pieces) if model == "ja" else _chinese(pieces)).str.split(" ")


def _japanese(pieces: pl.Series) -> pl.Series:
    """Lone Chinese characters go to the word before them (消防 車), and stems of verbs, before their endings, go away."""
    joined = pieces.str.replace_all(r"(\p{Han}) (\p{Han})( |$)", "$1$2$3")
    return joined.str.replace_all(rf"(?:^| )\p{{Han}}+\p{{Hiragana}}+ {_ENDING}", " ")


def _chinese(pieces: pl.Series) -> pl.Series:
    """Small words that the model left at the edges of others go away (吃火锅, 颱風來)."""
    return pieces.str.replace_all(rf"(^| ){_SMALL}", "$1").str.replace_all(rf"{_SMALL}( |$)", "$1")


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


def _without_stop_words(parts: pl.DataFrame) -> pl.DataFrame:
    """The pieces that say something: lang, word, piece."""
    piece = pl.col("piece")
    lone = (piece == "") | piece.str.contains(r"^\p{N}*\p{L}?\p{N}*$") & ~(
        piece.str.contains(r"^\p{Han}$") & (pl.col("lang") == "ja")
    )
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
