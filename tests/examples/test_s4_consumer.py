"""The consumer of X: it prints what comes, and goes on where it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lapwing

CONSUMER = Path(__file__).parents[2] / "examples" / "s4_consumer.py"


def said_by_the_consumer(data: Path, tmp_path: Path, last: str) -> list[str]:
    """The last words of the lines that it prints up to that one; then it is killed."""
    environment = os.environ | {"LAPWING_DATA": str(data), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(CONSUMER)]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = []
        while not said or said[-1] != last:
            line = process.stdout.readline()
            assert line, "it ended"
            said.append(line.split()[-1])
        process.kill()
    return said


def tweet(number: int, text: str) -> dict[str, object]:
    created = f"2024-06-01T10:00:{number:02}.000Z"
    return {"data": {"id": str(1796853250500000000 + number), "text": text, "author_id": "7", "created_at": created}}


@pytest.mark.full
def test_posts_come_in_their_order_and_none_is_missed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number, text in enumerate(["one", "two"]):
        lapwing.produce("raw.x", tweet(number, text), data=data)
    assert said_by_the_consumer(data, tmp_path, "two") == ["one", "two"]
    lapwing.produce("raw.x", tweet(2, "three"), data=data)
    # Killed before it asked for another, it may not have said that it was done with the last one: that comes again.
    assert said_by_the_consumer(data, tmp_path, "three") in (["two", "three"], ["three"])
