"""Columns as bytes: whatever goes in comes back, whole or in part, and what is broken says so."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.errors import Corrupt
from lapwing.ledger.sqlite import columns

VALUES = {
    "text": (pl.String(), st.text(st.characters(codec="utf-8", exclude_characters="\0\x01"), max_size=5)),
    "beside": (pl.String(), st.sampled_from(["", "b", "é"])),
    "lang": (pl.String(), st.none() | st.sampled_from(["en", "ja", "zh-hant", "und"])),
    "maybe": (pl.String(), st.none() | st.sampled_from(["", "a", "é", "東京"])),
    "time": (pl.Int64(), st.integers(-(1 << 63), (1 << 63) - 1)),
    "hash": (pl.UInt64(), st.integers(0, (1 << 64) - 1)),
    "area": (pl.UInt32(), st.sampled_from([0, 7, (1 << 32) - 1])),
    "share": (pl.Float64(), st.floats(allow_nan=False)),
}
LAYOUT = columns.Layout(together=(("text", "beside", "absent", "maybe"),), coded=("lang",))
FRAMES = st.lists(st.tuples(*(values for _, values in VALUES.values())), max_size=12)


def frame_of(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: dtype for name, (dtype, _) in VALUES.items()}, orient="row")


@pytest.fixture(autouse=True, scope="module")
def _small_segments() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(columns, "STRINGS_ROWS", 3)
        patched.setattr(columns, "TOGETHER_ROWS", 2)
        patched.setattr(columns, "NUMBERS_ROWS", 4)
        patched.setattr(columns, "CODED_MAX", 3)
        yield


@given(FRAMES, st.sampled_from([columns.Layout(), LAYOUT]))
def test_a_frame_comes_back_whole(rows: list[tuple[object, ...]], layout: columns.Layout) -> None:
    frame = frame_of(rows)
    blob = columns.encode(frame, layout)

    assert columns.decode(blob).equals(frame)
    assert columns.decode(blob, ["area", "maybe"]).equals(frame.select("area", "maybe"))


@given(FRAMES.filter(bool), st.sampled_from([columns.Layout(), LAYOUT]), st.data())
def test_some_rows_come_back_from_the_segments_that_hold_them(
    rows: list[tuple[object, ...]], layout: columns.Layout, data: st.DataObject
) -> None:
    frame = frame_of(rows)
    wanted = np.array(sorted(data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))))

    blob = io.BytesIO(columns.encode(frame, layout))
    found = columns.strings(blob, ["text", "beside", "maybe"], wanted.tolist())
    kept = {name: columns.numbers(blob, name).at(wanted) for name in ("time", "hash", "area", "share")}
    if not layout.coded:
        found |= columns.strings(blob, ["lang"], wanted.tolist())
    else:
        kept["lang"] = columns.numbers(blob, "lang").at(wanted)

    for name, values in (found | kept).items():
        assert columns.joined(name, [values]).equals(frame[name][wanted], check_dtypes=True)


def test_a_value_that_all_rows_have_is_stored_once() -> None:
    one, many = (columns.encode(pl.DataFrame({"kind": [7] * rows})) for rows in (1, 50_000))

    assert len(many) - len(one) < 4


@pytest.mark.parametrize("damage", [lambda blob: blob[:-3], lambda blob: b"\xff" * len(blob), lambda _: b""])
def test_a_damaged_blob_is_corrupt(damage: object) -> None:
    blob = columns.encode(frame_of([("a", "", "en", None, 1, 2, 3, 0.5), ("b", "b", None, "c", 2, 3, 4, 0.25)]))

    with pytest.raises(Corrupt, match="cannot be read"):
        columns.decode(damage(blob))  # type: ignore[operator]
