"""How the listening to live sources is shown to people and programs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from cli.running import lapwing, lines
from lapwing.app.opening import Directory
from lapwing.engine.clock import SystemClock
from lapwing.model import COVERAGE, Covered, Records

MINUTE_US = 60_000_000


def tell(data: Path, now_us: int, *minutes: tuple[Literal["heard", "gap", "began", "ended"], int, int, str]) -> None:
    """Notes about the source `a.example`, from so many minutes before a time to so many, saved."""
    directory = Directory(data)
    notes = [
        Covered("a.example", "mastodon", now_us - low * MINUTE_US, now_us - high * MINUTE_US, kind, reason, True)
        for kind, low, high, reason in minutes
    ]
    values = [msgspec.json.encode(note) for note in notes]
    records = Records(
        source="a.example", network="mastodon", format="", values=values, received_at_us=[now_us] * len(values)
    )
    directory.log.append(COVERAGE, records, now_us=now_us)
    directory.worker().run(lambda: directory.behind() == 0)
    directory.close()


def said(data: Path, beginning: str) -> list[str]:
    out = lapwing(data, "status").out.decode().splitlines()
    return [line for line in out if line.startswith(beginning)]


def test_status_says_how_a_live_source_is_listened_to(data_dir: Path) -> None:
    now_us = SystemClock().now_us()
    tell(data_dir, now_us, ("began", 48 * 60, 48 * 60, ""), ("heard", 48 * 60, 15, ""), ("gap", 15, 3, "HTTP 502"))
    tell(data_dir, now_us, ("heard", 3, 0, ""), ("gap", 90, 80, "cut"))
    (source,) = lapwing(data_dir, "status", "--json").json["sources"]
    assert (source["name"], source["received"], source["live"], source["on_duty"]) == ("a.example", 0, True, True)
    assert source["heard_last_hour"] == pytest.approx(0.8, abs=0.01)  # 48 of 60 minutes, a few seconds later
    assert source["heard_last_day"] == pytest.approx(0.9917, abs=0.0005)  # all but 12 of 1,440
    assert (source["gaps_open"], source["gaps_closed"]) == (1, 1)
    (line,) = said(data_dir, "a.example: listened to since ")
    assert "of the last hour heard, " in line
    assert line.endswith("of the last 24 hours heard; 1 gaps open, 1 filled")
    (gap,) = said(data_dir, "gap: ")
    assert gap.endswith(": HTTP 502")
    tell(data_dir, now_us, ("heard", 15, 3, ""), ("ended", 0, 0, ""))
    assert said(data_dir, "gap: ") == []
    (line,) = said(data_dir, "a.example: ")
    assert line.startswith("a.example: no longer listened to; 100.00% of the last hour heard")
    assert line.endswith("0 gaps open, 2 filled")


def test_an_archive_has_no_line_of_its_own(tmp_path: Path, data_dir: Path) -> None:
    file = lines(tmp_path / "a.ndjson", b'{"id":"1"}')
    lapwing(data_dir, "ingest", "--workers", 0, file)
    assert said(data_dir, "a: ") == []
    (source,) = lapwing(data_dir, "status", "--json").json["sources"]
    assert (source["live"], source["on_duty"], source["heard_last_hour"]) == (False, False, None)
