"""The peer: Spark Structured Streaming counts posts and people by five minutes and city, on two cores of this machine."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t

WINDOW = "5 minutes"
MEMORY = "4g"


def _record() -> t.StructType:
    """The parts of a record that the question needs, no more."""
    text = t.StringType()
    place = t.StructType([t.StructField("id", text), t.StructField("full_name", text)])
    user = t.StructType([t.StructField("id", text), t.StructField("username", text), t.StructField("location", text)])
    data = t.StructType([
        t.StructField("id", text), t.StructField("author_id", text), t.StructField("created_at", t.TimestampType()),
        t.StructField("lang", text), t.StructField("text", text), t.StructField("geo", t.StructType([t.StructField("place_id", text)])),
    ])  # fmt: skip
    includes = t.StructType([t.StructField("users", t.ArrayType(user)), t.StructField("places", t.ArrayType(place))])
    return t.StructType([t.StructField("data", data), t.StructField("includes", includes)])


def session(cores: int) -> SparkSession:
    """A session with so many cores and as many partitions; its start is not measured."""
    made = (
        SparkSession.builder.master(f"local[{cores}]").appName("lapwing-bench")
        .config("spark.sql.shuffle.partitions", cores).config("spark.driver.memory", MEMORY)
        .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.streaming.metricsEnabled", "false").config("spark.sql.adaptive.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate()
    )  # fmt: skip
    made.sparkContext.setLogLevel("ERROR")
    return made


def _json_source(spark: SparkSession, folder: Path) -> DataFrame:
    return spark.readStream.schema(_record()).option("maxFilesPerTrigger", 1_000_000).json(str(folder))


def _text_source(spark: SparkSession, folder: Path) -> DataFrame:
    lines = spark.readStream.option("maxFilesPerTrigger", 1_000_000).text(str(folder))
    return lines.select(f.from_json("value", _record()).alias("r")).select("r.*")


SOURCES: dict[str, Callable[[SparkSession, Path], DataFrame]] = {"json source": _json_source, "from_json": _text_source}


def _rows(records: DataFrame) -> DataFrame:
    named = f.coalesce(f.element_at("includes.places", 1)["full_name"], f.lit(""))
    return records.select(
        f.window("data.created_at", WINDOW).start.alias("start"),
        named.alias("city"),
        f.col("data.author_id").alias("author"),
    )


def _by_set(rows: DataFrame) -> DataFrame:
    """Posts, and people exactly: the state holds the authors of each window and city."""
    return rows.groupBy("start", "city").agg(
        f.count("*").alias("posts"), f.size(f.collect_set("author")).alias("people")
    )


def _by_author(rows: DataFrame) -> DataFrame:
    """Posts of each author; the state is a row for each, and people are counted when it is read."""
    return rows.groupBy("start", "city", "author").agg(f.count("*").alias("posts"))


def _by_sketch(rows: DataFrame) -> DataFrame:
    """Posts, and people by a sketch that is off by about 5 %."""
    return rows.groupBy("start", "city").agg(
        f.count("*").alias("posts"), f.approx_count_distinct("author").alias("people")
    )


COUNTS: dict[str, Callable[[DataFrame], DataFrame]] = {
    "authors as rows": _by_author,
    "authors as sets": _by_set,
    "sketches": _by_sketch,
}


def run(spark: SparkSession, folder: Path, source: str, counts: str) -> tuple[float, pl.DataFrame]:
    """Seconds until everything that is there was counted, and the counts: start, city, posts, people."""
    taken: list[pl.DataFrame] = []

    def keep(frame: DataFrame, _: int) -> None:
        if "author" in frame.columns:
            frame = frame.groupBy("start", "city").agg(f.sum("posts").alias("posts"), f.count("*").alias("people"))
        frame = frame.select(f.unix_micros("start").alias("start"), "city", "posts", "people")
        taken.append(pl.DataFrame([tuple(row) for row in frame.collect()], schema=SCHEMA, orient="row"))

    checkpoint = tempfile.mkdtemp(prefix="lapwing-bench-")
    began = time.monotonic()
    try:
        rows = COUNTS[counts](_rows(SOURCES[source](spark, folder)))
        query = rows.writeStream.outputMode("complete").option("checkpointLocation", checkpoint)
        query.foreachBatch(keep).trigger(availableNow=True).start().awaitTermination()
        return time.monotonic() - began, taken[-1]
    finally:
        shutil.rmtree(checkpoint, ignore_errors=True)


SCHEMA = {"start": pl.Int64, "city": pl.String, "posts": pl.Int64, "people": pl.Int64}
