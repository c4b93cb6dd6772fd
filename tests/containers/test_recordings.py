"""Our own recordings."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.containers.recordings import decode, encode, is_recording
from lapwing.model import Covered, Records

RECORDS = Records(
    source="reef",
    network="mastodon",
    format="mastodon",
    values=[b'{"id":"1","text":"\xe6\xb0\xb4"}', b"\xff\x00"],
    received_at_us=[1_799_143_200_000_001, 1_799_143_201_000_000],
    cursors=["a", "b"],
)


def test_a_line_is_what_the_documentation_says() -> None:
    text, binary = encode(RECORDS)
    assert (
        text
        == (
            '{"v":1,"source":"reef","network":"mastodon","format":"mastodon","received_at":"2027-01-05T10:00:00.000001Z",'
            '"cursor":"a","record":"{\\"id\\":\\"1\\",\\"text\\":\\"水\\"}"}'
        ).encode()
    )
    assert binary.endswith(b'"record":{"base64":"/wA="}}')


def test_what_was_written_is_read_again_by_where_it_came_from() -> None:
    other = msgspec.structs.replace(RECORDS, source="else", cursors=None)
    lines = [line for pair in zip(encode(RECORDS), encode(other), strict=True) for line in pair]
    decoded = decode(lines)
    assert decoded.refused == []
    assert decoded.records == [RECORDS, msgspec.structs.replace(other, cursors=["", ""])]


@given(st.lists(st.tuples(st.binary(), st.integers(0, 4_000_000_000_000_000)), min_size=1))
def test_every_record_comes_back(pairs: list[tuple[bytes, int]]) -> None:
    records = Records(
        source="s",
        network="n",
        format="f",
        values=[value for value, _ in pairs],
        received_at_us=[time_us for _, time_us in pairs],
        cursors=["c"] * len(pairs),
    )
    assert decode(encode(records)).records == [records]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        encode(RECORDS)[0][:-2],
        encode(RECORDS)[0].replace(b'"v":1', b'"v":2'),
        encode(RECORDS)[0].replace(b"2027-01-05", b"yesterday"),
        encode(RECORDS)[1].replace(b"/wA=", b"?"),
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_none_is_refused(line: bytes) -> None:
    decoded = decode([encode(RECORDS)[0], line])
    assert [each.record for each in decoded.refused] == [1]
    assert decoded.refused[0].reason.startswith("not a line of a recording: ")
    assert len(decoded.records[0].values) == 1


def test_it_knows_its_own() -> None:
    assert is_recording(encode(RECORDS)[0])
    assert not is_recording(b'{"v":1,"record":"x"}')


def covered(**more: object) -> bytes:
    note = {"source": "other", "network": "x", "from_us": 1, "to_us": 9, "kind": "gap", "reason": "cut"} | more
    value = msgspec.json.encode(note)
    (line,) = encode(
        Records(source="s", network="n", format="covered", values=[value], received_at_us=[1], cursors=[""])
    )
    return line


def test_what_was_heard_is_no_record_but_a_note_about_the_source_of_its_line() -> None:
    decoded = decode([covered(), encode(RECORDS)[0]])
    assert decoded.covered == [Covered("s", "n", 1, 9, "gap", "cut")]
    assert [len(each.values) for each in decoded.records] == [1]
    wrong = [
        covered(to_us=0),
        covered(from_us=-1),
        covered(to_us=1 << 70),
        covered(kind="all"),
        covered(reason="x" * 5_000),
    ]
    assert (decode(wrong).covered, len(decode(wrong).refused)) == ([], 5)
