"""Streams cut into records: every shape, cut off anywhere, in chunks of any size, and gone on with from any batch."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.containers.batches import Batch
from lapwing.containers.cutting import cut, peek
from lapwing.containers.detection import Container, detect
from lapwing.errors import UnreadableInput
from lapwing.model import RECORD_BYTES_MAX

ONE = '{"id":1,"text":"a line\u2028separator, \\"quoted\\" {brace] \\\\"}'.encode()
TWO = b'{"id":2,"doc":{"deep":[{"er":{"x":"}"}}]}}'
THREE = '{"id":3,"text":"水"}'.encode()
RECORDS = [ONE, TWO, THREE]
HEADER = b'{"total_rows":185875709,"offset":0,"rows":['

STREAMS: dict[str, tuple[bytes, str]] = {
    "ndjson": (b"\n".join(RECORDS) + b"\n", "lines"),
    "ndjson without a last end": (b"\n".join(RECORDS), "lines"),
    "crlf and blank lines": (b"\r\n\r\n".join(RECORDS) + b"\r\n\r\n", "lines"),
    "byte order mark": (b"\xef\xbb\xbf" + b"\n".join(RECORDS), "lines"),
    "concatenated": (b"".join(RECORDS), "values"),
    "pretty": ("\n".join(json.dumps(json.loads(record), indent=2, ensure_ascii=False) for record in RECORDS).encode(), "values"),
    "array": (b"[" + b",".join(RECORDS) + b"]", "values"),
    "array over lines": (b"[\n " + b",\n ".join(RECORDS) + b"\n]\n", "values"),
    "arrays in lines": (b"[" + ONE + b"," + TWO + b"]\n[" + THREE + b"]\n", "values"),
    "archive": (HEADER + b"\n" + b",\n".join(RECORDS) + b",\n{}]}\n", "rows"),
    "archive without a comma": (HEADER + b"\r\n" + b",\r\n".join(RECORDS) + b"\r\n]}\r\n", "rows"),
    "archive closed behind the row": (HEADER + b"\n" + b",\n".join(RECORDS) + b"]}\n", "rows"),
    "archive in one line": (HEADER + b",".join(RECORDS) + b",{}]}", "values"),
    "archive cut off": (HEADER + b"\n" + b",\n".join(RECORDS) + b",\n", "rows"),
}  # fmt: skip


def values(records: list[bytes]) -> list[object]:
    return [json.loads(record) for record in records]


def cut_all(data: bytes, container: Container, size: int = 1 << 20, offset: int = 0) -> list[Batch]:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    return list(cut(chunks, container, offset))


def records_of(batches: list[Batch]) -> list[bytes]:
    return [record for batch in batches for record in batch.records]


@pytest.mark.parametrize("name", STREAMS)
def test_every_shape_is_told_and_cut(name: str) -> None:
    data, kind = STREAMS[name]
    container = detect(data)
    assert container.kind == kind
    assert values(records_of(cut_all(data, container))) == values(RECORDS)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_the_size_of_chunks_changes_nothing(name: str, size: int) -> None:
    data, _ = STREAMS[name]
    container = detect(data)
    assert records_of(cut_all(data, container, size)) == records_of(cut_all(data, container))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_off_anywhere_gives_what_was_whole_and_at_most_one_piece(name: str) -> None:
    data, _ = STREAMS[name]
    container = detect(data)
    whole = records_of(cut_all(data, container))
    for length in range(len(data)):
        given = records_of(cut_all(data[:length], container, 16))
        all_but_one = max(len(given) - 1, 0)
        assert given[:all_but_one] == whole[:all_but_one]
        if given and given[-1] not in whole:
            assert data[:length].rstrip(b" ,\r\n").endswith(given[-1].rstrip(b" ,"))


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [10, 40, 100])
def test_reading_goes_on_behind_any_batch(name: str, size: int) -> None:
    data, _ = STREAMS[name]
    container = detect(data)
    batches = cut_all(data, container, size)
    for number, batch in enumerate(batches, 1):
        rest = cut_all(data[batch.offset :], container, size, batch.offset)
        assert records_of(rest) == records_of(batches[number:])
    assert batches[-1].offset <= len(data)


@given(
    st.lists(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=30)),
    st.integers(1, 40),
    st.sampled_from([None, 1]),
)
def test_any_objects_are_found_again(found: list[object], size: int, indent: int | None) -> None:
    objects = [{"value": each} for each in found]
    text = "".join(json.dumps(each, indent=indent, ensure_ascii=False) for each in objects).encode("utf-8", "replace")
    assert values(records_of(cut_all(text, Container("values"), size))) == values(
        [json.dumps(each, ensure_ascii=False).encode("utf-8", "replace") for each in objects]
    )


@given(st.binary(max_size=200) | st.text('{}[]",\\\n ab', max_size=200).map(str.encode), st.integers(1, 30))
def test_any_bytes_are_cut_the_same_in_any_chunks(data: bytes, size: int) -> None:
    for kind in ("lines", "rows", "values"):
        container = Container(kind)  # type: ignore[arg-type]  # one of the three
        together = records_of(cut_all(data, container))
        assert records_of(cut_all(data, container, size)) == together
        assert all(record and len(record) <= len(data) for record in together)
    try:
        detect(data)
    except UnreadableInput:
        assert data[:2] in (b"\xff\xfe", b"\xfe\xff")


def test_text_between_objects_is_a_record_too() -> None:
    data = b'{"a":1} oops {"b":2}\nmore oops\n[3, "x"]'
    assert records_of(cut_all(data, Container("values"))) == [b'{"a":1}', b"oops", b'{"b":2}', b"more oops", b'3, "x"]']


def test_a_line_end_inside_a_string_breaks_only_that_object() -> None:
    data = b'{"a":"never closed\n{"b":2}{"c":3}'
    assert records_of(cut_all(data, Container("values"))) == [b'{"a":"never closed', b'{"b":2}', b'{"c":3}']


def long_stream(parts: int) -> Iterator[bytes]:
    yield b'{"id":1}\n{"id":2,"text":"'
    for _ in range(parts):
        yield b"x" * (1 << 20)
    yield b'"}\n{"id":3}\n'


@pytest.mark.parametrize("kind", ["lines", "rows", "values"])
def test_a_record_of_a_hundred_megabytes_leaves_its_length_and_hash_and_no_more(kind: str) -> None:
    tracemalloc.start()
    batches = list(cut(long_stream(100), Container(kind)))  # type: ignore[arg-type]  # one of the three
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8 << 20
    assert records_of(batches) == [b'{"id":1}', b'{"id":3}']
    oversized = [batch.oversized for batch in batches if batch.oversized]
    expected = b'{"id":2,"text":"' + b"x" * (100 << 20) + b'"}'
    assert [(each.size_bytes, each.sha256) for each in oversized] == [
        (len(expected), hashlib.sha256(expected).hexdigest())
    ]
    assert oversized[0].prefix == expected[:256]


@pytest.mark.parametrize("kind", ["lines", "rows", "values"])
@pytest.mark.parametrize("size", [1 << 16, 1 << 23])
def test_what_was_too_long_keeps_its_place_whatever_the_chunks(kind: str, size: int) -> None:
    data = b"".join(long_stream(2)) + b"".join(long_stream(3))
    batches = cut_all(data, Container(kind), size)  # type: ignore[arg-type]  # one of the three
    order = [
        part
        for batch in batches
        for part in (*batch.records, *([batch.oversized.size_bytes] if batch.oversized else []))
    ]
    assert order == [b'{"id":1}', (2 << 20) + 18, b'{"id":3}', b'{"id":1}', (3 << 20) + 18, b'{"id":3}']
    assert batches[-1].offset in (len(data), len(data) - 1)


def test_a_record_of_exactly_the_limit_is_kept() -> None:
    record = b'"' + b"x" * (RECORD_BYTES_MAX - 2) + b'"'
    assert records_of(cut_all(record + b"\n", Container("lines"), 4096)) == [record]
    (batch,) = cut_all(b" " + record + b"\n", Container("lines"), 4096)
    assert batch.oversized


@pytest.mark.parametrize("kind", ["lines", "values"])
@pytest.mark.parametrize("opening", [b'{"a":', b"["])
def test_deep_nesting_does_not_recurse(kind: str, opening: bytes) -> None:
    deep = opening * 100_000 + b"1" + {b"[": b"]", b'{"a":': b"}"}[opening] * 100_000
    records = records_of(cut_all(deep + b'\n{"b":1}\n', Container(kind), 5000))  # type: ignore[arg-type]  # one of the two
    assert records[-1] == b'{"b":1}'
    assert detect(deep).kind in ("lines", "values")


def test_broken_lines_do_not_change_what_a_file_is() -> None:
    data = ONE[:9] + b"\n" + ONE + b"\n" + ONE[9:] + b"\n" + TWO + b"\n" + THREE + b"\n"
    assert detect(data).kind == "lines"
    assert len(records_of(cut_all(data, detect(data)))) == 5


def test_utf_16_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableInput, match="convert it to UTF-8"):
        detect('{"a":1}'.encode("utf-16"))


def test_what_was_read_before_trouble_is_given() -> None:
    def trouble() -> Iterator[bytes]:
        yield b'{"a":1}\n{"b":'
        raise UnreadableInput("the stream is cut off")

    batches = cut(trouble(), Container("lines"))
    assert records_of([next(batches), next(batches)]) == [b'{"a":1}', b'{"b":']
    with pytest.raises(UnreadableInput):
        next(batches)


def test_peeking_takes_nothing_away() -> None:
    head, chunks = peek([b"ab", b"cd", b"ef"], 3)
    assert head == b"abc"
    assert b"".join(chunks) == b"abcdef"
    assert peek([], 3)[0] == b""


def test_trouble_among_the_first_bytes_takes_nothing_away_either() -> None:
    def trouble() -> Iterator[bytes]:
        yield b"ab"
        raise UnreadableInput("the stream is cut off")

    head, chunks = peek(trouble(), 3)
    assert (head, next(chunks)) == (b"ab", b"ab")
    with pytest.raises(UnreadableInput):
        next(chunks)
