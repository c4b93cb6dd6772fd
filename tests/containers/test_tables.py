"""Tables cut into rows, each of which says what it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.containers.cutting import cut
from lapwing.containers.detection import Container, detect

TABLE = 'id,text,created at\r\n1,"two\nlines, ""quoted""",2027\n2,水,2028\n\n3,,2029'.encode()


def rows(data: bytes, container: Container | None = None, size: int = 1 << 20, offset: int = 0) -> list[dict[str, str]]:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    made = cut(chunks, container or detect(data), offset)
    return [json.loads(record) for batch in made for record in batch.records]


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_rows_become_objects_of_the_names_in_the_header(size: int, mark: bytes) -> None:
    assert detect(mark + TABLE) == Container("csv", b"id,text,created at\r\n")
    assert rows(mark + TABLE, size=size) == [
        {"id": "1", "text": 'two\nlines, "quoted"', "created at": "2027"},
        {"id": "2", "text": "水", "created at": "2028"},
        {"id": "3", "text": "", "created at": "2029"},
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_header(delimiter: str) -> None:
    data = "id;text\n1;a b\n".replace(";", delimiter).encode()
    assert rows(data) == [{"id": "1", "text": "a b"}]


def test_reading_goes_on_behind_any_batch() -> None:
    container = detect(TABLE)
    chunks = [TABLE[at : at + 20] for at in range(0, len(TABLE), 20)]
    batches = list(cut(chunks, container))
    counts = [len(batch.records) for batch in batches]
    for number, batch in enumerate(batches, 1):
        rest = rows(TABLE[batch.offset :], container, offset=batch.offset)
        assert len(rest) == sum(counts[number:])


def test_a_row_that_does_not_fit_says_so() -> None:
    assert rows(b"id,text\n1,a\n2\n3,b,c\n4,\xff\n") == [
        {"id": "1", "text": "a"},
        {"csv_problem": "1 columns, but the header names 2", "csv_row": "2"},
        {"csv_problem": "3 columns, but the header names 2", "csv_row": "3,b,c"},
        {"csv_problem": "not UTF-8", "csv_row": "4,\ufffd"},
    ]


def test_a_quote_that_is_never_closed_takes_only_its_line() -> None:
    data = b'id,text\n1,"open\n2,b\n' + b"3,c\n" * 50_000
    made = rows(data, size=1 << 16)
    assert (
        made[0] == {"csv_problem": "a quote that is never closed", "csv_row": '1,"open'}
        or "field" in made[0]["csv_problem"]
    )
    assert made[1:3] == [{"id": "2", "text": "b"}, {"id": "3", "text": "c"}]
    assert len(made) == 50_002


def test_a_line_that_is_too_long_is_left_out() -> None:
    data = b"id,text\n1,a\n2," + b"x" * 2_000_000 + b"\n3,c\n"
    batches = list(cut([data], detect(data)))
    assert [batch.oversized.size_bytes for batch in batches if batch.oversized] == [2_000_002]
    assert [json.loads(record)["id"] for batch in batches for record in batch.records] == ["1", "3"]


@given(st.text('ab",\n\r\0é', max_size=60), st.integers(1, 9))
def test_no_text_makes_it_raise_and_chunks_change_nothing(text: str, size: int) -> None:
    data = b"id,text\n" + text.encode()
    container = Container("csv", b"id,text\n")
    assert rows(data, container, size) == rows(data, container)


def test_what_is_no_table_is_lines() -> None:
    assert detect(b"just some words\nand more\n").kind == "lines"
    assert detect(b"1,2,3\n4,5,6\n").kind == "lines"
    assert detect(b"").kind == "lines"
