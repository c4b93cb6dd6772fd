"""What one commit brought, given to the working set in the order that makes the answer the same every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lapwing.incidents.copies import signatures
from lapwing.incidents.happening import Flagged, mark_of
from lapwing.incidents.working import Working

Exposures = list[tuple[int, dict[int, int]]]
Members = Callable[[int, set[int]], list[Flagged]]
"""Founder, and sequence numbers that stand no longer → the posts of that happening that do, in order."""


def flagged_of(rows: Sequence[Mapping[str, Any]]) -> list[Flagged]:
    """Flagged posts of the rows that the ledger keeps."""
    made = signatures([row["terms"] for row in rows])
    return [
        Flagged(
            seq=row["seq"],
            at_us=row["at_us"],
            author=row["author"],
            mark=mark_of(row["uid"]),
            area=row["area"],
            country=row["country"],
            longitude=row["longitude"],
            latitude=row["latitude"],
            category=row["category"],
            weight=row["per_mille"] / 1000,
            repost=row["repost"],
            official=bool(row["official"]),
            lang=row["lang"],
            terms=row["terms"],
            signature=signature,
        )
        for row, signature in zip(rows, made, strict=True)
    ]


def hear_commit(working: Working, exposures: Exposures, posts: list[Flagged], until_us: int) -> None:
    """Posts that were flagged, each after what all places said until its five minutes; then time goes on to `until_us`."""
    waiting = list(reversed(posts))
    for at_us, places in exposures:
        while waiting and waiting[-1].at_us < at_us:
            working.hear(waiting.pop())
        working.exposed(at_us, places)
    while waiting:
        working.hear(waiting.pop())
    working.pass_time(until_us)


def withdraw(working: Working, by_founder: Mapping[int, set[int]], members: Members) -> None:
    """Some posts stand no longer; happenings of which that was a voice are counted again."""
    for founder, gone in sorted(by_founder.items()):
        happening = working.happenings.get(founder)
        if happening is None:
            continue
        if any(voice.seq in gone for voice in happening.voices):
            working.take_back(founder, members(founder, gone), len(gone))
        else:  # a copy, or somebody who spoke twice
            happening.posts = max(0, happening.posts - len(gone))
            happening.taken_back += len(gone)
            working.touched.add(founder)
