"""How fast are decoding, five-minute windows by city and unique people, beside Spark on the same machine and file?

Both have two cores, read the same plain file of X posts, keep the same columns, and must give the same counts. Neither
start is counted, and both run once to warm up. Spark runs as Structured Streaming over all that is there
(`availableNow`), in the fastest way that it has: its ways are tried first, those that count people exactly and,
for comparison, the one that does not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

# Each of the two processes that read has one thread; the one that adds up what they found has both cores.
os.environ["POLARS_MAX_THREADS"] = "2" if __name__ == "__main__" else "1"

import multiprocessing
from collections.abc import Callable
from functools import partial
from multiprocessing.pool import Pool

import polars as pl
import polars_hash  # noqa: F401  (registers the expression namespace `nchash`)
from _machine import heading, parser, write
from _posts import file_of

from lapwing import catalog
from lapwing.containers.lines import whole_lines
from lapwing.model import WINDOW_US, Records
from lapwing.windows.activity import activity_of, counted, summed

CORES = 2
READ_BYTES = 8 << 20
SUMMED_AT_ONCE = 4
RECEIVED_US = 1_800_000_000_000_000


def activity(path: Path, part: int, parts: int) -> pl.DataFrame:
    """Posts by window, city and author in one part of a file, which ends where a line does."""
    size = path.stat().st_size
    low, high = part * size // parts, (part + 1) * size // parts
    decode = catalog.load("formats", "x_v2").decode
    totals: list[pl.DataFrame] = []
    facts: list[pl.DataFrame] = []
    with path.open("rb") as file:
        file.seek(max(0, low - 1))
        if low:
            file.readline()  # belongs to the part before
        while (left := high - file.tell()) > 0:
            lines = file.read(min(READ_BYTES, left)) + file.readline()
            values = whole_lines(lines)
            assert values is not None, "every line is a post"
            records = Records(
                source="bench", network="x", format="x_v2", values=values, received_at_us=[RECEIVED_US] * len(values)
            )
            facts.append(_facts(decode(records).posts))
            if len(facts) == SUMMED_AT_ONCE:
                totals.append(activity_of(pl.concat(facts)))
                facts.clear()
    return summed(pl.concat([*totals, *(activity_of(some) for some in facts)]))


def _facts(posts: pl.DataFrame) -> pl.DataFrame:
    author = pl.col("author").nchash.xxh3_64().alias("author_hash")  # type: ignore[attr-defined]
    return posts.select(
        "created_at_us",
        pl.col("place_name").fill_null("").cast(pl.Categorical).alias("area"),
        pl.lit(0).alias("network"),
        author,
        "kind",
    )


def ours(pool: Pool, path: Path) -> tuple[float, pl.DataFrame]:
    """Seconds until everything was counted, and the counts."""
    began = time.monotonic()
    parts = pool.starmap(partial(activity, path), [(part, CORES) for part in range(CORES)])
    counts = counted(pl.concat(parts), ["key", "area"])
    return time.monotonic() - began, counts.select(
        (pl.col("key") * WINDOW_US).alias("start"), pl.col("area").cast(pl.String).alias("city"), "posts", "people"
    )


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Whether both counted the same."""
    names = ["start", "city", "posts", "people"]
    return one.select(names).sort("start", "city").equals(other.select(names).sort("start", "city"))


def fastest(spark: object, folder: Path, expected: pl.DataFrame) -> tuple[tuple[str, str], dict[str, float]]:
    """The fastest way of Spark that counts exactly, after each ran twice, warmed up."""
    import _spark

    seconds: dict[str, float] = {}
    exact: dict[tuple[str, str], float] = {}
    for source in _spark.SOURCES:  # Java grows fast only after it ran some time: these are not counted
        _spark.run(spark, folder, source, "authors as sets")  # type: ignore[arg-type]
    for counts in _spark.COUNTS:
        for source in _spark.SOURCES:
            took, found = min((_spark.run(spark, folder, source, counts) for _ in range(2)), key=lambda each: each[0])  # type: ignore[arg-type]
            seconds[f"{source}, {counts}"] = round(took, 2)
            if same(expected, found):
                exact[source, counts] = took
            elif counts != "sketches":
                raise SystemExit(f"Spark ({source}, {counts}) and Lapwing do not count the same")
            print(f"  Spark, {source}, {counts}: {took:.2f} s", flush=True)
    return min(exact, key=lambda each: exact[each]), seconds


def compare(asked: argparse.Namespace, file: Path) -> dict[str, object]:
    """Both, one after the other, several times."""
    import _spark

    # Spawned before Spark starts threads of its own.
    with multiprocessing.get_context("spawn").Pool(CORES) as pool:
        _, expected = ours(pool, file)
        spark = _spark.session(CORES)
        way, tried = fastest(spark, file.parent, expected)
        runs: dict[str, Callable[[], tuple[float, pl.DataFrame]]] = {
            "lapwing": lambda: ours(pool, file), "spark": lambda: _spark.run(spark, file.parent, *way),
        }  # fmt: skip
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(asked.repeats):
            for name, run in runs.items():
                took, counts = run()
                seconds[name].append(took)
                if not same(expected, counts):
                    raise SystemExit(f"{name} did not count the same this time")
        version = spark.version
        spark.stop()
    rates = {name: asked.posts / statistics.median(each) for name, each in seconds.items()}
    ratio = statistics.median(
        [theirs / mine for mine, theirs in zip(seconds["lapwing"], seconds["spark"], strict=True)]
    )
    return {
        "posts": asked.posts, "spark": version, "spark_way": ", ".join(way), "spark_ways_s": tried, "seconds": seconds,
        "posts_per_second": {name: round(rate) for name, rate in rates.items()}, "ratio": round(ratio, 2), "rows": expected.height,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--posts", type=int, default=1_000_000)
    options.add_argument("--repeats", type=int, default=3)
    asked = options.parse_args()
    if asked.quick:
        asked.posts = 200_000
    heading(
        f"Decode, five-minute windows by city, unique people: {asked.posts:,} X posts, {CORES} cores each, medians of {asked.repeats}"
    )
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        result = compare(asked, file_of(Path(folder) / "posts.ndjson", asked.posts, asked.seed))
    print(f"Lapwing {result['posts_per_second']['lapwing']:,} posts/s, Spark {result['spark']} ({result['spark_way']}) "  # type: ignore[index]
          f"{result['posts_per_second']['spark']:,}: {result['ratio']} times as fast, with the same {result['rows']:,} rows")  # type: ignore[index]  # fmt: skip
    write(asked, "windows_beside_spark", result)


if __name__ == "__main__":
    main()
