"""The commands beside ingesting and reading: help, config, doctor, replay, compare."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cli.running import HOUR, ingest, lapwing, lines, standing, status
from lapwing.app.opening import Directory
from lapwing.app.replaying import replay
from lapwing.cli import COMMANDS
from lapwing.containers import recordings
from lapwing.errors import UnreadableInput
from lapwing.model import COVERAGE, Covered, Records
from lapwing.testing import SimulatedClock
from source_code import PACKAGE

START_US = 1_717_236_000_000_000
"""2024-06-01T10:00:00Z."""
BUILT = [name for name in COMMANDS if (PACKAGE / "cli" / f"{name}.py").exists()]


@pytest.mark.parametrize("name", BUILT)
def test_every_command_explains_itself(name: str) -> None:
    done = lapwing(None, name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: lapwing {name}".encode())


def test_help_is_quick_since_it_loads_nothing() -> None:
    code = (
        "import sys; from lapwing.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'polars', 'numpy', 'rich', 'sqlite3', 'msgspec'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert re.search("ingest +archives and recordings into the store", done.stdout)


def test_an_unforeseen_error_is_a_sentence_and_with_debug_a_traceback(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("so\x1b[31m it goes")

    monkeypatch.setattr("lapwing.app.status.status", broken)
    (data_dir / "ledger").mkdir(parents=True)
    done = lapwing(data_dir, "status")
    assert done.code == 1
    assert done.err.startswith("lapwing: something that we did not foresee: ZeroDivisionError: so [31m it goes\n")
    with pytest.raises(ZeroDivisionError):
        lapwing(None, "--debug", "--data", data_dir, "status")


def test_config_says_where_each_value_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[log]\npartitions = 3\nretention = "2d"\n')
    monkeypatch.setenv("LAPWING__LOG__PARTITIONS", "5")
    shown = lapwing(None, "--config", file, "config", "show", "--origin").out.decode().splitlines()
    assert [line.split() for line in shown[1:4:2]] == [
        ["log.retention", "=", '"2d"', "#", str(file)],
        ["log.partitions", "=", "5", "#", "LAPWING__LOG__PARTITIONS"],
    ]
    assert "#" not in lapwing(None, "--config", file, "config", "show").out.decode()
    rows = lapwing(None, "--config", file, "config", "show", "--json").json
    assert rows[0] == {"key": "log.url", "value": '"sqlite://"', "origin": "default"}


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    for content, said in (
        (b"[log]\npartitons = 3", "did you mean 'partitions'?"),
        (b"\xff\xfe", "cannot be read"),
        (b"=", "not TOML"),
    ):
        file.write_bytes(content)
        done = lapwing(None, "--config", file, "config", "show")
        assert (done.code, said in done.err) == (2, True)
        assert lapwing(None, "--config", file, "doctor").code == 1
    assert lapwing(None, "--config", tmp_path, "config", "show").code == 2
    assert lapwing(None, "--config", tmp_path / "none.toml", "config", "show").code == 2


def test_the_doctor_finds_nothing_and_makes_nothing(data_dir: Path) -> None:
    done = lapwing(data_dir, "doctor", "--json", "--port", 1)
    assert done.code == 0
    assert done.json["ok"] is True
    lines_ = [line["what"] for line in done.json["lines"]]
    assert f"{data_dir} is not there yet and can be made" in lines_
    assert "port 1 is free" in lines_
    assert not data_dir.exists()


def test_the_doctor_looks_at_the_configured_port_and_functions(tmp_path: Path, data_dir: Path) -> None:
    file = tmp_path / "own.toml"
    (tmp_path / "doctored.py").write_text("print('noise')\ndef good(value):\n    return value\n")
    functions = "".join(
        f'[[function]]\nname = "f{number}"\nfrom = "in"\nto = "out"\nrun = "{run}"\n{more}\n'
        for number, (run, more) in enumerate(
            [("doctored:good", ""), ("no_such:f", ""), ("doctored:bad", 'workers = "processes"')]
        )
    )
    file.write_text(f"[serve]\nport = 2\n{functions}")
    done = lapwing(data_dir, "--config", file, "doctor", "--json")
    said = [(line["level"], line["what"]) for line in done.json["lines"]]
    assert done.code == 1
    assert ("ok", "port 2 is free") in said
    assert ("ok", "the function f0 can be imported") in said
    failed = [what for level, what in said if level == "fail"]
    assert "no_such:f cannot be used: ModuleNotFoundError" in failed[0]
    assert "doctored:bad cannot be used: AttributeError" in failed[1]
    other = lapwing(data_dir, "--config", file, "doctor", "--json", "--port", 3)
    assert "port 3 is free" in [line["what"] for line in other.json["lines"]]


def test_the_doctor_sees_waiting_records_and_a_wrong_directory(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1), b'{"x":'))
    replay(Directory(data_dir), (str(recording(tmp_path, [0])),), 0)
    text = lapwing(data_dir, "doctor").out.decode()
    assert "warn  1 records wait in the log and nobody works: lapwing worker --until-empty" in text
    assert "warn  1 records were refused: lapwing errors" in text
    wrong = lapwing(tmp_path / "a.ndjson", "doctor")
    assert wrong.code == 1
    assert "is not a directory: name another --data directory" in wrong.out.decode()


def recording(folder: Path, seconds: list[float], name: str = "a.ndjson", source: str = "s") -> Path:
    said = Records(
        source=source, network="mastodon", format="mastodon", values=[status(number) for number in range(len(seconds))],
        received_at_us=[START_US + round(second * 1e6) for second in seconds],
    )  # fmt: skip
    return lines(folder / name, *recordings.encode(said))


def test_a_replay_keeps_the_pauses_divided_by_its_speed(tmp_path: Path, data_dir: Path) -> None:
    directory = Directory(data_dir)
    directory.clock = clock = SimulatedClock()
    file = recording(tmp_path, [0, 0.1, 60, 60, 90])
    assert replay(directory, (str(file),), 10) == {"records": 5, "seconds": 9.0, "cut": []}
    assert [round(pause, 3) for pause in clock.slept_s] == [6.0, 3.0]
    clock.slept_s.clear()
    assert replay(directory, (str(file),), 0) == {"records": 5, "seconds": 0.0, "cut": []}
    assert clock.slept_s == []
    directory.close()


def test_a_replay_says_how_far_everything_was_heard_as_it_goes(tmp_path: Path, data_dir: Path) -> None:
    directory = Directory(data_dir)
    directory.clock = SimulatedClock()
    note = Covered("s", "mastodon", START_US, START_US + 100_000_000)
    all_of_it = Records(
        source="s", network="mastodon", format=recordings.COVERED, values=[msgspec.json.encode(note)],
        received_at_us=[START_US],
    )  # fmt: skip
    file = recording(tmp_path, [0, 60, 90])
    file.write_bytes(recordings.encode(all_of_it)[0] + b"\n" + file.read_bytes())
    assert replay(directory, (str(file),), 10)["records"] == 3
    end = directory.log.spans()[COVERAGE, 0][1]
    chunks = directory.log.read(COVERAGE, 0, 0, 1 << 20)
    told = [msgspec.json.decode(value, type=Covered) for chunk in chunks for value in chunk.records.values]
    directory.close()
    seconds = [((each.from_us - START_US) / 1e6, (each.to_us - START_US) / 1e6) for each in told]
    assert seconds == [(0, 60), (60, 90), (0, 100)]
    assert (end, {each.live for each in told}) == (3, {False})


def test_a_replay_gives_what_ingest_gives(tmp_path: Path, data_dir: Path) -> None:
    """Two recordings take turns by the time of reception, which stays what it was."""
    files = [recording(tmp_path, [0, 2], "a.ndjson", "one"), recording(tmp_path, [1, 3, 3], "b.ndjson", "two")]
    done = lapwing(data_dir, "replay", "--speed", 0, *files, "--json")
    assert (done.code, done.json["records"]) == (0, 5)
    directory = Directory(data_dir)
    heard = [chunk.records for partition in range(8) for chunk in directory.log.read("raw.mastodon", partition, 0, 99)]
    directory.close()
    assert {(each.source, tuple(each.received_at_us)) for each in heard} == {
        ("one", (START_US, START_US + 2_000_000)),
        ("two", (START_US + 1_000_000, START_US + 3_000_000, START_US + 3_000_000)),
    }
    again = ingest(data_dir, *files)  # works through what was replayed, too
    assert again.json["stored"] == 3
    assert standing(data_dir) == [10, 3, 7, 0, 0, 0]
    post = lapwing(data_dir, "posts", "--json").json["posts"][0]
    assert post["received_at"].startswith(f"{HOUR}:00:0")


def test_a_replay_takes_recordings_only(tmp_path: Path, data_dir: Path) -> None:
    done = lapwing(data_dir, "replay", lines(tmp_path / "a.ndjson", status(1)))
    assert (done.code, "is not a recording; lapwing ingest reads it" in done.err) == (1, True)
    assert lapwing(data_dir, "replay", tmp_path / "none").code == 2
    with pytest.raises(UnreadableInput):
        replay(Directory(data_dir), (str(tmp_path / "a.ndjson"),), 0)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two posts and a boost in Perth and one of nowhere, in two windows."""
    folder = tmp_path_factory.mktemp("heard")
    text = "Flood in Perth, Australia"
    posts = [status(0, text), status(301, text), status(3, "", reblog={"uri": "u", "content": text}), status(4)]
    assert ingest(folder / "data", lines(folder / "a.ndjson", *posts)).code == 0
    return folder / "data"


W1, W2 = f"{HOUR}:00:00Z", f"{HOUR}:05:00Z"
RIGHT = {
    "place,country,posts,reposts,people": f"{W1},,,1,0,1\n{W1},Perth,AU,1,1,1\n{W2},Perth,AU,1,0,1\n",
    "place_id,posts": f"{W1},,1\n{W1},2063523,1\n{W2},2063523,1\n",
    "place,people": f"{W1},,1\n{W1},Perth,1\n{W2},Perth,1\n",
    "country,posts": f"{W1},,1\n{W1},AU,1\n{W2},AU,1\n",
    "posts,people": f"{W1},2,2\n{W2},1,1\n",
}


@pytest.mark.parametrize("columns", RIGHT)
def test_counts_that_are_as_expected(columns: str, tmp_path: Path, heard: Path) -> None:
    table = tmp_path / "expected.csv"
    table.write_text(f"window,{columns}\n{RIGHT[columns]}")
    done = lapwing(None, "compare", heard, table)
    assert (done.code, b"rows are as expected" in done.out) == (0, True), done


def test_rows_that_differ_or_are_missing_on_either_side(tmp_path: Path, heard: Path) -> None:
    table = tmp_path / "expected.csv"
    table.write_text(f"window,place,posts\n{W1},Perth,7\n{W2},Perth,1\n{W2},Sydney,2\n")
    done = lapwing(None, "compare", heard, table, "--json")
    assert done.code == 1
    assert done.json == {
        "rows": 4,
        "differences": [
            {"window": W1, "where": "", "expected": None, "found": {"posts": 1}},
            {"window": W1, "where": "Perth", "expected": {"posts": 7}, "found": {"posts": 1}},
            {"window": W2, "where": "Sydney", "expected": {"posts": 2}, "found": None},
        ],
    }
    text = lapwing(None, "compare", heard, table).out.decode()
    assert "no such row" in text
    assert "3 of 4 rows differ" in text


def test_tables_that_cannot_be_compared(tmp_path: Path, heard: Path) -> None:
    table = tmp_path / "expected.csv"
    for content, said in (
        ("window,place,post\n", "column 'post' is not known"),
        ("place,posts\n", "a column is missing"),
        (f"window,posts\n{W1},many\n", "line 2: posts: 'many' is not a number"),
        ("window,posts\nnoon,1\n", "line 2: window: 'noon' is not a time"),
        (f"window,posts\n{W1},1\n{W1},1\n", "line 3: this window and place stood there before"),
    ):
        table.write_text(content)
        done = lapwing(None, "compare", heard, table)
        assert (done.code, said in done.err) == (2, True), done
    assert b"0.000%" in lapwing(None, "compare", heard, heard).out, "without a table captures are compared"
    assert lapwing(None, "compare", heard, tmp_path / "none.csv").code == 2
    assert lapwing(None, "compare", tmp_path / "none", table).code == 2


def test_json_is_one_value_and_a_line_end(heard: Path) -> None:
    for command in (
        ["posts"],
        ["counts"],
        ["words"],
        ["status"],
        ["verify"],
        ["errors", "list"],
        ["doctor"],
        ["config", "show"],
    ):
        done = lapwing(heard, *command, "--json")
        assert done.out.endswith(b"\n")
        assert done.out.count(b"\n") == 1
        json.loads(done.out)
