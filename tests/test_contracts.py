"""What every format and every stage must keep. A new file is found here by itself, and its example is run."""

from __future__ import annotations

import re
from functools import cache

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lapwing import catalog
from lapwing.contracts import Format, Stage
from lapwing.model import CHANGES, CREATED_AT_US_MIN, KINDS, OPERATIONS, POSTS, Decoded, Records
from resources import resource

FORMATS = catalog.names("formats")
STAGES = catalog.names("stages")

RECEIVED_AT_US = 2_051_222_400_000_000
"""2035-01-01: after every example, so that none is refused for coming from the future."""

REFUSES_ALL = {"oversize", "recording", "unrecognised"}
"""Formats that stand for what cannot be kept."""

NAMELESS = {"csv_rows"}
"""Formats whose records may have no author at all; the author is then empty."""

MAY_BE_NULL = set(
    "author_name lang longitude latitude place_name place_country place_longitude place_latitude profile url alias about".split()
)

GARBAGE = [
    b"", b" ", b"{", b"}", b"[]", b"{}", b"null", b"true", b"7", b'""', b"[[]]", b"[{}]", b'{"id":', b"\x00", b"\xff\xfe{",
    b'{"id": null}', b'{"id": []}', b'{"kind": {}}', b'{"data": null}', b'{"data": []}', b"\xef\xbb\xbf{}", b'"\\ud800"',
    b"1e999", b"-", b"[" * 2000, b'{"a":' * 2000, b"id,text\n1,flood",
]  # fmt: skip


def records(name: str, values: list[bytes]) -> Records:
    """As a source of this format hands them over."""
    network = catalog.load("formats", name).network
    return Records(
        source="example", network=network, format=name, values=values, received_at_us=[RECEIVED_AT_US] * len(values)
    )


def whole(format: Format) -> list[bytes]:
    """The example, with pages split as a source splits them."""
    if format.split is None:
        return format.example
    return [part for record in format.example for part in (format.split(record) or [record])]


def accounting(name: str, values: list[bytes]) -> Decoded:
    """Decode, and check that every record ended as exactly one thing."""
    decoded = catalog.load("formats", name).decode(records(name, values))
    assert decoded.posts.schema == POSTS
    assert decoded.changes.schema == CHANGES
    ends = [
        *decoded.posts["record"].to_list(),
        *decoded.changes["record"].to_list(),
        *(refused.record for refused in decoded.refused),
    ]
    assert len(ends) == len(set(ends)), "a record ended twice"
    assert set(ends) <= set(range(len(values)))
    assert all(count >= 0 for count in decoded.filtered.values())
    assert len(ends) + sum(decoded.filtered.values()) == len(values)
    assert all(refused.reason.strip() for refused in decoded.refused)
    return decoded


@pytest.mark.parametrize("name", FORMATS + STAGES)
def test_the_name_is_words_in_lower_case(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_decodes_and_every_column_keeps_its_promise(name: str) -> None:
    values = whole(catalog.load("formats", name))
    decoded = accounting(name, values)
    posts, changes = decoded.posts, decoded.changes
    if name in REFUSES_ALL:
        assert len(decoded.refused) == len(values) > 0
        return
    assert decoded.refused == []
    assert posts.height + changes.height > 0, "an example shows at least one post or change"
    assert [column for column in POSTS if posts[column].null_count() and column not in MAY_BE_NULL] == []
    assert [column for column in CHANGES if changes[column].null_count() and column not in ("name", "author")] == []
    assert (
        posts.filter(
            (pl.col("uid") == "")
            | ((pl.col("author") == "") & pl.lit(name not in NAMELESS))
            | (pl.col("kind") >= len(KINDS))
            | (pl.col("uid_time_us") < 0)
            | (pl.col("alias").is_not_null() & (pl.col("alias") == ""))
            | ~pl.col("created_at_us").is_between(CREATED_AT_US_MIN, RECEIVED_AT_US)
            | ~pl.col("longitude").is_between(-180, 180).fill_null(True)
            | ~pl.col("latitude").is_between(-90, 90).fill_null(True)
            | ~pl.col("place_country").str.contains(r"^[A-Z]{2}$").fill_null(True)
            | (pl.col("lang") != pl.col("lang").str.to_lowercase()).fill_null(False)
            | (pl.col("longitude").is_null() != pl.col("latitude").is_null())
            | (pl.col("place_longitude").is_null() != pl.col("place_latitude").is_null())
        ).rows(named=True)
        == []
    )
    assert (
        changes.filter(
            (pl.col("operation") >= len(OPERATIONS)) | (pl.col("name").is_null() & pl.col("author").is_null())
        ).rows(named=True)
        == []
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_says_the_same_alone_and_among_others(name: str) -> None:
    values = whole(catalog.load("formats", name))
    together = accounting(name, values)
    alone = [accounting(name, [value]) for value in values]
    for part in ("posts", "changes"):
        rows = [getattr(each, part).with_columns(record=pl.lit(number, pl.UInt32)) for number, each in enumerate(alone)]
        assert_frame_equal(pl.concat(rows), getattr(together, part).sort("record"))
    assert_frame_equal(accounting(name, values).posts, together.posts)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_in_a_record_makes_it_raise(name: str) -> None:
    format = catalog.load("formats", name)
    accounting(name, GARBAGE)
    for value in whole(format):
        step = max(1, len(value) // 40)
        accounting(name, [value[:cut] for cut in range(0, len(value), step)])
        accounting(name, [value[:cut] + b"\xff" + value[cut + 1 :] for cut in range(0, len(value), step)])
    for value in GARBAGE:
        assert isinstance(format.recognises(value), bool)


@pytest.mark.full
@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_no_value_in_the_place_of_another_makes_it_raise(name: str, data: st.DataObject) -> None:
    """Takes an example and puts anything at all in the place of one of its values."""
    format = catalog.load("formats", name)
    record = data.draw(st.sampled_from(whole(format)))
    if not record.startswith(b"{"):  # XML: any bytes in the place of others
        cut = data.draw(st.integers(0, len(record)))
        accounting(
            name, [record[:cut] + data.draw(st.binary(max_size=30)) + record[cut + data.draw(st.integers(0, 30)) :]]
        )
        return
    tree = msgspec.json.decode(record)
    anything = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    value = data.draw(anything | st.lists(anything, max_size=2) | st.dictionaries(st.text(), anything, max_size=2))
    here = tree
    while isinstance(here, dict | list) and here:
        key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if data.draw(st.booleans()) or not isinstance(here[key], dict | list):
            here[key] = value
            break
        here = here[key]
    accounting(name, [msgspec.json.encode(tree)])


@pytest.mark.parametrize("name", FORMATS)
def test_it_recognises_its_own_example_and_no_other_format_does(name: str) -> None:
    for value in catalog.load("formats", name).example:
        assert [other for other in FORMATS if catalog.load("formats", other).recognises(value)] == [name]
    assert not any(
        catalog.load("formats", name).recognises(value) for value in (b"", b"{", b"\xff", b"id,text\n1,flood")
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_page_is_split_once(name: str) -> None:
    format = catalog.load("formats", name)
    if format.split is not None:
        for record in whole(format):
            assert format.split(record) in (None, [record])


@cache
def example_posts() -> pl.DataFrame:
    """The posts of all formats' examples, and two whose text is hard."""
    frames = [accounting(name, whole(catalog.load("formats", name))).posts for name in FORMATS]
    posts = pl.concat(frames)
    hard = pl.DataFrame({"text": ["", "\u0000 🌊 地震 #flood @a https://a.example/\n" * 50]})
    hard = posts.drop("text").head(1).join(hard, how="cross").select(POSTS.names())
    return pl.concat([posts, hard]).with_columns(record=pl.int_range(pl.len(), dtype=pl.UInt32)).select(POSTS.names())


@cache
def inputs() -> dict[str, pl.DataFrame]:
    """What each stage is given: the example posts, and the columns of the stages on which it builds."""
    given, frame, waiting = {}, example_posts(), list(STAGES)
    while waiting:
        for name in waiting:
            try:
                answer = transform(name)(frame)
            except pl.exceptions.ColumnNotFoundError:
                continue
            given[name], frame = frame, answer
            waiting.remove(name)
            break
        else:
            message = f"these stages need columns that no other stage adds: {waiting}"
            raise AssertionError(message)
    return given


def transform(name: str):
    """A stage, with its resources in its hands."""
    stage: Stage = catalog.load("stages", name)
    return stage.make({each: resource(each) for each in stage.resources})


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_adds_what_it_declares_and_leaves_the_rest(name: str) -> None:
    stage, frame = catalog.load("stages", name), inputs()[name]
    answer = transform(name)(frame)
    assert {column: answer.schema[column] for column in stage.adds} == dict(stage.adds)
    assert set(answer.columns) == set(frame.columns) | set(stage.adds)
    untouched = [column for column in frame.columns if column not in stage.adds]
    assert_frame_equal(answer.select(untouched), frame.select(untouched))
    assert stage.version


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_a_pure_function(name: str) -> None:
    frame, work = inputs()[name], transform(name)
    before = frame.clone()
    first = work(frame)
    assert_frame_equal(frame, before)
    assert_frame_equal(work(frame), first)
    assert_frame_equal(transform(name)(frame), first)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_says_the_same_of_a_post_in_any_company(name: str) -> None:
    frame, work = inputs()[name], transform(name)
    together = work(frame)
    assert_frame_equal(pl.concat([work(frame[row : row + 1]) for row in range(frame.height)]), together)
    assert_frame_equal(work(frame.reverse()).reverse(), together)
    assert_frame_equal(work(frame.clear()), together.clear())
