"""How long do answers take, on a million posts of a day: search, counts of the last hour, people of an hour, words?

Warm: one process asks again and again, each time for another word or hour of the same kind. Cold: a fresh process opens
the data directory and asks once (its imports are not counted, the system's file cache is warm).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from _machine import heading, parser, spread, write
from _posts import file_of

from lapwing.app import answers, cloud
from lapwing.app.asking import query_of
from lapwing.app.ingesting import Wish, ingest
from lapwing.app.opening import Directory
from lapwing.ledger.sqlite.selecting import Filters
from lapwing.ledger.sqlite.store import Store
from lapwing.model import WINDOW_US

NEWEST = 100
HOUR_US = 3_600_000_000
VARIANTS = 20
RARE_HITS = 75
"""So many posts of the whole day have a rare word."""
BUDGETS_MS = {
    "search, rare word": 50, "search, middle word": 50, "search, frequent word": 50, "search, phrase": 50,
    "counts of the last hour by place": 20, "people of an hour": 50, "words of 100,000 posts": 1_000,
}  # fmt: skip
"""Of the median; the 95th percentile may be three times as much."""
WORDS_POSTS = 100_000


class Plan(msgspec.Struct, frozen=True):
    """What is asked for: of each kind some words, hours or queries, found in the data once."""

    searches: dict[str, list[str]]
    words: str
    from_us: int
    to_us: int


def planned(store: Store) -> Plan:
    """Words of each frequency among the newest posts, a phrase with each frequent one, and the hours there are."""
    counted = cloud.words(store, Filters(), None, 1_000_000)
    ranked = [row["word"] for row in counted]
    frequent, middle = ranked[:VARIANTS], ranked[len(ranked) // 20 :][:VARIANTS]
    (posts,) = store.connection.execute("SELECT sum(rows) FROM facts").fetchone()
    hits = RARE_HITS * min(1, cloud.POSTS_MAX / posts)
    rare = [row["word"] for row in sorted(counted, key=lambda row: abs(row["count"] - hits))[:VARIANTS]]
    low, high = store.connection.execute("SELECT min(from_us), max(to_us) FROM facts").fetchone()
    phrases = list(dict.fromkeys(phrase for word in ranked[5:60] if (phrase := _phrase(store, word))))[:VARIANTS]
    searches = {
        "search, rare word": rare, "search, middle word": middle, "search, frequent word": frequent, "search, phrase": phrases,
    }  # fmt: skip
    return Plan(searches, _broad(store, ranked), low // HOUR_US * HOUR_US, high // HOUR_US * HOUR_US)


def _phrase(store: Store, word: str) -> str | None:
    """Three words side by side that a post has, one of them this."""
    for post in answers.posts(store, Filters(), query_of(word), 20)["posts"]:
        words = [each for each in post["text"].split() if each.isalpha()]
        if word in [each.lower() for each in words] and len(words) >= 3 and " ".join(words[:3]) in post["text"]:
            return f'"{" ".join(words[:3])}"'
    return None


def _broad(store: Store, ranked: list[str]) -> str:
    """So many frequent words with OR between them that `WORDS_POSTS` posts match, or as many as can be."""
    count = 1
    while count < 64 and _matching(store, " OR ".join(ranked[:count])) < WORDS_POSTS:
        count += 1
    return " OR ".join(ranked[:count])


def _matching(store: Store, query: str) -> int:
    return sum(part.posts for part in cloud.counted(store, Filters(), query_of(query)))


def question(directory: Directory, plan: Plan, name: str, number: int) -> Callable[[], Any]:
    """One question of a kind; the number chooses the word or hour. Counts are asked for as the JSON that is given out."""
    store = directory.ledger.store
    hour = plan.to_us - HOUR_US * (1 + number % max(1, (plan.to_us - plan.from_us) // HOUR_US - 1))
    if name in plan.searches:
        words = plan.searches[name]
        return lambda: answers.posts(store, Filters(), query_of(words[number % len(words)]), NEWEST)
    if name == "words of 100,000 posts":
        return lambda: cloud.words(store, Filters(), query_of(plan.words), NEWEST)
    last = plan.to_us if name == "counts of the last hour by place" else hour
    wanted = (
        answers.Wanted(WINDOW_US, "place")
        if name == "counts of the last hour by place"
        else answers.Wanted(HOUR_US, "none")
    )
    filters = Filters(since_us=last - HOUR_US, until_us=last)
    return lambda: msgspec.json.encode(answers.counts(store, filters, wanted, directory.as_of()))


def warm(directory: Directory, plan: Plan, name: str, repeats: int) -> list[float]:
    """Milliseconds of each answer, after one round that is not counted."""
    taken = []
    for number in range(-VARIANTS, repeats):
        ask = question(directory, plan, name, number)
        start = time.perf_counter()
        ask()
        if number >= 0:
            taken.append((time.perf_counter() - start) * 1e3)
    return taken


def cold(path: Path, plan: Plan, name: str, number: int) -> float:
    """Milliseconds of one answer in a fresh process."""
    order = msgspec.json.encode((str(path), plan, name, number))
    return float(
        subprocess.run([sys.executable, __file__, "--one"], input=order, capture_output=True, check=True).stdout
    )


def answer_one() -> None:
    """What a fresh process does: open, ask once, say how long it took."""
    path, plan, name, number = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[str, Plan, str, int])
    start = time.perf_counter()
    question(Directory(Path(path)), plan, name, number)()
    print((time.perf_counter() - start) * 1e3)


def measure(path: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Every kind of question, warm and cold, beside its budget."""
    directory = Directory(path)
    plan = planned(directory.ledger.store)
    matched = _matching(directory.ledger.store, plan.words)
    print(f"  words are counted over {matched:,} matching posts")
    results: dict[str, Any] = {"words_posts": matched}
    for name, budget in BUDGETS_MS.items():
        median, high = spread(warm(directory, plan, name, asked.repeats))
        first, first_high = spread([cold(path, plan, name, number) for number in range(asked.cold)])
        kept = median <= budget and high <= 3 * budget
        results[name] = {
            "median_ms": median,
            "p95_ms": high,
            "cold_ms": first,
            "cold_p95_ms": first_high,
            "budget_ms": budget,
            "kept": kept,
        }
        print(
            f"  {name:34} {median:8.1f} ms, p95 {high:8.1f}; cold {first:8.1f}; budget {budget:5} {'kept' if kept else 'BROKEN'}",
            flush=True,
        )
    return results


def options() -> argparse.Namespace:
    """What was asked for."""
    asked = parser(__doc__)
    asked.add_argument("--posts", type=int, default=1_000_000)
    asked.add_argument("--repeats", type=int, default=40)
    asked.add_argument("--cold", type=int, default=5, help="fresh processes for each question")
    asked.add_argument("--data", type=Path, help="ask this data directory instead of a new one")
    asked.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.quick:
        chosen.posts, chosen.repeats, chosen.cold = 200_000, 20, 3
    return chosen


def main() -> None:
    """Fill a data directory, measure and print."""
    asked = options()
    if asked.one:
        answer_one()
        return
    heading(f"Queries on {asked.data or f'{asked.posts:,} posts of 24 hours'}; medians of {asked.repeats}")
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        path = asked.data or Path(folder) / "data"
        if asked.data is None:
            file = file_of(Path(folder) / "posts.ndjson", asked.posts, asked.seed)
            directory = Directory(path)
            ingest(directory, Wish(files=(str(file),), format="x_v2", workers=2))
            file.unlink()
        results = measure(path, asked)
    write(asked, "queries", {"posts": asked.posts, "answers": results})


if __name__ == "__main__":
    main()
