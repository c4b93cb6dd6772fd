"""Texts of strangers made fit to be shown: no invisible commands, no towers of accents, no more than there is room for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

MARKS_MAX = 3
"""So many marks may stand on one letter; Vietnamese and Hebrew need two, Tibetan three."""
ELLIPSIS = "…"
JOINER = "\u200d"
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
KEPT = {JOINER, "\u200c"}
"""Emoji are put together by them, and Persian and Hindi words need them."""
FLAGS = range(0x1F1E6, 0x1F200)
TAGS = range(0xE0020, 0xE0080)
"""They spell the flags of Scotland and Wales, and hidden words; after anything but a black flag they are dropped."""
BLACK_FLAG = 0x1F3F4
SKINS = range(0x1F3FB, 0x1F400)
WWW = re.compile(r"(?i)\b(www)\.")

Size = Callable[[str], int]
"""How much room a text takes."""


def harmless(text: str) -> str:
    """The text without control characters, without what turns its direction around, with `MARKS_MAX` marks a letter at most.

    Line ends become one newline, and no more than one empty line stays. Letters of right-to-left scripts are untouched.
    """
    kept: list[str] = []
    marks, flag = 0, False
    for character in text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"):
        code = ord(character)
        if flag and code in TAGS:
            kept.append(character)
            continue
        flag = code == BLACK_FLAG
        kind = unicodedata.category(character)
        if kind in ("Mn", "Me"):
            marks += 1
            if marks > MARKS_MAX:
                continue
        elif character not in KEPT:
            marks = 0
        if kind in INVISIBLE and character not in KEPT and character not in "\n\t":
            continue
        kept.append(" " if character == "\t" or kind == "Zs" else character)
    return re.sub(r" *\n *(\n *)*", lambda found: "\n\n" if found[0].count("\n") > 1 else "\n", "".join(kept)).strip()


def in_one_line(text: str) -> str:
    """As `harmless`, with spaces where lines end."""
    return " ".join(harmless(text).split())


def unlinked(text: str) -> str:
    """The text with web addresses written so that nothing makes links of them, and people can still read them."""
    return WWW.sub(r"\1[.]", text.replace("://", "[:]//"))


def in_bytes(text: str) -> int:
    """Its size in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def in_units(text: str) -> int:
    """Its size in UTF-16 code units, as JavaScript, LINE and Discord count."""
    return len(text.encode("utf-16-le", "replace")) // 2


def shortened(text: str, size_max: int, size: Size = len) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; letters keep their marks, emoji stay whole."""
    if size(text) <= size_max:
        return text
    room = size_max - size(ELLIPSIS)
    if room < 0:
        return ""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    while low and not _may_end(text, low):
        low -= 1
    return text[:low].rstrip() + ELLIPSIS


def _may_end(text: str, end: int) -> bool:
    """Whether nothing that belongs together is torn apart between two characters (after Unicode Annex 29)."""
    before, after = text[end - 1], text[end]
    if JOINER in (after, before) or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return False
    if ord(after) in SKINS or ord(after) in TAGS:
        return False
    if ord(before) in FLAGS and ord(after) in FLAGS:  # flags are pairs
        run = 0
        while run < end and ord(text[end - 1 - run]) in FLAGS:
            run += 1
        return run % 2 == 0
    return True
