"""Files in, numbers out: every container and format, twice, stopped, at once."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from cli.running import COUNTS, HOUR, ingest, lapwing, lines, numbers, standing, status
from formats.reading_samples import RECEIVED_AT_US, sample
from lapwing.app import ingesting
from lapwing.app.opening import Directory
from lapwing.app.reading_lock import reading
from lapwing.containers import recordings
from lapwing.errors import LapwingError
from lapwing.model import Records

POSTS = b"\n".join(status(number) for number in range(5))
CSV = b'tweet_id,text,created_at,user\n7,Hail,2024-06-01T10:00:00Z,ada\n8,"Rain, much",2024-06-01T10:01:00Z,bob\n'


def recording() -> bytes:
    values = [status(number) for number in range(5)]
    heard = [1_717_236_000_000_000 + number for number in range(5)]
    said = Records(source="a.example", network="mastodon", format="mastodon", values=values, received_at_us=heard)
    return b"\n".join(recordings.encode(said)) + b"\n"


SHAPES = {
    "lines.ndjson": (POSTS, [5, 5, 0, 0, 0, 0]),
    "array.json": (b"[" + POSTS.replace(b"\n", b",\n") + b"]", [5, 5, 0, 0, 0, 0]),
    "one-after-another.txt": (POSTS.replace(b"\n", b" "), [5, 5, 0, 0, 0, 0]),
    "indented.json": (
        json.dumps([json.loads(each) for each in POSTS.split(b"\n")], indent=2).encode(),
        [5, 5, 0, 0, 0, 0],
    ),
    "table.csv": (CSV, [2, 2, 0, 0, 0, 0]),
    "marked.ndjson": (b"\xef\xbb\xbf" + POSTS, [5, 5, 0, 0, 0, 0]),
    "windows.ndjson": (POSTS.replace(b"\n", b"\r\n") + b"\r\n\r\n", [5, 5, 0, 0, 0, 0]),
    "recording.zst": (zstandard.compress(recording()), [5, 5, 0, 0, 0, 0]),
    "lines.gz": (gzip.compress(POSTS), [5, 5, 0, 0, 0, 0]),
    "two-members.gz": (gzip.compress(POSTS[:100]) + gzip.compress(POSTS[100:]), [5, 5, 0, 0, 0, 0]),
    "named-wrongly.csv": (zstandard.compress(POSTS), [5, 5, 0, 0, 0, 0]),
    "empty.json": (b"", [0, 0, 0, 0, 0, 0]),
    "blank.json": (b"\n \n\n", [0, 0, 0, 0, 0, 0]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_container_is_read_and_again_all_of_it_is_known(name: str, tmp_path: Path, data_dir: Path) -> None:
    content, expected = SHAPES[name]
    file = tmp_path / name
    file.write_bytes(content)
    first = ingest(data_dir, file)
    assert (first.code, numbers(first)) == (0, expected)
    again = ingest(data_dir, file)
    assert (again.code, numbers(again)) == (0, [expected[0], 0, expected[0], 0, 0, 0])
    assert list(data_dir.glob("reading-*")) == []


FORMATS = {"jetstream": "bluesky", "mastodon": "mastodon", "x_v1": "x", "x_v2": "x"}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_read_and_again_nothing_is_new(name: str, tmp_path: Path, data_dir: Path) -> None:
    """The samples are of 2027: in a recording they were received then."""
    values = sample(f"{name}.ndjson")
    times = [RECEIVED_AT_US] * len(values)
    said = Records(source="s", network=FORMATS[name], format=name, values=values, received_at_us=times)
    file = lines(tmp_path / f"{name}.zst", *recordings.encode(said))
    first = ingest(data_dir, file)
    received, stored, _, _, filtered, refused = numbers(first)
    assert first.code == (3 if refused else 0)
    assert (received, stored > 0) == (len(values), True)
    again = numbers(ingest(data_dir, file))
    assert (again[0], again[1], again[3], again[4], again[5]) == (received, 0, 0, filtered, 0)


def test_people_read_a_line_and_programs_json(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", status(1), b'{"content": 7}')
    done = lapwing(data_dir, "ingest", "--workers", 0, file)
    assert done.code == 3
    assert done.out.decode().splitlines()[0] == (
        "2 received = 1 stored + 0 duplicates + 0 changes + 0 filtered + 1 refused"
    )
    assert "lapwing errors" in done.err
    keys = ingest(data_dir, file).json.keys()
    assert list(keys) == [*COUNTS, "seconds", "posts_per_second"]


def test_standard_input_under_a_name(data_dir: Path) -> None:
    done = ingest(data_dir, "-", "--source", "pipe", given=POSTS)
    assert numbers(done) == [5, 5, 0, 0, 0, 0]
    assert lapwing(data_dir, "posts", "--source", "pipe", "--json").json["posts"][0]["source"] == "pipe"


def test_a_pipe_is_read_once_and_not_remembered(tmp_path: Path, data_dir: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, POSTS)
    os.close(writer)
    assert numbers(ingest(data_dir, f"/dev/fd/{reader}")) == [5, 5, 0, 0, 0, 0]
    os.close(reader)


def test_many_files_are_not_all_open_at_once(tmp_path: Path, data_dir: Path) -> None:
    files = [lines(tmp_path / f"{number}.ndjson", status(number)) for number in range(40)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    seen = []
    directory = Directory(data_dir)
    wish = ingesting.Wish(files=tuple(map(str, files)), workers=0)
    ingesting.ingest(directory, wish, lambda _: seen.append(len(list(Path("/proc/self/fd").iterdir()))))
    directory.close()
    assert max(seen) - before < 20


def test_wrong_words_are_exit_code_2_and_make_nothing(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", status(1))
    for words, said in (
        ((tmp_path / "nowhere.json",), "No such file"),
        ((tmp_path,), "Is a directory"),
        ((file, "--format", "mastadon"), "did you mean 'mastodon'?"),
        ((file, "--covers", "2024"), "not FROM/TO"),
        ((), "Missing argument"),
    ):
        done = ingest(data_dir, *words)
        assert done.code == 2
        assert said in done.err
    assert not data_dir.exists()


def test_what_is_covered_is_complete(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", status(1), status(400))
    assert ingest(data_dir, file, "--covers", f"{HOUR}:00:00Z/{HOUR}:05:00Z").code == 0
    rows = lapwing(data_dir, "counts", "--by", "none", "--json").json
    assert [(row["window"], row["complete"]) for row in rows] == [(f"{HOUR}:00:00Z", 1.0), (f"{HOUR}:05:00Z", None)]
    (row,) = lapwing(data_dir, "counts", "--by", "none", "--window", "all", "--json").json
    assert (row["window"], row["posts"], row["complete"]) == (f"{HOUR}:00:00Z", 2, 1.0)  # of what was declared
    assert lapwing(data_dir, "verify").code == 0


class Stopped(Exception):
    """The user pressed Ctrl-C."""


def big_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("lapwing.app.files.READ_BYTES", 20_000)  # so that a small file comes in several pieces
    return lines(tmp_path / "big.ndjson", *(status(number) for number in range(300)))


def test_a_stopped_ingest_goes_on_where_it_was(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = big_file(tmp_path, monkeypatch)
    calls = 0

    def stop_at_the_third(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Stopped

    directory = Directory(data_dir)
    with pytest.raises(Stopped):
        ingesting.ingest(directory, ingesting.Wish(files=(str(file),), workers=0), stop_at_the_third)
    (lag,) = {sum(end for _, end in directory.log.spans().values())}
    directory.close()
    assert 0 < lag < 300
    rest = numbers(ingest(data_dir, file))
    assert rest[1] == 300  # what lay in the log is worked through, too
    assert standing(data_dir) == [300, 300, 0, 0, 0, 0]
    assert numbers(ingest(data_dir, file)) == [300, 0, 300, 0, 0, 0]
    assert lapwing(data_dir, "verify").code == 0


def test_an_ingest_that_was_stopped_while_saving_reads_nothing_twice(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", *(status(number) for number in range(300)))

    def stop_while_saving(now: ingesting.Progress) -> None:
        if now.file == "saving":
            raise Stopped

    directory = Directory(data_dir)
    with pytest.raises(Stopped):
        ingesting.ingest(directory, ingesting.Wish(files=(str(file),), workers=0), stop_while_saving)
    directory.close()
    assert numbers(ingest(data_dir, file)) == [300, 300, 0, 0, 0, 0]
    assert standing(data_dir) == [300, 300, 0, 0, 0, 0]


def test_what_others_left_waiting_is_not_counted(tmp_path: Path, data_dir: Path) -> None:
    directory = Directory(data_dir)
    waiting = Records(
        source="other", network="mastodon", format="mastodon", values=[status(7)], received_at_us=[RECEIVED_AT_US]
    )
    directory.log.append("raw.mastodon", waiting, now_us=RECEIVED_AT_US)
    directory.close()

    assert numbers(ingest(data_dir, lines(tmp_path / "a.ndjson", status(1)))) == [1, 1, 0, 0, 0, 0]
    assert standing(data_dir) == [2, 2, 0, 0, 0, 0]


def test_only_one_reads_a_file_and_the_other_is_told_who(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", status(1))
    told = []

    def meanwhile(_: object) -> None:
        if not told:
            told.append(ingest(data_dir, file))

    directory = Directory(data_dir)
    ingesting.ingest(directory, ingesting.Wish(files=(str(file),), workers=0), meanwhile)
    directory.close()
    assert told[0].code == 1
    assert f"process {os.getpid()} reads this file at the moment; wait for it" in told[0].err
    assert standing(data_dir) == [1, 1, 0, 0, 0, 0]


def test_the_right_to_read_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from lapwing.app.reading_lock import reading\n"
        "with reading(Path(sys.argv[1]), 'a', 'a'): os.kill(os.getpid(), 9)"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env={**os.environ, "PYTHONPATH": "src"}, check=False
    )
    assert died.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with reading(tmp_path, "a", "a"), pytest.raises(LapwingError, match="reads this file"), reading(tmp_path, "a", "a"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
def test_two_worker_processes_give_the_same(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", *(status(number) for number in range(2000)))
    done = lapwing(data_dir, "ingest", "--json", "--workers", 2, file)
    assert numbers(done) == [2000, 2000, 0, 0, 0, 0]
    assert lapwing(data_dir, "verify").code == 0
