"""Finds the compiled library, and moves columns between it and frames by the Arrow C data interface, without copying."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import polars as pl
from numpy.typing import NDArray

VERSION = 3
"""What `lapwing_version` in `arrow.c` says: a library that was compiled before the last change is not used."""


class ArrowSchema(ctypes.Structure):
    """Says what an array holds."""


class ArrowArray(ctypes.Structure):
    """Holds the buffers of a column; whoever has it calls its `release` once."""


class ArrowStream(ctypes.Structure):
    """Gives a column array by array."""


_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ArrowStream), ctypes.c_void_p)
_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowSchema))

ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]
ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    *((name, ctypes.c_void_p) for name in ("buffers", "children", "dictionary", "release", "private_data")),
]
ArrowStream._fields_ = [
    ("get_schema", _NEXT),
    ("get_next", _NEXT),
    ("get_last_error", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

_NULLABLE = 2
_VIEWS = b"vu"
_LISTS = b"+L"
_FORMATS: dict[Any, bytes] = {pl.String(): b"U", pl.Int64(): b"l", pl.UInt64(): b"L", pl.Float64(): b"g"}


@cache
def compiled() -> ctypes.CDLL | None:
    """The compiled library, or None where there is none that is of this version and can be loaded here."""
    found = importlib.util.find_spec("lapwing.native._core")
    return None if found is None or found.origin is None else load(found.origin)


def load(path: str) -> ctypes.CDLL | None:
    """The library at a path, or None as above."""
    try:
        core = ctypes.CDLL(path)
        if core.lapwing_version() != VERSION:
            return None
    except (OSError, AttributeError):
        return None
    core.lapwing_pick.restype = ctypes.c_bool
    core.lapwing_pick.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]
    core.lapwing_match.restype = core.lapwing_rows.restype = ctypes.c_int64
    core.lapwing_scan.restype = ctypes.c_int
    return core


def _released(schema: Any) -> None:
    """Schemas belong to Python: nothing is to be freed."""
    schema.contents.release = _RELEASE()


_release_schema = _RELEASE(_released)


def _schema(kind: pl.DataType) -> ArrowSchema:
    schema = ArrowSchema(name=b"", flags=_NULLABLE, release=_release_schema)
    if isinstance(kind, pl.List):
        child = _schema(kind.inner)  # type: ignore[arg-type]  # ours are instances
        schema.format, schema.n_children = b"+L", 1
        schema.children = (ctypes.POINTER(ArrowSchema) * 1)(ctypes.pointer(child))
    else:
        schema.format = _FORMATS[kind]
    return schema


_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.restype, _pointer_in.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class _Exported:
    """An array of ours, as frames take it."""

    def __init__(self, array: ArrowArray, kind: pl.DataType) -> None:
        self.array, self.schema = array, _schema(kind)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return (
            _new_capsule(ctypes.addressof(self.schema), b"arrow_schema", None),
            _new_capsule(ctypes.addressof(self.array), b"arrow_array", None),
        )


def series(name: str, array: ArrowArray, kind: pl.DataType) -> pl.Series:
    """A column out of an array that the library filled."""
    return pl.Series(_Exported(array, kind)).alias(name)


def pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    """Where the numbers of an array are."""
    return ctypes.c_void_p(array.ctypes.data)


def views_of(texts: pl.Series) -> AbstractContextManager[ArrowArray]:
    """Lend the library a column of texts."""
    return _lent(texts, lambda schema: bool(schema.format == _VIEWS))


def lists_of(lists: pl.Series) -> AbstractContextManager[ArrowArray]:
    """Lend the library a column of lists of texts."""
    return _lent(lists, lambda schema: schema.format == _LISTS and schema.children[0].contents.format == _VIEWS)


@contextmanager
def _lent(column: pl.Series, fits: Callable[[ArrowSchema], bool]) -> Iterator[ArrowArray]:
    capsule = column.rechunk().__arrow_c_stream__(None)
    stream = ArrowStream.from_address(_pointer_in(capsule, b"arrow_array_stream"))
    array, schema = ArrowArray(), ArrowSchema()
    release = compiled().lapwing_release  # type: ignore[union-attr]  # who lends has looked
    try:
        if stream.get_schema(stream, ctypes.addressof(schema)) or not fits(schema):
            raise TypeError("frames hold texts in another way than as views")
        if stream.get_next(stream, ctypes.addressof(array)):
            raise TypeError("a frame does not give its texts")
        yield array
    finally:
        release(ctypes.byref(array))
        if schema.release:
            schema.release(schema)
