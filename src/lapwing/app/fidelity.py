"""How faithful captures are: several recordings, archives or data directories of the same time, held against each other.

What all of them together heard is the yardstick; each is told what it lacks of it, where and why, as far as can be told.
Only what was first heard within the time that all of them cover is compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.app.files import Reading, pieces, source_name, up_to_the_cut
from lapwing.app.ingesting import opened_or_blamed
from lapwing.app.opening import Directory, Formats
from lapwing.app.times import written
from lapwing.config import Configuration
from lapwing.errors import UsageError
from lapwing.ledger.sqlite import listened, names
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import FINAL, KINDS
from lapwing.windows.completeness import EVER_US

MINUTE_US = 60_000_000
EDGE_US = 30_000_000
"""What was first heard so shortly before the end may be on its way to the others."""
BUSY_RECORDS = 5
"""A minute in which others heard so many of a source, and one heard nothing, is a gap of that one."""
SHOWN_MAX = 20

HEARD = pl.Schema({"uid": pl.String, "kind": pl.UInt8, "source": pl.String, "at_us": pl.Int64})
"""What a capture holds: a row for each post, with when it was heard there first."""


class Capture(msgspec.Struct, frozen=True):
    """One collector's work."""

    name: str
    posts: pl.DataFrame
    """HEARD, one row for each uid."""
    deleted: frozenset[str]
    """The names, uids or aliases, of posts whose delete it heard."""
    uid_of: dict[str, str] = {}
    """The uids of posts by their aliases."""
    gaps: tuple[tuple[str, int, int], ...] = ()
    """Source and time of what it says it missed."""
    filtered: frozenset[str] = frozenset()
    """Sources of which it did not keep everything."""
    cut: bool = False
    """Whether its file ends in the middle; it was read up to there."""


def captured(name: str, configuration: Configuration) -> Capture:
    """Read one capture: a data directory, or any file that `ingest` reads; raises `UsageError` for neither."""
    path = Path(name)
    if path.is_dir():
        directory = Directory(path, configuration).must_exist()
        try:
            return _from_directory(name, directory)
        finally:
            directory.close()
    return _from_file(name)


def _from_file(name: str) -> Capture:
    opened, formats = opened_or_blamed(name), Formats()
    frames = [pl.DataFrame(schema=HEARD)]
    aliases: dict[str, str] = {}
    deletes: set[str] = set()
    cuts: list[str] = []
    gaps: list[tuple[str, int, int]] = []
    how = Reading(source=source_name(name), format="auto", now_us=0)
    for piece in up_to_the_cut(pieces(opened, formats, how), lambda: cuts.append(name)):
        gaps += [(note.source, note.from_us, note.to_us) for note in piece.covered if note.kind == "gap"]
        for records in piece.records:
            if records.format not in formats:
                continue
            decoded = formats[records.format].decode(_received(records))
            times = np.array(records.received_at_us, dtype=np.int64)
            posts = decoded.posts
            at = times[posts["record"].to_numpy()] if posts.height else np.empty(0, dtype=np.int64)
            at_us = np.where(at > 0, at, posts["created_at_us"].to_numpy())
            frames.append(
                posts.select(
                    "uid",
                    pl.col("kind").cast(pl.UInt8),
                    pl.lit(records.source).alias("source"),
                    pl.Series("at_us", at_us),
                )
            )
            named = posts.filter(pl.col("alias").is_not_null()).select("alias", "uid")
            aliases |= dict(named.iter_rows())
            deletes |= set(decoded.changes["name"].drop_nulls().to_list())
    return Capture(name, _first(pl.concat(frames)), frozenset(deletes), aliases, tuple(gaps), cut=bool(cuts))


def _received(records: Any) -> Any:
    """Records of an archive have no time of reception; far in the future none of them is refused for its own."""
    late = [at_us if at_us > 0 else FINAL >> 1 for at_us in records.received_at_us]
    return msgspec.structs.replace(records, received_at_us=late)


def _first(posts: pl.DataFrame) -> pl.DataFrame:
    return posts.sort("at_us", maintain_order=True).unique("uid", keep="first", maintain_order=True)


def _from_directory(name: str, directory: Directory) -> Capture:
    store = directory.ledger.store
    known = dict(store.connection.execute("SELECT id, name FROM sources").fetchall())
    edits = [seq for (seq,) in store.connection.execute("SELECT seq FROM versions")]
    frames, uid_of = [pl.DataFrame(schema=HEARD)], dict[str, str]()
    for block in store.facts.listed():
        facts = store.facts.read(block, "uid", "uid_form", "author", "alias", "kind", "source", "created_at_us")
        received = store.texts.at(block.seqs, "received_at_us")["received_at_us"]
        facts = names.restored(facts.with_columns(pl.Series("seq", block.seqs), received))
        contents = facts.filter(~pl.col("seq").is_in(edits))
        uid_of |= dict(contents.filter(pl.col("alias").is_not_null()).select("alias", "uid").iter_rows())
        source = pl.col("source").replace_strict(known, default="", return_dtype=pl.String)
        at_us = pl.coalesce("received_at_us", "created_at_us").alias("at_us")
        frames.append(contents.select("uid", "kind", source, at_us))
    span = (-EVER_US, EVER_US)
    gaps = [
        (source.name, gap.from_us, gap.to_us)
        for source in listened.sources(store, Filters(), span, directory.clock.now_us())
        for gap in source.gaps
    ]
    posts = _first(pl.concat(frames).filter(pl.col("uid") != ""))
    return Capture(name, posts, _deleted(store), uid_of, tuple(gaps), _filtering(store))


def _deleted(store: Store) -> frozenset[str]:
    return frozenset(name for (name,) in store.connection.execute("SELECT name FROM deletes"))


def _filtering(store: Store) -> frozenset[str]:
    """Sources of which something was left out on purpose."""
    statement = "SELECT DISTINCT s.name FROM filtered f JOIN sources s ON s.id = f.source WHERE f.reason LIKE 'keep%'"
    return frozenset(name for (name,) in store.connection.execute(statement))


def compare(captures: list[Capture]) -> dict[str, Any]:
    """The common interval, how many posts all together heard in it, and for each capture what it lacks, best first.

    Raises `UsageError` where there is no time that all of them cover.
    """
    for capture in captures:
        if capture.posts.is_empty():
            raise UsageError(
                f"{capture.name} holds no posts", "name recordings, archives or data directories with posts"
            )
    low = max(int(capture.posts["at_us"].min()) for capture in captures)  # type: ignore[arg-type]
    high = min(int(capture.posts["at_us"].max()) for capture in captures)  # type: ignore[arg-type]
    if low > high:
        raise UsageError("there is no time that all of them cover", "name captures of the same time")
    together = _first(pl.concat([capture.posts for capture in captures]))
    together = together.filter(pl.col("at_us").is_between(low, high))
    uid_of = {alias: uid for capture in captures for alias, uid in capture.uid_of.items()}
    rows = [_held_against(_resolved(capture, uid_of), together, high) for capture in captures]
    rows.sort(key=lambda row: (row["missing"], row["name"]))
    ranked = [{"rank": 1 + sum(other["missing"] < row["missing"] for other in rows), **row} for row in rows]
    return {"from": written(low), "to": written(high), "posts": together.height, "captures": ranked}


def _resolved(capture: Capture, uid_of: dict[str, str]) -> Capture:
    """The capture with deletes by uid: one that never had a post may know its delete, and another the name in it."""
    return msgspec.structs.replace(capture, deleted=frozenset(uid_of.get(name, name) for name in capture.deleted))


def _held_against(capture: Capture, together: pl.DataFrame, high_us: int) -> dict[str, Any]:
    lacks = together.join(capture.posts.select("uid"), on="uid", how="anti", maintain_order="left")
    causes = _causes(capture, lacks, together, high_us)
    lacks = lacks.with_columns(causes.alias("cause"))
    return {
        "name": capture.name,
        "cut": capture.cut,
        "posts": together.height - lacks.height,
        "missing": lacks.height,
        "share": round(lacks.height / together.height, 6) if together.height else 0.0,
        "by_source": _by(lacks, together, pl.col("source")),
        "by_kind": _by(lacks, together, pl.col("kind").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String)),
        "by_minute": _by(lacks, together, (pl.col("at_us") // MINUTE_US * MINUTE_US).alias("minute")),
        "by_cause": dict(lacks["cause"].value_counts(sort=True).iter_rows()),
        "examples": lacks.select("uid", "cause").head(SHOWN_MAX).to_dicts(),
    }


def _by(lacks: pl.DataFrame, together: pl.DataFrame, what: pl.Expr) -> list[dict[str, Any]]:
    """How many are missing of how many, the worst first."""
    counted = together.group_by(what.alias("what")).len("of")
    missing = lacks.group_by(what.alias("what")).len("missing")
    rows = missing.join(counted, on="what").sort(["missing", "what"], descending=[True, False]).head(SHOWN_MAX)
    return [
        {"what": written(what) if isinstance(what, int) else what, "missing": missing, "of": of}
        for what, missing, of in rows.select("what", "missing", "of").iter_rows()
    ]


def _causes(capture: Capture, lacks: pl.DataFrame, together: pl.DataFrame, high_us: int) -> pl.Series:
    """Why each post is likely to be missing: `delete`, `gap`, `filter`, `late`, or `unknown`."""
    in_gap = pl.lit(False)
    for source, from_us, to_us in capture.gaps:
        in_gap |= (pl.col("source") == source) & pl.col("at_us").is_between(from_us, to_us)
    silent = _silent_minutes(capture, together)
    rows = lacks.with_columns((pl.col("at_us") // MINUTE_US).alias("minute")).join(
        silent, on=["source", "minute"], how="left", maintain_order="left"
    )
    cause = (
        pl.when(pl.col("uid").is_in(list(capture.deleted)))
        .then(pl.lit("delete"))
        .when(in_gap | pl.col("silent").fill_null(False))
        .then(pl.lit("gap"))
        .when(pl.col("source").is_in(list(capture.filtered)))
        .then(pl.lit("filter"))
        .when(pl.col("at_us") > high_us - EDGE_US)
        .then(pl.lit("late"))
        .otherwise(pl.lit("unknown"))
    )
    return rows.select(cause.alias("cause"))["cause"]


def _silent_minutes(capture: Capture, together: pl.DataFrame) -> pl.DataFrame:
    """Minutes in which all together heard a source often, and this one not once."""
    minute = (pl.col("at_us") // MINUTE_US).alias("minute")
    busy = together.group_by("source", minute).len().filter(pl.col("len") >= BUSY_RECORDS)
    own = together.join(capture.posts.select("uid"), on="uid", how="semi").select("source", minute).unique()
    return busy.join(own, on=["source", "minute"], how="anti").select("source", "minute", pl.lit(True).alias("silent"))
