"""What a source says, into a file, and from there into a data directory."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from cli.running import ingest, lapwing
from lapwing import config
from lapwing.app.files import Reading, pieces
from lapwing.app.ingesting import opened_or_blamed
from lapwing.app.opening import Directory, Formats
from lapwing.app.recording import Wish, record
from lapwing.engine.clock import SystemClock
from lapwing.errors import UsageError
from lapwing.testing.networks import JetstreamFake

DEADLINE_S = 30.0


def uids(file: Path) -> set[str]:
    """The posts in a recording, as far as it was written."""
    formats, found = Formats(), set()
    if file.exists() and file.stat().st_size:
        for piece in pieces(opened_or_blamed(str(file)), formats, Reading(source="x", format="auto", now_us=0)):
            for records in piece.records:
                found |= set(formats[records.format].decode(records).posts["uid"].to_list())
    return found


@pytest.mark.parametrize("name", ["a.ndjson.zst", "a.ndjson"])
def test_what_is_recorded_is_what_was_said(tmp_path: Path, name: str) -> None:
    file, stopping = tmp_path / name, threading.Event()
    with JetstreamFake(seed=3) as fake:
        made = config.parse(f'[[source]]\ntype = "bluesky"\nhosts = ["{fake.ws_url}"]\n', environment={})
        results = []
        thread = threading.Thread(
            target=lambda: results.append(record(made, file, Wish(), SystemClock(), stopping.is_set)), daemon=True
        )
        thread.start()
        deadline_s = time.monotonic() + DEADLINE_S
        while not fake.listeners:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)  # it connects in a thread of its own
        said = set(fake.say(200))
        while not said <= uids(file):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)  # the file grows as it is written
        stopping.set()
        thread.join(DEADLINE_S)
    (result,) = results
    (source,) = result["sources"]
    assert source["name"] == "bluesky"
    assert source["records"] == result["records"] >= 200
    assert source["gaps"] == []
    assert (source["state"], source["reason"]) == ("live", "")
    with pytest.raises(UsageError, match="is there already"):
        record(made, file, Wish(), SystemClock(), stopping.is_set)
    done = ingest(tmp_path / "data", file)
    assert done.json["stored"] == 200
    (heard,) = lapwing(tmp_path / "data", "status", "--json").json["sources"]
    assert (heard["name"], heard["live"]) == ("bluesky", False)
    played = lapwing(tmp_path / "played", "replay", "--speed", 0, "--json", file)
    assert played.json["records"] == source["records"]
    for data in (tmp_path / "data", tmp_path / "played"):
        with closing(Directory(data)) as directory:
            directory.worker().run(lambda: directory.behind() == 0)
            spans = directory.ledger.store.connection.execute("SELECT to_us - from_us FROM coverage").fetchall()
        assert round(sum(length for (length,) in spans) / 1e6, 3) == source["heard_s"], (
            "what the recording says was heard"
        )


def test_without_a_source_there_is_nothing_to_record(tmp_path: Path) -> None:
    file = tmp_path / "lapwing.toml"
    file.write_text("source = []\n")
    done = lapwing(None, "--config", file, "record", tmp_path / "a.zst")
    assert (done.code, "there is no source to record" in done.err) == (2, True)
    assert not (tmp_path / "a.zst").exists()
