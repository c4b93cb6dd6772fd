"""How does the dashboard bear it: 2,000 posts a second from 5,000 places, the evening running 60 times as fast?

`lapwing up` takes the posts by POST, and the page *Now* is open in Chromium beside it, on the same machine. Measured in the
page: tasks that hold it up (the Long Tasks API: 50 ms and more; the budget is 200), and the memory of its scripts after a
collection, over and over. Needs Chromium, and Playwright from `make test-full`'s packages.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from _machine import free_port, heading, parser, stolen_s, write

from lapwing.places.tables import gazetteer_tables
from serving import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

BATCH = 400
LONGEST_MS = 200
CHART_MS = 1_000
LOADS = 5
"""So often the page is opened, to see how soon its first chart is there."""
GROWTH_MAX = 0.10
"""Memory is flat when its last third holds no more than so much above its second."""
LOOK_S = 15.0
WORDS = (
    "rain traffic coffee train morning home market music work school lunch river bridge bus late friend match goal tired happy "
    "water power queue weather concert neighbour garden bread cinema holiday"
).split()
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => list.getEntries().forEach((each) => window.tasks.push([each.startTime, each.duration])))
  .observe({ type: "longtask", buffered: true });
new MutationObserver((_, watch) => {
  if (document.querySelector("#chart-posts canvas")) {
    window.charted = performance.now();
    watch.disconnect();
  }
}).observe(document, { childList: true, subtree: true });
"""


class Stream:
    """Posts of X, each with its place; `speed` seconds of theirs pass in one of ours."""

    def __init__(self, cities: pl.DataFrame, asked: argparse.Namespace) -> None:
        self._asked, self._chance = asked, random.Random(asked.seed)
        # so that it never comes to what the clock has not reached
        self._began = datetime.now(UTC).timestamp() - (asked.seconds + 120) * asked.speed
        self._number = 1_900_000_000_000_000_000
        self._places = [self._place(*row) for row in cities.select("id", "name", "country", "latitude", "longitude").iter_rows()]  # fmt: skip

    @staticmethod
    def _place(city: int, name: str, country: str, north: float, east: float) -> tuple[str, str]:
        number = f"{city:016x}"
        box = [round(each, 5) for each in (east - 0.01, north - 0.01, east + 0.01, north + 0.01)]
        found = {"id": number, "full_name": f"{name}, {country}", "name": name, "country_code": country, "place_type": "city",
                 "geo": {"type": "Feature", "bbox": box, "properties": {}}}  # fmt: skip
        return number, json.dumps(found)

    def batch(self, running_s: float) -> bytes:
        """Some posts of this moment, a line each."""
        at = datetime.fromtimestamp(self._began + running_s * self._asked.speed, UTC).isoformat(timespec="milliseconds")
        at = at.replace("+00:00", "Z")
        return "\n".join(self._post(at) for _ in range(BATCH)).encode()

    def _post(self, at: str) -> str:
        self._number += 1
        place, described = self._chance.choice(self._places)
        text = " ".join(self._chance.choices(WORDS, k=9))
        author = self._chance.randrange(300_000)
        return (
            f'{{"data":{{"id":"{self._number}","text":"{text}","author_id":"{author}","created_at":"{at}","lang":"en",'
            f'"geo":{{"place_id":"{place}"}}}},"includes":{{"places":[{described}],"users":[{{"id":"{author}","username":"u{author}",'
            f'"name":"U {author}"}}]}}}}'
        )


def feed(url: str, stream: Stream, asked: argparse.Namespace, stop: threading.Event, wrong: list[str]) -> None:
    """So many posts a second until it is enough; what is behind is not caught up with."""
    began = due = time.monotonic()
    with httpx.Client(timeout=30) as client:
        while not stop.is_set():
            headers = {"content-type": "application/x-ndjson"}
            answer = client.post(f"{url}/api/v1/topics/raw.x", content=stream.batch(due - began), headers=headers)
            if answer.status_code != 202:
                wrong.append(answer.text[:200])
            due = max(due + BATCH / asked.rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def up(folder: Path) -> Iterator[str]:
    """The address of a running `lapwing up`."""
    port = free_port()
    settings = folder / "lapwing.toml"
    settings.write_text(f"source = []\n[serve]\nport = {port}\nrequests_per_minute = 1000000\n")
    command = [sys.executable, "-m", "lapwing", "--data", str(folder / "data"), "--config", str(settings), "up", "--workers", "1"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)


def watch(url: str, seconds: float) -> dict[str, Any]:
    """What the page went through in so long a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"])  # fmt: skip
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.add_init_script(WATCH)
        page.goto(f"{url}/?range=1h")
        page.wait_for_selector("#unlocated", timeout=120_000)
        charted = [_charted(browser, f"{url}/?range=1h") for _ in range(LOADS)]
        tools = page.context.new_cdp_session(page)
        tools.send("HeapProfiler.enable")
        memory, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            page.wait_for_timeout(min(LOOK_S, max(1.0, end - time.monotonic())) * 1e3)
            tools.send("HeapProfiler.collectGarbage")
            memory.append(tools.send("Runtime.getHeapUsage")["usedSize"] / 2**20)
        tasks = page.evaluate("window.tasks")
        said = page.locator(".allPlaces summary").inner_text()
        health = page.locator(".health").first.inner_text().replace("\n", " · ")
        browser.close()
    return {
        "tasks": tasks,
        "charted_ms": charted,
        "memory_mib": memory,
        "places": int("".join(filter(str.isdigit, said)) or 0),
        "health": health,
        "wrong": wrong,
    }


def measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    cities = gazetteer_tables().cities.sort("population", descending=True).head(asked.places)
    stop, wrong = threading.Event(), list[str]()
    with up(folder) as url:
        feeder = threading.Thread(target=feed, args=(url, Stream(cities, asked), asked, stop, wrong))
        feeder.start()
        try:
            time.sleep(10)
            stolen = stolen_s()
            found = watch(url, asked.seconds)
            found["stolen"] = (stolen_s() - stolen) / (asked.seconds * (os.cpu_count() or 1))
            status = httpx.get(f"{url}/api/v1/status", timeout=30).json()
        finally:
            stop.set()
            feeder.join()
    return found | {
        "received": status["accounting"]["received"],
        "lag_records": status.get("lag_records"),
        "refused": wrong[:3],
    }


def _charted(browser: Any, address: str) -> float:
    """After how many milliseconds a browser that knows nothing of the page has its first chart."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_selector("#chart-posts canvas", state="attached", timeout=120_000)
    found = float(page.evaluate("window.charted"))
    context.close()
    return found


def growth(memory: list[float]) -> float:
    """How much more the last third holds than the second: 0.1 is a tenth."""
    third = max(1, len(memory) // 3)
    return statistics.median(memory[-third:]) / statistics.median(memory[-2 * third : -third] or memory[:1]) - 1


def main() -> None:
    chosen = parser(__doc__)
    chosen.add_argument("--rate", type=int, default=2_000, help="posts a second")
    chosen.add_argument("--places", type=int, default=5_000)
    chosen.add_argument("--speed", type=float, default=60, help="seconds of the posts' time in one of ours")
    chosen.add_argument("--seconds", type=float, default=1_800)
    asked = chosen.parse_args()
    if asked.quick:
        asked.seconds = 60
    heading(
        f"The page Now under {asked.rate:,} posts a second from {asked.places:,} places, {asked.seconds:.0f} s at ×{asked.speed:g}"
    )
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        found = measure(Path(folder), asked)
    lengths = sorted(length for _, length in found["tasks"]) or [0.0]
    more = growth(found["memory_mib"])
    found |= {"tasks": len(found["tasks"]), "longest_ms": lengths[-1], "growth": more}
    print(f"  received {found['received']:,}, {found['lag_records']} behind; {found['places']:,} places in view; refused: {found['refused'] or 'none'}; wrong in the page: {found['wrong'] or 'nothing'}")  # fmt: skip
    chart = statistics.median(found["charted_ms"])
    print(f"  the page said: {found['health']}; first chart after {chart:.0f} ms, the slowest {max(found['charted_ms']):.0f} (budget {CHART_MS}) {'kept' if chart <= CHART_MS else 'BROKEN'}")  # fmt: skip
    print(
        f"  long tasks {found['tasks']}, median {statistics.median(lengths):.0f} ms, the longest {lengths[-1]:.0f} ms (budget {LONGEST_MS}) "
        f"{'kept' if lengths[-1] <= LONGEST_MS else 'BROKEN'}; over it: {sum(each > LONGEST_MS for each in lengths)}; "
        f"{found['stolen']:.1%} of the processors taken by other guests"
    )
    print(
        f"  memory after collection {found['memory_mib'][0]:.1f} MiB at first, {found['memory_mib'][-1]:.1f} at last, the most {max(found['memory_mib']):.1f}; "
        f"{more:+.1%} from the second third to the last: {'flat' if more <= GROWTH_MAX else 'GROWING'}"
    )
    write(asked, "page", found)


if __name__ == "__main__":
    main()
