"""Functions and timers of the configuration, as `lapwing up` runs them in a child process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lapwing
from lapwing import config
from lapwing.app.functions import run_functions
from lapwing.app.opening import Directory
from lapwing.app.timers import run_timers
from lapwing.engine.clock import SystemClock
from lapwing.testing import SimulatedClock

DEADLINE_S = 60.0
MODULE = """
import pathlib
import sys

def shout(value):
    return {"text": value["text"].upper()}

def leave(frame):
    sys.exit("gone")

def tidy():
    with pathlib.Path("tidied").open("a") as file:
        file.write("x")

def fail():
    raise ValueError("cannot tidy")

word = "no function"

def place_of(post):
    return {"place": post.place.name, "at": post.created_at}

def texts_of(posts):
    return posts.select("text", "place")
"""
CONFIGURATION = """
[[function]]
name = "shout"
from = "words"
to = "loud"
run = "my_own_module:shout"
each = true

[[function]]
name = "leave"
from = "words"
run = "my_own_module:leave"
retries = 0

[[function]]
name = "absent"
from = "words"
run = "no_module_of_this_name:f"

[[function]]
name = "word"
from = "words"
run = "my_own_module:word"

[[function]]
name = "loop"
from = "words"
to = "words"
run = "my_own_module:shout"

[[timer]]
run = "my_own_module:tidy"
every = "1m"

[[timer]]
name = "failing"
run = "my_own_module:fail"
every = "1m"

[[timer]]
name = "absent"
run = "no_module_of_this_name:f"
every = "1m"
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAPWING_DATA", str(tmp_path / "data"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_own_module.py").write_text(MODULE)


def until(
    body: Callable[..., None], *arguments: Any, seen: Callable[[], bool], configuration: str = CONFIGURATION
) -> None:
    """Run a child's body in a thread until something is seen."""
    stop, clock = threading.Event(), SystemClock()
    thread = threading.Thread(
        target=body, args=(config.data_directory(), config.parse(configuration), stop.is_set, *arguments)
    )
    thread.start()
    deadline_s = clock.monotonic_s() + DEADLINE_S
    try:
        while not seen():
            assert clock.monotonic_s() < deadline_s
            clock.sleep(0.02)
    finally:
        stop.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive()


def states(log: Any) -> dict[str, str]:
    return {row["name"]: row["state"] for row in log.function_states()}


def test_functions_run_and_those_that_cannot_are_paused_and_say_why() -> None:
    lapwing.produce("words", {"text": "ah"})
    log = Directory(config.data_directory()).log
    until(run_functions, seen=lambda: log.group_lag("shout", "words") + log.group_lag("leave", "words") == 0)
    assert list(lapwing.consume("loud", follow=False)) == [{"text": "AH"}]
    (letter,) = lapwing.consume("errors", follow=False)
    assert (letter["function"], letter["reason"]) == ("leave", "SystemExit: gone")
    said = states(log)
    assert (said["shout"], said["leave"]) == ("stopped", "stopped")
    assert said["absent"].startswith("paused: no_module_of_this_name:f cannot be used: ModuleNotFoundError")
    assert said["word"].startswith("paused: my_own_module:word cannot be used: TypeError")
    assert "would read what it writes to 'words'" in said["loop"]


def test_timers_run_and_those_that_cannot_say_why(tmp_path: Path) -> None:
    log = Directory(config.data_directory(), config.parse("")).log
    clock = SimulatedClock()

    def timers() -> dict[str, Any]:
        return {row["name"]: row for row in log.timer_states()}

    until(run_timers, clock, seen=lambda: timers().get("failing", {}).get("failures", 0) >= 3)
    assert len((tmp_path / "tidied").read_text()) >= 2
    assert timers()["my_own_module:tidy"]["failures"] == 0
    assert timers()["failing"]["last_error"] == "ValueError: cannot tidy"
    assert timers()["absent"]["last_error"].startswith("no_module_of_this_name:f cannot be used")
    assert timers()["failing"]["owner"] is None


def test_a_failure_is_written_whole() -> None:
    lapwing.produce("words", {"text": "ah"}, key="k")
    log = Directory(config.data_directory()).log
    until(run_functions, seen=lambda: log.group_lag("leave", "words") == 0)
    (letter,) = lapwing.consume("errors", follow=False)
    assert sorted(letter) == ["function", "key", "offset", "partition", "reason", "record", "topic", "trace"]
    assert json.loads(json.dumps(letter["record"])) == {"text": "ah"}


POSTS = """
[[function]]
name = "places"
from = "raw.mastodon"
to = "places"
run = "my_own_module:place_of"
each = true
workers = "processes"

[[function]]
name = "texts"
from = "raw.mastodon"
to = "texts"
run = "my_own_module:texts_of"
workers = "processes"
"""


def test_posts_reach_functions_in_processes() -> None:
    at = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    account = {"id": "1", "acct": "kim", "username": "kim", "url": "https://mastodon.au/@kim", "note": ""}
    uri = "https://mastodon.au/users/kim/statuses/1"
    status = {
        "id": "1",
        "uri": uri,
        "url": uri,
        "created_at": at,
        "content": "<p>Rain in Perth</p>",
        "account": account,
    }
    lapwing.produce("raw.mastodon", status | {"visibility": "public", "language": "en"})
    log = Directory(config.data_directory()).log
    until(
        run_functions,
        configuration=POSTS,
        seen=lambda: log.group_lag("places", "raw.mastodon") + log.group_lag("texts", "raw.mastodon") == 0,
    )
    assert list(lapwing.consume("errors", follow=False)) == []
    assert list(lapwing.consume("places", follow=False)) == [{"place": "Perth", "at": at}]
    (text,) = lapwing.consume("texts", follow=False)
    assert (text["text"], text["place"]["country"]) == ("Rain in Perth", "AU")
