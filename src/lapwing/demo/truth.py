"""What is true of the evening, by the generator's own books; nothing here has been read back from the records."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from lapwing.demo import happenings, schedule
from lapwing.demo.evening import NONE, REPOST
from lapwing.demo.happenings import ACCIDENT, EVENTS, FLOOD, HAPPENINGS
from lapwing.demo.identifiers import instants
from lapwing.demo.people import FORMATS, JETSTREAM, MASTODON
from lapwing.demo.phrases import LANGUAGES, Whole
from lapwing.demo.plan import Evening
from lapwing.demo.scene import places
from lapwing.demo.schedule import Schedule
from lapwing.model import EVIDENCE, KINDS


class Accounting(msgspec.Struct, frozen=True):
    """received = stored + duplicates + changes + filtered + refused."""

    received: int
    stored: int
    duplicates: int
    changes: int
    filtered: int
    refused: int


class City(msgspec.Struct, frozen=True):
    """One place, and what remains there after all edits and deletes."""

    id: int
    name: str
    country: str
    posts: int
    reposts: int
    people: int


class Emergency(msgspec.Struct, frozen=True):
    """Something that truly happened."""

    category: str
    place: int
    place_name: str
    start: str
    witnesses: list[str]
    """Uids, by time."""
    people: int
    """How many different witnesses."""
    reposts: list[str]
    first_posted: str
    first_received: str


class Posted(msgspec.Struct, frozen=True):
    """Every post and repost; columns of the same length. Place and evidence are those after edits."""

    uid: list[str]
    kind: list[str]
    created_us: list[int]
    """As the network's record says it."""
    place: list[int]
    """GeoNames id, 0 where nothing tells it."""
    by: list[str]
    gone: list[int]
    """1 for those that were deleted in the end."""


class Truth(msgspec.Struct, frozen=True):
    """The whole book."""

    seed: int
    scale: float
    start: str
    end: str
    accounting: Accounting
    records: int
    posts: int
    reposts: int
    people: int
    edits: int
    edits_of_place: int
    deletes: int
    early_deletes: int
    """Heard before their post."""
    account_deleted: str
    """Whose account went, with this many posts and reposts: `gone_with_account`."""
    gone_with_account: int
    late: int
    duplicates: dict[str, int]
    filtered: dict[str, int]
    refused: dict[str, int]
    """Broken records, by what is wrong."""
    broken: list[tuple[int, str, str]]
    """Each broken record at its first arrival: line from 0, format, what is wrong."""
    by_format: dict[str, int]
    """Posts, without reposts; likewise `by_language`, `by_evidence`, `by_kind`."""
    by_language: dict[str, int]
    by_evidence: dict[str, int]
    by_kind: dict[str, int]
    cities: list[City]
    unlocated: City
    emergencies: list[Emergency]
    gossip: dict[str, list[str]]
    deleted: list[str]
    """Uids of what was deleted, the account's included."""
    edited: list[str]
    posted: Posted


def truth(evening: Evening, order: Schedule) -> Truth:
    """Close the books."""
    posts, options, heard = evening.posts, evening.options, evening.heard
    place, gone = _final_places(evening), _gone(evening)
    original = posts.kind != REPOST
    counts = np.bincount(order.kind, minlength=10).tolist()
    filtered = Counter("like" if row >= 0 else "follow" for row in evening.interests.row.tolist())
    cities = _cities(evening, place, gone)
    return Truth(
        seed=evening.seed,
        scale=options.scale,
        start=_moment(options.start_us),
        end=_moment(options.end_us),
        accounting=_accounting(counts),
        records=len(order.kind),
        posts=int(original.sum()),
        reposts=int((~original).sum()),
        people=len(np.unique(posts.author)),
        edits=len(evening.edits.row),
        edits_of_place=int((posts.place[evening.edits.row] != evening.edits.place).sum()),
        deletes=len(evening.deletes.row),
        early_deletes=int(evening.deletes.early.sum()),
        account_deleted=evening.people.account[evening.leaver.author],
        gone_with_account=int((posts.author == evening.leaver.author).sum()),
        late=int(heard.late.sum()),
        duplicates=_duplicates(counts),
        filtered=dict(filtered),
        refused=dict(Counter(each.trouble for each in order.broken)),
        broken=_broken(order),
        by_format=_shares(FORMATS, evening.people.network[posts.author][original]),
        by_language=_shares(LANGUAGES, posts.language[original]),
        by_evidence=_shares(EVIDENCE, posts.by[original]),
        by_kind=_shares(KINDS, posts.kind),
        cities=cities[:-1],
        unlocated=cities[-1],
        emergencies=_emergencies(evening),
        gossip={
            HAPPENINGS[code]: [heard.uid[row] for row in np.flatnonzero((posts.happening == code) & original).tolist()]
            for code in range(happenings.FILM, len(HAPPENINGS))
        },
        deleted=[heard.uid[row] for row in np.flatnonzero(gone).tolist()],
        edited=[heard.uid[row] for row in evening.edits.row.tolist()],
        posted=_posted(evening, place, gone),
    )


def _accounting(counts: list[int]) -> Accounting:
    return Accounting(
        received=sum(counts),
        stored=counts[schedule.POST],
        duplicates=sum(_duplicates(counts).values()),
        changes=counts[schedule.EDIT] + counts[schedule.DELETE] + counts[schedule.LEAVE],
        filtered=counts[schedule.INTEREST],
        refused=counts[schedule.BROKEN],
    )


def _duplicates(counts: list[int]) -> dict[str, int]:
    return {
        "seen on a second server": counts[schedule.SECOND],
        "edit seen on a second server": counts[schedule.SECOND_EDIT],
        "repeated": counts[schedule.REPEAT],
        "broken, repeated": counts[schedule.BROKEN_AGAIN],
    }


def _final_places(evening: Evening) -> Whole:
    place = evening.posts.place.copy()
    place[evening.edits.row] = evening.edits.place
    return place


def _gone(evening: Evening) -> npt.NDArray[np.bool_]:
    gone: npt.NDArray[np.bool_] = evening.posts.author == evening.leaver.author
    gone[evening.deletes.row] = True
    return gone


def _broken(order: Schedule) -> list[tuple[int, str, str]]:
    lines = np.flatnonzero(order.kind == schedule.BROKEN)
    bad = [order.broken[number] for number in order.index[lines].tolist()]
    return [(line, each.format, each.trouble) for line, each in zip(lines.tolist(), bad, strict=True)]


def _shares(names: tuple[str, ...], codes: Whole) -> dict[str, int]:
    return dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True))


def _cities(evening: Evening, place: Whole, gone: npt.NDArray[np.bool_]) -> list[City]:
    """Count what remains in each place, and last what has none."""
    posts, size = evening.posts, len(places()) + 1
    stays = ~gone
    at, again = place[stays] % size, posts.kind[stays] == REPOST  # -1 becomes the last
    posted = np.bincount(at[~again], minlength=size).tolist()
    reposted = np.bincount(at[again], minlength=size).tolist()
    pairs = np.unique(at * evening.options.people + posts.author[stays])
    people = np.bincount(pairs // evening.options.people, minlength=size).tolist()
    names: list[Any] = [(city.id, city.name, city.country) for city in places()] + [(0, "", "")]
    return [City(*name, *counts) for name, *counts in zip(names, posted, reposted, people, strict=True)]


def _emergencies(evening: Evening) -> list[Emergency]:
    posts, heard, made = evening.posts, evening.heard, []
    for event in EVENTS:
        if event.code not in (FLOOD, ACCIDENT):
            continue
        rows = np.flatnonzero(posts.happening == event.code)
        seen, again = rows[posts.kind[rows] != REPOST], rows[posts.kind[rows] == REPOST]
        made.append(
            Emergency(
                category=HAPPENINGS[event.code],
                place=next(city.id for city in places() if city.native == event.city),
                place_name=event.city,
                start=_moment(happenings.start_us(event, evening.options)),
                witnesses=[heard.uid[row] for row in seen.tolist()],
                people=len(np.unique(posts.author[seen])),
                reposts=[heard.uid[row] for row in again.tolist()],
                first_posted=_moment(int(posts.created_us[seen].min())),
                first_received=_moment(int(heard.received_us[seen].min())),
            )
        )
    return made


def _posted(evening: Evening, place: Whole, gone: npt.NDArray[np.bool_]) -> Posted:
    """Give the columns; X's dates are in seconds, the others' in milliseconds."""
    posts, network = evening.posts, evening.people.network[evening.posts.author]
    grain = np.where((network == JETSTREAM) | (network == MASTODON), 1_000, 1_000_000)
    ids = np.array([city.id for city in places()] + [0])
    assert not (place[posts.by == NONE] >= 0).any(), "what nothing tells has no place"
    return Posted(
        uid=evening.heard.uid,
        kind=[KINDS[code] for code in posts.kind.tolist()],
        created_us=(posts.created_us // grain * grain).tolist(),
        place=ids[place].tolist(),
        by=[EVIDENCE[code] for code in posts.by.tolist()],
        gone=gone.astype(int).tolist(),
    )


def _moment(time_us: int) -> str:
    return instants(np.array([time_us]), "us")[0] + "Z"
