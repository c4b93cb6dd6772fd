"""How much CPU does it cost to read a post of each format into columns? Records of the demo's recording, batch by batch."""

from __future__ import annotations

import argparse
import io
import os
import time

os.environ.setdefault("POLARS_MAX_THREADS", "1")

from collections import defaultdict

import msgspec
import zstandard
from _machine import heading, parser, write

from lapwing import catalog
from lapwing.containers import recordings
from lapwing.demo import posts, write_recording
from lapwing.model import Records

RECEIVED_US = 1_800_000_000_000_000
"""Late enough for every post of the demo."""


def batches(asked: argparse.Namespace) -> dict[str, Records]:
    """One batch of each format."""
    stream = io.BytesIO()
    write_recording(stream, io.BytesIO(), asked.seed, asked.scale)
    lines = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stream.getvalue())).readall().splitlines()
    values: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for records in recordings.decode(lines).records:
        values[records.network, records.format] += records.values
    made = {
        f"{format_} (demo)": _batch(network, format_, some)
        for (network, format_), some in values.items()
        if len(some) >= asked.batch // 10
    }
    for name, network in (("x_v2", "x"), ("jetstream", "bluesky")):
        fast = [line.rstrip() for line in posts(asked.batch, asked.seed, network=name)]  # type: ignore[arg-type]
        made[f"{name} (posts)"] = _batch(network, name, fast)
    return {name: records for name, records in sorted(made.items()) if records.format in catalog.names("formats")}


def _batch(network: str, format_: str, values: list[bytes]) -> Records:
    return Records(
        source="bench", network=network, format=format_, values=values, received_at_us=[RECEIVED_US] * len(values)
    )


def cost(records: Records, size: int, repeats: int) -> float:
    """CPU µs per record, the best of some runs over all records in batches of a size."""
    decode = catalog.load("formats", records.format).decode
    parts = [
        msgspec.structs.replace(
            records, values=records.values[low : low + size], received_at_us=records.received_at_us[low : low + size]
        )
        for low in range(0, len(records.values), size)
    ]
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        for part in parts:
            decode(part)
        best = min(best, time.process_time() - start)
    return best * 1e6 / len(records.values)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--batch", type=int, default=50_000)
    options.add_argument("--scale", type=float, default=0.5, help="of the demo's recording")
    options.add_argument("--repeats", type=int, default=7)
    asked = options.parse_args()
    if asked.quick:
        asked.batch, asked.scale, asked.repeats = 20_000, 0.1, 3
    heading("Decoding: CPU µs per record, one thread")
    results = {}
    for name, records in batches(asked).items():
        size = sum(map(len, records.values)) / len(records.values)
        results[name] = {
            "us": cost(records, asked.batch, asked.repeats),
            "us_small": cost(records, 2_000, asked.repeats),
            "bytes": round(size),
        }
        shown = results[name]
        print(
            f"  {name:18} {shown['us']:6.2f} µs in batches of {min(asked.batch, len(records.values)):,}, {shown['us_small']:6.2f} in batches of 2,000; {size:.0f} B a record"
        )
    write(asked, "decode", {"batch": asked.batch, "us_per_record": results})


if __name__ == "__main__":
    main()
