"""How does it answer while posts come in: `lapwing up`, 2,000 posts a second by POST, listeners on the live stream?

Measured at once: how long searches and counts take, whether every listener hears every update, and how long a post that
was accepted takes until it is found. Clients and feeder are processes of their own, and share the machine.

A control runs beside them: a process that asks to sleep 5 ms over and over, and notes how late it wakes. That is what the
machine itself adds to every answer, so that a figure can be judged: with nobody else on it, a fraction of a millisecond.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from _machine import free_port, heading, parser, stolen_s, write
from _posts import file_of

BATCH = 200
WORDS = ("home", "rain", "makan", "morning", "casa", "train", "flood", '"good morning"', "tokyo", "banjir")
BUDGET_P99_MS = 100
FRESH_S = 2.0
NAP_S = 0.005
LOOK_S = 0.15
"""So often it is looked for what was handed in: each look is a search, and should not be most of the load."""
READY = "ready"
TOPICS = "commits,posts,incidents"
"""What a dashboard listens to."""


def feed(url: str, file: Path, asked: argparse.Namespace, stop: threading.Event, refused: list[str]) -> None:
    """So many posts a second, in batches, as long as they last."""
    due = time.monotonic()
    with httpx.Client(timeout=30) as client, file.open("rb") as lines:
        while not stop.is_set():
            batch = b"".join(line for line in (lines.readline() for _ in range(BATCH)) if line)
            if not batch:
                return
            headers = {"content-type": "application/x-ndjson"}
            answer = client.post(f"{url}/api/v1/topics/raw.x", content=batch, headers=headers)
            if answer.status_code != 202:
                refused.append(answer.text)
            due = max(due + BATCH / asked.rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))


def ask(url: str, stop: threading.Event, kind: str, taken: list[float], wrong: list[str]) -> None:
    """Ask again and again, one question at a time, with a pause for thought."""
    chance = random.Random(kind)
    with httpx.Client(timeout=30) as client:
        while not stop.is_set():
            hour = chance.randrange(6)
            path = (
                f"/api/v1/posts?limit=50&q={chance.choice(WORDS)}"
                if kind == "posts"
                else f"/api/v1/counts?window=5m&top=50&since=2026-01-05T{hour:02}:00:00Z&until=2026-01-05T{hour + 1:02}:00:00Z"
            )
            start = time.perf_counter()
            answer = client.get(url + path)
            taken.append((time.perf_counter() - start) * 1e3)
            if answer.status_code != 200:
                wrong.append(f"{answer.status_code} {answer.text[:200]}")
            time.sleep(0.1)


def fresh(url: str, line: bytes, stop: threading.Event, taken: list[float]) -> None:
    """Hand in a post with a word that nothing else has, and look until it is found."""
    number = 0
    with httpx.Client(timeout=30) as client:
        while not stop.is_set():
            number += 1
            word = f"zq{os.getpid()}n{number}zq"
            record = json.loads(line)
            record["data"]["id"] = str(int(record["data"]["id"]) + number)
            record["data"]["text"] = f"looking for {word}"
            for name in list(record["data"]):
                if name not in ("id", "text", "author_id", "created_at", "lang"):
                    del record["data"][name]
            client.post(f"{url}/api/v1/topics/raw.x", json={"data": record["data"]}).raise_for_status()
            start = time.monotonic()
            while not client.get(f"{url}/api/v1/posts", params={"q": word}).json().get("posts"):  # 503: busy
                time.sleep(LOOK_S)
                if time.monotonic() - start > 30 or stop.is_set():
                    break
            taken.append(time.monotonic() - start)
            time.sleep(0.5)


async def listen(port: int, count: int, seconds: float, topics: str) -> list[list[int]]:
    """The commit numbers that each listener heard; a line is written when all are connected."""
    connected = asyncio.Barrier(count)

    async def one() -> list[int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
        writer.write(f"GET /api/v1/stream?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readline()
        if await connected.wait() == 0:
            print(READY, flush=True)
        heard: list[int] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = await asyncio.wait_for(reader.readline(), left)
            except TimeoutError:
                break
            if not line:
                break
            if line.startswith(b"id: "):
                number = int(line[4:])
                if not heard or heard[-1] != number:
                    heard.append(number)
        writer.close()
        return heard

    return await asyncio.gather(*(one() for _ in range(count)))


def listeners(port: int, asked: argparse.Namespace) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        __file__,
        "--listen",
        str(port),
        "--listeners",
        str(asked.listeners),
        "--seconds",
        str(asked.seconds),
        "--topics",
        asked.topics,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def nap(seconds: float) -> list[float]:
    """How late, in milliseconds, one wakes who asks to sleep 5 ms again and again."""
    print(READY, flush=True)
    late, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        time.sleep(NAP_S)
        late.append((time.perf_counter() - start - NAP_S) * 1e3)
    return late


def napper(seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--nap", "--seconds", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def summed_up(values: list[float]) -> dict[str, Any]:
    ordered = sorted(values)
    found = {"asked": len(values), "p50": statistics.median(values), "p99": ordered[int(len(ordered) * 0.99)]}
    return found | {"first": values[0], "most": ordered[-1]}


def wait_until_ready(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def everyone_heard_all(heard: list[list[int]]) -> dict[str, Any]:
    """Of the updates that came while all listened: how many there were, and by how many listeners all were heard."""
    first, last = max(each[0] for each in heard if each), min(each[-1] for each in heard if each)
    inside = [tuple(number for number in each if first < number <= last) for each in heard]
    updates = set().union(*inside)
    return {
        "listeners": len(heard),
        "updates": len(updates),
        "heard_all": sum(set(each) == updates for each in inside),
        "dropped": sum(not each for each in heard),
    }


def measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    posts = file_of(folder / "posts.ndjson", round(asked.rate * (asked.seconds + 20)), asked.seed)
    settings = folder / "lapwing.toml"
    # One process is the default; it is not written, so that versions before the setting can be measured too.
    several = f"processes = {asked.processes}\n" if asked.processes > 1 else ""
    settings.write_text(f"[serve]\nport = {port}\nrequests_per_minute = 1000000\n{several}")
    command = [
        sys.executable,
        "-m",
        "lapwing",
        "--data",
        str(folder / "data"),
        "--config",
        str(settings),
        "up",
        "--workers",
        str(asked.workers),
    ]
    taken: dict[str, list[float]] = {"posts": [], "counts": [], "fresh": []}
    wrong: list[str] = []
    stop = threading.Event()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_ready(url)
            line = posts.open("rb").readline()
            jobs = [threading.Thread(target=feed, args=(url, posts, asked, stop, wrong))]
            jobs[0].start()
            time.sleep(5)  # until there is something to find
            with listeners(port, asked) as hearing, napper(asked.seconds) as control:
                # The clients' own start costs a core for a second; it is not what is measured.
                assert hearing.stdout.readline().strip() == control.stdout.readline().strip() == READY.encode()
                jobs += [
                    threading.Thread(target=ask, args=(url, stop, kind, taken[kind], wrong))
                    for kind in ("posts", "counts")
                ]
                jobs.append(threading.Thread(target=fresh, args=(url, line, stop, taken["fresh"])))
                for job in jobs[1:]:
                    job.start()
                stolen = stolen_s()
                heard = json.loads(hearing.communicate()[0])
                late = json.loads(control.communicate()[0])
                stolen = (stolen_s() - stolen) / (asked.seconds * (os.cpu_count() or 1))
            status = httpx.get(f"{url}/api/v1/status", timeout=30).json()
            received = status.get("accounting", {}).get("received", 0)
            if not received:
                wrong.append(str(status))
            stop.set()
            for job in jobs:
                job.join()
        finally:
            stop.set()
            server.send_signal(signal.SIGTERM)
    return {
        "wrong": wrong[:5],
        "stolen": stolen,
        "received": received,
        "live": everyone_heard_all(heard),
        "processes": asked.processes,
    } | {name: summed_up(values) for name, values in [*taken.items(), ("control", late)]}


def main() -> None:
    asked = parser(__doc__)
    asked.add_argument("--rate", type=int, default=2_000, help="posts a second")
    asked.add_argument("--listeners", type=int, default=200)
    asked.add_argument("--topics", default=TOPICS, help="of the live stream; counts,posts are 20 times as much")
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--workers", type=int, default=1)
    asked.add_argument("--processes", type=int, default=1, help="serve processes (`serve.processes`)")
    asked.add_argument("--listen", type=int, help=argparse.SUPPRESS)
    asked.add_argument("--nap", action="store_true", help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.nap:
        print(json.dumps(nap(chosen.seconds)))
        return
    if chosen.listen:
        print(json.dumps(asyncio.run(listen(chosen.listen, chosen.listeners, chosen.seconds, chosen.topics))))
        return
    if chosen.quick:
        chosen.seconds = 20
    heading(
        f"Serving under {chosen.rate:,} posts a second, {chosen.listeners} listeners to {chosen.topics}, {chosen.seconds:.0f} s, "
        f"{chosen.processes} serve process{'' if chosen.processes == 1 else 'es'}"
    )
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        result = measure(Path(folder), chosen)
    print(f"  received {result['received']:,}; wrong answers: {result['wrong'] or 'none'}")
    late = result["control"]
    print(
        f"  control  {late['asked']:5} naps of 5 ms: woken late by median {late['p50']:.1f} ms, p99 {late['p99']:.1f} ms; "
        f"{result['stolen']:.1%} of the processors taken by other guests"
    )
    for kind in ("posts", "counts"):
        found = result[kind]
        kept = "kept" if found["p99"] <= BUDGET_P99_MS else "BROKEN"
        print(
            f"  {kind:8} {found['asked']:5} asked: median {found['p50']:7.1f} ms, p99 {found['p99']:7.1f} ms (budget {BUDGET_P99_MS}) {kept}; "
            f"the first {found['first']:.0f}, the slowest {found['most']:.0f}"
        )
    found, live = result["fresh"], result["live"]
    print(
        f"  found    {found['asked']:5} looked for: median {found['p50']:.2f} s, p99 {found['p99']:.2f} s after it was accepted (budget {FRESH_S})"
    )
    print(
        f"  {live['listeners']} listeners, {live['updates']} updates while all listened; {live['heard_all']} heard all of them; {live['dropped']} heard nothing"
    )
    write(chosen, "serving", result)


if __name__ == "__main__":
    main()
