"""One table that says of every character what it is for search: part of a word, between words, or nothing at all.

Folding makes what people type find what people wrote: case, accents of Latin and Greek letters, Arabic vowel signs and
letter variants, full-width forms and digits of other scripts are evened out. Marks that are letters of their script
(Thai, Hindi, Japanese voicing, й) stay. After Unicode Standard Annexes 15 and 29 and the Arabic, Persian and ICU
folding of Lucene, reduced to what can be done character by character.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

SEPARATOR = 0x1E
"""Stands between two texts in one buffer; inside a text it counts as a space."""

HASHTAG, MENTION = 0x1C, 0x1D
"""Stand for # and @ while a buffer is worked on, so that all word characters are greater than a space."""

SPACE = 0x20

UNSPACED = 1 << 24
"""Flag: of a script that is written without spaces, so that its runs are cut into overlapping pairs."""

JOINS = 1 << 25
"""Flag: a loose mark that may make another letter of the one before it, see `joined_letters`."""

DOUBLE = 1 << 26
"""Flag: folds to two letters; the table holds the first, `second_letters` the other."""

TABLE_SIZE = 0x20000
"""Characters from here on are rare Han characters (planes 2 and 3) or nothing."""

HAN_END = 0x323B0
"""The first character after the Han characters of planes 2 and 3."""

_DOUBLES = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ĳ": "ij", "Ĳ": "ij", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff",
    "ﻻ": "لا", "ﻼ": "لا", "ﻷ": "لا", "ﻸ": "لا", "ﻹ": "لا", "ﻺ": "لا", "ﻵ": "لا", "ﻶ": "لا",
}  # fmt: skip
_MARKS = {"\u3099": "\u3099", "\uff9e": "\u3099", "\u309a": "\u309a", "\uff9f": "\u309a", "\u0306": "\u0306"}
"""Loose marks, full-width and half-width: voicing of kana, and the breve that makes й of и."""

_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "ð": "d", "ŧ": "t", "ё": "е", "ѐ": "е", "ѝ": "и",
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ے": "ي", "ة": "ه", "ۀ": "ه", "ہ": "ه", "ھ": "ه", "ک": "ك",
}  # fmt: skip
_NUKTA = range(0x0958, 0x0960)  # composed Devanagari letters that fold to the letter without the dot below

_SIGNS = {"#": HASHTAG, "@": MENTION, "_": ord("_")}

_UNSPACED_RANGES = (
    (0x0E01, 0x0EDF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17DD),  # Khmer
    (0x3005, 0x3007),  # 々 〆 〇
    (0x3041, 0x30FF),  # Hiragana, Katakana
    (0x3105, 0x312F),  # Bopomofo
    (0x31F0, 0x31FF),  # small Katakana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FE),  # Myanmar, extended
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),  # Han, compatibility
)
_DROPPED_RANGES = (
    (0x0300, 0x036F),  # loose accents
    (0x0591, 0x05BD),  # Hebrew points
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C7),
    (0x0610, 0x061A),  # Arabic vowel signs, tatweel and Koranic marks
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x093C, 0x093C),  # Devanagari dot below
    (0x180B, 0x180F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
)


_FOLDED_RANGES = (
    (0, 0x3400),
    (0x4DC0, 0x4E00),
    (0xA490, 0xAC00),
    (0xF900, 0x12000),
    (0x1D000, 0x1D800),
    (0x1E000, 0x1F200),
)
"""Where letters have cases, accents or other forms; between them stand Han, Hangul, Yi and scripts of old."""


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _base_letter(letter: str) -> str:
    """A Latin or Greek letter without its accents; any other letter as it is."""
    if not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")):
        return letter
    decomposed = unicodedata.normalize("NFD", letter)
    return decomposed[0] if all(map(unicodedata.combining, decomposed[1:])) else letter


def _folded_letter(character: str) -> str:
    """The letter, mark or digit that stands for a word character in terms."""
    if not unicodedata.decomposition(character) and character.casefold() == character:
        digit = unicodedata.decimal(character, None)
        return str(digit) if digit is not None else _LETTERS.get(character, character)
    if ord(character) in _NUKTA:
        return unicodedata.normalize("NFD", character)[0]
    whole = unicodedata.normalize("NFKC", character)
    letter = _base_letter(whole if len(whole) == 1 else character)
    lower = letter.casefold()
    letter = _base_letter(lower if len(lower) == 1 else letter.lower()[0])
    digit = unicodedata.decimal(letter, None)
    return str(digit) if digit is not None else _LETTERS.get(letter, letter)


def _entry(code: int) -> int:
    """What the table holds for a character: 0 to drop it, a space, or its folded form with flags."""
    character = chr(code)
    category = unicodedata.category(character)
    if category in ("Cn", "Co", "Cs", "So", "Sm"):
        return SPACE
    if character in _MARKS:
        return ord(_MARKS[character]) | JOINS
    if character in _DOUBLES:
        return ord(_DOUBLES[character][0]) | DOUBLE
    if category == "Cf" or _within(code, _DROPPED_RANGES):
        return 0
    if category[0] not in "LNM":
        compatible = unicodedata.normalize("NFKC", character)
        return _SIGNS.get(compatible, SPACE)
    folded = ord(_folded_letter(character))
    return folded | UNSPACED if _within(folded, _UNSPACED_RANGES) else folded


@cache
def folding_table() -> NDArray[np.int32]:
    """The entry of each character below `TABLE_SIZE`; made once in about 0.1 s."""
    table = np.arange(TABLE_SIZE, dtype=np.int32)
    table[0xD800:0xF900] = SPACE  # surrogates and private use
    table[0x1D800:] = SPACE
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF)):
        table[first : last + 1] |= UNSPACED
    for first, after in _FOLDED_RANGES:
        table[first:after] = [_entry(code) for code in range(first, after)]
    table[SEPARATOR] = SEPARATOR
    table.setflags(write=False)
    return table


@cache
def second_letters() -> NDArray[np.int32]:
    """For each character that folds to two letters, the second."""
    letters = np.zeros(TABLE_SIZE, dtype=np.int32)
    for character, folded in _DOUBLES.items():
        letters[ord(character)] = ord(folded[1])
    return letters


@cache
def joined_letters() -> dict[int, NDArray[np.int32]]:
    """For each loose mark, what every letter below U+3100 becomes with it: 0 where the mark means nothing."""
    tables = {}
    for mark in set(_MARKS.values()):
        tables[ord(mark)] = table = np.zeros(0x3100, dtype=np.int32)
        for code in (*range(0x0400, 0x0460), *range(0x3041, 0x3100)):
            joined = unicodedata.normalize("NFC", chr(code) + mark)
            if len(joined) == 1:
                table[code] = _entry(ord(joined))
    return tables


def is_unspaced(character: str) -> bool:
    """Whether a character is of a script that is written without spaces; False for an empty string."""
    return bool(character) and (TABLE_SIZE <= ord(character) < HAN_END or _within(ord(character), _UNSPACED_RANGES))
