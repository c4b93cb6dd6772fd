"""A process tree: its children live, die, are started again, change and are drained."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lapwing.app import supervising
from lapwing.app.supervising import Child, Tree
from up import bodies


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def starts(folder: Path, name: str) -> list[int]:
    file = folder / name
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def test_what_is_wanted_runs_and_is_drained_at_the_end(tmp_path: Path) -> None:
    with Tree() as tree:
        tree.want([Child("a", bodies.note, (tmp_path, "a")), Child("b", bodies.note, (tmp_path, "b"))])
        until(lambda: bool(starts(tmp_path, "a") and starts(tmp_path, "b")))
        pids = tree.processes()
    assert sorted(pids) == ["a", "b"]
    assert (tmp_path / "a.ended").exists()
    assert (tmp_path / "b.ended").exists()
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


def test_only_what_changed_is_started_again(tmp_path: Path) -> None:
    with Tree() as tree:
        tree.want([Child("a", bodies.note, (tmp_path, "a")), Child("b", bodies.note, (tmp_path, "b"))])
        until(lambda: bool(starts(tmp_path, "a") and starts(tmp_path, "b")))
        again = tree.want([Child("a", bodies.note, (tmp_path, "a")), Child("b", bodies.note, (tmp_path, "c"))])
        until(lambda: bool(starts(tmp_path, "c")))
    assert again == ["b"]
    assert len(starts(tmp_path, "a")) == 1


def test_who_is_killed_is_started_again(tmp_path: Path) -> None:
    with Tree() as tree:
        tree.want([Child("a", bodies.note, (tmp_path, "a"))])
        until(lambda: len(starts(tmp_path, "a")) == 1)
        os.kill(starts(tmp_path, "a")[0], signal.SIGKILL)
        died: list[str] = []
        until(lambda: bool(died.extend(tree.watch()) or len(starts(tmp_path, "a")) == 2))
    assert died == ["a"]


def test_who_dies_over_and_over_is_started_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervising, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervising.said, "propagate", True)
    with Tree() as tree, caplog.at_level("ERROR", "lapwing.up"):
        tree.want([Child("a", bodies.die, (tmp_path, "a"))])
        until(lambda: bool(tree.watch() and False) or len(starts(tmp_path, "a")) >= 4)
    waits = [float(record.args[2]) for record in caplog.records]  # type: ignore[index,arg-type]
    assert waits[:3] == [0.01, 0.02, 0.04]
    assert "a died (exit code 3)" in caplog.text


LEAVING = """
import sys, time
from pathlib import Path
from lapwing.app import supervising
from up import bodies

if __name__ == "__main__":
    with supervising.Tree() as tree:
        tree.want([supervising.Child("a", bodies.leave, (Path(sys.argv[1]),))])
        while tree.processes():
            time.sleep(0.02)
"""


def test_what_a_killed_child_left_is_tidied_up_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "leaving.py").write_text(LEAVING)
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, str(tmp_path / "leaving.py"), str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": tests}, capture_output=True, timeout=60, check=True)
    assert (tmp_path / "left").exists()
    assert done.stderr == b""


def test_who_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "DRAIN_S", 0.3)
    with Tree() as tree:
        tree.want([Child("a", bodies.deaf, (tmp_path, "a"))])
        until((tmp_path / "a").exists)
        (pid,) = tree.processes().values()
    assert not psutil.pid_exists(pid)


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = multiprocessing.get_context("spawn").Process(target=bodies.tree, args=(tmp_path, bool))
    parent.start()
    until(lambda: bool(starts(tmp_path, "leaf")))
    parent.kill()
    parent.join()
    until((tmp_path / "leaf.ended").exists)
