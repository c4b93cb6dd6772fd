"""A few questions, each answer tried, and a configuration that works."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.running import lapwing
from lapwing import config


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_answers_become_a_configuration(tmp_path: Path) -> None:
    port = free_port()
    done = lapwing(None, "init", given=f"here\n127.0.0.1\n{port}\n2d\n\nyes\n".encode())
    assert done.code == 0, done.err
    made = config.parse((tmp_path / "lapwing.toml").read_text(), environment={})
    assert (made.serve.port, made.log.durability) == (port, "power")
    assert (made.log.retention_us, made.store.posts_retention_us) == (172_800_000_000, 7_776_000_000_000)
    assert (tmp_path / "here").is_dir()


def test_what_cannot_work_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        answers = f"a-file\nhere\nmy.host\n127.0.0.1\n{busy}\nmany\n{free_port()}\n7 days\n7d\n\nperhaps\nno\n"
        done = lapwing(None, "init", given=answers.encode())
    assert done.code == 0, done.err
    for said in (
        "is not a folder",
        "'my.host' is no address",
        f"port {busy}",
        "'many' is not a port",
        "'7 days' is not",
        "yes or no",
    ):
        assert said in done.err


def test_a_file_that_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "lapwing.toml").write_text("# mine\n")
    given = f"\n\n{free_port()}\n\n\n\n".encode()
    done = lapwing(None, "init", given=given)
    assert done.code == 2
    assert "there is a lapwing.toml already; say --force" in done.err
    assert (tmp_path / "lapwing.toml").read_text() == "# mine\n"
    assert lapwing(None, "init", "--force", given=given).code == 0


def test_nobody_there_is_not_asked_for_ever(tmp_path: Path) -> None:
    done = lapwing(None, "init", given=b"y\nn\n" * 100)
    assert done.code == 2
    assert "'y' is no address" in done.err
    assert not (tmp_path / "lapwing.toml").exists()
