"""A few of many texts in one buffer, by the compiled library."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from lapwing.native.compiled import compiled, pointer


def pick(joined: bytes, rows: NDArray[np.int64]) -> list[bytes]:
    """The texts of some rows (in rising order) of a buffer that has a zero byte between two texts.

    Raises `ValueError` where there are not so many.
    """
    core = compiled()
    if core is None:
        texts = joined.split(b"\0")
        if len(rows) and int(rows[-1]) >= len(texts):
            raise ValueError(f"row {rows[-1]} of {len(texts)}")
        return [texts[row] for row in rows.tolist()]
    asked = np.empty((len(rows), 2), dtype=np.int64)  # in: a row twice; out: where its text begins and ends
    asked[:] = rows[:, None]
    if not core.lapwing_pick(joined, ctypes.c_int64(len(joined)), pointer(asked), ctypes.c_int64(len(rows))):
        raise ValueError(f"there is no row {rows[-1]}")
    return [joined[start:end] for start, end in asked.tolist()]
