"""How sources are said to be: by the kernel's word, by what is in force, and after they were taken out."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.running import lapwing, lines, status
from lapwing import config
from lapwing.app import in_force, listening, rereading
from lapwing.app.alive import alive, runs
from lapwing.app.metrics import exposition
from lapwing.app.opening import Directory
from lapwing.app.status import status as standing
from lapwing.hearing import SourceNote

WAIT_S = 60.0
BROKEN = '[[source]]\ntype = "mastodon"\nurll = "https://a.example"\n'
MINUTE_US = 60_000_000


def eventually(holds: Callable[[], Any]) -> None:
    """Another thread or process works; only the data directory says how far it is."""
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s, "it did not happen"
        time.sleep(0.02)


def note(data: Path, owner: str, ago_us: int = 0, state: str = "live") -> None:
    """What the source `a.example` said of itself some time ago; `owner` listens to it."""
    directory = Directory(data)
    said_us = directory.clock.now_us() - ago_us
    lease = directory.log.claim_source("a.example", owner, said_us)
    assert lease is not None
    said = SourceNote(name="a.example", type="mastodon", network="mastodon", state=state, since_us=said_us)
    directory.log.append_heard(lease, [], said, now_us=said_us)
    directory.close()


def rows(data: Path, file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lapwing(data, "--config", file, "sources", "--json").json
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "lapwing.toml"
    made.write_text('[[source]]\ntype = "mastodon"\nname = "a.example"\nurl = "https://a.example"\n')
    return made


def test_the_kernel_says_who_lives(tmp_path: Path) -> None:
    assert runs(tmp_path, "sources-1") is None, "nobody ever held a lock here"
    with alive(tmp_path, "sources-1"):
        assert runs(tmp_path, "sources-1") is True
        assert runs(tmp_path, "sources-2") is False
    assert runs(tmp_path, "sources-1") is False


def test_a_killed_process_is_known_to_be_dead_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from lapwing.app.alive import alive\n"
        "with alive(Path(sys.argv[1]), 'sources-7'): print('here', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        assert runs(tmp_path, "sources-7") is True
        child.kill()
        child.wait(WAIT_S)
        assert runs(tmp_path, "sources-7") is False
    assert (tmp_path / "running" / "sources-7.lock").exists()
    with alive(tmp_path, "sources-8"):
        assert not (tmp_path / "running" / "sources-7.lock").exists(), "what the dead left is taken away"


def test_a_source_is_as_it_says_while_its_process_lives_and_no_longer(data_dir: Path, file: Path) -> None:
    note(data_dir, "sources-7", ago_us=MINUTE_US)
    (old,) = rows(data_dir, file)
    assert (old["state"], old["reason"]) == ("not running", "nobody listens; it was live")
    with alive(data_dir, "sources-7"):
        (slow,) = rows(data_dir, file)
        assert slow["state"] == "live"
        assert re.fullmatch(r"its process runs, and said nothing for \d+ s", slow["reason"])
        note(data_dir, "sources-7")
        assert [(each["state"], each["reason"]) for each in rows(data_dir, file)] == [("live", "")]
    (dead,) = rows(data_dir, file)
    assert (dead["state"], dead["reason"]) == ("not running", "nobody listens; it was live")


def test_a_source_that_was_never_heard_has_every_key(data_dir: Path, file: Path) -> None:
    (never,) = rows(data_dir, file)
    assert never == {
        "name": "a.example", "type": "mastodon", "network": "mastodon", "topic": "raw.mastodon", "state": "not running",
        "reason": "it was never listened to", "since": None, "heard_until": None, "last_record": None, "records": 0,
        "disconnects": 0, "details": {}, "noted": None, "configured": True,
    }  # fmt: skip
    note(data_dir, "sources-7")
    assert [each.keys() for each in rows(data_dir, file)] == [never.keys()]


def test_with_a_mistake_in_the_file_what_was_last_in_force_counts(data_dir: Path, file: Path) -> None:
    directory = Directory(data_dir)
    directory.ledger.claims()
    directory.log.spans()
    directory.close()
    in_force.keep(data_dir, "up-7", config.parse(file.read_text(), environment={}))
    file.write_text(BROKEN)
    said = "source[0].urll: there is no such key; did you mean 'url'?"
    for command, code in (("status", 0), ("sources", 0), ("verify", 0)):
        done = lapwing(data_dir, "--config", file, command)
        assert (done.code, done.err) == (code, f"a mistake in the configuration, so as it was last in force: {said}\n")
    (row,) = rows(data_dir, file)
    assert (row["name"], row["state"], row["configured"]) == ("a.example", "not running", True)
    assert lapwing(data_dir, "--config", file, "posts").code == 2, "who works by the file still needs it"


def test_with_a_mistake_and_nothing_ever_in_force_nobody_knows(data_dir: Path, file: Path) -> None:
    file.write_text(BROKEN)
    note(data_dir, "sources-7")
    (row,) = rows(data_dir, file)
    assert (row["name"], row["type"], row["configured"]) == ("a.example", "mastodon", None)


def test_while_up_runs_its_configuration_counts_wherever_it_is_asked_from(data_dir: Path, file: Path) -> None:
    elsewhere = file.with_name("other.toml")
    elsewhere.write_text("source = []\n")
    with alive(data_dir, "up-7"):
        in_force.keep(data_dir, "up-7", config.parse(file.read_text(), environment={}))
        assert [each["name"] for each in rows(data_dir, elsewhere)] == ["a.example"]
    assert rows(data_dir, elsewhere) == []


@contextmanager
def listened_to(data: Path, file: Path) -> Iterator[None]:
    """The sources of a file are listened to in a thread, as `up` does it in a process."""
    ending = threading.Event()
    made = config.parse("source = []", environment={})
    thread = threading.Thread(target=listening.listen, args=(data, made, file, ending.is_set), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def test_a_source_that_was_taken_out_is_gone_and_what_it_brought_stays(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereading, "RELOAD_S", 0.1)
    folder, file = tmp_path / "in", tmp_path / "lapwing.toml"
    folder.mkdir()
    lines(folder / "a.ndjson", status(1), status(2))
    spoke = f'[[source]]\ntype = "files"\nname = "spoke"\ntopic = "raw.mastodon"\npath = "{folder}"\n'
    mute = f'[[source]]\ntype = "files"\nname = "mute"\npath = "{tmp_path}/nothing*"\n'
    stays = f'[[source]]\ntype = "files"\nname = "stays"\npath = "{tmp_path}/none*"\n'
    file.write_text(spoke + mute + stays)
    directory = Directory(data_dir, config.parse(stays, environment={}))
    with listened_to(data_dir, file):
        eventually(lambda: {each["name"]: each["records"] for each in directory.log.source_states()}.get("spoke") == 2)
        file.write_text(stays)
        eventually(lambda: [each["name"] for each in directory.log.source_states()] == ["stays"])
    directory.worker().run(lambda: directory.behind() == 0)
    found = exposition(standing(directory)).decode()
    assert 'lapwing_source_state{source="stays",state="live"}' in found
    assert 'lapwing_records_total{outcome="stored",source="spoke"} 2.0' in found
    assert [line for line in found.splitlines() if "spoke" in line and not line.startswith("lapwing_records_")] == []
    directory.close()
    listed = {each["name"]: (each["state"], each["records"], each["configured"]) for each in rows(data_dir, file)}
    assert listed == {"spoke": ("removed", 2, False), "stays": ("not running", 0, True)}
