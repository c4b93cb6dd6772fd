"""The working set: the happenings of now, and what each further post makes of them.

Everything is a function of what is heard in order. What is over leaves the set, so that it stays small however long a
stream goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial

import msgspec

from lapwing.incidents import burst, copies
from lapwing.incidents.burst import Rhythm
from lapwing.incidents.echoes import is_echo
from lapwing.incidents.happening import (
    CANDIDATE,
    CLOSED,
    CONFIRMED,
    ECHO_WEIGHT,
    FADING,
    POSSIBLE,
    VOICES_MAX,
    Change,
    Flagged,
    Happening,
    Spot,
    Voice,
)
from lapwing.incidents.index import Index
from lapwing.incidents.likeness import JOIN_MIN, MERGE_MIN, asked_of, compared_of, fitting, likeness
from lapwing.incidents.outline import lingers_us
from lapwing.incidents.reach import kind_of
from lapwing.incidents.states import Evidence, next_state, severity_of
from lapwing.incidents.window import window_of

TICK_US = 60_000_000
TOGETHER_US = 900_000_000
"""So often it is counted what all places say together."""
LATE_US = 21_600_000_000
"""A post that is so much older than what was heard last is evidence, but begins nothing."""
WORKING_MAX = 20_000
"""So many happenings at a time; of more, candidates that were silent longest go first."""
KIND_SHARE = 0.2
"""Kinds of which fewer of the voices at a place are do not say what is to be expected there."""
CROWDED = 2.0
"""Where ordinary talk brings so many voices of a kind in a window, a post must be alike in words too:"""
CROWD_MAX = 1.0
"""by a third of its words less `likeness.JOIN_MIN`, where place and kind agree."""
BRIDGE_SHARE = 0.25
"""Two happenings are one when so many of the voices of the smaller would have fitted the other."""
RHYTHMS_MAX = 60_000
SURE, SUDDEN_VOICES = 1e-8, 4
"""What is less surprising than this, and has so many reports, may be more so in a shorter window."""


class Working:
    """Happenings, the rhythm of places, and the time, as far as they were heard."""

    def __init__(
        self, happenings: Iterable[Happening] = (), rhythms: Mapping[int, Rhythm] | None = None, now_us: int = 0
    ) -> None:
        self.happenings: dict[int, Happening] = {}
        self.rhythms = dict(rhythms or {})
        self.now_us = now_us
        self.changes: list[Change] = []
        """What others are to be told; whoever saves them empties the list."""
        self.touched: set[int] = set()
        """Founders of happenings that are not as they were saved."""
        self.touched_areas: set[int] = set()
        self.left: list[Happening] = []
        """Happenings that are worked on no longer."""
        self.joined: dict[int, int] = {}
        """Of posts that were heard since it was saved, by sequence number: to which founder each belongs."""
        self.merged: list[tuple[int, int]] = []
        """Founders of happenings that went into another, and of that one, in order."""
        self._index = Index()
        self.incidents: set[int] = set()
        """Founders of those that are more than candidates."""
        for happening in sorted(happenings, key=lambda each: each.founder):
            self.happenings[happening.founder] = happening
            if happening.state != CANDIDATE:
                self.incidents.add(happening.founder)
            for place, voice in enumerate(happening.voices):
                self._index.add(happening, voice, place)

    def saved(self) -> None:
        """Everything that was noted for whoever saves it is saved."""
        for noted in (self.changes, self.touched, self.touched_areas, self.left, self.joined, self.merged):
            noted.clear()

    # -- what is heard ------------------------------------------------------------------------------------------

    def hear(self, post: Flagged) -> None:
        """Count a flagged post: to the happening it belongs to, or as the beginning of one."""
        self.pass_time(post.at_us)
        post = _weighed(post)
        copied = self._copied(post)
        found = self.happenings.get(copied[0]) if copied else None
        others: list[int] = []
        if found is None:
            found, others = self._fitting(post)
        if found is None:
            if post.repost or post.at_us < self.now_us - LATE_US:
                return
            found = Happening(founder=post.seq, mark=post.mark, first_us=post.at_us, last_us=post.at_us)
            self.happenings[post.seq] = found
        voices = len(found.voices)
        self._count(found, post, copied)
        self._learn(found, post, is_voice=len(found.voices) > voices)
        self._bridge(found, others)
        self.judge(found)

    def _learn(self, happening: Happening, post: Flagged, *, is_voice: bool) -> None:
        """What a flagged post says of the rhythm of its place."""
        rhythm = self.rhythms.setdefault(post.area, Rhythm())
        rhythm.country = rhythm.country or post.country
        self.touched_areas.add(post.area)
        if post.weight <= ECHO_WEIGHT and not post.repost:
            rhythm.echo(post.at_us)
        if not is_voice:  # otherwise a flood of copies would hide what it copies
            rhythm.unhear(post.at_us)
        elif post.weight <= ECHO_WEIGHT:
            return
        elif happening.state not in (CONFIRMED, FADING):
            joins = 1.0 if len(happening.voices) > 1 else burst.FOUNDING
            rhythm.flag(kind_of(post.category), 1.0, joins, post.at_us)

    def exposed(self, at_us: int, posts: Mapping[int, int]) -> None:
        """So many posts, flagged or not, were heard at places (areas)."""
        self.pass_time(at_us)
        for area, count in posts.items():
            rhythm = self.rhythms.setdefault(area, Rhythm())
            rhythm.hear(at_us, count)
            rhythm.settle(max(self.now_us, at_us))
            self.touched_areas.add(area)

    def pass_time(self, now_us: int) -> None:
        """Time never goes back. Once a minute everything is looked at."""
        before_us, self.now_us = self.now_us, max(self.now_us, now_us)
        if before_us // TICK_US == self.now_us // TICK_US:
            return
        if before_us // TOGETHER_US != self.now_us // TOGETHER_US:
            all_ = burst.together(self.rhythms)
            self.rhythms.update(all_)
            self.touched_areas |= set(all_)
        for _, happening in sorted(self.happenings.items()):
            if happening.founder not in self.happenings:
                continue
            over = self.now_us > happening.last_us + lingers_us(happening)
            if happening.state in (CANDIDATE, CLOSED) and over:
                self._leave(happening)
            elif happening.state != CANDIDATE:
                self.judge(happening)
        self._keep_small()

    def take_back(self, founder: int, standing: Iterable[Flagged], withdrawn: int) -> None:
        """Some posts of a happening do not stand any more: count those again that do."""
        happening = self.happenings.get(founder)
        if happening is None:
            return
        self._index.remove(happening)
        happening.empty()
        for post in standing:
            self._count(happening, _weighed(post), self._copied(post, founder))
        happening.taken_back = max(0, happening.taken_back + withdrawn)
        self.judge(happening)

    # -- to which happening -------------------------------------------------------------------------------------

    def _copied(self, post: Flagged, only: int | None = None) -> tuple[int, int] | None:
        """The happening and voice whose text this post repeats; None if there is none."""
        found: list[tuple[float, int, int]] = []
        for founder, place in self._index.copied(post.signature):
            happening = self.happenings[founder]
            voice = happening.voices[place]
            if (only is not None and founder != only) or post.at_us > happening.last_us + lingers_us(happening):
                continue
            if len(post.terms) <= copies.SHORT_TERMS_MAX and voice.area != post.area:
                continue  # a few words say nothing of another place
            share = copies.alike(voice.signature, post.signature)
            near = share >= copies.NEAR_MIN and copies.one_word_apart(voice.terms, post.terms)
            if share >= copies.ALIKE_MIN or near:
                found.append((-share, founder, place))
        return min(found)[1:] if found else None

    def _fitting(self, post: Flagged) -> tuple[Happening | None, list[int]]:
        """The happening that a post fits best, and the founders of others that it fits."""
        near = self._index.near(post)
        asked = asked_of(post, self._rarity, near)
        founders = near.founders | (self._index.in_country(post.country) & self.incidents)
        scored = fitting(asked, [self.happenings[each] for each in founders], near.shared)
        least = JOIN_MIN + self._crowd(post.area, kind_of(post.category))
        best = [founder for _, founder in sorted((-score, each) for score, each in scored if score >= least)]
        return (self.happenings[best[0]] if best else None), best[1:4]

    def _crowd(self, area: int, kind: int) -> float:
        """How much better than elsewhere a post must fit: where talk brings many of a kind, place and kind tell little."""
        rhythm = self.rhythms.get(area, Rhythm())
        prior = burst.PRIOR_POSTS * burst.PRIOR_SHARE
        share = (prior + rhythm.flags.get(kind, 0.0)) / (burst.PRIOR_POSTS + rhythm.posts + rhythm.now())
        return min(CROWD_MAX, CROWD_MAX / CROWDED * share * rhythm.now())

    def _rarity(self, term: int) -> float:
        """How much a word tells happenings apart (inverse document frequency)."""
        return math.log(1 + len(self.happenings) / (1 + self._index.holders(term))) + 0.1

    # -- counting ------------------------------------------------------------------------------------------------

    def _count(self, happening: Happening, post: Flagged, copied: tuple[int, int] | None) -> None:
        self.joined[post.seq] = happening.founder
        self.touched.add(happening.founder)
        happening.posts += not post.repost
        happening.reposts += post.repost
        if post.repost or len(happening.voices) >= VOICES_MAX or not self._is_voice(happening, post, copied):
            return
        voice = Voice(
            post.seq, post.at_us, post.author, post.area, post.category, post.weight, post.official,
            post.terms, post.signature,
        )  # fmt: skip
        happening.add(voice, Spot(post.country, post.longitude, post.latitude))
        self._index.add(happening, voice, len(happening.voices) - 1)

    def _is_voice(self, happening: Happening, post: Flagged, copied: tuple[int, int] | None) -> bool:
        """Whether nobody before in the happening had its author or its text."""
        if self._index.spoke(happening.founder, post.author):
            return False
        if copied is None or copied[0] != happening.founder:
            return True
        if len(post.terms) > copies.SHORT_TERMS_MAX:
            return False
        same = sum(voice.signature == post.signature for voice in happening.voices)
        return same < copies.SHORT_VOICES_MAX

    # -- what becomes of it --------------------------------------------------------------------------------------

    def judge(self, happening: Happening) -> None:
        """Bring state and severity up to date, and note what others are to be told."""
        state, reason = next_state(happening, partial(self.evidence_of, happening), self.now_us)
        severity = max(happening.severity, severity_of(happening)) if state else 0
        if state == happening.state and (severity == happening.severity or state == CLOSED):
            return
        if state == CLOSED and happening.state == CANDIDATE:
            self._leave(happening)
            return
        if state == POSSIBLE and happening.state == CANDIDATE and (same := self._same_as(happening)) is not None:
            self.merge(same, happening)
            return
        kind = _kind_of_change(happening.state, state)
        happening.severity = severity
        self.enter(happening, state, kind, reason)

    def enter(self, happening: Happening, state: int, kind: str, reason: str = "") -> None:
        """Put a happening into a state, and note it."""
        if state != happening.state:
            happening.since_us = self.now_us
        if state == CONFIRMED and happening.state in (CANDIDATE, POSSIBLE):
            self._flag_all(happening, -1.0)
        elif reason == "dismissed" and happening.state in (CONFIRMED, FADING):
            self._flag_all(happening, 1.0)
        happening.state, happening.reason = state, reason
        happening.changes += 1
        self.touched.add(happening.founder)
        self.changes.append(
            Change(
                incident=happening.mark, ordinal=happening.changes, at_us=self.now_us, kind=kind, state=state,
                severity=happening.severity, voices=len(happening.voices),
            )
        )  # fmt: skip
        if state == CLOSED and reason != "dismissed":
            self._leave(happening)
        else:  # what was dismissed stays for a while: otherwise the next post would open it again
            self.incidents.add(happening.founder)

    def _same_as(self, happening: Happening) -> Happening | None:
        """The incident that a candidate is about to double; None if it is news."""
        best: tuple[float, int] | None = None
        compared = compared_of(happening, self._rarity)
        for founder in sorted(self.incidents):
            score = likeness(compared, self.happenings[founder])
            if score >= MERGE_MIN and (best is None or score > best[0]):
                best = (score, founder)
        return self.happenings[best[1]] if best else None

    def evidence_of(self, happening: Happening) -> Evidence:
        """What speaks for a happening in its last window, by the rhythm of the places that its reports are from."""
        start_us = max(happening.last_us, self.now_us - 2 * burst.WINDOW_US) - burst.WINDOW_US
        window = window_of(happening, start_us)
        reports, weight, echoes = 0, 0.0, 0.0
        known: dict[int, dict[int, int]] = {}
        for area, kinds in sorted(window.areas.items()):
            rhythm, number = self.rhythms.get(area, Rhythm()), sum(kinds.values())
            strange = self.now_us - rhythm.first_us < burst.STRANGE_US
            if strange and number < burst.STRANGE_SHARE * rhythm.now():
                continue
            known[area] = kinds
            reports, weight, echoes = reports + number, weight + window.weights[area], echoes + rhythm.echoing()
        surprise = self._surprise(known, burst.BINS)
        if surprise > SURE and reports >= SUDDEN_VOICES:
            sudden = window.since(happening.last_us - burst.SUDDEN_US)
            sudden = {area: kinds for area, kinds in sudden.items() if area in known}
            surprise = 2 * min(surprise, self._surprise(sudden, burst.SUDDEN_BINS))
        return Evidence(reports, weight, echoes, surprise)

    def _surprise(self, areas: Mapping[int, Mapping[int, int]], bins: int) -> float:
        """How probable it is that ordinary talk brings so many reports, by area and kind, within the last bins of five minutes."""
        reports, posts, history, flags = 0, 0, 0.0, 0.0
        for area, kinds in sorted(areas.items()):
            rhythm, number = self.rhythms.get(area, Rhythm()), sum(kinds.values())
            mine = [kind for kind, n in sorted(kinds.items()) if n >= number * KIND_SHARE]
            before = [burst.ordinary(self.rhythms, area, kind) for kind in mine]
            reports, posts = reports + number, posts + rhythm.now(bins)
            history += rhythm.posts + max(rate for _, rate in before)
            flags += sum(shape for shape, _ in before)
            flags += sum(rhythm.joins.get(kind, 0.0) for kind in mine)
        return burst.surprise(reports, posts, (history, flags)) if reports else 0.5

    def _bridge(self, happening: Happening, others: list[int]) -> None:
        """Note that a post fitted others too; the younger of two that share enough goes into the older."""
        for other in others:
            if happening.founder not in self.happenings or other not in self.happenings:
                return
            if self.happenings[other].is_echoing != happening.is_echoing:
                continue
            older, younger = sorted((self.happenings[other], happening), key=lambda each: each.founder)
            younger.bridges[older.founder] = younger.bridges.get(older.founder, 0) + 1
            self.touched.add(younger.founder)
            least = min(len(older.voices), len(younger.voices))
            if younger.bridges[older.founder] >= max(1.0, BRIDGE_SHARE * least):
                self.merge(older, younger)
                happening = older

    def merge(self, older: Happening, younger: Happening) -> None:
        """Everything of the younger belongs to the older from now on. Of two of which one is shown, that one stays."""
        if older.state == CANDIDATE and younger.state != CANDIDATE:
            older, younger = younger, older
        self._index.remove(younger)
        for voice in sorted(younger.voices, key=lambda each: each.seq):
            if self._index.spoke(older.founder, voice.author) or len(older.voices) >= VOICES_MAX:
                continue
            spot = younger.spots.get(voice.area, Spot("", None, None))
            older.add(voice, Spot(spot.country, spot.longitude, spot.latitude))
            self._index.add(older, voice, len(older.voices) - 1)
        older.posts, older.reposts = older.posts + younger.posts, older.reposts + younger.reposts
        older.taken_back += younger.taken_back
        older.confirmed_by = older.confirmed_by or younger.confirmed_by
        self.merged.append((younger.founder, older.founder))
        self.touched.add(older.founder)
        younger.give_up_voices()
        younger.into = older.mark
        if younger.state == CANDIDATE:
            self._leave(younger)
        else:
            self.enter(younger, CLOSED, "merged", "merged")
        self.judge(older)

    def _flag_all(self, happening: Happening, voices: float) -> None:
        """Count all voices of a happening as ordinary talk, or as none."""
        for voice in happening.voices:
            if voice.weight <= ECHO_WEIGHT:
                continue
            joins = voices * (burst.FOUNDING if voice.seq == happening.founder else 1.0)
            self.rhythms.setdefault(voice.area, Rhythm()).flag(kind_of(voice.category), voices, joins, voice.at_us)
            self.touched_areas.add(voice.area)

    def _leave(self, happening: Happening) -> None:
        self._index.remove(happening)
        self.happenings.pop(happening.founder, None)
        self.incidents.discard(happening.founder)
        self.touched.discard(happening.founder)
        self.left.append(happening)

    def _keep_small(self) -> None:
        if len(self.happenings) > WORKING_MAX:
            candidates = [each for each in self.happenings.values() if each.state == CANDIDATE]
            candidates.sort(key=lambda each: (each.last_us, each.founder))
            for happening in candidates[: len(self.happenings) - WORKING_MAX]:
                self._leave(happening)
        if len(self.rhythms) > RHYTHMS_MAX:
            for area in sorted(self.rhythms, key=lambda each: (self.rhythms[each].posts, each))[: RHYTHMS_MAX // 10]:
                del self.rhythms[area]
                self.touched_areas.add(area)


def _weighed(post: Flagged) -> Flagged:
    """The post, as what it is worth as evidence."""
    if post.official or not is_echo(post.terms, post.lang):
        return post
    return msgspec.structs.replace(post, weight=ECHO_WEIGHT)


def _kind_of_change(before: int, after: int) -> str:
    if before == after:
        return "upgraded"
    if before == FADING and after in (POSSIBLE, CONFIRMED):
        return "flared up"
    return {POSSIBLE: "opened", CONFIRMED: "confirmed", FADING: "fading", CLOSED: "closed"}[after]
