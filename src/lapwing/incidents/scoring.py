"""How well posts were grouped, where it is known what each was about."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec


class Score(msgspec.Struct, frozen=True):
    """How well it went."""

    happenings: int
    """Those that should have been found."""
    once: int
    """Found as exactly one incident."""
    missed: int
    fragments: int
    """Incidents beyond the first of a happening."""
    false: int
    """Incidents of which most voices are about nothing that happened, or about nothing that should be found."""
    mixed: int
    """Happenings without an incident of their own, whose posts stand in that of another."""
    purity: float
    """The share of posts in incidents that are about what most of the posts of their incident are about."""


def score(pairs: Iterable[tuple[str, str | None]], wanted: Iterable[str], least: int = 1) -> Score:
    """The score of posts by (incident, what it is about or None); incidents of fewer posts than `least` do not count."""
    by_incident: dict[str, Counter[str | None]] = defaultdict(Counter)
    for incident, about in pairs:
        by_incident[incident][about] += 1
    shown = {incident: said for incident, said in by_incident.items() if said.total() >= least}
    wanted = set(wanted)
    most = {incident: max(said, key=lambda each: (said[each], str(each))) for incident, said in shown.items()}
    found = Counter(about for about in most.values() if about in wanted)
    inside = {about for said in shown.values() for about in said if about in wanted}
    posts = sum(said.total() for said in shown.values())
    right = sum(said[most[incident]] for incident, said in shown.items())
    return Score(
        happenings=len(wanted),
        once=sum(times == 1 for times in found.values()),
        missed=len(wanted - inside),
        fragments=sum(times - 1 for times in found.values()),
        false=sum(about not in wanted for about in most.values()),
        mixed=len((wanted & inside) - set(found)),
        purity=right / posts if posts else 1.0,
    )
