"""Posts that may tell of an emergency: written with their commit, and read in the order of commits by whoever groups them.

What is read is a function of the tables alone, so it is the same however often and in whatever steps it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite.names import author_hash, restored
from lapwing.ledger.sqlite.store import Store
from lapwing.model import KINDS, Batch
from lapwing.text.keywords import CATEGORIES
from lapwing.text.weights import VERDICTS
from lapwing.windows.areas import COUNTRY_AREAS, country_of_area

UNSURE = VERDICTS.index("unsure")
SURE = VERDICTS.index("yes")
OFFICIAL = {"cap": CATEGORIES.index("other"), "usgs": CATEGORIES.index("earthquake")}
"""Networks of official feeds, and the category of what has no keyword: all of their posts are flagged."""
AHEAD_US = 300_000_000
"""A post may say that it was made later than it was received; not more than this is believed."""
MOMENT_US = 60_000_000
TERMS_MAX = 64
BIN_US = 300_000_000
REPOST = KINDS.index("repost")

_COLUMNS = "seq, number, at_us, category, verdict, per_mille, official, longitude, latitude, terms"


class Heard(msgspec.Struct, frozen=True):
    """What one commit brought."""

    number: int
    until_us: int
    """How far the time of posts had come."""
    exposures: list[tuple[int, dict[int, int]]]
    """Times (beginnings of five minutes, rising), and how many posts of any kind each area then had."""
    posts: list[dict[str, Any]]
    """Flagged posts that stand from now on, by time: the columns of `rows_of`."""
    withdrawn: list[int]
    """Sequence numbers of flagged posts that stand no longer."""


def add(store: Store, posts: pl.DataFrame, low: int, number: int) -> None:
    """Keep those posts (numbered from `low` on) that are flagged, inside the caller's transaction. Others cost nothing.

    A frame that never met the stages of emergencies has none.
    """
    _add_rows(store, posts.with_columns(pl.int_range(low, low + pl.len(), dtype=pl.Int64).alias("seq")), number)


def _add_rows(store: Store, numbered: pl.DataFrame, number: int) -> None:
    """As `add`, of posts that have `seq`."""
    if "verdict" not in numbered.columns or numbered.is_empty():
        return
    networks = dict(store.select("SELECT id, name FROM networks WHERE name IN ({})", list(OFFICIAL)))
    official = pl.col("network").is_in(list(networks))
    found = numbered.filter((pl.col("verdict") >= UNSURE) | official)
    if found.is_empty():
        return
    by_network = {network: OFFICIAL[name] for network, name in networks.items()}
    rows = found.select(
        "seq",
        pl.lit(number).alias("number"),
        pl.min_horizontal("created_at_us", pl.col("received_at_us") + AHEAD_US).alias("at_us"),
        _category(by_network),
        pl.when(official).then(SURE).otherwise(pl.col("verdict")).alias("verdict"),
        pl.when(official)
        .then(1000.0)
        .otherwise(pl.col("emergency").fill_null(0.5) * 1000)
        .round()
        .cast(pl.Int64)
        .alias("per_mille"),
        official.cast(pl.Int64).alias("official"),
        "longitude",
        "latitude",
        "because",
    )
    terms = (_packed(each) for each in found["term_hashes"].to_list())
    store.connection.executemany(
        "INSERT OR REPLACE INTO flagged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((*row, blob) for row, blob in zip(rows.iter_rows(), terms, strict=True)),
    )


def _category(by_network: dict[int, int]) -> pl.Expr:
    if not by_network:
        return pl.col("category").cast(pl.Int64)
    official = pl.col("network").cast(pl.Int64).replace_strict(by_network, default=0, return_dtype=pl.Int64)
    return pl.when(pl.col("category") > 0).then(pl.col("category").cast(pl.Int64)).otherwise(official).alias("category")


def _packed(hashes: list[int] | None) -> bytes:
    """The upper halves of the hashes of words, each once, in order."""
    return np.array(sorted({each >> 32 for each in hashes or ()})[:TERMS_MAX], dtype="<u4").tobytes()


def any_there(store: Store) -> bool:
    """Whether any post was ever flagged."""
    return store.connection.execute("SELECT 1 FROM flagged LIMIT 1").fetchone() is not None


def note_moment(store: Store, batch: Batch, number: int) -> None:
    """How far the time of posts has come, about once a minute of it, inside the caller's transaction."""
    at_us = max((read.watermark_us for read in batch.reads), default=0)
    row = store.connection.execute("SELECT at_us FROM moments ORDER BY number DESC LIMIT 1").fetchone()
    if at_us >= (row[0] + MOMENT_US if row else 1):
        store.connection.execute("INSERT INTO moments VALUES (?, ?)", (number, at_us))


def heard_after(store: Store, number: int, commits_max: int) -> list[Heard]:
    """What the commits after `number` brought, at most so many of them, in their order."""
    with store.snapshot():
        commits = store.connection.execute(
            "SELECT number, seq_low, seq_high FROM commits WHERE number > ? ORDER BY number LIMIT ?",
            (number, commits_max),
        ).fetchall()
        if not commits:
            return []
        span = (commits[0][0], commits[-1][0])
        moments = _moments(store, span)
        exposures = _exposures(store, commits, moments)
        shown, withdrawn = _flips(store, span)
        arrived = _arrived(store, span, shown)
    return [
        Heard(each, moments[each], exposures.get(each, []), arrived.get(each, []), withdrawn.get(each, []))
        for each, _, _ in commits
    ]


def _moments(store: Store, span: tuple[int, int]) -> dict[int, int]:
    """How far time had come at each commit."""
    before = store.connection.execute(
        "SELECT at_us FROM moments WHERE number < ? ORDER BY number DESC LIMIT 1", (span[0],)
    ).fetchone()
    noted = dict(store.connection.execute("SELECT number, at_us FROM moments WHERE number BETWEEN ? AND ?", span))
    at_us, found = before[0] if before else 0, {}
    for number in range(span[0], span[1] + 1):
        at_us = max(at_us, noted.get(number, 0))
        found[number] = at_us
    return found


def _exposures(
    store: Store, commits: list[tuple[int, int, int]], moments: dict[int, int]
) -> dict[int, list[tuple[int, dict[int, int]]]]:
    """How many posts each area had, by commit and five minutes. Reads two columns of every post."""
    low, high = min(each[1] for each in commits), max(each[2] for each in commits)
    facts = store.facts.at(np.arange(low, high), "area", "created_at_us")
    ends = np.array([each[2] for each in commits])
    numbers = np.array([each[0] for each in commits])
    commit = numbers[np.minimum(np.searchsorted(ends, facts["seq"].to_numpy(), side="right"), len(numbers) - 1)]
    latest = pl.Series([moments[each] + MOMENT_US for each in commit.tolist()], dtype=pl.Int64)
    frame = facts.select("area", pl.min_horizontal("created_at_us", latest) // BIN_US, pl.Series("commit", commit))
    counts = frame.group_by("commit", "created_at_us", "area").len().sort("commit", "created_at_us", "area")
    found: dict[int, list[tuple[int, dict[int, int]]]] = defaultdict(list)
    for number, part, area, posts in counts.iter_rows():
        if not found[number] or found[number][-1][0] != part * BIN_US:
            found[number].append((part * BIN_US, {}))
        found[number][-1][1][area] = posts
    return found


def _flips(store: Store, span: tuple[int, int]) -> tuple[list[tuple[int, int]], dict[int, list[int]]]:
    """Of flagged posts: which came to light with which commit, and which were hidden by each."""
    rows = store.connection.execute(
        "SELECT f.number, f.seq, f.visible FROM flips f JOIN flagged USING (seq) WHERE f.number BETWEEN ? AND ? ORDER BY 1, 2",
        span,
    ).fetchall()
    hidden: dict[int, list[int]] = defaultdict(list)
    for number, seq, visible in rows:
        if not visible:
            hidden[number].append(seq)
    return [(number, seq) for number, seq, visible in rows if visible], hidden


def _arrived(store: Store, span: tuple[int, int], shown: list[tuple[int, int]]) -> dict[int, list[dict[str, Any]]]:
    """The flagged posts that stand from each commit on: new ones that are no edits, and what came to light."""
    fresh = store.connection.execute(
        "SELECT f.number, f.seq FROM flagged f WHERE f.number BETWEEN ? AND ? AND f.verdict > 0 AND NOT EXISTS "
        "(SELECT 1 FROM versions v WHERE v.seq = f.seq) AND NOT EXISTS "
        "(SELECT 1 FROM flips p WHERE p.number = f.number AND p.seq = f.seq)",
        span,
    ).fetchall()
    when = [*fresh, *shown]
    rows = {row["seq"]: row for row in rows_of(store, sorted({seq for _, seq in when}))}
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for number, seq in sorted(when):
        if seq in rows:
            found[number].append(rows[seq])
    return {number: sorted(some, key=lambda row: (row["at_us"], row["seq"])) for number, some in found.items()}


def rows_of(store: Store, seqs: list[int]) -> list[dict[str, Any]]:
    """Flagged posts by sequence number: their own columns, `uid`, `author` (hash), `area`, `country`, `lang`, `repost` and
    where they are (their own point, or their city's). Those that are gone are absent.
    """
    if not seqs:
        return []
    names = _COLUMNS.split(", ")
    own = [
        dict(zip(names, row, strict=True))
        for row in store.select(f"SELECT {_COLUMNS} FROM flagged WHERE seq IN ({{}})", seqs)
    ]
    facts = restored(
        store.facts.at(np.array(seqs, dtype=np.int64), "uid", "uid_form", "author", "area", "kind", "lang")
    ).with_columns(author_hash())
    known = {row["seq"]: row for row in facts.iter_rows(named=True)}
    cities = _cities(store, {row["area"] for row in known.values()})
    return [_row(row, known[row["seq"]], cities) for row in own if row["seq"] in known]


def _cities(store: Store, areas: Iterable[int]) -> dict[int, tuple[str, float, float]]:
    wanted = sorted(area for area in areas if 0 < area < COUNTRY_AREAS)
    rows = store.select("SELECT id, country, longitude, latitude FROM places WHERE id IN ({})", wanted)
    return {area: (country, longitude, latitude) for area, country, longitude, latitude in rows}


def _row(own: dict[str, Any], facts: dict[str, Any], cities: dict[int, tuple[str, float, float]]) -> dict[str, Any]:
    area = facts["area"]
    country, longitude, latitude = cities.get(area, (country_of_area(area), None, None))
    if own["longitude"] is not None and own["latitude"] is not None:
        longitude, latitude = own["longitude"], own["latitude"]
    return own | {
        "uid": facts["uid"],
        "author": facts["author_hash"],
        "area": area,
        "country": country,
        "longitude": longitude,
        "latitude": latitude,
        "lang": facts["lang"] or "",
        "repost": facts["kind"] == REPOST,
        "terms": tuple(np.frombuffer(own["terms"] or b"", dtype="<u4").tolist()),
    }


def forget(store: Store, seqs: Iterable[int]) -> None:
    """Empty the rows of these posts, inside the caller's transaction; they stay, so that their evidence is taken back."""
    store.connection.executemany(
        "UPDATE flagged SET verdict = 0, category = 0, per_mille = 0, longitude = NULL, latitude = NULL, because = NULL, "
        "terms = NULL WHERE seq = ?",
        ((seq,) for seq in seqs),
    )


def forget_words(store: Store, before_us: int) -> None:
    """Drop the words of posts that were committed before a time, inside the caller's transaction: their texts expired."""
    (number,) = store.connection.execute(
        "SELECT coalesce(max(number), 0) FROM commits WHERE at_us < ?", (before_us,)
    ).fetchone()
    store.connection.execute(
        "UPDATE flagged SET because = NULL, terms = NULL WHERE number <= ? AND terms IS NOT NULL", (number,)
    )


def judge_again(old: Store, new: Store, span: tuple[int, int], fresh: pl.DataFrame) -> None:
    """Fill a new generation with the flagged posts of a span (the end exclusive): those of `fresh`, which were understood
    again and have `seq`, as they are judged now; the others as they were. Inside the caller's transaction.
    """
    again = set(fresh["seq"].to_list())
    rows = old.connection.execute("SELECT * FROM flagged WHERE seq >= ? AND seq < ?", span).fetchall()
    marks = ", ".join("?" * 11)
    new.connection.executemany(
        f"INSERT OR REPLACE INTO flagged VALUES ({marks})", (row for row in rows if row[0] not in again)
    )
    commits = old.connection.execute(
        "SELECT number, seq_low, seq_high FROM commits WHERE seq_high > ? AND seq_low < ? ORDER BY number", span
    )
    for number, low, high in commits:
        _add_rows(new, fresh.filter((pl.col("seq") >= low) & (pl.col("seq") < high)), number)
