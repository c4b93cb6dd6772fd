"""The rows of some terms in a chunk of the index, by the compiled library."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from lapwing.native.compiled import compiled, pointer


def rows_of(chunk: bytes, from_code: int, to_code: int) -> NDArray[np.uint16] | None:
    """The rows of the codes in a range, both ends included, code after code; None where there is no library.

    Raises `ValueError` where the chunk is not as long as it says.
    """
    core = compiled()
    if core is None:
        return None
    rows = np.empty(len(chunk) // 2, dtype=np.uint16)
    codes = ctypes.c_uint64(from_code), ctypes.c_uint64(to_code)
    found = core.lapwing_rows(chunk, ctypes.c_int64(len(chunk)), *codes, pointer(rows))
    if found < 0:
        raise ValueError("a chunk of the index is cut off")
    return rows[:found].copy()
