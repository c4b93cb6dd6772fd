"""Terms of texts and their hashes, by the compiled library."""

from __future__ import annotations

import ctypes

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native.compiled import ArrowArray, compiled, pointer, series, views_of

Table = NDArray[np.int32]


def cut(
    texts: pl.Series, folding: Table, second: Table, *, pairs: bool = True
) -> tuple[pl.Series, pl.Series, NDArray[np.int64]] | None:
    """Terms List(String) and their hashes List(UInt64), and the rows that were left, where both are empty.

    `folding` and `second` are the tables of `text.characters`. Without `pairs` runs of unspaced scripts stay whole. None
    where there is no library.
    """
    core = compiled()
    if core is None:
        return None
    left = np.zeros(len(texts), dtype=np.uint8)
    terms, hashes = ArrowArray(), ArrowArray()
    arguments = pointer(folding), pointer(second), ctypes.c_int32(pairs), pointer(left)
    with views_of(texts) as views:
        if core.lapwing_cut(ctypes.byref(views), *arguments, ctypes.byref(terms), ctypes.byref(hashes)):
            raise MemoryError("no memory for the terms of texts")
    return (
        series("terms", terms, pl.List(pl.String())),
        series("term_hashes", hashes, pl.List(pl.UInt64())),
        np.flatnonzero(left),
    )
