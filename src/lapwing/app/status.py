"""How things stand: sources, lag, workers, sizes, accounting."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection
from typing import Any

from lapwing.app.collections import listing
from lapwing.app.footprint import disk, processes
from lapwing.app.latency import latency
from lapwing.app.opening import Directory
from lapwing.app.times import written, written_out
from lapwing.ledger.sqlite.accounting import OUTCOMES
from lapwing.ledger.sqlite.leases import LEASE_US


def status(directory: Directory) -> dict[str, Any]:
    """Everything that an operator looks for first, as one value."""
    store = directory.ledger.store
    connection = store.connection
    now_us = directory.clock.now_us()
    rows = connection.execute(
        f"SELECT s.name, n.name, {', '.join(OUTCOMES)} FROM accounting a "
        "JOIN sources s ON s.id = a.source JOIN networks n ON n.id = s.network ORDER BY 1"
    )
    sources = [{"name": row[0], "network": row[1], **dict(zip(OUTCOMES, row[2:], strict=True))} for row in rows]
    posts, newest, number = connection.execute(
        "SELECT (SELECT value FROM meta WHERE key = 'next_seq'), (SELECT max(to_us) FROM facts), (SELECT max(number) FROM commits)"
    ).fetchone()
    (hidden,) = connection.execute("SELECT count(*) FROM hidden").fetchone()
    return {
        "at": written(now_us),
        "accounting": {outcome: sum(source[outcome] for source in sources) for outcome in OUTCOMES},
        "sources": sources,
        "filtered": dict(
            connection.execute("SELECT reason, sum(records) FROM filtered GROUP BY reason ORDER BY 2 DESC")
        ),
        "posts": {"standing": int(posts) - hidden, "hidden": hidden, "newest": written(newest) if newest else None},
        "commit": number or 0,
        "lag_records": directory.behind(),
        "partitions": _partitions(connection),
        "workers": _workers(connection, now_us),
        "writer": writer(directory),
        "gaps": [
            {"source": source, "from": written(low), "to": written(high), "reason": reason}
            for source, low, high, reason in connection.execute("SELECT source, from_us, to_us, reason FROM gaps")
        ],
        "dead_letters": connection.execute("SELECT count(*) FROM dead_letters WHERE retried = 0").fetchone()[0],
        "functions": [written_out(row) for row in directory.log.function_states()],
        "timers": [written_out(row) for row in directory.log.timer_states()],
        "programs": [written_out(row) for row in directory.log.reports()],
        "collections": listing(directory),
        "log": directory.log.sizes(),
        "bytes": (used := sizes(directory.path)),
        "disk": disk(directory, used),
        "latency": latency(directory),
        "processes": processes(directory),
    }


def accounting(directory: Directory) -> dict[str, int]:
    """What became of every record since the beginning."""
    sums = ", ".join(f"coalesce(sum({outcome}), 0)" for outcome in OUTCOMES)
    row = directory.ledger.store.connection.execute(f"SELECT {sums} FROM accounting").fetchone()
    return dict(zip(OUTCOMES, row, strict=True))


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
    """Who works, and whether they still give a sign of life."""
    return [
        {
            "name": owner,
            "pid": pid,
            "silent_s": round((now_us - heartbeat) / 1e6, 1),
            "lost": now_us - heartbeat > LEASE_US,
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
