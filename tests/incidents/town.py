"""A data directory in which posts say themselves what they are about: `fire 3 90 %: words` is a fire at city 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from lapwing.app.opening import Directory, Formats
from lapwing.app.watching import behind, stage, work_off
from lapwing.engine.understanding import Understanding
from lapwing.model import Records
from lapwing.testing import Mark
from lapwing.text.keywords import CATEGORIES
from lapwing.text.words import cut_hashed

START_US = 1_767_603_600_000_000  # 2026-01-05T09:00:00Z
OPENED: list[Directory] = []
"""What is to be closed when a test is over."""
SAYS = r"^(fire|flood|talk) (\d) (\d+) %"


def understand(posts: pl.DataFrame) -> pl.DataFrame:
    """What the stages of the product would add."""
    kind = pl.col("text").str.extract(SAYS, 1)
    code = kind.replace_strict({"fire": CATEGORIES.index("fire"), "flood": CATEGORIES.index("flood")}, default=0)
    probability = pl.col("text").str.extract(SAYS, 3).cast(pl.Float32) / 100
    return posts.with_columns(
        pl.col("text").str.extract(SAYS, 2).cast(pl.UInt32).fill_null(0).alias("place"),
        pl.lit("").alias("country"),
        pl.lit(3, pl.UInt8).alias("place_by"),
        pl.lit(1.0, pl.Float32).alias("place_confidence"),
        pl.lit(None, pl.String).alias("place_evidence"),
        pl.when(code > 0).then(pl.lit("word")).alias("gate"),
        code.cast(pl.UInt8).alias("category"),
        pl.when(code > 0).then(probability).alias("emergency"),
        pl.when(code == 0).then(0).when(probability < 0.3).then(1).when(probability < 0.6).then(2).otherwise(3)
        .cast(pl.UInt8).alias("verdict"),
        pl.lit(None, pl.String).alias("because"),
        *cut_hashed(posts["text"].str.replace(SAYS, "")),
    )  # fmt: skip


def open_town(folder: Path, mark: Mark | None = None) -> Directory:
    """The directory, with cities 1 to 9 in a row, five degrees apart."""
    directory = Directory(folder, **({"mark": mark} if mark else {}))
    directory.describe_places = lambda ids: [(i, f"City {i}", "AU", 110.0 + 5 * i, -30.0, 10_000) for i in ids]  # type: ignore[method-assign]
    OPENED.append(directory)
    directory.__dict__["understanding"] = Understanding(Formats(), [understand])
    return directory


def post(number: int, second: float, author: int, text: str) -> bytes:
    """A post of X, as its API v2 tells it; it lies so many seconds after nine."""
    made = START_US + int(second * 1e6)
    name = str(((made // 1000 - 1_288_834_974_657) << 22) + number)
    time = f"2026-01-05T{9 + int(second) // 3600:02}:{int(second) // 60 % 60:02}:{int(second) % 60:02}.000Z"
    return json.dumps({"data": {"id": name, "text": text, "created_at": time, "author_id": str(author)}}).encode()


def fires(people: int, city: int = 3, first: int = 0, second: float = 600) -> list[bytes]:
    """So many people, each in words of their own, twenty seconds apart."""
    words = ("smoke", "warehouse", "harbour", "flames", "sirens", "crane", "roof", "trucks")
    return [
        post(first + n, second + 20 * n, 1_000 + first + n, f"fire {city} 90 %: {words[n % 8]} {words[(n + 3) % 8]} "
             f"seen{first + n} here{first + n} by{first + n} window{first + n}")
        for n in range(people)
    ]  # fmt: skip


def tell(directory: Directory, records: list[bytes]) -> None:
    """Put posts into the log, long enough ago that no worker waits for more, and work through them."""
    now_us = directory.clock.now_us()
    values = Records(
        source="x",
        network="x",
        format="x_v2",
        values=records,
        received_at_us=[START_US + 4 * 3_600_000_000] * len(records),
    )
    directory.log.append("raw.x", values, now_us=now_us - 10_000_000)
    directory.worker("w").run(lambda: directory.behind() == 0)


def look(directory: Directory) -> None:
    """Until all commits are looked through."""
    work_off(directory)
    assert behind(directory) == 0


def turn(directory: Directory, times: int) -> None:
    """So many steps of the stage, and no more."""
    own = stage(directory)
    for _ in range(times):
        own.turn()
    own.follower.release()


def rows(directory: Directory, statement: str) -> list[tuple[Any, ...]]:
    """What the ledger's tables hold."""
    return directory.ledger.store.connection.execute(statement).fetchall()


def answer(directory: Directory) -> list[tuple[Any, ...]]:
    """All that was made of flagged posts."""
    return [
        *rows(
            directory,
            "SELECT mark, state, reason, category, severity, voices, posts, taken_back FROM incidents ORDER BY 1",
        ),
        *rows(directory, "SELECT seq, founder, voice, standing FROM evidence ORDER BY 1"),
        *rows(directory, "SELECT key, at_us, kind, voices, muted FROM incident_changes ORDER BY number"),
    ]
