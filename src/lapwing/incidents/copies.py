"""Near-duplicate texts: signatures that are alike where texts are.

MinHash (Broder, 1997) with multiply-shift hashing over the hashes of words that are made anyway; 32 values of 16 bits, so
that the share of equal values estimates the Jaccard similarity within 0.09. Candidates are found by bands of four
(Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4): 0.59 alike is found every second time, 0.8 in 98 of 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq

import numpy as np
from numpy.typing import NDArray

VALUES = 32
BAND = 4
ALIKE_MIN = 0.7
"""Texts of which so many values are equal are copies."""
NEAR_MIN = 0.4
"""Of texts that are less alike it is not asked whether one word alone differs."""
APART_SHARED_MIN = 5
SHORT_TERMS_MAX = 3
"""So few words are written by many who never heard of one another."""
SHORT_VOICES_MAX = 3
"""So many copies of a short text are voices of their own."""


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers that look like chance, the same for ever: splitmix64 (Steele, Lea, Flood, 2014)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


_FACTORS = _mixed(np.arange(1, VALUES + 1, dtype=np.uint64)) | np.uint64(1)
_SHIFTS = _mixed(np.arange(VALUES + 1, 2 * VALUES + 1, dtype=np.uint64))


def signatures(lists: Sequence[Sequence[int]]) -> list[bytes]:
    """The signature of each list of word hashes; empty for an empty list."""
    sizes = np.array([len(each) for each in lists], dtype=np.int64)
    if not sizes.sum():
        return [b""] * len(lists)
    terms = np.concatenate([np.asarray(each, dtype=np.uint64) for each in lists])
    hashed: NDArray[np.uint64] = (terms[:, None] * _FACTORS + _SHIFTS) >> np.uint64(48)
    there = np.flatnonzero(sizes)
    starts = np.append(0, np.cumsum(sizes[there])[:-1])
    least = np.minimum.reduceat(hashed.astype(np.uint16), starts, axis=0)
    found = [b""] * len(lists)
    for row, place in enumerate(there.tolist()):
        found[place] = least[row].tobytes()
    return found


def bands(signature: bytes) -> list[bytes]:
    """Keys of which alike signatures have one in common."""
    width = 2 * BAND
    return [bytes([start // width]) + signature[start : start + width] for start in range(0, len(signature), width)]


def one_word_apart(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two texts differ by one word only, as those do that a machine numbers; `APART_SHARED_MIN` words are the same."""
    if abs(len(one) - len(other)) > 1:
        return False
    shared = len(set(one) & set(other))
    return shared >= APART_SHARED_MIN and max(len(one), len(other)) - shared <= 1


def alike(one: bytes, other: bytes) -> float:
    """About how much of their words two texts share, 0…1."""
    if not one or not other:
        return 0.0
    equal: int = sum(map(eq, memoryview(one).cast("H"), memoryview(other).cast("H")))
    return equal / (len(one) // 2)
