"""How things stand: sources, lag, workers, sizes, accounting."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection
from typing import Any

import numpy as np
import psutil

from lapwing.app.answers import shown_gap
from lapwing.app.collections import listing
from lapwing.app.footprint import disk, processes
from lapwing.app.functions import function_rows
from lapwing.app.latency import deletion, latency
from lapwing.app.opening import Directory
from lapwing.app.sources import listed
from lapwing.app.times import written, written_out
from lapwing.ledger.sqlite import listened
from lapwing.ledger.sqlite.accounting import OUTCOMES
from lapwing.ledger.sqlite.listened import Gap, Source
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.windows.completeness import EVER_US, complete

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
GAPS_SHOWN_MAX = 100


def status(directory: Directory) -> dict[str, Any]:
    """Everything that an operator looks for first, as one value."""
    store = directory.ledger.store
    connection = store.connection
    now_us = directory.clock.now_us()
    known = listened.sources(store, Filters(), (-EVER_US, EVER_US), now_us)
    sources = _sources(connection, known, now_us)
    posts, newest, number = connection.execute(
        "SELECT (SELECT value FROM meta WHERE key = 'next_seq'), (SELECT max(to_us) FROM facts), (SELECT max(number) FROM commits)"
    ).fetchone()
    (hidden,) = connection.execute("SELECT count(*) FROM hidden").fetchone()
    return {
        "at": written(now_us),
        "accounting": {outcome: sum(source[outcome] for source in sources) for outcome in OUTCOMES},
        "sources": sources,
        "listening": listed(directory),
        "filtered": dict(
            connection.execute("SELECT reason, sum(records) FROM filtered GROUP BY reason ORDER BY 2 DESC")
        ),
        "posts": {"standing": int(posts) - hidden, "hidden": hidden, "newest": written(newest) if newest else None},
        "commit": number or 0,
        "lag_records": directory.behind(),
        "partitions": _partitions(connection),
        "workers": _workers(connection, now_us),
        "writer": writer(directory),
        "gaps": _gaps([*(gap for source in known for gap in source.gaps), *listened.losses(store)]),
        "dead_letters": connection.execute("SELECT count(*) FROM dead_letters WHERE retried = 0").fetchone()[0],
        "functions": [written_out(row) for row in function_rows(directory)],
        "timers": [written_out(row) for row in directory.log.timer_states()],
        "programs": [written_out(row) for row in directory.log.reports()],
        "collections": listing(directory),
        "log": directory.log.sizes(),
        "bytes": (used := sizes(directory.path)),
        "disk": disk(directory, used),
        "latency": latency(directory),
        "delete_propagation": deletion(directory),
        "processes": processes(directory),
    }


def accounting(directory: Directory) -> dict[str, int]:
    """What became of every record since the beginning."""
    sums = ", ".join(f"coalesce(sum({outcome}), 0)" for outcome in OUTCOMES)
    row = directory.ledger.store.connection.execute(f"SELECT {sums} FROM accounting").fetchone()
    return dict(zip(OUTCOMES, row, strict=True))


def _sources(connection: Connection, known: list[Source], now_us: int) -> list[dict[str, Any]]:
    """What became of the records of each source, and how it was listened to."""
    rows = connection.execute(
        f"SELECT s.name, {', '.join(OUTCOMES)} FROM accounting a JOIN sources s ON s.id = a.source"
    )
    counts = {name: dict(zip(OUTCOMES, counted, strict=True)) for name, *counted in rows}
    nothing = dict.fromkeys(OUTCOMES, 0)
    return [
        {"name": source.name, "network": source.network, **counts.get(source.name, nothing), **_heard(source, now_us)}
        for source in known
    ]


def _heard(source: Source, now_us: int) -> dict[str, Any]:
    """Since when a source should be heard, how much of the last hour and day it was, and its gaps."""
    duty_us = source.listening.duty_us
    shares = complete([source.listening], np.array([now_us - HOUR_US, now_us - DAY_US]), np.array([now_us, now_us]))
    return {
        "live": source.live,
        "on_duty": source.on_duty,
        "duty_since": written(int(duty_us[-1, 0])) if source.on_duty and len(duty_us) else None,
        "heard_last_hour": shares[0],
        "heard_last_day": shares[1],
        "gaps_open": len(source.gaps),
        "gaps_closed": source.closed,
    }


def _gaps(gaps: list[Gap]) -> list[dict[str, str]]:
    """The newest gaps that are open, by when they begin."""
    return [shown_gap(gap) for gap in sorted(gaps, key=lambda gap: gap.from_us)[-GAPS_SHOWN_MAX:]]


def _partitions(connection: Connection) -> list[dict[str, Any]]:
    """How far each partition was read, and by whom."""
    return [
        {
            "topic": topic,
            "partition": partition,
            "owner": owner,
            "next_offset": offset,
            "watermark": written(watermark) if watermark else None,
        }
        for topic, partition, owner, offset, watermark in connection.execute(
            "SELECT topic, partition, owner, next_offset, watermark_us FROM partitions ORDER BY 1, 2"
        )
    ]


def _workers(connection: Connection, now_us: int) -> list[dict[str, Any]]:
    """Who works, when each last gave a sign of life, and who is gone, as the kernel knows at once."""
    return [
        {
            "name": owner,
            "pid": pid,
            "silent_s": round((now_us - heartbeat) / 1e6, 1),
            "lost": not psutil.pid_exists(pid),
        }
        for owner, pid, heartbeat in connection.execute("SELECT owner, pid, heartbeat_us FROM workers")
    ]


def writer(directory: Directory) -> dict[str, Any] | None:
    """The process that holds the writer's lock at this moment, and whether it is stopped."""
    pid = directory.ledger.lock.holder()
    return None if pid is None else {"pid": pid, "frozen": frozen(pid)}


def frozen(pid: int) -> bool:
    """Whether the kernel says that the process is stopped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")


def sizes(path: Path) -> dict[str, int]:
    """Bytes on the disk, of the log and of the ledger."""

    def taken(pattern: str) -> int:
        return sum(file.stat().st_size for file in path.glob(pattern) if file.is_file())

    return {"log": taken("log.sqlite*"), "ledger": taken("ledger/*")}
