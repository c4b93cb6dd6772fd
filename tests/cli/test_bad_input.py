"""What the world sends: every bad record is kept with a reason, its neighbours are stored, and nothing falls over."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from cli.running import HOUR, ingest, lapwing, lines, numbers, standing, status

BAD = {
    "not JSON": (b"hello there", "not JSON"),
    "truncated": (status(50)[:80], "truncated JSON: it ends in the middle, at byte 80"),
    "wrong type": (status(51, account=7), "account should be an object"),
    "a list": (b"[1, 2]", "should be an object"),
    "no id": (status(52).replace(b'"uri": "https://a.example/posts/52"', b'"a": 1'), "no uri"),
    "a date that is none": (status(53, created_at="soon"), "'soon' is not a date"),
    "before all posts": (status(54, created_at="1970-01-01T00:00:00Z"), "before 2006"),
    "of the future": (status(55, created_at="2999-01-01T00:00:00Z"), "more than a day after"),
    "year 99999": (status(56, created_at="99999-01-01T00:00:00Z"), "is not a date"),
    "broken UTF-8": (status(57).replace(b"Hail", b"\xff\xfe\xfd"), "not UTF-8 at byte"),
    "half a character": (status(58).replace(b"Hail", b"\\ud83d"), "lone surrogate"),
    "surrogate bytes": (status(59, "\ud800"), "not UTF-8"),
    "deep lists": (b'{"zzz":' + b"[" * 100_000, "nested too deep"),
    "deep objects": (b'{"zzz":' * 100_000, "nested too deep"),
    "numbers": (b'{"id": 1e999999, "uri": 1}', ""),
    "NULs": (b"\0" * 50, "not JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_kept_and_its_neighbours_are_stored(name: str, tmp_path: Path, data_dir: Path) -> None:
    record, reason = BAD[name]
    done = ingest(data_dir, lines(tmp_path / "a.ndjson", status(1), record, status(2)))
    assert (done.code, numbers(done)) == (3, [3, 2, 0, 0, 0, 1])
    (letter,) = lapwing(data_dir, "errors", "--json").json
    assert (letter["topic"], letter["offset"], letter["source"]) == ("raw.mastodon", 1, "a")
    assert reason in letter["reason"]
    assert lapwing(data_dir, "errors", "show", letter["id"]).out == record + b"\n"


def test_nul_in_a_text_is_left_out(tmp_path: Path, data_dir: Path) -> None:
    done = ingest(data_dir, lines(tmp_path / "a.ndjson", status(1, "Ha\0il")))
    assert numbers(done) == [1, 1, 0, 0, 0, 0]
    assert lapwing(data_dir, "posts", "hail", "--json").json["posts"][0]["text"] == "Hail"


def test_coordinates_that_are_not_on_earth(tmp_path: Path, data_dir: Path) -> None:
    rows = b"id,text,date,lat,lon\n1,a,2024-06-01 10:00,-31.9,115.8\n2,b,2024-06-01 10:00,991,0\n3,c,2024-06-01 10:00,nan,x\n"
    file = tmp_path / "a.csv"
    file.write_bytes(rows)
    done = ingest(data_dir, file)
    assert numbers(done) == [3, 1, 0, 0, 0, 2]
    reasons = [each["reason"] for each in lapwing(data_dir, "errors", "list", "--json").json]
    assert reasons == [
        "coordinates 'x', 'nan' are not numbers",
        "coordinates 0.0, 991.0 are not on Earth (longitude, latitude)",
    ]


def test_json_that_nobody_knows_is_refused_line_by_line(tmp_path: Path, data_dir: Path) -> None:
    dirty = b'{"doc":{"createdAt":"2024-06-01","content":"x","uri":"u"}}'
    done = ingest(data_dir, lines(tmp_path / "a.ndjson", dirty, b'{"doc": {', b'{"id": 7}', b"{}"))
    assert (done.code, numbers(done)) == (3, [4, 0, 0, 0, 0, 4])
    reasons = [each["reason"] for each in lapwing(data_dir, "errors", "list", "--json").json]
    assert reasons[::-1] == [
        "no post of a network that we know: it has the fields content, createdAt, uri",
        "truncated JSON: it ends in the middle, at byte 9",
        "no post of a network that we know: it has the fields id",
        "no post of a network that we know: it has no fields",
    ]


def test_one_good_record_among_many_unknown_ones_is_stored(tmp_path: Path, data_dir: Path) -> None:
    dirty = [b'{"doc":{"createdAt":"%d"}}' % number for number in range(30)]
    assert numbers(ingest(data_dir, lines(tmp_path / "a.ndjson", *dirty, status(1)))) == [31, 1, 0, 0, 0, 30]


def test_a_broken_line_of_a_recording(tmp_path: Path, data_dir: Path) -> None:
    good = b'{"v":1,"source":"s","network":"mastodon","format":"mastodon","received_at":"2024-06-01T11:00:00Z","record":%s}'
    file = lines(
        tmp_path / "a.ndjson",
        good % json.dumps(status(1).decode()).encode(),
        b'{"v":1,"source":"s","record":"x"}',
        good % b"7",
    )
    done = ingest(data_dir, file)
    assert numbers(done) == [3, 1, 0, 0, 0, 2]
    reasons = [each["reason"] for each in lapwing(data_dir, "errors", "list", "--json").json]
    assert reasons[1].endswith("no network, format, received_at")
    assert reasons[0].endswith("a value is of the wrong type")


def test_a_mended_record_moves_from_refused_to_stored_once(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1), status(2)[:90]))
    assert standing(data_dir) == [2, 1, 0, 0, 0, 1]
    still = lapwing(data_dir, "errors", "retry", 1)
    assert (still.code, "0 could be read now, 1 are refused still" in still.err) == (3, True)
    assert standing(data_dir) == [2, 1, 0, 0, 0, 1]
    for expected in ("1 could be read now, 0 are refused still", "0 could be read now, 0 are refused still"):
        done = lapwing(data_dir, "errors", "retry", 1, "--with", "-", given=status(2) + b"\n")
        assert (done.code, expected in done.err) == (0, True)
        assert standing(data_dir) == [2, 2, 0, 0, 0, 0]
    assert lapwing(data_dir, "errors", "retry", "--all").code == 0
    assert lapwing(data_dir, "errors", "list", "--json").json == []
    assert lapwing(data_dir, "verify").code == 0


def test_words_about_dead_letters_that_are_off(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1), b'{"x":'))
    for words in (
        ("retry",),
        ("retry", 1, "--all"),
        ("retry", 99),
        ("retry", 1, 99),
        ("show", 99),
        ("retry", "--all", "--with", "-"),
    ):
        assert lapwing(data_dir, "errors", *words).code == 2
    exported = lapwing(data_dir, "errors", "export").out.splitlines()
    assert len(exported) == 1
    assert b'"record":"{\\"x\\":"' in exported[0]


def bomb_of_gzip() -> bytes:
    return gzip.compress(b" " * (70 << 20))


def bomb_of_zstandard(declared: bool) -> bytes:
    if declared:
        return zstandard.ZstdCompressor().compress(b" " * (70 << 20))
    stream = io.BytesIO()
    with zstandard.ZstdCompressor(write_content_size=False).stream_writer(stream, closefd=False) as writer:
        for _ in range(70):
            writer.write(b" " * (1 << 20))
    return stream.getvalue()


def noise(characters: int) -> str:
    """A text that does not become shorter when it is packed."""
    return "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=characters))


FILES = {
    "a bomb of gzip": (bomb_of_gzip, "looks like a decompression bomb"),
    "a bomb of zstd": (lambda: bomb_of_zstandard(declared=False), "looks like a decompression bomb"),
    "a bomb of zstd that says its size": (lambda: bomb_of_zstandard(declared=True), "looks like a decompression bomb"),
    "random bytes": (lambda: random.Random(7).randbytes(3000), "there is no JSON in it and no table"),
    "a line of prose": (lambda: b"Dear all\nplease find attached\n", "there is no JSON in it and no table"),
    "UTF-16": (lambda: status(1).decode().encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
    "gzip cut off": (lambda: gzip.compress(status(1) + b"\n" + status(9, noise(9000)))[:3000], "is cut off"),
    "zstd damaged": (lambda: zstandard.compress(status(1))[:-9] + b"123456789", "zstd stream is"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(name: str, tmp_path: Path, data_dir: Path) -> None:
    make, said = FILES[name]
    (tmp_path / "bad.bin").write_bytes(make())
    done = ingest(
        data_dir, lines(tmp_path / "a.ndjson", status(1)), tmp_path / "bad.bin", lines(tmp_path / "b.ndjson", status(2))
    )
    assert (done.code, done.out) == (1, b"")
    assert said in done.err
    assert "bad.bin" in done.err
    received, stored, *_ = standing(data_dir)
    assert stored >= 2  # the files before and behind it
    assert received <= 4


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self/mem").exists(), reason="nothing is unreadable for root")
def test_a_file_that_fails_while_it_is_read(data_dir: Path) -> None:
    done = ingest(data_dir, "/proc/self/mem")
    assert done.code == 1
    assert "reading failed after 0 bytes" in done.err


PEAK = """
import resource, sys
from lapwing.cli import main
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}")
"""


def peak_mib(data: Path, file: Path) -> int:
    command = [sys.executable, "-c", PEAK, "--data", str(data), "ingest", "--workers", "0", str(file)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    return int(done.stderr.rpartition("peak ")[2])


@pytest.mark.full
def test_a_line_of_100_megabytes_takes_no_memory(tmp_path: Path, data_dir: Path) -> None:
    small = lines(tmp_path / "small.ndjson", status(1), b"{")
    large = tmp_path / "large.ndjson"
    with large.open("wb") as file:
        file.write(status(2) + b'\n{"content":"')
        for _ in range(100):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n' + status(3))
    base = peak_mib(tmp_path / "other", small)
    assert peak_mib(data_dir, large) < base + 300
    assert standing(data_dir) == [3, 2, 0, 0, 0, 1]
    (letter,) = lapwing(data_dir, "errors", "list", "--json").json
    assert letter["reason"] == "record of 104857614 bytes is longer than 1 MiB; not retriable"
    assert HOUR in lapwing(data_dir, "posts", "--json").out.decode()
