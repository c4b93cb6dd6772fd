"""Does the whole path keep up with live sources: Bluesky at 5,000 events a second, X at 1,000 posts a second?

`lapwing up` listens to a network on loopback, which runs in a process of its own on the same cores. Measured: what was
said and what was stored, how far behind the source and the workers ever were, how long a post took from heard to saved,
and the CPU of every process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from _machine import free_port, heading, parser, write

LAG_S_MAX = 5.0
WAIT_S = 120.0
RATES = {"bluesky": 5_000, "x": 1_000}


def speak(kind: str, rate: float, seconds: float) -> None:
    """The network, in a process of its own: tells its address, waits for a line, speaks, tells how much, waits again."""
    from lapwing.testing.networks import JetstreamFake, XFake

    fake: Any = JetstreamFake(seed=1) if kind == "bluesky" else XFake(seed=1)
    with fake:
        print(fake.ws_url if kind == "bluesky" else fake.url, flush=True)
        sys.stdin.readline()
        while not fake.listeners:
            time.sleep(0.05)
        fake.flow(rate, seconds)
        while fake.flowing:
            time.sleep(0.05)
        truth = fake.truth() if kind == "bluesky" else fake.truth(matching=False)
        print(len(truth.posts), flush=True)
        sys.stdin.readline()


def settings(kind: str, url: str, port: int) -> str:
    source = {
        "bluesky": f'type = "bluesky"\nhosts = ["{url}"]\n',
        "x": f'type = "x"\nurl = "{url}"\ntoken = "env:BENCH_TOKEN"\nstream = "sample"\nrecover = "none"\n',
    }
    return f"[serve]\nport = {port}\nrequests_per_minute = 100000\n[[source]]\n{source[kind]}"


def until(what: str, ask: Any) -> Any:
    deadline_s = time.monotonic() + WAIT_S
    while True:
        try:
            if found := ask():
                return found
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline_s:
            raise SystemExit(f"waited {WAIT_S:.0f} s in vain: {what}")
        time.sleep(0.2)


def measure(folder: Path, kind: str, asked: argparse.Namespace) -> dict[str, Any]:
    port, rate = free_port(), asked.rate or RATES[kind]
    base = f"http://127.0.0.1:{port}"
    network = subprocess.Popen(
        [sys.executable, __file__, "--speak", kind, "--rate", str(rate), "--seconds", str(asked.seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert network.stdin is not None
    assert network.stdout is not None
    config = folder / f"{kind}.toml"
    config.write_text(settings(kind, network.stdout.readline().strip(), port))
    command = [sys.executable, "-m", "lapwing", "--data", str(folder / kind), "--config", str(config), "up"]
    environment = os.environ | {"BENCH_TOKEN": "x-token"}
    with subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.DEVNULL, env=environment) as tree:
        try:
            with httpx.Client(base_url=base, timeout=30) as client:
                return watch(client, network, (rate, asked.seconds))
        finally:
            tree.send_signal(signal.SIGTERM)
            network.kill()
            network.wait()


def watch(client: httpx.Client, network: subprocess.Popen[str], asked: tuple[float, float]) -> dict[str, Any]:
    def status() -> dict[str, Any]:
        found: dict[str, Any] = client.get("/api/v1/status").json()
        return found

    def live() -> bool:
        listening = status()["listening"]
        return bool(listening) and listening[0]["state"] != "not running"

    until("the source listens", live)
    assert network.stdin is not None
    assert network.stdout is not None
    before = {process["name"]: process["cpu_s"] for process in status()["processes"]}
    network.stdin.write("go\n")
    network.stdin.flush()
    start_s, behind, source_lags, latencies = time.monotonic(), 0, [0.0], [0.0]
    while time.monotonic() - start_s < asked[1]:
        time.sleep(1.0)
        found = status()
        behind = max(behind, found["lag_records"])
        source_lags.append(float(found["listening"][0]["details"].get("lag_s") or 0.0))
        latencies.append(float(found["latency"]["p99_s"] or 0.0))
    said = int(network.stdout.readline())
    took_s = time.monotonic() - start_s
    until("everything is stored", lambda: status()["accounting"]["stored"] >= said)
    caught_up_s = time.monotonic() - start_s - took_s
    found = status()
    return {
        "asked_per_s": asked[0], "said": said, "said_per_s": round(said / took_s), "accounting": found["accounting"],
        "records_waiting_max": behind, "source_lag_s_max": max(source_lags), "saved_p99_s_max": max(latencies),
        "caught_up_s": round(caught_up_s, 2), "disconnects": found["listening"][0]["disconnects"],
        "cpu_s": {each["name"]: round(each["cpu_s"] - before.get(each["name"], 0.0), 1) for each in found["processes"]},
        "rss_mb": {each["name"]: round(each["rss_bytes"] / 1e6) for each in found["processes"]},
    }  # fmt: skip


def main() -> None:
    asked = parser(__doc__)
    asked.add_argument("--rate", type=float, default=0, help="events a second, instead of each network's own")
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--speak", choices=sorted(RATES), help=argparse.SUPPRESS)
    asked.add_argument("--only", choices=sorted(RATES))
    chosen = asked.parse_args()
    if chosen.speak:
        speak(chosen.speak, chosen.rate, chosen.seconds)
        return
    if chosen.quick:
        chosen.seconds = 15
    heading(f"Live sources for {chosen.seconds:.0f} s, {psutil.cpu_count()} cores shared with the network that speaks")
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        for kind in [chosen.only] if chosen.only else sorted(RATES):
            results[kind] = found = measure(Path(folder), kind, chosen)
            worst = max(found["source_lag_s_max"], found["saved_p99_s_max"])
            kept = "kept" if worst <= LAG_S_MAX else "BROKEN"
            print(
                f"  {kind:8} {found['said']:,} said at {found['said_per_s']:,}/s (asked {found['asked_per_s']:,.0f}); "
                f"all stored {found['caught_up_s']} s after the last; heard to saved p99 at worst {found['saved_p99_s_max']:.2f} s, "
                f"source behind at most {found['source_lag_s_max']:.2f} s (budget {LAG_S_MAX:.0f}) {kept}"
            )
            print(f"           CPU s: {json.dumps(found['cpu_s'])}; MB: {json.dumps(found['rss_mb'])}")
    write(chosen, "sources", results)


if __name__ == "__main__":
    main()
