"""What a rule would have sent, had it been there: the news of a time once more, through the same `decide`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lapwing.incidents.budget import AWAY_US, Item, Standing, Told, decide, moments, pass_time
from lapwing.incidents.intervals import Share, share_of
from lapwing.incidents.rules import News, Rule


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What one reader would have been told from one time to another."""

    since_us: int
    until_us: int
    told: tuple[Told, ...]
    held: tuple[Item, ...]
    """What would wait for a digest at the end."""

    @property
    def incidents(self) -> list[str]:
        """The incidents that were told of, each once, in order."""
        return list(dict.fromkeys(item.incident for each in self.told for item in each.items))

    def counts(self) -> dict[str, int]:
        """How many messages of each kind, and how many lines the digests would have had."""
        kinds = [each.kind for each in self.told]
        lines = {item.incident for each in self.told if each.kind == "digest" for item in each.items}
        alone = {each.items[0].incident for each in self.told if each.kind != "digest"}
        return {
            "incidents": len(self.incidents),
            "alerts": sum(each.counts and each.kind != "digest" for each in self.told),
            "upgrades": sum(each.kind == "upgrade" and not each.counts for each in self.told),
            "all_clears": kinds.count("all-clear"),
            "digests": kinds.count("digest"),
            "in_digests": len(lines - alone),
            "held": len(self.held),
        }


def replay(news: Iterable[News], rules: Sequence[Rule], since_us: int, until_us: int) -> Replay:
    """What a reader of these rules would have been told from `since_us` to `until_us`.

    `news` is in the order of its clocks; what is from before `since_us` is worked through too, so that budget and
    knowledge are as they would have been.
    """
    standing, told = Standing(), []
    for each in news:
        if each.clock_us >= until_us:
            break
        standing, digests = _until(rules, standing, each.clock_us)
        standing, heard = decide(each, rules, standing, each.clock_us)
        told += [*digests, *heard]
    standing, digests = _until(rules, standing, until_us)
    kept = tuple(each for each in (*told, *digests) if since_us <= each.at_us < until_us)
    return Replay(since_us=since_us, until_us=until_us, told=kept, held=tuple(standing.held.values()))


def _until(rules: Sequence[Rule], standing: Standing, clock_us: int) -> tuple[Standing, list[Told]]:
    """Time passes from one digest to the next, as it does where somebody is there to send them."""
    told: list[Told] = []
    while standing.held and standing.clock_us < clock_us:
        end_us = min(clock_us, standing.clock_us + AWAY_US)
        for due_us, _ in moments(rules, standing.clock_us, end_us):
            standing, digests = pass_time(rules, standing, due_us)
            told += digests
        standing, _ = pass_time(rules, standing, end_us)  # all that was due is told already
    return pass_time(rules, standing, clock_us)[0], told


def precision(incidents: Iterable[str], useful: Mapping[str, tuple[int, int]]) -> Share:
    """How much of what was told was called useful; `useful`: by incident, how often it was called so, and how often not."""
    found = [useful[each] for each in incidents if each in useful]
    yes = sum(each[0] for each in found)
    return share_of(yes, yes + sum(each[1] for each in found))


def compared(base: Replay, other: Replay) -> dict[str, object]:
    """What another rule would have changed: counts beside counts, and incidents that only one of the two tells of."""
    before, after = base.counts(), other.counts()
    return {
        "before": before,
        "after": after,
        "no_longer": [each for each in base.incidents if each not in other.incidents],
        "also": [each for each in other.incidents if each not in base.incidents],
    }
