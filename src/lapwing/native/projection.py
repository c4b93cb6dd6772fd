"""Fields of JSON records as columns, by the compiled library."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native.compiled import ArrowArray, compiled, pointer, series
from lapwing.values import Values

TEXT, INTEGER, FLOAT, RAW = "text", "integer", "float", "raw"
"""A text; a whole number; any number; any value as it is written, for rare ones that are read later. Null is none."""

_WISHES = {"object": 0, "list": 1, TEXT: 2, INTEGER: 3, FLOAT: 4, RAW: 5}
_KINDS: dict[str, pl.DataType] = {TEXT: pl.String(), INTEGER: pl.Int64(), FLOAT: pl.Float64(), RAW: pl.String()}
_CHILDREN_MAX, _KEY_BYTES_MAX = 32, 63


class First(NamedTuple):
    """A list, of which the first elements are wanted and the length; the others must be of their kind."""

    of: Wish
    size: int = 1


class Noted(NamedTuple):
    """An object, of which it is also wanted whether it is there: 1, or null."""

    fields: Mapping[str, Wish]


Wish = str | First | Noted | Mapping[str, "Wish"]
"""What is wanted of a value; a mapping wants fields of an object."""


class _Node(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int32) for name in ("wish", "column", "first_child", "children", "key_start", "key_size")),
        ("sizes", ctypes.c_uint64),
    ]


class Projection:
    """What is wanted of records. Columns are named by their path: `includes.users` is how many, `includes.users.0.id`
    the id of the first.
    """

    def __init__(self, fields: Mapping[str, Wish]) -> None:
        self.columns: dict[str, pl.DataType] = {}
        self._nodes = [_Node()]
        self._keys = bytearray()
        self._fill(0, fields, "")
        self.nodes = (_Node * len(self._nodes))(*self._nodes)
        self.keys = bytes(self._keys)
        self.is_text = np.array([kind == pl.String() for kind in self.columns.values()], dtype=np.uint8)

    def _column(self, path: str, kind: pl.DataType) -> int:
        self.columns[path] = kind
        return len(self.columns) - 1

    def _fill(self, at: int, wish: Wish, path: str) -> None:
        """Describe one node, whose children stand side by side."""
        node = self._nodes[at]
        if isinstance(wish, str):
            node.wish = _WISHES[wish]
            node.column = self._column(path, _KINDS[wish])
            return
        children: Mapping[str, Wish]
        if isinstance(wish, First):
            node.wish, node.column = _WISHES["list"], self._column(path, pl.Int64())
            children = {str(place): wish.of for place in range(wish.size)}
        else:
            noted = isinstance(wish, Noted)
            node.wish, node.column = _WISHES["object"], self._column(path, pl.Int64()) if noted else -1
            children = wish.fields if isinstance(wish, Noted) else wish
        if len(children) > _CHILDREN_MAX or max(map(len, children)) > _KEY_BYTES_MAX:
            raise ValueError(
                f"at most {_CHILDREN_MAX} fields of an object can be wanted, each of {_KEY_BYTES_MAX} bytes"
            )
        node.first_child, node.children = len(self._nodes), len(children)
        node.sizes = sum({1 << len(key) for key in children})
        self._nodes += [
            _Node(key_start=len(self._keys) + offset, key_size=len(key)) for key, offset in _offsets(children)
        ]
        self._keys += "".join(children).encode()
        for child, (key, inner) in enumerate(children.items(), node.first_child):
            self._fill(child, inner, ".".join(part for part in (path, key) if part))


def _offsets(keys: Mapping[str, object]) -> list[tuple[str, int]]:
    ends = np.cumsum([0, *(len(key) for key in keys)]).tolist()
    return list(zip(keys, ends, strict=False))


class Fields(NamedTuple):
    """What records say. There are columns only for fields that any record has."""

    wanted: Projection
    frame: pl.DataFrame
    left: NDArray[np.bool_]
    """Which records were left; their fields are null."""

    def of(self, name: str) -> pl.Expr:
        """A field; null where no record has it."""
        return pl.col(name) if name in self.frame.columns else pl.lit(None, self.wanted.columns[name])


def project(values: Sequence[bytes], wanted: Projection) -> Fields | None:
    """The wanted fields of each record. None without the library, or where there is nothing."""
    core, records = compiled(), Values.of(values)
    if core is None or not len(records):
        return None
    starts, ends = np.ascontiguousarray(records.starts), np.ascontiguousarray(records.ends)
    left = np.zeros(len(records), dtype=np.uint8)
    made = (ArrowArray * len(wanted.columns))()
    failed = core.lapwing_project(
        records.buffer, pointer(starts), pointer(ends), ctypes.c_int64(len(records)), wanted.nodes, wanted.keys,
        pointer(wanted.is_text), ctypes.c_int64(len(made)), pointer(left), made,
    )  # fmt: skip
    if failed:
        raise MemoryError("no memory for the fields of records")
    columns = [
        series(name, array, kind)
        for (name, kind), array in zip(wanted.columns.items(), made, strict=True)
        if array.release
    ]
    return Fields(wanted, pl.DataFrame(columns), left.astype(np.bool_)) if columns else None
