"""What the stage of incidents works on: a flagged post, a voice, a happening, and a change that others are told of."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

STATES = ("candidate", "possible", "confirmed", "fading", "closed")
"""The code of a state is its position here. A candidate is shown to nobody."""

CANDIDATE, POSSIBLE, CONFIRMED, FADING, CLOSED = range(5)

SEVERITIES = ("unknown", "minor", "moderate", "severe", "extreme")
"""As in the Common Alerting Protocol 1.2; the code is the position here."""

VOICES_MAX = 1_000
"""Beyond so many independent voices a happening does not count them one by one: the state could not change any more."""
TERMS_MAX = 600
"""So many different words of a happening are remembered; the rarest go first."""
SPOTS_MAX = 64
"""So many places of a happening are told apart."""


class Flagged(msgspec.Struct, frozen=True, kw_only=True):
    """A post that may tell of an emergency, as the ledger keeps it."""

    seq: int
    at_us: int
    """When it was made; never more than five minutes after it was received."""
    author: int
    """64-bit hash."""
    mark: str
    """What an incident is called that begins with this post; see `mark_of`."""
    area: int
    """GeoNames id, or a country without a city (windows/areas.py), or 0."""
    country: str
    """Two letters; empty where nothing is known."""
    longitude: float | None = None
    latitude: float | None = None
    category: int
    weight: float
    """The probability that it tells of an emergency."""
    repost: bool = False
    official: bool = False
    """An official feed says so."""
    lang: str = ""
    terms: tuple[int, ...] = ()
    """32-bit hashes of its words, each once."""
    signature: bytes = b""
    """See `copies.py`."""


ECHO_WEIGHT = 0.0
"""What a voice weighs that speaks of something else than what happens now; see `echoes.py`."""


class Voice(msgspec.Struct, frozen=True):
    """A flagged post that is evidence of its own: nobody before it in the happening had its author or its text."""

    seq: int
    at_us: int
    author: int
    area: int
    category: int
    weight: float
    official: bool
    terms: tuple[int, ...]
    signature: bytes


class Summed(NamedTuple):
    """Sums over the first of some voices."""

    voices: list[Voice]
    counted: int
    weight: float
    official: int
    reports: int


_NOTHING = Summed([], 0, 0.0, 0, 0)


class Spot(msgspec.Struct):
    """A place that voices of a happening named, and how many did."""

    country: str
    longitude: float | None
    latitude: float | None
    voices: int = 0


class Happening(msgspec.Struct, kw_only=True, dict=True):
    """Posts that tell of one thing. It is an incident as soon as it is more than a candidate.

    Its ``__dict__`` keeps what was worked out of the evidence until that changes; it is not saved.
    """

    founder: int
    """The sequence number of the post it began with; happenings are told apart by it."""
    mark: str
    first_us: int
    last_us: int
    """Of its voices."""
    state: int = CANDIDATE
    reason: str = ""
    """Why it was closed: quiet, withdrawn, merged, dismissed."""
    since_us: int = 0
    """When it came into this state."""
    severity: int = 0
    changes: int = 0
    """How many changes others were told of."""
    confirmed_by: str = ""
    """Who confirmed it, where a person did."""
    muted: bool = False
    posts: int = 0
    reposts: int = 0
    taken_back: int = 0
    voices: list[Voice] = []
    spots: dict[int, Spot] = {}
    terms: dict[int, int] = {}
    categories: dict[int, float] = {}
    bridges: dict[int, int] = {}
    """How many posts would have fitted an older happening as well, by its founder."""
    into: str = ""
    """The incident that it was merged into."""

    @property
    def category(self) -> int:
        """The one that most of the evidence is of."""
        if len(self.categories) == 1:
            return next(iter(self.categories))
        return max(self.categories, key=lambda each: (self.categories[each], -each), default=0)

    @property
    def official(self) -> int:
        """How many official feeds speak of it."""
        return self._summed().official

    @property
    def weight(self) -> float:
        """How many true reports are to be expected among the voices."""
        return self._summed().weight

    @property
    def reports(self) -> int:
        """How many voices are no echoes."""
        return self._summed().reports

    @property
    def is_echoing(self) -> bool:
        """Whether most of its voices are echoes."""
        return 2 * self.reports < len(self.voices)

    def _summed(self) -> Summed:
        """The sums over voices; those that came since the last time are added."""
        kept: Summed = self.__dict__.get("summed", _NOTHING)
        if kept.voices is not self.voices or kept.counted > len(self.voices):
            kept = Summed(self.voices, 0, 0.0, 0, 0)
        if kept.counted < len(self.voices):
            weight, official, reports = kept.weight, kept.official, kept.reports
            for voice in self.voices[kept.counted :]:
                weight, official = weight + voice.weight, official + voice.official
                reports += voice.weight > ECHO_WEIGHT
            kept = self.__dict__["summed"] = Summed(self.voices, len(self.voices), weight, official, reports)
        return kept

    def add(self, voice: Voice, spot: Spot) -> None:
        """Count a voice; `spot` is where it says that it is."""
        self.__dict__.pop("outline", None)
        self.voices.append(voice)
        self.first_us, self.last_us = min(self.first_us, voice.at_us), max(self.last_us, voice.at_us)
        self.categories[voice.category] = self.categories.get(voice.category, 0.0) + voice.weight
        if voice.area in self.spots or len(self.spots) < SPOTS_MAX:
            self.spots.setdefault(voice.area, spot).voices += 1
        for term in voice.terms:
            self.terms[term] = self.terms.get(term, 0) + 1
        if len(self.terms) > 2 * TERMS_MAX:
            kept = sorted(self.terms.items(), key=lambda each: (-each[1], each[0]))[:TERMS_MAX]
            self.terms = dict(kept)

    def give_up_voices(self) -> None:
        """Its voices belong to another; where it was stays known."""
        self.__dict__.clear()
        self.voices = []

    def empty(self) -> None:
        """Forget all evidence, so that it can be counted again."""
        self.__dict__.clear()
        self.voices, self.spots, self.terms, self.categories = [], {}, {}, {}
        self.posts = self.reposts = 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an incident, for those who alert."""

    incident: str
    ordinal: int
    """Counts the changes of one incident, from 1."""
    at_us: int
    kind: str
    """opened, confirmed, upgraded, fading, flared up, closed, merged."""
    state: int
    severity: int
    voices: int

    @property
    def key(self) -> str:
        """The same whenever the same is worked out again, so that nobody is told twice."""
        return f"{self.incident}/{self.ordinal}/{STATES[self.state]}/{SEVERITIES[self.severity]}"


def mark_of(uid: str) -> str:
    """What an incident is called that begins with the post of this uid: 60 bits, in letters and digits that cannot be
    taken for one another (Crockford's base 32).
    """
    number = int.from_bytes(hashlib.blake2b(uid.encode(), digest_size=8).digest(), "big") >> 4
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(letters[number >> shift & 31] for shift in range(55, -1, -5))
