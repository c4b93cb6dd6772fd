"""Files that grow, are renamed, cut off, replaced and packed: each line is read once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lapwing import catalog
from lapwing.app.listening import format_known
from lapwing.containers import recordings
from lapwing.engine.heard import Plan, outputs_of
from lapwing.hearing import Disconnected, SourceChunk
from lapwing.model import Records
from sources.hearing import HurriedTime, Room
from sources.held import chunks_until, values_of

SOURCE = catalog.load("sources", "files")
SPEED = 100.0


def options(path: Path, **words: Any) -> Any:
    return SOURCE.options(**({"path": str(path), "every_us": 100_000, "settle_us": 1_000} | words))


def status(number: int) -> bytes:
    """A post as Mastodon writes it, in one line."""
    uri = f"https://a.example/users/ada/statuses/{number}"
    told = {"id": str(number), "created_at": "2026-11-22T00:00:00Z", "uri": uri, "content": f"<p>Hail {number}</p>"}
    return json.dumps(told | {"account": {"acct": "ada", "uri": "https://a.example/users/ada"}}).encode()


def lines(*numbers: int) -> bytes:
    return b"".join(status(number) + b"\n" for number in numbers)


def numbers(chunks: list[SourceChunk]) -> list[int]:
    return [int(json.loads(value)["id"]) for value in values_of(chunks)]


def looked(times: int) -> Any:
    return lambda chunks: sum(chunk.covered_to_us is not None for chunk in chunks) >= times


def read_from(path: Path, after: str = "", looks: int = 1, **words: Any) -> list[SourceChunk]:
    return chunks_until(SOURCE, options(path, **words), after, HurriedTime(SPEED), looked(looks))


def cursor_of(chunks: list[SourceChunk]) -> str:
    return str(chunks[-1].cursor)


def test_a_folder_is_read_file_by_file_and_what_is_new_after_it(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(lines(1, 2))
    (tmp_path / "b.ndjson").write_bytes(lines(3))
    (tmp_path / ".hidden").write_bytes(lines(9))
    first = read_from(tmp_path)
    assert numbers(first) == [1, 2, 3]
    assert first[-1].covered_from_us is not None
    with (tmp_path / "a.ndjson").open("ab") as file:
        file.write(lines(4))
    (tmp_path / "c.ndjson").write_bytes(lines(5))
    second = read_from(tmp_path, cursor_of(first))
    assert numbers(second) == [4, 5]
    assert second[-1].covered_from_us == first[-1].covered_to_us, "what was written meanwhile is there"
    assert numbers(read_from(tmp_path, cursor_of(second))) == []


def test_a_pattern_names_some_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.ndjson").write_bytes(lines(1))
    (tmp_path / "in" / "a.log").write_bytes(lines(2))
    assert numbers(read_from(tmp_path / "**" / "*.ndjson")) == [1]


def test_from_every_cursor_exactly_the_rest_comes(tmp_path: Path) -> None:
    for name, some in (("a", range(1500)), ("b", range(1500, 3000))):
        (tmp_path / name).write_bytes(lines(*some))
    (tmp_path / "c.gz").write_bytes(gzip.compress(lines(*range(3000, 4000))))
    chunks = read_from(tmp_path)
    assert numbers(chunks) == list(range(4000))
    assert len(chunks) > 4
    before = 0
    for chunk in chunks:
        before += len(chunk.values)
        assert chunk.cursor is not None
        assert numbers(read_from(tmp_path, chunk.cursor)) == list(range(before, 4000))


def test_a_line_that_has_not_ended_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(1) + status(2)[:40])
    first = read_from(path, looks=3)
    assert numbers(first) == [1]
    with path.open("ab") as file:
        file.write(status(2)[40:] + b"\n")
    assert numbers(read_from(path, cursor_of(first))) == [2]


def test_a_last_line_without_an_end_is_read_when_the_file_has_come_to_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(1) + status(2))
    first = read_from(path, looks=3)
    assert numbers(first) == [1, 2]
    with path.open("ab") as file:
        file.write(b"\n" + lines(3))
    assert numbers(read_from(path, cursor_of(first))) == [3]


def test_a_log_that_is_renamed_is_read_to_its_end_under_its_new_name(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(lines(1))
    first = read_from(path)
    with path.open("ab") as file:
        file.write(lines(2))
    path.rename(tmp_path / "app.log.1")
    path.write_bytes(lines(3))
    second = read_from(path, cursor_of(first))
    assert sorted(numbers(second)) == [2, 3]
    assert not any(chunk.lost for chunk in second)
    with (tmp_path / "app.log.1").open("ab") as file:
        file.write(lines(4))  # its writer has not noticed yet
    assert numbers(read_from(path, cursor_of(second))) == [4]


def test_a_log_that_is_cut_off_is_read_anew_and_what_may_be_missing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(lines(1, 2, 3))
    first = read_from(path)
    path.write_bytes(lines(1, 2))  # its beginning is as it was
    second = read_from(path, cursor_of(first))
    assert numbers(second) == [1, 2]
    (lost,) = second[-1].lost
    assert lost.from_us == first[-1].covered_to_us
    assert "cut off or replaced" in lost.reason


def test_another_file_with_the_same_number_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(lines(1))
    first = read_from(path)
    with path.open("r+b") as file:  # the number stays, as when a disk gives it again
        file.truncate()
        file.write(lines(7, 8, 9))
    assert numbers(read_from(path, cursor_of(first))) == [7, 8, 9]


def test_a_file_that_was_taken_away_unread_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(lines(1) + status(2)[:30])
    first = read_from(tmp_path)
    path.unlink()
    (lost,) = read_from(tmp_path, cursor_of(first))[-1].lost
    assert "taken away before it was read to its end" in lost.reason


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_is_read_when_it_is_whole(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "a.packed"
    whole = pack(lines(*range(500)))
    path.write_bytes(whole[: len(whole) // 2])
    first = read_from(path, looks=2)
    assert "cut off" in first[-1].reason
    half = numbers(first)
    path.write_bytes(whole)
    rest = read_from(path, cursor_of(first))
    assert half + numbers(rest) == list(range(500))
    assert rest[-1].reason == ""
    fresh = tmp_path / "b.packed"
    fresh.write_bytes(whole)
    waits = chunks_until(SOURCE, options(fresh, settle_us=3_600_000_000), "", HurriedTime(SPEED), looked(2))
    assert values_of(waits) == [], "it may still be on its way here"


def test_a_table_gives_its_rows_and_goes_on_with_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\n1,"Hail,\nand wind"\n2,Flo')
    first = read_from(path, looks=2)
    assert values_of(first) == [b'{"id":"1","text":"Hail,\\nand wind"}']
    with path.open("ab") as file:
        file.write(b"od\n")
    assert values_of(read_from(path, cursor_of(first))) == [b'{"id":"2","text":"Flood"}']


def test_the_format_is_found_and_a_broken_line_goes_where_the_others_go() -> None:
    plan = Plan(name="in", type="files", topic="raw.files", source=SOURCE, options=None, known=format_known)
    chunk = SourceChunk(values=[status(1), b'{"id": "2", "uri', status(3)], format="auto")
    ((_, records),) = outputs_of(plan, [chunk], 1_800_000_000_000_000)
    assert (records.network, records.format) == ("mastodon", "mastodon")
    decoded = catalog.load("formats", "mastodon").decode(records)
    assert [refused.record for refused in decoded.refused] == [1]
    ((_, odd),) = outputs_of(plan, [SourceChunk(values=[b'{"a":1}'], format="auto")], 1)
    assert (odd.network, odd.format) == ("files", "unrecognised")
    ((_, strange),) = outputs_of(plan, [SourceChunk(values=[b"{}"], format="../evil", network="x")], 1)
    assert (strange.network, strange.format) == ("x", "../evil"), "it is refused where it is read"


def test_lines_of_a_recording_come_as_what_they_hold(tmp_path: Path) -> None:
    records = Records(
        source="au", network="mastodon", format="mastodon", values=[status(1)], received_at_us=[1_795_000_000_000_000]
    )
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in recordings.encode(records)) + b'{"v":1,"sour\n')
    chunks = [chunk for chunk in read_from(path) if chunk.values]
    assert [(chunk.network, chunk.format, list(chunk.values)) for chunk in chunks] == [
        ("mastodon", "mastodon", [status(1)]), (None, "recording", [b'{"v":1,"sour']),
    ]  # fmt: skip
    assert list(chunks[0].received_at_us or ()) == [1_795_000_000_000_000]
    assert (chunks[0].cursor, chunks[1].cursor is None) == (None, False)


def test_a_record_that_is_too_long_is_kept_as_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(1) + b'{"id":"' + b"x" * (2 << 20) + b'"}\n' + lines(2))
    chunks = [chunk for chunk in read_from(path) if chunk.values]
    assert [chunk.format for chunk in chunks] == ["auto", "oversize", "auto"]
    assert json.loads(chunks[1].values[0])["oversize"]["bytes"] == (2 << 20) + 9


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Disconnected, match="is not there"):
        read_from(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_is_said_and_nothing_is_sure(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").symlink_to("/proc/self/mem")  # it looks like a file; reading its beginning fails
    (tmp_path / "b.ndjson").write_bytes(lines(1))
    chunks = chunks_until(SOURCE, options(tmp_path), "", HurriedTime(SPEED), lambda chunks: len(chunks) == 2)
    assert numbers(chunks) == [1]
    assert "a.ndjson" in chunks[-1].reason
    assert chunks[-1].covered_to_us is None


def test_in_its_engine_it_is_ended_in_the_middle_again_and_again_and_nothing_is_lost_or_twice(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.ndjson").write_bytes(lines(*range(4000)))
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(lines(*range(4000, 6000))))
    room = Room(tmp_path)
    made = options(folder, format="mastodon")
    for least in (1, 1500, 6000):
        with room.listening("in", SOURCE, made):
            room.wait_until(lambda least=least: len(room.values()) >= least)
    assert sorted(int(json.loads(value)["id"]) for value in room.values()) == list(range(6000))
    assert len(room.heard_us()) == 1
