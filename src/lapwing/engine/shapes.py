"""Records of JSON as frames that change none of their values: one frame for each run of records of one shape.

A column has one type. Records whose values do not fit one column, or that have other keys, are given in frames of their
own, so that what a function gets of a record never depends on its neighbours, but for one thing: a whole number beside
fractions is the same number as a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

EXACT_MAX = 1 << 53
"""Whole numbers up to here are exact as fractions of 64 bits."""
WHOLE = {"whole": EXACT_MAX, "large": (1 << 63) - 1, "huge": (1 << 127) - 1}
"""Kinds of whole numbers, and the largest of each."""
TYPES: dict[str, pl.DataType] = {
    "null": pl.Null(), "bool": pl.Boolean(), "whole": pl.Int64(), "large": pl.Int64(), "huge": pl.Int128(),
    "fraction": pl.Float64(), "text": pl.String(),
}  # fmt: skip
NAMES = {"bool": "truths", "whole": "numbers", "large": "numbers", "huge": "numbers", "fraction": "numbers", "text": "texts", "list": "lists", "object": "objects", "null": "nulls"}  # fmt: skip

Shape = tuple[str, Any] | None
"""A kind, and the shape of what is inside: of a list one, of an object one for each key. None: not known, as of null."""


NULL: tuple[str, Any] = ("null", None)


class Unfit(ValueError):
    """Two shapes that no column can have together."""


def frames(values: list[Any]) -> Iterator[pl.DataFrame]:
    """A row for each JSON object, a column for each key; values that are no objects are in the column `value`.

    Raises `ValueError` for a record that alone makes no frame, such as a list of numbers and texts.
    """
    rows: list[Any] = []
    shape: Shape = None
    for value in values:
        own = _shape(value) or NULL
        try:
            joint = _joint(shape, own) if rows else own
        except Unfit:
            yield _frame(rows, shape)
            rows, joint = [], own
        rows.append(value)
        shape = joint
    if rows:
        yield _frame(rows, shape)


def _frame(values: list[Any], shape: Shape) -> pl.DataFrame:
    rows = [value if isinstance(value, dict) else {"value": value} for value in values]
    kind, inside = shape or NULL
    types: dict[str, Shape] = inside if kind == "object" else {"value": shape}
    return pl.DataFrame(rows, {key: _type(each) for key, each in types.items()}, orient="row", strict=False)


def _type(shape: Shape) -> pl.DataType:
    kind, inside = shape or NULL
    if kind == "list":
        return pl.List(_type(inside))
    if kind == "object":
        return pl.Struct({key: _type(each) for key, each in inside.items()})
    return TYPES[kind]


def _shape(value: Any) -> Shape:
    """Raises `Unfit` for a list whose values fit no column."""
    if value is None:
        return None
    if isinstance(value, dict):
        return "object", {key: _shape(each) for key, each in value.items()}
    if isinstance(value, list):
        inside: Shape = None
        for each in value:
            inside = _joint(inside, _shape(each))
        return "list", inside
    if isinstance(value, bool):
        return "bool", None
    if isinstance(value, int):
        kind = next((kind for kind, most in WHOLE.items() if abs(value) <= most), None)
        if kind is None:
            raise Unfit(f"a number of {value.bit_length()} bits fits no column; take each record alone (`each = true`)")
        return kind, None
    return ("fraction" if isinstance(value, float) else "text"), None


def _joint(one: Shape, other: Shape) -> Shape:
    """The shape that both have."""
    if one is None or other is None:
        return one or other
    (kind, inside), (other_kind, other_inside) = one, other
    if kind != other_kind:
        kinds = {kind, other_kind}
        if kinds == {"whole", "fraction"}:
            return "fraction", None
        if kinds <= WHOLE.keys():
            return max(kinds, key=lambda each: WHOLE[each]), None
        message = (
            f"{NAMES[kind]} and {NAMES[other_kind]} together make no column; take each record alone (`each = true`)"
        )
        raise Unfit(message)
    if kind == "list":
        return "list", _joint(inside, other_inside)
    if kind == "object":
        if inside.keys() != other_inside.keys():
            raise Unfit("objects with different keys together make no column; take each record alone (`each = true`)")
        return "object", {key: _joint(inside[key], other_inside[key]) for key in inside}
    return one
