"""Hours, counted once: posts, reposts and people by hour, place and network, made in quiet moments.

People of an hour are not the sum of twelve windows. A commit marks the hours that it touches; a marked hour is counted
from the activity until it has been rolled up again, so the answer is the same either way.
"""

from __future__ import annotations

import polars as pl

from lapwing.ledger.sqlite.store import Store
from lapwing.model import WINDOW_US
from lapwing.windows.activity import counted
from lapwing.windows.areas import COUNTRY_AREAS

HOUR_US = 3_600_000_000
WINDOWS = HOUR_US // WINDOW_US
ROWS = ("area", "network", "author", "posts", "reposts")


def city() -> pl.Expr:
    """The area, or 0 for a country without a city, which is no place."""
    return pl.when(pl.col("area") >= COUNTRY_AREAS).then(pl.lit(0, pl.UInt32)).otherwise("area").alias("area")


def mark_touched(store: Store, activity: pl.DataFrame) -> None:
    """Note, inside the caller's transaction, that these hours changed."""
    hours = activity.select((pl.col("key") // WINDOWS).unique())["key"]
    store.connection.executemany(
        "INSERT INTO hours_done VALUES (?, 1) ON CONFLICT DO UPDATE SET touched = 1", ((hour,) for hour in hours)
    )


def roll_up_one(store: Store) -> bool:
    """Roll up the oldest touched hour that is over, in a transaction of its own; whether there was one."""
    due = "SELECT min(hour) FROM hours_done WHERE touched AND hour < (SELECT max(hour) FROM hours_done)"
    if store.connection.execute(due).fetchone()[0] is None:
        return False
    with store.transaction() as connection:
        (hour,) = connection.execute(due).fetchone()
        if hour is not None:
            frames = list(store.activity.range(hour * WINDOWS, hour * WINDOWS + WINDOWS - 1, *ROWS))
            connection.execute("DELETE FROM hours WHERE hour = ?", (hour,))
            if frames:
                rows = counted(pl.concat(frames).lazy().with_columns(city()), ["area", "network"])
                totals = rows.select("area", "network", "posts", "reposts", "people").collect()
                connection.executemany(
                    "INSERT INTO hours VALUES (?, ?, ?, ?, ?, ?)", ((hour, *row) for row in totals.iter_rows())
                )
            connection.execute("UPDATE hours_done SET touched = 0 WHERE hour = ?", (hour,))
    return True


def rolled_up(store: Store, low_us: int, high_us: int) -> tuple[pl.DataFrame, set[int]]:
    """What is rolled up between two whole hours: rows of window_us, area, network and counts; and which hours those are."""
    span = (low_us // HOUR_US, high_us // HOUR_US)
    done = {
        hour
        for (hour,) in store.connection.execute(
            "SELECT hour FROM hours_done WHERE NOT touched AND hour >= ? AND hour < ?", span
        )
    }
    rows = store.connection.execute("SELECT * FROM hours WHERE hour >= ? AND hour < ?", span).fetchall()
    schema = {
        "hour": pl.Int64,
        "area": pl.UInt32,
        "network": pl.UInt8,
        "posts": pl.Int64,
        "reposts": pl.Int64,
        "people": pl.Int64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("hour").is_in(list(done)))
    return frame.with_columns((pl.col("hour") * HOUR_US).alias("window_us")).drop("hour"), done
