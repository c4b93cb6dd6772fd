"""Texts as lines of folded words, one space between two words, made for a whole batch at once.

All texts stand in one buffer with a separator between them, and every step is one pass over that buffer. A line is the
text's words in their order: ``"Flut in #São_Paulo, @Eva!"`` is ``flut in #sao_paulo @eva``. Web addresses are left out.
A hashtag in a script without spaces is cut like other words of that script, and stands whole at the end of the line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native import cutting
from lapwing.text.characters import (
    DOUBLE,
    HAN_END,
    HASHTAG,
    JOINS,
    MENTION,
    SEPARATOR,
    SPACE,
    TABLE_SIZE,
    UNSPACED,
    folding_table,
    joined_letters,
    second_letters,
)

Codes = NDArray[Any]
"""A batch of texts as characters: bytes if all are ASCII, otherwise numbers of 32 bits."""

Cutter = Callable[[Codes, NDArray[np.bool_]], Codes]
"""Takes characters, and which of them are of unspaced scripts; returns characters with more spaces."""

CHUNK_TEXTS = 10_000
"""So many texts are folded at a time: enough to spread the cost of a call, few enough for the processor's cache."""

TAG_CHARACTERS_MAX = 60
"""What is longer after a # is a word like others, not a hashtag."""

ADDRESS = r"https?://[!-~]+"

_SEPARATOR_TEXT = chr(SEPARATOR)


@cache
def _ascii_table() -> bytes:
    """The folding table for plain ASCII, made when it is first needed: the whole one takes a fifth of a second."""
    return bytes(folding_table()[:128].astype(np.uint8)) + bytes(128)


class _Tags(NamedTuple):
    """The hashtags of a buffer, in their order."""

    texts: NDArray[np.int64]
    """The texts that have any, each once."""
    buffer: Codes
    """For each of them a separator, then a space and a tag, and so on; one more separator at the end."""


def fold(texts: pl.Series) -> pl.Series:
    """The lines of some texts (String, no nulls), in the same order; words of unspaced scripts stay whole runs."""
    cut = cutting.cut(texts, folding_table(), second_letters(), pairs=False)
    if cut is None:
        return _in_chunks(texts, _apart)
    terms, _, left = cut
    lines = terms.list.join(" ").alias("line")
    return lines.scatter(left, _in_chunks(texts.gather(left), _apart)) if len(left) else lines


def folded(texts: list[str]) -> list[str]:
    """As `fold`, of a few texts: a step over columns takes longer than a line of each."""
    column = pl.Series("line", texts, dtype=pl.String)
    cut = cutting.cut(column, folding_table(), second_letters(), pairs=False)
    if cut is None or len(cut[2]):
        return fold(column).to_list()
    return [" ".join(terms) for terms in cut[0].to_list()]


def fold_pairs(texts: pl.Series) -> pl.Series:
    """As `fold`, with runs of unspaced scripts cut into pairs of neighbours, and the last character of a run alone.

    東京都 becomes ``東京 京都 都``, so that every character begins exactly one term.
    """
    return _in_chunks(texts, _paired)


def _in_chunks(texts: pl.Series, cutter: Cutter) -> pl.Series:
    chunks = [_by_kind(texts[start : start + CHUNK_TEXTS], cutter) for start in range(0, len(texts), CHUNK_TEXTS)]
    return pl.concat(chunks).alias("line") if chunks else texts.clear().alias("line")


def _by_kind(texts: pl.Series, cutter: Cutter) -> pl.Series:
    """ASCII texts go a short way through bytes, the others a longer one through 32-bit characters."""
    is_wide = texts.to_frame("").select(pl.col("").str.len_bytes() != pl.col("").str.len_chars())[""].to_numpy()
    wide, narrow = np.flatnonzero(is_wide), np.flatnonzero(~is_wide)
    if not len(wide):
        return _narrow_lines(texts)
    if not len(narrow):
        return _wide_lines(texts, cutter)
    lines = pl.concat([_narrow_lines(texts.gather(narrow)), _wide_lines(texts.gather(wide), cutter)])
    return lines.gather(np.argsort(np.concatenate([narrow, wide])))


def _joined(texts: pl.Series) -> bytes:
    """All texts in one buffer, a separator before, between and after, without web addresses."""
    whole = pl.col("").str.join(_SEPARATOR_TEXT).str.replace_all(ADDRESS, " ").cast(pl.Binary)
    buffer: bytes = texts.to_frame("").select(whole).item()
    if buffer.count(SEPARATOR) != len(texts) - 1:
        return _joined(texts.str.replace_all(_SEPARATOR_TEXT, " ", literal=True))
    return b"\x1e%b\x1e" % buffer


def _narrow_lines(texts: pl.Series) -> pl.Series:
    codes = np.frombuffer(bytearray(_joined(texts).translate(_ascii_table())), dtype=np.uint8)
    _settle_signs(codes)
    return _lines(_squeezed(codes).tobytes())


def _wide_lines(texts: pl.Series, cutter: Cutter) -> pl.Series:
    codes = _wide_codes(texts)
    unspaced = codes >= UNSPACED
    codes &= UNSPACED - 1
    signs = _settle_signs(codes)
    if not unspaced.any():
        return _lines(_as_bytes(_squeezed(codes)))
    tags = _take_tags(codes, unspaced, signs)
    return _with_tags(_lines(_as_bytes(_squeezed(cutter(codes, unspaced)))), tags.texts, _as_bytes(tags.buffer))


def _as_bytes(codes: NDArray[np.int32]) -> bytes:
    return codes.astype("<i4", copy=False).tobytes().decode("utf-32-le").encode()


def _lines(buffer: bytes) -> pl.Series:
    """One line for each text of a buffer that has a separator before, between and after them."""
    whole = pl.Series("", [buffer[1:-1]], dtype=pl.Binary).to_frame()
    lines = pl.col("").cast(pl.String).str.split(_SEPARATOR_TEXT).explode().str.strip_chars_start(" ")
    return whole.select(lines)[""]


def _with_tags(lines: pl.Series, texts: NDArray[np.int64], tags: bytes) -> pl.Series:
    """The lines, and behind some of them their hashtags."""
    if not len(texts):
        return lines
    tagged = lines.gather(texts) + " " + _lines(tags)
    places = np.arange(len(lines), dtype=np.uint32)
    places[texts] = np.arange(len(lines), len(lines) + len(texts), dtype=np.uint32)
    return pl.concat([lines, tagged]).gather(pl.Series(places))


def _wide_codes(texts: pl.Series) -> NDArray[np.int32]:
    """The folded characters of texts, flagged where they are unspaced; characters that mean nothing are gone."""
    codes = np.frombuffer(_joined(texts).decode().encode("utf-32-le"), dtype="<i4")
    folded = folding_table().take(codes, mode="clip")
    beyond = np.flatnonzero(codes >= TABLE_SIZE)
    folded[beyond] = np.where(codes[beyond] < HAN_END, codes[beyond] | UNSPACED, SPACE)
    special = np.flatnonzero(folded >= JOINS)
    if len(special):
        folded = _with_special(folded, codes, special)
    result: NDArray[np.int32] = folded[folded != 0]
    return result


def _with_special(folded: NDArray[np.int32], codes: Codes, special: NDArray[np.int64]) -> NDArray[np.int32]:
    """Loose marks joined with the letter before them, and the second letter put after letters that fold to two."""
    marks = special[folded[special] < DOUBLE]
    for mark, table in joined_letters().items():
        here = marks[folded[marks] == mark | JOINS]
        before = np.minimum(folded[here - 1] & (UNSPACED - 1), len(table) - 1)
        joined = table[before]
        folded[here[joined > 0] - 1] = joined[joined > 0]
    folded[marks] = 0
    doubles = special[folded[special] >= DOUBLE]
    folded[doubles] ^= DOUBLE
    return np.insert(folded, doubles + 1, second_letters()[codes[doubles]])


def _settle_signs(codes: Codes) -> NDArray[np.int64]:
    """Put # and @ back where they begin a word, and a space where they do not; returns where those # are."""
    signs = np.flatnonzero((codes == HASHTAG) | (codes == MENTION))
    opens = (codes[signs - 1] <= SPACE) & (codes[signs + 1] > SPACE)
    hashes = codes[signs] == HASHTAG
    codes[signs] = np.where(opens, np.where(hashes, ord("#"), ord("@")), SPACE)
    result: NDArray[np.int64] = signs[opens & hashes]
    return result


def _take_tags(codes: Codes, unspaced: NDArray[np.bool_], signs: NDArray[np.int64]) -> _Tags:
    """The hashtags with characters of unspaced scripts, copied out; their sign in the buffer becomes a space.

    A mention in such a script is none: no network has names of that kind, so its sign goes too.
    """
    mentions = np.flatnonzero(codes == ord("@"))
    codes[mentions[unspaced[mentions + 1]]] = SPACE
    windows = signs[:, None] + np.arange(1, TAG_CHARACTERS_MAX + 2)
    outside = codes.take(windows, mode="clip") <= SPACE
    lengths = outside.argmax(axis=1)  # 0 where the end is not in the window
    inside = (np.arange(windows.shape[1]) < lengths[:, None]) | (lengths == 0)[:, None]
    cut = (unspaced.take(windows, mode="clip") & inside).any(axis=1)
    codes[signs[cut]] = SPACE
    chosen = cut & (lengths > 0)
    starts, sizes = signs[chosen], lengths[chosen] + 2
    texts = np.searchsorted(np.flatnonzero(codes == SEPARATOR), starts) - 1
    firsts = np.cumsum(sizes) - sizes
    buffer = np.full(int(sizes.sum()) + 1, SEPARATOR, dtype=codes.dtype)
    buffer[:-1] = codes[np.repeat(starts - 1 - firsts, sizes) + np.arange(len(buffer) - 1)]
    begins = np.append(True, texts[1:] != texts[:-1])[: len(texts)]
    buffer[firsts] = np.where(begins, SEPARATOR, SPACE)
    buffer[firsts + 1] = ord("#")
    return _Tags(texts[begins], buffer)


def _squeezed(codes: Codes) -> Codes:
    """One space where there were several, and none at a text's end."""
    blank = codes == SPACE
    drop = blank[:-1] & (blank[1:] | (codes[1:] == SEPARATOR))
    result: Codes = codes[np.append(~drop, True)]
    return result


def _apart(codes: Codes, unspaced: NDArray[np.bool_]) -> Codes:
    """A space wherever words of spaced and unspaced scripts touch."""
    touch = np.flatnonzero((unspaced[1:] != unspaced[:-1]) & (codes[1:] > SPACE) & (codes[:-1] > SPACE)) + 1
    return np.insert(codes, touch, SPACE)


def _paired(codes: Codes, unspaced: NDArray[np.bool_]) -> Codes:
    """Each unspaced character becomes a space, itself, and its neighbour to the right if that is unspaced too."""
    followed = unspaced & np.append(unspaced[1:], False)
    after = np.append(False, unspaced[:-1]) & ~unspaced
    sizes = 1 + unspaced + followed + after
    ends = np.cumsum(sizes)
    cut = np.full(ends[-1], SPACE, dtype=codes.dtype)
    cut[ends - 1 - followed] = codes
    pairs = np.flatnonzero(followed)
    cut[ends[pairs] - 1] = codes[pairs + 1]
    return cut
