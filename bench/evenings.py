"""How soon is a happening alerted, how often is nothing, and is anybody told twice? Made-up evenings of six hours.

Every post goes through the product's own stages (gate, classifier), the flagged ones through the working set of incidents,
each change through rules and budget, by a clock that is the posts' own. A reader at each place is told of what is within
50 km, and one reader of everything. Whether an alert is true is known from what most voices of its incident are about when
it is sent: a thousand copies of one text that somebody hung onto a fire are one voice of it, as they are for the reader.
Posts are made up, by `_evenings.py`; they are easier than life in their words and harder in how much of them is noise.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from typing import Any

import msgspec
from _evenings import BUILDING, HELD, MINUTES, START_US, Evening, Settings, evening
from _machine import heading, parser, write

from lapwing.incidents.budget import Standing, Told, decide, pass_time
from lapwing.incidents.happening import CONFIRMED, POSSIBLE, Change
from lapwing.incidents.intervals import share_of
from lapwing.incidents.rules import About, Area, Circle, News, Rule
from lapwing.incidents.scene import scene_of
from lapwing.incidents.working import Working

FIRST = ("possible", "confirmed")
LIMIT_US = 120_000_000
STATES = {"possible": POSSIBLE, "confirmed": CONFIRMED}
"""From which state on a rule asks for an incident."""
EVERYWHERE = "everywhere"
Reader = tuple[str, str]
"""By which of `STATES`, and where."""
BUDGET = 5


class Sent(msgspec.Struct, frozen=True):
    """What a reader was told, and when."""

    reader: Reader
    told: Told
    heard_us: int
    about: str
    """What most voices of its first incident then spoke of: an event, or ``~`` and what it was instead."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one evening."""

    events: int
    """Of which ten independent people told in time."""
    alerted: int
    """Within two minutes of the tenth of them."""
    ever: int
    delays_us: list[int]
    false: list[str]
    """Of each incident that was alerted and did not happen: what it was made of."""
    twice: int
    """Alerts beyond the first of one reader for one event."""
    over_budget: int
    """Days of readers on which more than the budget interrupted."""
    in_silence: int
    """First alerts of which some evidence is from while a source was silent."""
    missed: list[str]


def readers_of(found: Evening) -> dict[Reader, list[Rule]]:
    """For both kinds of rule: one reader at each place, and one who is told of everything."""
    readers: dict[Reader, list[Rule]] = {}
    for kind, state in STATES.items():
        readers[kind, EVERYWHERE] = [Rule(name=EVERYWHERE, state=state, budget=BUDGET)]
        for place in found.places:
            area = Area(circles=(Circle(place.longitude, place.latitude, 50.0),))
            readers[kind, place.name] = [Rule(name=place.name, area=area, state=state, budget=BUDGET)]
    return readers


class Run:
    """One evening on its way through the working set, rules and budget."""

    def __init__(self, found: Evening) -> None:
        self.readers = readers_of(found)
        self.standings: dict[Reader, Standing] = dict.fromkeys(self.readers, Standing())
        self.working = Working()
        self.sent: list[Sent] = []
        self.said = {each.post.seq: each.about or "~talk" for each in found.heard}
        self.about: dict[str, str] = {}
        self.number = 0

    def collect(self, clock_us: int) -> None:
        """Tell the readers what changed."""
        scenes = {each.mark: each for each in [*self.working.happenings.values(), *self.working.left]}
        last = {change.incident: change for change in self.working.changes}
        for change in self.working.changes:
            if last[change.incident] is change:
                self.tell(self.news(change, scenes, clock_us))
        self.working.saved()

    def news(self, change: Change, scenes: dict[str, Any], clock_us: int) -> News:
        happening = scenes[change.incident]
        scene = scene_of(happening)
        if spoken := Counter(self.said[voice.seq] for voice in happening.voices):
            self.about[change.incident] = max(spoken, key=lambda each: (spoken[each], each))
        self.number += 1
        return News(
            number=self.number, key=f"{change.incident}/{change.ordinal}", incident=change.incident, clock_us=clock_us,
            kind=change.kind, state=change.state, severity=change.severity, voices=change.voices,
            about=About(
                category=happening.category, country=scene.country, longitude=scene.longitude, latitude=scene.latitude,
                into=happening.into,
            ),
        )  # fmt: skip

    def tell(self, news: News) -> None:
        for reader, rules in self.readers.items():
            self.standings[reader], told = decide(news, rules, self.standings[reader], news.clock_us)
            self.sent += [self.sent_to(reader, each, news.clock_us) for each in told]

    def sent_to(self, reader: Reader, told: Told, heard_us: int) -> Sent:
        return Sent(reader, told, heard_us, self.about.get(told.items[0].incident, "~talk"))

    def end(self, clock_us: int) -> None:
        for reader, rules in self.readers.items():
            self.standings[reader], told = pass_time(rules, self.standings[reader], clock_us)
            self.sent += [self.sent_to(reader, each, clock_us) for each in told]


def run(found: Evening) -> Run:
    """Hear the evening in the order in which it was heard."""
    own = Run(found)
    waiting = list(reversed(found.heard))
    for minute_us, posts in found.exposures:
        end_us = minute_us + 60_000_000
        own.working.exposed(minute_us, posts)
        while waiting and waiting[-1].heard_us < end_us:
            each = waiting.pop()
            own.working.hear(each.post)
            if own.working.changes:
                own.collect(each.heard_us)
        own.working.pass_time(end_us)
        own.collect(end_us)
    own.end(START_US + MINUTES * 60_000_000)
    return own


def outcome(found: Evening) -> dict[str, Outcome]:
    """How well the evening went, by kind of rule."""
    own = run(found)
    return {kind: _outcome(found, [each for each in own.sent if each.reader[0] == kind]) for kind in STATES}


def _outcome(found: Evening, sent: list[Sent]) -> Outcome:
    first = [(each.about, each) for each in sent if each.told.kind in FIRST]
    near = {event.name: event.place.name for event in found.events}
    delays, missed = [], []
    for name, tenth_us in found.tenth_us.items():
        times = [each.heard_us for about, each in first if about == name and each.reader[1] == near[name]]
        if times:
            delays.append(min(times) - tenth_us)
        else:
            missed.append(name)
    false = {each.told.items[0].incident: about[1:] for about, each in first if about.startswith("~")}
    counted = Counter((each.reader, about) for about, each in first if not about.startswith("~"))
    days = Counter((each.reader, each.told.at_us // 86_400_000_000) for each in sent if each.told.counts)
    start_us, end_us = found.silence
    return Outcome(
        events=len(found.tenth_us), alerted=sum(delay <= LIMIT_US for delay in delays), ever=len(delays),
        delays_us=delays, false=sorted(false.values()), twice=sum(times - 1 for times in counted.values()),
        over_budget=sum(times > BUDGET for times in days.values()),
        in_silence=sum(start_us <= each.heard_us < end_us for _, each in first), missed=missed,
    )  # fmt: skip


def poisson_interval(events: int) -> tuple[float, float]:
    """The exact 95 % interval of the mean of a Poisson count (Garwood, 1936), by bisection."""

    def cumulative(mean: float, most: int) -> float:
        return sum(math.exp(-mean + n * math.log(mean) - math.lgamma(n + 1)) for n in range(most + 1)) if mean else 1.0

    def root(level: float, most: int) -> float:
        low, high = 0.0, 10.0 + 4.0 * (events + 1)
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if cumulative(middle, most) > level else (low, middle)
        return low

    return (root(0.975, events - 1) if events else 0.0), root(0.025, events)


def summary(every: list[Outcome]) -> dict[str, Any]:
    """The evenings together."""
    events, alerted = sum(each.events for each in every), sum(each.alerted for each in every)
    false = [each for one in every for each in one.false]
    delays = sorted(delay / 1e6 for each in every for delay in each.delays_us)
    return {
        "evenings": len(every), "events": events, "alerted_in_2_min": alerted, "ever": sum(each.ever for each in every),
        "share": msgspec.to_builtins(share_of(alerted, events)), "median_delay_s": delays[len(delays) // 2] if delays else None,
        "false": len(false), "false_interval": poisson_interval(len(false)), "false_with": dict(Counter(false).most_common(8)),
        "twice": sum(each.twice for each in every), "over_budget": sum(each.over_budget for each in every),
        "in_silence": sum(each.in_silence for each in every),
        "missed": [name for each in every for name in each.missed],
    }  # fmt: skip


def shown(name: str, found: dict[str, Any]) -> None:
    """One line of the table."""
    share, (low, high) = found["share"], found["false_interval"]
    told = f"{found['alerted_in_2_min']}/{found['events']} = {share['share']:.3f} ({share['low']:.3f} … {share['high']:.3f})"
    print(
        f"{name:10} {told:34} ever {found['ever']:4} · false {found['false']} ({low:.1f} … {high:.1f}) · twice {found['twice']} · "
        f"over budget {found['over_budget']} · median {found['median_delay_s']} s from the tenth report"
    )


def measure(seeds: range, settings: Settings) -> dict[str, dict[str, Any]]:
    """Both kinds of rule over the evenings of some seeds."""
    every = [outcome(evening(seed, settings)) for seed in seeds]
    return {kind: summary([each[kind] for each in every]) for kind in STATES}


def main(asked: argparse.Namespace) -> None:
    """Measure, show and keep."""
    heading("alerts of made-up evenings")
    begun_s = time.monotonic()
    count = asked.evenings or (12 if asked.quick else 200)
    settings, first = (BUILDING, 1_000) if asked.building else (HELD, 50_000)
    found = measure(range(first + asked.seed * 1_000, first + asked.seed * 1_000 + count), settings)
    for name, each in found.items():
        shown(name, each)
        print(f"{'':10} false: {each['false_with']}; missed: {each['missed'][:12]}")
    print(f"{count} evenings in {time.monotonic() - begun_s:.0f} s")
    write(asked, "evenings", found)


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--evenings", type=int, default=0, help="how many (default: 200)")
    arguments.add_argument("--building", action="store_true", help="with the seeds and settings that were built with")
    main(arguments.parse_args())
