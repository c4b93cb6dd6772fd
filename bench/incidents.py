"""How many incidents does one happening become? A file of labelled events, in the order of their times, through everything.

Each line of the file is a JSON object with `text`, `created_at` (RFC 3339) and `event`; it may be gzipped. It goes through
the product's own stages, and what is flagged through the working set of incidents, as if every post had an author of its
own. Where a file holds nothing but posts about happenings, there is no ordinary talk for a burst to stand out from, and
`false` can only be an incident that mixes events.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from _machine import parser, write

from lapwing import catalog
from lapwing.app.opening import STAGES
from lapwing.app.resources import RESOURCES
from lapwing.app.times import read_time
from lapwing.incidents.copies import signatures
from lapwing.incidents.happening import CONFIRMED, POSSIBLE, Flagged, mark_of
from lapwing.incidents.scoring import score
from lapwing.incidents.working import Working
from lapwing.model import POSTS
from lapwing.places.gazetteer import describe
from lapwing.text.weights import VERDICTS
from lapwing.windows.areas import area_of

UNSURE = VERDICTS.index("unsure")
HOUR_US = 3_600_000_000


def understood(path: Path) -> list[dict[str, Any]]:
    """The posts of a file with what the stages say of them, by time."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        told = [msgspec.json.decode(line) for line in lines if line.strip()]
    nothing = POSTS.to_frame(eager=True).clear(len(told))
    frame = nothing.with_columns(
        pl.Series("text", [each["text"] for each in told]), pl.Series("event", [each["event"] for each in told]),
        pl.Series("at_us", [read_time(each["created_at"], 0, "created_at") for each in told]),
    ).sort("at_us")  # fmt: skip
    for name in STAGES:
        stage = catalog.load("stages", name)
        frame = stage.make({each: RESOURCES[each] for each in stage.resources})(frame)
    return frame.with_columns(area_of().alias("area")).to_dicts()


def flagged(rows: list[dict[str, Any]]) -> dict[int, Flagged]:
    """Those that the product would keep as flagged, by their place in the file."""
    cities = sorted({row["place"] for row in rows if row["place"]})
    points = {each["id"]: each for each in describe(RESOURCES["gazetteer"], cities)}
    terms = [tuple(sorted({term >> 32 for term in row["term_hashes"]})) for row in rows]
    found = {}
    for seq, (row, signature) in enumerate(zip(rows, signatures(terms), strict=True)):
        if row["verdict"] >= UNSURE:
            city = points.get(row["place"], {})
            found[seq] = Flagged(
                seq=seq, at_us=row["at_us"], author=seq, mark=mark_of(str(seq)), area=row["area"],
                country=city.get("country") or row["country"], longitude=city.get("longitude"),
                latitude=city.get("latitude"), category=row["category"], weight=row["emergency"] or 0.5, lang=row["lang"],
                terms=terms[seq], signature=signature,
            )  # fmt: skip
    return found


def run(rows: list[dict[str, Any]], posts: dict[int, Flagged]) -> tuple[dict[int, int], dict[str, set[str]], float]:
    """The founder that each post ended with, the incidents by state, and CPU µs per flagged post."""
    working, where, into = Working(), {}, {}
    marks: dict[str, set[str]] = {"possible": set(), "confirmed": set()}
    begun = time.process_time()
    for seq, row in enumerate(rows):
        working.exposed(row["at_us"], {row["area"]: 1})
        if seq in posts:
            working.hear(posts[seq])
        where.update(working.joined)
        into.update(dict(working.merged))
        marks["possible"] |= {change.incident for change in working.changes if change.state in (POSSIBLE, CONFIRMED)}
        marks["confirmed"] |= {change.incident for change in working.changes if change.state == CONFIRMED}
        working.saved()
    micros = (time.process_time() - begun) / max(1, len(posts)) * 1e6
    for seq, founder in where.items():
        while founder in into:
            founder = into[founder]
        where[seq] = founder
    return where, marks, micros


def quick(rows: list[dict[str, Any]]) -> set[str]:
    """The events that have 25 posts in their first hour."""
    times: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        times[row["event"]].append(row["at_us"])
    return {event for event, some in times.items() if sum(at_us < some[0] + HOUR_US for at_us in some) >= 25}


def main(asked: argparse.Namespace) -> None:
    """Measure, show and keep."""
    rows = understood(asked.file)
    posts = flagged(rows)
    where, marks, micros = run(rows, posts)
    events = {row["event"] for row in rows}
    result: dict[str, Any] = {"posts": len(rows), "flagged": len(posts), "micros_per_flagged": round(micros, 1)}
    for name, shown in marks.items():
        pairs = [(mark_of(str(founder)), rows[seq]["event"]) for seq, founder in where.items()]
        found = score([pair for pair in pairs if pair[0] in shown], events)
        result[name] = msgspec.structs.asdict(found)
        print(f"{name:10} {found}")
    result["quick"] = sorted(quick(rows))
    print(
        f"{len(rows)} posts, {len(posts)} flagged, {micros:.0f} µs each; 25 posts in the first hour: {result['quick']}"
    )
    write(asked, "incidents", result)


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("file", type=Path, help="one labelled post to a line, perhaps gzipped")
    main(arguments.parse_args())
