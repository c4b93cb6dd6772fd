"""Keywords in posts, by the compiled library."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native.compiled import ArrowArray, compiled, lists_of, pointer, series

_KEY_BYTES = 4
_GROUP_BITS = 16
_MIX = np.uint32(0x9E3779B1)
_CATEGORIES_MAX = 16


class Groups(NamedTuple):
    """Keywords by the group of their first four bytes, in the order of their list within each; see `scan.c`."""

    opens: NDArray[np.uint8]
    first: NDArray[np.int32]
    bytes: NDArray[np.uint8]
    ends: NDArray[np.int64]
    categories: NDArray[np.uint8]
    shown: NDArray[np.uint8]
    shown_ends: NDArray[np.int64]
    other: int


class _Keywords(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("opens", "first", "bytes", "ends", "categories", "shown", "shown_ends")),
        ("length", ctypes.c_int64),
        ("other", ctypes.c_int32),
    ]


def groups_of(
    patterns: Sequence[str], categories: NDArray[np.uint8], shown: Sequence[str], other: int
) -> Groups | None:
    """The keywords as the library takes them, `categories` below 16 and `other` the one that gives way to all others.

    None where a pattern has fewer than four bytes: such lists go the careful way.
    """
    written = [pattern.encode() for pattern in patterns]
    if min(map(len, written), default=0) < _KEY_BYTES or int(categories.max(initial=0)) >= _CATEGORIES_MAX:
        return None
    keys = np.frombuffer(b"".join(pattern[:_KEY_BYTES] for pattern in written), dtype=np.uint32)
    groups = (keys * _MIX) >> np.uint32(32 - _GROUP_BITS)
    order = np.argsort(groups, kind="stable")
    size = 1 << _GROUP_BITS
    there = np.bincount(groups, minlength=size) > 0
    said = [shown[each].encode() for each in order.tolist()]
    found = [written[each] for each in order.tolist()]
    return Groups(
        np.packbits(there, bitorder="little"),
        np.searchsorted(groups[order], np.arange(size + 1)).astype(np.int32),
        *_joined(found),
        categories[order],
        *_joined(said),
        other,
    )


def _joined(texts: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts one after the other, and where each ends, beginning with 0."""
    return np.frombuffer(b"".join(texts) + b"\0", dtype=np.uint8), np.cumsum([0, *map(len, texts)], dtype=np.int64)


def scan(groups: Groups | None, lists: pl.Series) -> tuple[pl.Series, NDArray[Any], NDArray[Any]] | None:
    """Of each list of terms (List(String), no nulls) the keywords, the category, and the bits of all categories.

    None where there is no library, or no `groups`.
    """
    core = compiled()
    if core is None or groups is None:
        return None
    category, touched = np.empty(len(lists), dtype=np.uint8), np.empty(len(lists), dtype=np.uint16)
    asked = _Keywords(*(pointer(array) for array in groups[:7]), len(groups.categories), groups.other)
    gate = ArrowArray()
    with lists_of(lists) as lent:
        if core.lapwing_scan(
            ctypes.byref(asked), ctypes.byref(lent), ctypes.byref(gate), pointer(category), pointer(touched)
        ):
            raise MemoryError("no memory for the keywords of posts")
    said = (
        series("gate", gate, pl.String())
        if gate.release
        else pl.Series("gate", [None], pl.String).new_from_index(0, len(lists))
    )
    return said, category, touched
