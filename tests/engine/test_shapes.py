"""Records of JSON go through frames unchanged, whoever their neighbours are."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.engine.shapes import Unfit, frames

PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**90), 2**90), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)  # fmt: skip
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.dictionaries(st.sampled_from(["id", "v", "w"]), VALUES, min_size=1, max_size=3)


def through(values: list[Any]) -> list[dict[str, Any]]:
    return [row for frame in frames(values) for row in frame.iter_rows(named=True)]


def fits(record: Any) -> bool:
    try:
        return len(list(frames([record]))) == 1
    except Unfit:
        return False


def kinds(value: Any) -> Any:
    """The value with what only its kind tells: true is not 1, but 1 is 1.0."""
    if isinstance(value, dict):
        return {key: kinds(each) for key, each in value.items()}
    if isinstance(value, list):
        return [kinds(each) for each in value]
    return type(value).__name__.replace("int", "float"), value


@given(st.lists(RECORDS.filter(fits), max_size=6))
def test_what_comes_out_is_what_went_in(values: list[Any]) -> None:
    assert [kinds(row) for row in through(values)] == [kinds(value) for value in values]


def test_records_of_one_shape_are_one_frame() -> None:
    values = [{"id": number, "share": number / 2 if number % 2 else number, "tags": ["x"]} for number in range(100)]
    (frame,) = frames(values)
    assert frame.schema["share"] == pl.Float64
    assert frame["id"].to_list() == list(range(100))


@pytest.mark.parametrize("value", [{"a": [1, "s"]}, [1, "s"], {"a": [{"b": 1}, {"c": 1}]}, {"a": 1 << 200}])
def test_what_no_column_can_hold_is_refused_with_what_helps(value: Any) -> None:
    with pytest.raises(Unfit, match="each = true"):
        list(frames([value]))
