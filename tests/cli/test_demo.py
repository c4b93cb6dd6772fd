"""`lapwing demo`: the evening on a dashboard, as somebody sees it who has just installed Lapwing."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.running import ingest, lapwing, lines, status
from examples.running_up import answers, eventually, free_port
from lapwing.app import demo
from lapwing.demo import write_recording

SMALL = 0.01


def small_evening(path: Path) -> dict[str, int]:
    """Put the recording of a small evening where the demo looks for its own; the accounting that it must give."""
    path.mkdir()
    with (path / demo.RECORDING).open("wb") as recording, (path / demo.TRUTH).open("wb") as truth:
        write_recording(recording, truth, 7, SMALL)
    accounting: dict[str, int] = json.loads((path / demo.TRUTH).read_bytes())["accounting"]
    return accounting


@pytest.mark.full
def test_the_evening_is_seen_on_a_dashboard_and_begins_anew_each_time(tmp_path: Path) -> None:
    path, port = tmp_path / "demo", free_port()
    expected = small_evening(path)
    words = ["--data", str(path), "demo", "--no-browser", "--port", str(port), "--speed", "7200"]

    def played(client: httpx.Client) -> Any:
        found = client.get("/api/v1/status").json()
        return found if found["accounting"]["received"] >= expected["received"] else None

    for _ in range(2):
        with (
            subprocess.Popen([sys.executable, "-m", "lapwing", *words], stderr=subprocess.PIPE, text=True) as shown,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            try:
                eventually(lambda: answers(client))
                assert "<title>Lapwing" in client.get("/").text
                assert eventually(lambda: played(client))["accounting"] == expected
                assert client.get("/api/v1/posts", params={"q": "banjir"}).json()["posts"], "old as it is, it is kept"
                before = (path / "lapwing.toml").read_text()
                second = lapwing(path, "demo", "--no-browser", "--port", free_port())
                assert (second.code, "already" in second.err) == (2, True)
                assert (path / "lapwing.toml").read_text() == before, "who runs there follows the file"
                sources = client.get("/api/v1/status").json()["listening"]
                assert not sources, "offline: nothing is listened to but the evening"
            finally:
                shown.send_signal(signal.SIGINT)
                _, said = shown.communicate(timeout=30)
        assert shown.returncode == 0, said
        assert f"the dashboard is http://127.0.0.1:{port}" in said


def test_other_data_is_left_alone(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1)))
    for words in (["demo", "--once"], ["demo", "--no-browser"]):
        refused = lapwing(data_dir, *words)
        assert (refused.code, refused.out) == (2, b"")
        assert "holds data that is not the demo's" in refused.err
        assert lapwing(data_dir, "status", "--json").json["accounting"]["stored"] == 1


def test_a_changed_configuration_is_left_alone(tmp_path: Path) -> None:
    file = demo.settings(tmp_path, 8123)
    assert "port = 8123" in file.read_text()
    assert "port" not in demo.settings(tmp_path, None).read_text(), "written anew"
    file.write_text("[serve]\nport = 9000\n")
    assert demo.settings(tmp_path, None).read_text() == "[serve]\nport = 9000\n"
    refused = lapwing(tmp_path, "demo", "--port", "8123", "--no-browser")
    assert refused.code == 2
    assert "was not written by the demo" in refused.err


def test_what_is_for_the_dashboard_goes_without_it_nowhere(tmp_path: Path) -> None:
    assert lapwing(tmp_path, "demo", "--once", "--port", "8123").code == 2
    assert lapwing(tmp_path, "demo", "--json", "--speed", "2").code == 2
    (tmp_path / "mine.toml").write_text("source = []")
    refused = lapwing(tmp_path, "--config", tmp_path / "mine.toml", "demo", "--port", "8123")
    assert refused.code == 2
    assert "under [serve]" in refused.err


def test_a_speed_that_is_none_and_two_ports_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for speed in ("nan", "inf", "1e300"):
        assert lapwing(tmp_path, "demo", "--no-browser", "--speed", speed).code == 2
    monkeypatch.setenv("LAPWING__SERVE__PORT", "8124")
    refused = lapwing(tmp_path, "demo", "--no-browser", "--port", 8123)
    assert (refused.code, "LAPWING__SERVE__PORT says 8124" in refused.err) == (2, True)


def test_who_cannot_begin_leaves_the_last_evening_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    small_evening(path)
    assert lapwing(path, "demo", "--once", "--workers", 0, "--json").code == 0
    before = lapwing(path, "status", "--json").json["accounting"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = lapwing(path, "demo", "--no-browser", "--port", taken.getsockname()[1])
    assert refused.code == 2
    assert lapwing(path, "status", "--json").json["accounting"] == before
    assert before["stored"] > 0


def test_a_recording_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    expected = small_evening(path)
    recording = path / demo.RECORDING
    recording.write_bytes(recording.read_bytes()[:20_000])
    assert demo.made(path, SMALL, lambda _: None)[1] == expected
    assert recording.stat().st_size > 20_000
