"""Text as it should be kept: what cannot be seen, or only disturbs, is taken out."""

from __future__ import annotations

import polars as pl

MARKS_MAX = 4
"""So many combining marks may stand on one letter; Vietnamese, Thai and Hebrew need three."""

_INVISIBLE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u{ad}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffc}]"
"""Control characters, zero-width spaces, marks and overrides of direction; joiners stay, emoji and Persian need them."""

_WIDE_SPACE = r"[\t\u{a0}\u{1680}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}]"
_JOINABLE = r"[\u{300}-\u{36f}\u{5b0}-\u{5c7}\u{64b}-\u{655}\u{93c}\u{1100}-\u{11ff}\u{3099}\u{309a}]|\p{M}{5}"
_UNTIDY = rf"^\s|\s$|  | \n|\n |\n\n\n|{_INVISIBLE}|{_WIDE_SPACE}|{_JOINABLE}"


def clean(texts: pl.Series) -> pl.Series:
    """The texts (String, no nulls) in Unicode's composed form (NFC) without what cannot be seen.

    Line breaks stay, at most two together; other white space becomes one space, and none stands at an end.
    """
    untidy = texts.str.contains(_UNTIDY).arg_true()
    if untidy.is_empty():
        return texts
    return texts.scatter(untidy, _tidied(texts.gather(untidy)))


def _tidied(texts: pl.Series) -> pl.Series:
    steps = (
        pl.col("text")
        .str.replace_all(r"\r\n?|\u{2028}|\u{2029}", "\n")
        .str.replace_all(_INVISIBLE, "")
        .str.replace_all(rf"(\p{{M}}{{{MARKS_MAX}}})\p{{M}}+", "$1")
        .str.replace_all(rf"(?:{_WIDE_SPACE}| )+", " ")
        .str.replace_all(r" ?\n ?", "\n")
        .str.replace_all(r"\n{3,}", "\n\n")
        .str.normalize("NFC")
        .str.strip_chars()
    )
    return texts.to_frame("text").select(steps)["text"]
