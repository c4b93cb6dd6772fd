"""Columns as bytes: a frame becomes one small blob, and comes back whole, or only some columns, or only some rows.

A blob is the length of a directory, the directory, and zstd segments; the directory is a MessagePack map from column
name to `Column`. Integers of 64 bits are stored as differences, split into byte planes; strings are joined with NUL,
which no text of ours contains. A segment holds some rows, so that a few rows cost a few segments and nothing else of the
blob is read: of one column, or of strings that are read together, column after column. Arrow IPC does the same with 1.5
to 2.5 times the CPU, and 3.8 kB of frame where a second holds 30 posts.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl
import zstandard
from numpy.typing import NDArray

from lapwing.errors import Corrupt
from lapwing.ledger.sqlite.opened import SIZE_BYTES, Blob, Column, Opened, expand
from lapwing.native.picking import pick

ZSTD_LEVEL = 1
NUMBERS_ROWS = 8_192
STRINGS_ROWS = 1_024
TOGETHER_ROWS = 256
"""So many rows of strings that are read together."""
CODED_MAX = 255
"""A column with more different values than this is not coded."""
NULL = "\x01"
"""Stands for null in a string column that allows it; control characters do not survive cleaning."""
_NULL = NULL.encode()

Array = NDArray[Any]
"""Array of a column: numbers, or strings as objects, bytes or None."""


_encode_directory = msgspec.msgpack.Encoder().encode


class Layout(msgspec.Struct, frozen=True):
    """How the strings of a frame are laid out, beside the usual."""

    together: tuple[tuple[str, ...], ...] = ()
    """Columns that are read together."""
    coded: tuple[str, ...] = ()
    """Columns with few different values."""


def encode(frame: pl.DataFrame, layout: Layout = Layout()) -> bytes:  # noqa: B008  (frozen)
    """The frame as one blob. Columns are integers, floats or strings; only strings may hold nulls."""
    compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress
    directory, parts, start = {}, [], 0
    for columns, segments in _laid_out(frame, layout):
        if columns[0][1].kind[0] != "c":
            segments = [compress(segment) for segment in segments]
        sizes = [len(segment) for segment in segments]
        for name, column in columns:
            directory[name] = msgspec.structs.replace(column, start=start, sizes=sizes)
        parts += segments
        start += sum(sizes)
    head = _encode_directory({name: directory[name] for name in frame.columns})
    return b"".join([len(head).to_bytes(SIZE_BYTES, "little"), head, *parts])


def _laid_out(frame: pl.DataFrame, layout: Layout) -> Iterator[tuple[list[tuple[str, Column]], list[bytes]]]:
    """Columns that share segments, and these."""
    alone = dict.fromkeys(frame.columns)
    for names in layout.together:
        there = [name for name in names if name in alone and frame[name].null_count() < frame.height]
        if len(there) > 1:
            yield _strings([frame[name] for name in there], TOGETHER_ROWS)
            alone = {name: None for name in alone if name not in there}
    for column in frame.select(*alone):
        if column.dtype != pl.String:
            described, segments = _numbers(column.to_numpy())
            yield [(column.name, described)], segments
        elif column.null_count() == len(column):
            yield [(column.name, Column("z", len(column), 0, [], 1))], []
        elif column.name in layout.coded and column.n_unique() <= CODED_MAX:
            yield _coded(column)
        else:
            yield _strings([column], STRINGS_ROWS)


def decode(blob: bytes, names: Iterable[str] | None = None) -> pl.DataFrame:
    """The frame, or only the columns in `names`; a blob that cannot be read is `Corrupt`."""
    return whole(io.BytesIO(blob), names)


def whole(blob: Blob | Opened, names: Iterable[str] | None = None) -> pl.DataFrame:
    """As `decode`, of a blob that is read in part."""
    with or_corrupt():
        columns = _Columns(blob)
        wanted = columns.directory if names is None else names
        return pl.DataFrame([columns.whole(name) for name in wanted])


def strings(blob: Blob | Opened, names: Sequence[str], rows: list[int]) -> dict[str, list[bytes | None]]:
    """Of some columns of strings some rows (sorted positions, at least one), as UTF-8."""
    with or_corrupt():
        columns = _Columns(blob)
        found: dict[str, list[bytes | None]] = {}
        for shared in columns.by_segments(names):
            found |= columns.strings(shared, rows)
        return found


class Numbers(msgspec.Struct, frozen=True):
    """The numbers of a whole column, and the strings that they stand for, if they do."""

    values: Array
    words: Array | None

    def at(self, rows: Array) -> Array:
        """Of some rows."""
        return self.values[rows] if self.words is None else self.words[self.values[rows]]

    @property
    def bytes(self) -> int:
        """About so many does it take in memory."""
        return self.values.nbytes + (0 if self.words is None else 64 * len(self.words))


def numbers(blob: Blob | Opened, name: str) -> Numbers:
    """A column of numbers, or a coded one, whole."""
    with or_corrupt():
        return _Columns(blob).numbers(name)


def joined(name: str, parts: list[Any]) -> pl.Series:
    """A column whose values were read from several blobs, by `strings` or `numbers`."""
    if isinstance(parts[0], list):
        return pl.Series(name, [value for part in parts for value in part], dtype=pl.Binary).cast(pl.String)
    values = np.concatenate(parts)
    return pl.Series(name, values.tolist(), dtype=pl.String) if values.dtype == np.object_ else pl.Series(name, values)


def listed(parts: list[Any]) -> list[Any]:
    """As `joined`, as a list of Python's."""
    if isinstance(parts[0], list):
        return [None if value is None else value.decode() for part in parts for value in part]
    return [value for part in parts for value in part.tolist()]


@contextmanager
def or_corrupt() -> Iterator[None]:
    """Blames the block for what goes wrong when it is read."""
    try:
        yield
    except (
        msgspec.DecodeError,
        zstandard.ZstdError,
        pl.exceptions.PolarsError,
        KeyError,
        ValueError,
        IndexError,
    ) as problem:
        raise Corrupt(
            f"a column block cannot be read ({problem})", "restore a backup, or run `lapwing rebuild`"
        ) from problem


def _strings(columns: list[pl.Series], step: int) -> tuple[list[tuple[str, Column]], list[bytes]]:
    described, parts = [], []
    for place, column in enumerate(columns):
        kind = "n" if column.null_count() else "s"
        described.append((column.name, Column(kind, len(column), 0, [], step, place, len(columns))))
        parts.append(_joined(column.fill_null(NULL) if kind == "n" else column, step))
    return described, [b"\0".join(segment) for segment in zip(*parts, strict=True)] if len(parts) > 1 else parts[0]


def _coded(column: pl.Series) -> tuple[list[tuple[str, Column]], list[bytes]]:
    filled = column.fill_null(NULL)
    words = filled.unique(maintain_order=True)
    described, segments = _numbers(filled.cast(pl.Enum(words)).to_physical().to_numpy().astype(np.uint8))
    return [(column.name, msgspec.structs.replace(described, words=tuple(words)))], segments


def _joined(strings: pl.Series, step: int) -> list[bytes]:
    """The strings with NUL between them, so many in each."""
    joined = strings.str.join("\0").item().encode()
    if len(strings) <= step:
        return [joined]
    ends = np.cumsum(strings.str.len_bytes().to_numpy().astype(np.int64) + 1)
    cuts = [0, *ends[step - 1 : -1 : step].tolist(), int(ends[-1])]
    return [joined[low : high - 1] for low, high in pairwise(cuts)]


def _numbers(values: Array) -> tuple[Column, list[bytes]]:
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    code = values.dtype.str
    if len(values) and (values == values[0]).all():
        return Column("c" + code, len(values), 0, [], 1), [values[:1].tobytes()]
    parts = [values[start : start + NUMBERS_ROWS] for start in range(0, len(values), NUMBERS_ROWS)]
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        kind, segments = "d", [planes(np.diff(part, prepend=values.dtype.type(0))) for part in parts]
    else:
        kind, segments = "r", [part.tobytes() for part in parts]
    return Column(kind + code, len(values), 0, [], NUMBERS_ROWS), segments


def planes(values: Array) -> bytes:
    """The bytes of equal weight side by side: the high ones are mostly zero and cost nothing."""
    return np.ascontiguousarray(values.view(np.uint8).reshape(len(values), -1).T).tobytes()


def unplaned(raw: bytes, dtype: np.dtype[Any]) -> Array:
    """The numbers of which `planes` made the bytes."""
    return np.ascontiguousarray(np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1).T).view(dtype).ravel()


def _words_of(column: Column) -> pl.Series:
    return pl.Series([None if word == NULL else word for word in column.words], dtype=pl.String)


def _by_segment(rows: list[int], step: int) -> Iterable[tuple[int, list[int]]]:
    """The segments that hold any of the rows, and which rows of them."""
    inside: dict[int, list[int]] = {}
    for row in rows:
        inside.setdefault(row // step, []).append(row % step)
    return inside.items()


class _Columns:
    """The columns of one blob."""

    def __init__(self, blob: Blob | Opened) -> None:
        self._opened = blob if isinstance(blob, Opened) else Opened(blob)
        self.directory = self._opened.directory.columns
        self._lists: dict[int, pl.Series] = {}

    def is_text(self, name: str) -> bool:
        return self.directory[name].kind in "zsn"

    def by_segments(self, names: Sequence[str]) -> Iterable[list[str]]:
        """The names of columns, together where they share segments; in the order of these."""
        shared: dict[int | str, list[str]] = {}
        for name in names:
            column = self.directory[name]
            shared.setdefault(column.start if column.of > 1 else name, []).append(name)
        return [sorted(group, key=lambda name: self.directory[name].place) for group in shared.values()]

    def whole(self, name: str) -> pl.Series:
        column = self.directory[name]
        if column.kind == "z":
            return pl.Series(name, [None], dtype=pl.String).new_from_index(0, column.rows)
        if not self.is_text(name):
            values = pl.Series(name, self._array(column))
            return _words_of(column).gather(values).rename(name) if column.words else values
        values = self._split(column).rename(name)
        if len(values) != column.rows:
            raise ValueError(f"column {name} has {len(values)} values, not {column.rows}")
        return values.set(values == NULL, None) if column.kind == "n" else values

    def strings(self, names: list[str], rows: list[int]) -> dict[str, list[bytes | None]]:
        """Of columns that share segments, in their order, the strings of some rows."""
        first = self.directory[names[0]]
        if first.kind == "z":
            return {names[0]: [None] * len(rows)}
        found: dict[str, list[bytes | None]] = {name: [] for name in names}
        places = [self.directory[name].place for name in names]
        for number, inside in _by_segment(rows, first.step):
            raw = self._opened.expanded(first.start + sum(first.sizes[:number]), first.sizes[number])
            height = min(first.step, first.rows - number * first.step)
            picked = pick(raw, [place * height + row for place in places for row in inside])
            for position, values in enumerate(found.values()):
                values += picked[position * len(inside) : (position + 1) * len(inside)]
        for name, values in found.items():
            if self.directory[name].kind == "n":
                found[name] = [None if value == _NULL else value for value in values]
        return found

    def numbers(self, name: str) -> Numbers:
        column = self.directory[name]
        if self.is_text(name):  # too many different values to be coded, or none
            return Numbers(np.arange(column.rows), np.array(self.whole(name).to_list(), dtype=np.object_))
        words = np.array(_words_of(column).to_list(), dtype=np.object_) if column.words else None
        return Numbers(self._array(column), words)

    def _split(self, column: Column) -> pl.Series:
        """The strings of a column; those that lie with it are kept until it is their turn."""
        if column.of == 1:
            return self._segment_lists(column).explode()
        if column.start not in self._lists:
            self._lists[column.start] = self._segment_lists(column)
        lists = self._lists[column.start]
        height = pl.col("").list.len() // column.of
        return lists.to_frame("").select(pl.col("").list.slice(height * column.place, height)).to_series().explode()

    def _segment_lists(self, column: Column) -> pl.Series:
        segments = [expand(segment) for segment in self._segments(column)]
        return pl.Series(segments, dtype=pl.Binary).cast(pl.String).str.split("\0")

    def _array(self, column: Column) -> Array:
        if column.kind[0] == "c":
            return self._constant(column, column.rows)
        parts = [self._unpacked(column, segment) for segment in self._segments(column)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, column.kind[1:]), *parts])

    def _segments(self, column: Column) -> list[bytes]:
        joined = self._opened.read(column.start, sum(column.sizes))
        return [joined[low:high] for low, high in pairwise(accumulate(column.sizes, initial=0))]

    def _constant(self, column: Column, rows: int) -> Array:
        value = np.frombuffer(self._opened.read(column.start, column.sizes[0]), column.kind[1:])
        return np.repeat(value, rows)

    def _unpacked(self, column: Column, segment: bytes) -> Array:
        dtype, raw = np.dtype(column.kind[1:]), expand(segment)
        if column.kind[0] == "r":
            return np.frombuffer(raw, dtype)
        return np.cumsum(unplaned(raw, dtype), dtype=dtype)
