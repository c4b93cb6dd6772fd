"""The working set: the happenings of now, and what each further post makes of them.

Everything is a function of what is heard in order. What is over leaves the set, so that it stays small however long a
stream goes on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from lapwing.incidents import burst, copies
from lapwing.incidents.burst import Rhythm
from lapwing.incidents.happening import (
    CANDIDATE,
    CLOSED,
    CONFIRMED,
    FADING,
    POSSIBLE,
    VOICES_MAX,
    Change,
    Flagged,
    Happening,
    Spot,
    Voice,
)
from lapwing.incidents.likeness import JOIN_MIN, MERGE_MIN, fit, likeness, lingers_us
from lapwing.incidents.reach import kind_of
from lapwing.incidents.states import next_state, severity_of

TICK_US = 60_000_000
LATE_US = 21_600_000_000
"""A post that is so much older than what was heard last is evidence, but begins nothing."""
WORKING_MAX = 20_000
"""So many happenings at a time; of more, candidates that were silent longest go first."""
CELL_DEGREES = 3.0
WIDESPREAD_MAX = 200
"""A word of more happenings than this leads to none of them."""
CANDIDATES_MAX = 60
BRIDGE_SHARE = 0.25
"""Two happenings are one when so many of the voices of the smaller would have fitted the other."""
RHYTHMS_MAX = 60_000


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
        self._cells: dict[tuple[int, int], set[int]] = defaultdict(set)
        self._terms: dict[int, set[int]] = defaultdict(set)
        self._bands: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
        self._countries: dict[str, set[int]] = defaultdict(set)
        self.incidents: set[int] = set()
        """Founders of those that are more than candidates."""
        self._authors: dict[int, set[int]] = defaultdict(set)
        for happening in sorted(happenings, key=lambda each: each.founder):
            self.happenings[happening.founder] = happening
            if happening.state != CANDIDATE:
                self.incidents.add(happening.founder)
            for place, voice in enumerate(happening.voices):
                self._index(happening, voice, place)

    def saved(self) -> None:
        """Everything that was noted for whoever saves it is saved."""
        for noted in (self.changes, self.touched, self.touched_areas, self.left, self.joined, self.merged):
            noted.clear()

    # -- what is heard ------------------------------------------------------------------------------------------

    def hear(self, post: Flagged) -> None:
        """Count a flagged post: to the happening it belongs to, or as the beginning of one."""
        self.pass_time(post.at_us)
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
        self._count(found, post, copied)
        self._bridge(found, others)
        self.judge(found)

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
        for happening in list(self.happenings.values()):
            if happening.founder not in self.happenings:
                continue
            over = self.now_us > happening.last_us + lingers_us(happening)
            if happening.state == CANDIDATE and over:
                self._come_to_nothing(happening)
            elif happening.state == CLOSED and over:
                self._leave(happening)
            elif happening.state != CANDIDATE:
                self.judge(happening)
        self._keep_small()

    def take_back(self, founder: int, standing: Iterable[Flagged], withdrawn: int) -> None:
        """Some posts of a happening do not stand any more: count those again that do."""
        happening = self.happenings.get(founder)
        if happening is None:
            return
        self._unindex(happening)
        happening.empty()
        for post in standing:
            self._count(happening, post, self._copied(post, founder))
        happening.taken_back = max(0, happening.taken_back + withdrawn)
        self.judge(happening)

    # -- to which happening -------------------------------------------------------------------------------------

    def _copied(self, post: Flagged, only: int | None = None) -> tuple[int, int] | None:
        """The happening and voice whose text this post repeats; None if there is none."""
        near = {each for key in copies.bands(post.signature) for each in self._bands.get(key, ())}
        found: list[tuple[float, int, int]] = []
        for founder, place in near:
            happening = self.happenings[founder]
            voice = happening.voices[place]
            if (only is not None and founder != only) or post.at_us > happening.last_us + lingers_us(happening):
                continue
            if len(post.terms) <= copies.SHORT_TERMS_MAX and voice.area != post.area:
                continue  # a few words say nothing of another place
            likeness = copies.alike(voice.signature, post.signature)
            if likeness >= copies.ALIKE_MIN:
                found.append((-likeness, founder, place))
        return min(found)[1:] if found else None

    def _fitting(self, post: Flagged) -> tuple[Happening | None, list[int]]:
        """The happening that a post fits best, and the founders of others that it fits."""
        scored = sorted((-fit(post, self.happenings[each], self._rarity), each) for each in self._near(post))
        fitting = [founder for score, founder in scored if -score >= JOIN_MIN]
        return (self.happenings[fitting[0]] if fitting else None), fitting[1:4]

    def _near(self, post: Flagged) -> list[int]:
        """Founders of happenings that may fit: those near the place, and those that share rare words."""
        found: set[int] = set()
        if post.longitude is not None and post.latitude is not None:
            east, north = _cell(post.longitude, post.latitude)
            for x in (east - 1, east, east + 1):
                for y in (north - 1, north, north + 1):
                    found |= self._cells.get((x, y), set())
        shared: dict[int, int] = defaultdict(int)
        for term in post.terms:
            holders = self._terms.get(term, ())
            if len(holders) <= WIDESPREAD_MAX:
                for founder in holders:
                    shared[founder] += 1
        best = sorted(shared, key=lambda each: (-shared[each], each))
        found |= set(best[:CANDIDATES_MAX])
        return sorted(found | (self._countries.get(post.country, set()) & self.incidents))

    def _rarity(self, term: int) -> float:
        """How much a word tells happenings apart (inverse document frequency)."""
        return math.log(1 + len(self.happenings) / (1 + len(self._terms.get(term, ())))) + 0.1

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
        self._index(happening, voice, len(happening.voices) - 1)

    def _is_voice(self, happening: Happening, post: Flagged, copied: tuple[int, int] | None) -> bool:
        """Whether nobody before in the happening had its author or its text."""
        if post.author in self._authors[happening.founder]:
            return False
        if copied is None or copied[0] != happening.founder:
            return True
        if len(post.terms) > copies.SHORT_TERMS_MAX:
            return False
        same = sum(voice.signature == post.signature for voice in happening.voices)
        return same < copies.SHORT_VOICES_MAX

    def _index(self, happening: Happening, voice: Voice, place: int) -> None:
        founder = happening.founder
        self._authors[founder].add(voice.author)
        spot = happening.spots.get(voice.area)
        if spot is not None and spot.longitude is not None and spot.latitude is not None:
            self._cells[_cell(spot.longitude, spot.latitude)].add(founder)
        if spot is not None and spot.country:
            self._countries[spot.country].add(founder)
        for term in voice.terms:
            self._terms[term].add(founder)
        for key in copies.bands(voice.signature):
            self._bands[key].append((founder, place))

    def _unindex(self, happening: Happening) -> None:
        """Forget where a happening is found."""
        founder = happening.founder
        self._authors.pop(founder, None)
        for voice in happening.voices:
            for key in copies.bands(voice.signature):
                if left := [each for each in self._bands.get(key, ()) if each[0] != founder]:
                    self._bands[key] = left
                else:
                    self._bands.pop(key, None)
            for term in voice.terms:
                self._drop(self._terms, term, founder)
        for spot in happening.spots.values():
            self._drop(self._countries, spot.country, founder)
            if spot.longitude is not None and spot.latitude is not None:
                self._drop(self._cells, _cell(spot.longitude, spot.latitude), founder)

    @staticmethod
    def _drop(index: dict, key: object, founder: int) -> None:  # type: ignore[type-arg]
        holders = index.get(key)
        if holders is not None:
            holders.discard(founder)
            if not holders:
                del index[key]

    # -- what becomes of it --------------------------------------------------------------------------------------

    def judge(self, happening: Happening) -> None:
        """Bring state and severity up to date, and note what others are to be told."""
        state, reason = next_state(happening, self.surprise_of(happening), self.now_us)
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
        for founder in sorted(self.incidents):
            score = likeness(happening, self.happenings[founder], self._rarity)
            if score >= MERGE_MIN and (best is None or score > best[0]):
                best = (score, founder)
        return self.happenings[best[1]] if best else None

    def surprise_of(self, happening: Happening) -> float:
        """How surprising the voices of its last window are, by the rhythm of the places they are from."""
        start_us = max(happening.last_us, self.now_us - 2 * burst.WINDOW_US) - burst.WINDOW_US
        voices = [voice for voice in happening.voices if voice.at_us > start_us]
        kind, posts, history, flags = kind_of(happening.category), 0, 0.0, 0.0
        for area in {voice.area for voice in voices}:
            rhythm = self.rhythms.get(area)
            if rhythm is not None:
                posts, history = posts + rhythm.now(), history + rhythm.posts
                flags += rhythm.flags.get(kind, 0.0)
        return burst.surprise(len(voices), posts, (history, flags))

    def _bridge(self, happening: Happening, others: list[int]) -> None:
        """Note that a post fitted others too; the younger of two that share enough goes into the older."""
        for other in others:
            if happening.founder not in self.happenings or other not in self.happenings:
                return
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
        self._unindex(younger)
        for voice in sorted(younger.voices, key=lambda each: each.seq):
            if voice.author in self._authors[older.founder] or len(older.voices) >= VOICES_MAX:
                continue
            spot = younger.spots.get(voice.area, Spot("", None, None))
            older.add(voice, Spot(spot.country, spot.longitude, spot.latitude))
            self._index(older, voice, len(older.voices) - 1)
        older.posts, older.reposts = older.posts + younger.posts, older.reposts + younger.reposts
        older.taken_back += younger.taken_back
        older.confirmed_by = older.confirmed_by or younger.confirmed_by
        self.merged.append((younger.founder, older.founder))
        self.touched.add(older.founder)
        younger.voices = []  # where it was stays known
        younger.into = older.mark
        if younger.state == CANDIDATE:
            self._leave(younger)
        else:
            self.enter(younger, CLOSED, "merged", "merged")
        self.judge(older)

    def _come_to_nothing(self, happening: Happening) -> None:
        """A candidate that nobody else spoke of was ordinary talk: it belongs to the rhythm of its place."""
        for voice in happening.voices:
            rhythm = self.rhythms.setdefault(voice.area, Rhythm())
            kind = kind_of(voice.category)
            rhythm.flags[kind] = rhythm.flags.get(kind, 0.0) + 1.0
            self.touched_areas.add(voice.area)
        self._leave(happening)

    def _leave(self, happening: Happening) -> None:
        self._unindex(happening)
        self.happenings.pop(happening.founder, None)
        self.incidents.discard(happening.founder)
        self.touched.discard(happening.founder)
        self.left.append(happening)

    def _keep_small(self) -> None:
        if len(self.happenings) > WORKING_MAX:
            candidates = [each for each in self.happenings.values() if each.state == CANDIDATE]
            candidates.sort(key=lambda each: (each.last_us, each.founder))
            for happening in candidates[: len(self.happenings) - WORKING_MAX]:
                self._come_to_nothing(happening)
        if len(self.rhythms) > RHYTHMS_MAX:
            for area in sorted(self.rhythms, key=lambda each: (self.rhythms[each].posts, each))[: RHYTHMS_MAX // 10]:
                del self.rhythms[area]
                self.touched_areas.add(area)


def _kind_of_change(before: int, after: int) -> str:
    if before == after:
        return "upgraded"
    if before == FADING and after in (POSSIBLE, CONFIRMED):
        return "flared up"
    return {POSSIBLE: "opened", CONFIRMED: "confirmed", FADING: "fading", CLOSED: "closed"}[after]


def _cell(longitude: float, latitude: float) -> tuple[int, int]:
    return math.floor(longitude / CELL_DEGREES), math.floor(latitude / CELL_DEGREES)
