"""A few of many texts in one buffer, by the compiled library."""

from __future__ import annotations

from array import array

from lapwing.native.compiled import compiled


def pick(joined: bytes, rows: list[int]) -> list[bytes]:
    """The texts of some rows (in rising order) of a buffer that has a zero byte between two texts.

    Raises `ValueError` where there are not so many.
    """
    core = compiled()
    if core is None:
        texts = joined.split(b"\0")
        if rows and rows[-1] >= len(texts):
            raise ValueError(f"row {rows[-1]} of {len(texts)}")
        return [texts[row] for row in rows]
    asked = array("q", rows)  # in: rows; out: where the text of each begins, and then where each ends
    asked.extend(rows)
    if not core.lapwing_pick(joined, len(joined), asked.buffer_info()[0], len(rows)):
        raise ValueError(f"there is no row {rows[-1]}")
    return [joined[start:end] for start, end in zip(asked[: len(rows)], asked[len(rows) :], strict=True)]
