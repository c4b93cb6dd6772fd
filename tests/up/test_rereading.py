"""The configuration's file, changed while Lapwing runs: what is said of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lapwing.app.rereading import Settings

AU = '[[source]]\ntype = "mastodon"\nname = "au"\nurl = "https://mastodon.au"\n'
NZ = '[[source]]\ntype = "mastodon"\nname = "nz"\nurl = "https://mastodon.nz"\nevery = "5m"\n'


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "lapwing.up")
    return caplog


def test_what_changed_is_said_and_nothing_else(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "lapwing.toml"
    file.write_text(AU)
    settings = Settings(file)
    assert not settings.changed()
    for text, message in (
        (NZ + AU, 'source nz is new (type = "mastodon", name = "nz", url = "https://mastodon.nz", every = "5m")'),
        ("# the order is nothing\n" + AU + NZ, ""),
        (AU + NZ.replace("5m", "10m"), 'source nz: every = "10m" (was "5m")'),
        ("[log]\npartitions = 4\n" + AU, "log: partitions = 4 (was 8); source nz is gone"),
    ):
        said.clear()
        file.write_text(text)
        assert settings.changed() is bool(message)
        assert said.messages == ([f"{file} was saved: {message}"] if message else [])


def test_a_mistake_and_a_file_that_is_gone_are_said_once_and_change_nothing(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "lapwing.toml"
    file.write_text(AU)
    settings = Settings(file)
    file.unlink()
    assert [settings.changed() for _ in range(3)] == [False] * 3
    assert [each.name for each in settings.configuration.sources] == ["au"]
    file.write_text(AU + "evry = '5m'\n")
    assert [settings.changed() for _ in range(3)] == [False] * 3
    file.write_text(AU)
    assert [settings.changed() for _ in range(3)] == [False] * 3
    assert [each.removeprefix(f"{file} ") for each in said.messages] == [
        "is gone, so all goes on as it was",
        "was saved with a mistake, so all goes on as it was: source[0].evry: there is no such key; did you mean 'every'?",
        "is right again, and as it was",
    ]


def test_who_is_quiet_knows_it_all_the_same(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "lapwing.toml"
    file.write_text(AU)
    settings = Settings(file, quiet=True)
    file.write_text(AU + NZ)
    assert settings.changed()
    assert said.messages == []
