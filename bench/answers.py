"""What does an answer cost in CPU, while small commits pile up? The same questions as `serving.py`, asked in one process.

Wall time of an answer says as much about the neighbours as about us; CPU time, user and system, of all threads says what
there is to save. Between the questions posts are committed in portions as a second brings them, and what they cost is not
counted: each answer finds the newest blocks in no cache, as it is when posts come in live.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from _machine import heading, parser, spread, write
from _posts import file_of

from lapwing import config
from lapwing.app.accepting import Handed, accept
from lapwing.app.front import DirectoryFront
from lapwing.app.living import changed_since, last_commit
from lapwing.app.opening import Directory
from lapwing.contracts import Asked, Counting
from lapwing.engine.loop import Worker
from lapwing.model import Saved
from serving import BATCH, WORDS

COMMIT = 4 * BATCH
"""So many posts are saved at a time when 2,000 come in a second."""
HOURS = 6
POSTS, COUNTS = 50, 1_000
TOPICS = frozenset(("commits", "posts", "incidents"))

_RARE = re.compile(r"\b[A-Za-z]{5,}\b")

Question = Callable[[], Any]


class House:
    """A data directory into which posts come, one commit after the other, and the front that is asked."""

    def __init__(self, path: Path, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.directory = Directory(path)
        self.worker: Worker = self.directory.worker("bench")
        self.worker.linger_us = 0
        self.told = Directory(path)
        self.door = Directory(path)
        self.front = DirectoryFront(path, config.parse('[serve]\nquery_budget = "60s"', environment={}))
        self.words: list[str] = []
        """Those that some posts have; each is asked for once, so that nothing of it was found before."""
        self.handed = Handed(topic="raw.x", body=b"", lines=True, source="http")

    def body(self) -> Handed:
        """As many posts as are handed in at once."""
        lines = list(islice(self._lines, BATCH))
        self.words += _RARE.findall(msgspec.json.decode(lines[0])["data"]["text"])
        return msgspec.structs.replace(self.handed, body=b"".join(lines))

    def commit(self) -> None:
        """Hand in and save what comes in half a second, and merge what is due."""
        for _ in range(COMMIT // BATCH):
            accept(self.door, self.body())
        self.settle()

    def settle(self) -> None:
        """Save what waits in the log."""
        saved: list[Saved] = []
        self.worker.run(lambda: bool(saved), saved.append)
        while self.worker.ledger.tidy(False):
            pass

    def close(self) -> None:
        """Let go of the files."""
        self.front.close()
        for each in (self.directory, self.told, self.door):
            each.close()


def questions(house: House, round_: int) -> Iterator[tuple[str, Question]]:
    """What is asked after a commit: every word and some hours once, what changed, and a body at the door."""
    front, encode = house.front, msgspec.json.Encoder().encode

    def asked(work: Question) -> Question:
        return lambda: front.interactive(lambda: encode(work())).result()

    def counted(span: Asked) -> Any:
        return front.counts(span, Counting(window="5m", by="place", top=50), COUNTS).rows

    for word in WORDS:
        yield f"posts {word}", asked(partial(front.posts, Asked(), word, POSTS))
    for hour in range(HOURS):
        span = Asked(since=f"2026-01-05T{hour:02}:00:00Z", until=f"2026-01-05T{hour + 1:02}:00:00Z")
        yield f"counts {hour}", asked(partial(counted, span))
    new = house.words.pop(round_ * 7919 % len(house.words))
    house.words[:] = [word for word in house.words if word != new]
    yield "new word", asked(lambda: front.posts(Asked(), new, POSTS).rows)
    rare = f"zq{os.getpid()}n{round_}zq"
    yield "no such word", asked(lambda: front.posts(Asked(), rare, POSTS).rows)
    before = last_commit(house.told) - 2
    yield "live", lambda: changed_since(house.told, before, TOPICS)
    body = house.body()
    yield "door", lambda: accept(house.door, body)


def cost_ms(ask: Question) -> float:
    """CPU milliseconds of all threads."""
    start = time.process_time()
    ask()
    return (time.process_time() - start) * 1e3


def measure(path: Path, lines: Iterator[bytes], chosen: argparse.Namespace) -> dict[str, list[float]]:
    """CPU milliseconds of each question, a round of all of them after each commit."""
    house = House(path, lines)
    for _ in range(chosen.posts // COMMIT):
        house.commit()
    taken: dict[str, list[float]] = {}
    for round_ in range(-chosen.warm, chosen.rounds):
        house.commit()
        for name, ask in questions(house, round_):
            cost = cost_ms(ask)
            if round_ >= 0:
                taken.setdefault(name, []).append(cost)
    house.close()
    return taken


def main() -> None:
    """Fill a data directory, ask and print."""
    asked = parser(__doc__)
    asked.add_argument("--posts", type=int, default=200_000)
    asked.add_argument("--rounds", type=int, default=60)
    asked.add_argument("--warm", type=int, default=6)
    chosen = asked.parse_args()
    if chosen.quick:
        chosen.posts, chosen.rounds = 50_000, 30
    heading(f"CPU of an answer, {chosen.posts:,} posts in commits of {COMMIT}; medians of {chosen.rounds}")
    with tempfile.TemporaryDirectory(prefix="lapwing-bench-") as folder:
        count = chosen.posts + (chosen.rounds + chosen.warm + 1) * (COMMIT + BATCH) + COMMIT
        file = file_of(Path(folder) / "posts.ndjson", count, chosen.seed)
        with file.open("rb") as lines:
            taken = measure(Path(folder) / "data", lines, chosen)
    for kind in ("posts", "counts"):
        taken[f"all {kind}"] = [cost for name, costs in taken.items() if name.startswith(kind) for cost in costs]
    for name, costs in taken.items():
        median, high = spread(costs)
        print(f"  {name:22} {median:7.1f} ms, p95 {high:7.1f}, mean {sum(costs) / len(costs):7.1f}")
    write(
        chosen,
        "answers",
        {name: dict(zip(("median", "p95"), spread(costs), strict=True)) for name, costs in taken.items()},
    )


if __name__ == "__main__":
    main()
