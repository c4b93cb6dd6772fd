"""Channels as a user configures them, from the file to the phone."""

from __future__ import annotations

import logging
import time
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lapwing import config
from lapwing.app.opening import Directory
from lapwing.app.telling import channels_of, listed, recipients_of, tell
from lapwing.ledger.sqlite import outbox
from lapwing.telling import Recipient
from lapwing.testing.networks.push import NtfyFake, WebhookFake
from notify.alerts import alert

DEADLINE_S = 60.0
SECRET = "a secret of sixteen letters or more"


def files(folder: Path, hook: str, phone: str) -> Path:
    """A configuration with two channels, and the secret that one of them names."""
    (folder / "secret.txt").write_text(SECRET)
    (folder / "lapwing.toml").write_text(
        f"""
source = []
[[channel]]
type = "webhook"
name = "control-room"
url = "{hook}"
secret = "file:secret.txt"
private = true

[[channel]]
type = "ntfy"
name = "my-phone"
topics = ["flood"]
url = "{phone}"
private = true
"""
    )
    return folder / "lapwing.toml"


def decide(directory: Directory, configuration: config.Configuration, *ids: str) -> None:
    """What the incident stage does: an alert for everybody, in one transaction."""
    channels = channels_of(configuration, directory.path)
    everybody = [each for channel in channels.values() for each in recipients_of(directory, channel)]
    with directory.ledger.store.transaction() as connection:
        for id in ids:
            for each in everybody:
                outbox.add(connection, alert(id), each, directory.clock.now_us())


def until(done: Any) -> None:
    """Other threads work; we look again and again."""
    end_s = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.01)


def test_what_is_configured_gets_the_alert_and_a_change_of_the_file_counts(tmp_path: Path) -> None:
    with WebhookFake(SECRET) as hook, NtfyFake() as phone, NtfyFake() as other:
        file = files(tmp_path, hook.url, phone.url)
        configuration = config.parse(file.read_text(), file=str(file), environment={})
        directory, ended = Directory(tmp_path / "data", configuration), []
        decide(directory, configuration, "a1")
        thread = Thread(target=tell, args=(tmp_path / "data", configuration, file, lambda: bool(ended)))
        thread.start()
        try:
            until(lambda: hook.received and phone.received)
            until(lambda: [each["state"] for each in listed(directory)] == ["live", "live"])
            files(tmp_path, hook.url, other.url)
            more = (f"a{number}" for number in count(2))
            until(lambda: other.received or decide(directory, configuration, next(more)))
        finally:
            ended.append(True)
            thread.join(DEADLINE_S)
        assert not thread.is_alive()
        told = [each["alert"]["id"] for each in hook.received]
        assert told == [f"a{number}" for number in range(1, len(told) + 1)]
        assert len(phone.received) >= 1
        room, mine = listed(directory)
        directory.close()
    assert (room["name"], room["type"], room["state"], room["sent"], room["configured"]) == (
        "control-room", "webhook", "not running", len(told), True,
    )  # fmt: skip
    assert mine["last_sent"].endswith("Z")


def test_a_channel_without_its_secret_is_said_and_the_others_send(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = files(tmp_path, "http://127.0.0.1:9/", "http://127.0.0.1:9/")
    (tmp_path / "secret.txt").unlink()
    configuration = config.parse(file.read_text(), file=str(file), environment={})
    with caplog.at_level(logging.ERROR):
        assert list(channels_of(configuration, tmp_path)) == ["my-phone"]
    assert "the channel control-room sends nothing" in caplog.text
    assert SECRET not in caplog.text


def test_a_wrong_address_in_the_file_is_said_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = files(tmp_path, "https://169.254.169.254/latest/meta-data", "http://127.0.0.1:9/")
    file.write_text(file.read_text().replace("private = true", "private = false", 1))
    configuration = config.parse(file.read_text(), file=str(file), environment={})
    assert list(channels_of(configuration, tmp_path)) == ["my-phone"]
    assert "169.254.169.254 is not on the public internet" in caplog.text


def test_configured_and_registered_are_told_once(tmp_path: Path) -> None:
    file = files(tmp_path, "http://127.0.0.1:9/", "http://127.0.0.1:9/")
    configuration = config.parse(file.read_text(), file=str(file), environment={})
    directory = Directory(tmp_path / "data", configuration)
    phone = channels_of(configuration, tmp_path)["my-phone"]
    with directory.ledger.store.transaction() as connection:
        outbox.register(connection, Recipient("my-phone", "flood"), 1)
        outbox.register(connection, Recipient("my-phone", "fire"), 2)
    assert [each.address for each in recipients_of(directory, phone)] == ["flood", "fire"]
    directory.close()
