"""The whole process tree killed at random moments, while programs hand in and functions run: nothing is lost, none double.

Every request that was answered 202 is there exactly once, what a function made of it is there exactly once, and whoever
got no answer asks again with the same key. All processes of the tree are killed at the same moment, none of them warned.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import lapwing
from cli.running import lapwing as command
from cli.running import standing, status
from examples.running_up import answers, eventually, free_port

CONFIG = """
[[function]]
name = "copy"
from = "numbers"
to = "doubled"
run = "mine:doubled"

[[function]]
name = "copy-each"
from = "numbers"
to = "each"
run = "mine:each"
each = true
parallel = 2
"""
MINE = """
def doubled(frame):
    return frame.with_columns(twice=frame["n"] * 2)


def each(record):
    return {"n": record["n"]}
"""
RUNNING_S_MAX = 3.0
ACCEPTED_MIN = 100
ANSWER_S = 60.0
REST_S = 600.0


class Program:
    """One that hands in, again and again, each time something new; what is not answered is asked again."""

    def __init__(self, port: int, topic: str, seed: float) -> None:
        self.accepted: list[int] = []
        self.cut = 0
        self._address, self._topic = f"http://127.0.0.1:{port}/api/v1/topics/{topic}", topic
        self._chance = random.Random(seed)

    def run(self, stop: threading.Event) -> None:
        with httpx.Client(timeout=ANSWER_S) as client:
            number = 0
            while not stop.is_set():
                numbers = range(number + 1, number + 1 + self._chance.randint(1, 5))
                self._hand_in(client, numbers)
                number = numbers[-1]
                if self._chance.random() < 0.1:  # it was answered, and the program forgot
                    self._hand_in(client, numbers, again=True)

    def _hand_in(self, client: httpx.Client, numbers: range, again: bool = False) -> None:
        record = status if self._topic == "raw.mastodon" else _line
        body = b"\n".join(record(number) for number in numbers)
        headers = {"content-type": "application/x-ndjson", "idempotency-key": f"{self._topic}-{numbers[0]}"}
        answer = eventually(lambda: self._answer(client, body, headers))
        assert answer.status_code == 202, answer.text
        assert answer.json()["records"] == len(numbers)
        if again:
            assert answer.json()["repeated"]
        else:
            self.accepted += numbers

    def _answer(self, client: httpx.Client, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        try:
            return client.post(self._address, content=body, headers=headers)
        except httpx.TransportError as problem:
            self.cut += not isinstance(problem, httpx.ConnectError)
            return None


def _line(number: int) -> bytes:
    return json.dumps({"n": number}).encode()


@contextmanager
def tree(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`lapwing up` in a process group of its own, of which nobody is left at the end."""
    words = ["--config", str(folder / "lapwing.toml"), "--data", str(folder / "data"), "up", "--workers", "1"]
    environment = os.environ | {"LAPWING__SERVE__PORT": str(port), "LAPWING__SERVE__REQUESTS_PER_MINUTE": "1000000"}
    with (folder / "said.txt").open("ab") as said:
        up = subprocess.Popen(
            [sys.executable, "-m", "lapwing", *words], env=environment, stderr=said, start_new_session=True
        )
    try:
        yield up
    finally:
        if up.poll() is None:
            kill(up)


def kill(up: subprocess.Popen[bytes]) -> int:
    """Kill all of them at once; how many there were."""
    them = [psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)]
    os.killpg(up.pid, signal.SIGKILL)
    up.wait()
    gone, alive = psutil.wait_procs(them, timeout=30)
    assert not alive
    return len(gone)


def wait(port: int, up: subprocess.Popen[bytes]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_S) as client:
        eventually(lambda: up.poll() is not None or answers(client))
    assert up.poll() is None, "it did not start"


def kill_at_random(folder: Path, chance: random.Random, port: int) -> int:
    """Start it, let it run for a while, sometimes not until it answers, and kill it."""
    with tree(folder, port) as up:
        if chance.random() < 0.8:
            wait(port, up)
        time.sleep(chance.uniform(0.0, RUNNING_S_MAX))
        assert up.poll() is None, (folder / "said.txt").read_text()
        return kill(up)


def how_it_stands(client: httpx.Client) -> dict[str, Any]:
    """The status; on a busy machine it may be told 503, to come back later."""

    def ask() -> dict[str, Any] | None:
        answer = client.get("/api/v1/status")
        assert answer.status_code in (200, 503), answer.text
        return answer.json() if answer.status_code == 200 else None

    found: dict[str, Any] = eventually(ask)
    return found


def at_rest(stands: dict[str, Any], since: str) -> bool:
    """Whether all was read that came before."""
    functions = stands["functions"]
    read = all(each["lag"] == 0 and each["noted"] > since for each in functions)
    return len(functions) == 2 and read and stands["lag_records"] == 0


def finish(folder: Path, port: int, stop: Callable[[], None], enough: Callable[[], bool]) -> dict[str, Any]:
    """Start it a last time until enough was accepted, let it come to rest and end it as one does; how things stood."""
    with tree(folder, port) as up, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_S) as client:
        wait(port, up)
        eventually(enough)
        stop()
        stands = how_it_stands(client)
        since, deadline = stands["at"], time.monotonic() + REST_S
        while not at_rest(stands, since):
            assert time.monotonic() < deadline, stands
            time.sleep(0.1)
            stands = how_it_stands(client)
        up.send_signal(signal.SIGTERM)
        assert up.wait(30) == 0, (folder / "said.txt").read_text()
    return stands


def killed(folder: Path, chance: random.Random, kills: int) -> None:
    (folder / "mine.py").write_text(MINE)
    (folder / "lapwing.toml").write_text(CONFIG)
    port, ending = free_port(), threading.Event()
    programs = [Program(port, topic, chance.random()) for topic in ("numbers", "raw.mastodon")]
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(program.run, ending) for program in programs]

        def stop() -> None:
            ending.set()
            for each in running:
                each.result(ANSWER_S)

        def enough() -> bool:
            assert not any(each.done() for each in running), "a program ended before it was told to"
            return all(len(program.accepted) > ACCEPTED_MIN for program in programs)

        try:
            sizes = [kill_at_random(folder, chance, port) for _ in range(kills)]
            stood = finish(folder, port, stop, enough)
        finally:
            ending.set()
    assert max(sizes) >= 4, "up itself, a worker, the functions and the API"
    assert sum(program.cut for program in programs) >= kills // 2, "hardly a request was cut; this test tests nothing"
    check(folder / "data", *programs, stood)


def check(data: Path, handed_in: Program, posts: Program, stood: dict[str, Any]) -> None:
    assert len(handed_in.accepted) > ACCEPTED_MIN
    assert len(posts.accepted) > ACCEPTED_MIN
    once = Counter(handed_in.accepted)
    for topic in ("numbers", "doubled", "each"):
        assert Counter(value["n"] for value in lapwing.consume(topic, data=data, follow=False)) == once, topic
    assert not list(lapwing.consume("errors", data=data, follow=False))
    assert all(each["failures"] == 0 for each in stood["functions"])
    texts = Counter(post.uid for post in lapwing.consume("raw.mastodon", data=data, follow=False))
    assert len(texts) == len(posts.accepted)
    assert set(texts.values()) == {1}
    assert stood["posts"]["standing"] == len(posts.accepted)
    assert standing(data) == [len(posts.accepted), len(posts.accepted), 0, 0, 0, 0]
    assert (data / "ledger" / "writer.lock").stat().st_size == 24  # it names its holder, and does not grow
    verified = command(data, "verify")
    assert verified.code == 0, verified.out.decode()


@pytest.mark.full
@pytest.mark.timeout(300)
def test_three_kills_of_the_whole_tree(tmp_path: Path, chance: random.Random) -> None:
    killed(tmp_path, chance, kills=3)


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_a_hundred_kills_of_the_whole_tree(tmp_path: Path, chance: random.Random) -> None:
    killed(tmp_path, chance, kills=100)
