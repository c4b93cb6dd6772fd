"""Names among terms, by the compiled library."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapwing.native.compiled import compiled, pointer

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


class Names(NamedTuple):
    """What names are known; see `places.gazetteer` for what these are."""

    gate: NDArray[np.bool_]
    keys: Hashes
    first: Numbers
    counts: Numbers
    mix: int
    gate_bits: int
    index_bits: int


class _Names(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("gate", "keys", "first", "counts")),
        ("mix", ctypes.c_uint64),
        ("gate_bits", ctypes.c_int32),
        ("index_bits", ctypes.c_int32),
    ]


def match(names: Names, hashes: Hashes, texts: NDArray[np.uint32]) -> tuple[Numbers, Numbers, Numbers] | None:
    """Start, number of terms and slot of each name among the terms of `texts`. None where there is no library."""
    core = compiled()
    if core is None:
        return None
    hashes, texts = np.ascontiguousarray(hashes), np.ascontiguousarray(texts)
    starts, words, slots = (np.empty(len(hashes), dtype=np.int64) for _ in range(3))
    asked = _Names(*(pointer(array) for array in names[:4]), *names[4:])
    found = core.lapwing_match(
        ctypes.byref(asked), pointer(hashes), pointer(texts), ctypes.c_int64(len(hashes)), *map(pointer, (starts, words, slots))
    )  # fmt: skip
    return starts[:found].copy(), words[:found].copy(), slots[:found].copy()
