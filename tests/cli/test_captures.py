"""Recordings: made, played with faults, and held against each other."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import zstandard

from cli.running import ingest, lapwing, lines, standing, status
from lapwing.app.opening import Directory, Formats
from lapwing.app.replay_faults import Faults, parse, with_faults
from lapwing.containers import recordings
from lapwing.errors import UsageError
from lapwing.model import Covered, Records

START_US = 1_717_236_000_000_000
SECOND_US = 1_000_000


def written(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat().replace("+00:00", "Z")


def post(number: int, source: str = "s") -> Records:
    """Said in its own second, and heard then."""
    at_us = START_US + number * SECOND_US
    value = status(number, f"post {number}", created_at=written(at_us))
    return Records(source=source, network="mastodon", format="mastodon", values=[value], received_at_us=[at_us])


def recording(file: Path, numbers: list[int], source: str = "s") -> Path:
    return lines(file, *(line for number in numbers for line in recordings.encode(post(number, source))))


def asked(data: Path) -> tuple[Any, Any, Any]:
    """What readers are told: posts, counts, words."""
    counts = lapwing(data, "counts", "--json", "--by", "none").json
    found = lapwing(data, "posts", "--json", "--limit", 1000).json["posts"]
    words = lapwing(data, "words", "--json").json
    return [(each["uid"], each["text"]) for each in found], counts, words


def played(folder: Path, file: Path, *words: object) -> Path:
    data = folder / "data"
    assert lapwing(data, "replay", file, "--speed", 0, *words).code == 0
    with closing(Directory(data)) as directory:
        worker = directory.worker()
        worker.linger_us = 0
        worker.run(lambda: directory.behind() == 0)
    return data


def test_faults_change_no_answer(tmp_path: Path) -> None:
    file = recording(tmp_path / "a.ndjson", list(range(300)))
    plain = played(tmp_path / "plain", file)
    faulty = played(tmp_path / "faulty", file, "--faults", "disconnect=0.02,duplicate=0.1,reorder=30s", "--seed", 7)
    assert asked(plain) == asked(faulty)
    assert standing(plain) == [300, 300, 0, 0, 0, 0]
    received, stored, duplicates, *_ = standing(faulty)
    assert stored == 300
    assert duplicates == received - 300 > 30, "the faults did happen"


def test_deletes_are_the_same_at_any_speed_and_in_any_order(tmp_path: Path) -> None:
    file = recording(tmp_path / "a.ndjson", list(range(300)))
    quiet = played(tmp_path / "quiet", file, "--faults", "delete=0.1", "--seed", 3)
    loud = played(
        tmp_path / "loud", file, "--faults", "delete=0.1,duplicate=0.2,reorder=5m,disconnect=0.01", "--seed", 3
    )
    assert asked(quiet) == asked(loud)
    left = len(asked(quiet)[0])
    assert 240 < left < 290, "about one in ten is gone"
    other = played(tmp_path / "other", file, "--faults", "delete=0.1", "--seed", 4)
    assert asked(other)[0] != asked(quiet)[0]


def test_the_order_is_off_by_no_more_than_was_asked_for() -> None:
    stream = [(number * SECOND_US, 0, number, post(number)) for number in range(500)]
    late = list(with_faults(iter(stream), Faults(reorder_us=30 * SECOND_US), 1, Formats()))
    assert sorted(each[2] for each in late) == list(range(500))
    assert [each[2] for each in late] != list(range(500))
    assert max(abs(place - each[2]) for place, each in enumerate(late)) <= 30
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(late))


@pytest.mark.parametrize("text", ["dup=1", "duplicate=2", "duplicate=x", "reorder=30", "reorder=2h"])
def test_a_wrong_fault_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="--faults"):
        parse(text)


def test_captures_are_held_against_each_other(tmp_path: Path) -> None:
    """A heard all; B was deaf for a minute and lost ten more here and there; C is a directory that lacks a deleted one."""
    every = list(range(600))
    scattered = Random(1).sample([number for number in every if not 120 <= number < 180 and 0 < number < 560], 10)
    whole = recording(tmp_path / "a.ndjson", every)
    holed = recording(
        tmp_path / "b.ndjson", [number for number in every if not 120 <= number < 180 and number not in scattered]
    )
    third = recording(tmp_path / "c.ndjson", [number for number in every if number != 300])
    removed = msgspec.json.encode({"event": "delete", "payload": "300"})
    delete = Records(
        source="s", network="mastodon", format="mastodon", values=[removed], received_at_us=[START_US + 301 * SECOND_US]
    )
    with third.open("ab") as file:
        file.write(b"\n".join(recordings.encode(delete)) + b"\n")
    data = tmp_path / "data"
    ingest(data, third)
    result = lapwing(None, "compare", whole, holed, data, "--json").json
    assert (result["from"], result["to"], result["posts"]) == ("2024-06-01T10:00:00Z", "2024-06-01T10:09:59Z", 600)
    found = {Path(each["name"]).name: each for each in result["captures"]}
    assert [(each["rank"], Path(each["name"]).name, each["missing"]) for each in result["captures"]] == [
        (1, "a.ndjson", 0),
        (2, "data", 1),
        (3, "b.ndjson", 70),
    ]
    assert found["b.ndjson"]["share"] == 0.116667
    assert found["b.ndjson"]["by_cause"] == {"gap": 60, "unknown": 10}
    assert found["b.ndjson"]["by_minute"][0] == {"what": "2024-06-01T10:02:00Z", "missing": 60, "of": 60}
    assert found["b.ndjson"]["by_source"] == [{"what": "s", "missing": 70, "of": 600}]
    assert found["data"]["by_cause"] == {"delete": 1}
    text = lapwing(None, "compare", whole, holed, data).out.decode()
    assert "600 posts heard from 2024-06-01T10:00:00Z to 2024-06-01T10:09:59Z" in text


def packed(file: Path, *parts: list[int]) -> Path:
    """A recording as `record` packs it: each part a frame of its own."""
    frames = [
        zstandard.compress(b"".join(line + b"\n" for number in part for line in recordings.encode(post(number))))
        for part in parts
    ]
    file.write_bytes(b"".join(frames))
    return file


@pytest.mark.parametrize(("name", "left"), [("b.ndjson", 29), ("b.ndjson.zst", 20)])
def test_a_recording_that_was_cut_off_is_read_up_to_there_and_that_is_said(
    tmp_path: Path, name: str, left: int
) -> None:
    """Half of the last line, or of the last frame, is not there: a kill, or a full disk."""
    whole = recording(tmp_path / "a.ndjson", list(range(30)))
    parts = [list(range(10)), list(range(10, 20)), list(range(20, 30))]
    cut = packed(tmp_path / name, *parts) if name.endswith(".zst") else recording(tmp_path / name, list(range(30)))
    cut.write_bytes(cut.read_bytes()[:-60])
    said = f"{cut} was cut off, and is read up to there\n"
    assert lapwing(None, "compare", whole, cut).err == said
    result = lapwing(None, "compare", whole, cut, "--json").json
    assert [(each["name"], each["cut"]) for each in result["captures"]] == [(str(whole), False), (str(cut), True)]
    assert (result["posts"], result["captures"][1]["missing"]) == (left, 0)
    done = lapwing(tmp_path / "data", "replay", "--speed", 0, cut)
    assert done.err.startswith(said)
    assert lapwing(tmp_path / "data", "replay", "--speed", 0, "--json", cut).json["records"] == left


def test_what_a_recording_says_it_missed_is_why_it_lacks_it(tmp_path: Path) -> None:
    whole = recording(tmp_path / "a.ndjson", [0, 20, 40, 90])
    holed = recording(tmp_path / "b.ndjson", [0, 90])
    gap = Covered("s", "mastodon", START_US + SECOND_US, START_US + 30 * SECOND_US, "gap", "cut", live=True)
    note = Records(
        source="s", network="mastodon", format="covered", values=[msgspec.json.encode(gap)], received_at_us=[START_US]
    )
    with holed.open("ab") as file:
        file.write(b"\n".join(recordings.encode(note)) + b"\n")
    best, other = lapwing(None, "compare", whole, holed, "--json").json["captures"]
    assert (best["missing"], other["by_cause"]) == (0, {"gap": 1, "unknown": 1})


def test_captures_of_different_times_are_not_compared(tmp_path: Path) -> None:
    early, late = recording(tmp_path / "a.ndjson", [1, 2]), recording(tmp_path / "b.ndjson", [10, 11])
    done = lapwing(None, "compare", early, late)
    assert (done.code, "no time that all of them cover" in done.err) == (2, True)
