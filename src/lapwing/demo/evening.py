"""Who posts what, when, in which language, about which place; before any network has written it down."""

from __future__ import annotations

import msgspec
import numpy as np

from lapwing.demo import happenings
from lapwing.demo.happenings import ACCIDENT, DAILY, EVENTS, FILM, FLOOD, GOSSIP, HAPPENINGS
from lapwing.demo.people import JETSTREAM, MASTODON, X_V1, X_V2, People
from lapwing.demo.phrases import LANGUAGES, Said, Texts, Whole, array, converse, decorate, gossip, name_places, witness
from lapwing.demo.scene import Options, places, times
from lapwing.model import EVIDENCE, KINDS

POST, REPLY, QUOTE, REPOST = range(len(KINDS))
NONE, COORDINATES, PLACE, MENTION, PROFILE = range(len(EVIDENCE))

GEOTAGGED, WITH_COORDINATES = 0.14, 0.28
"""How many posts on X carry the platform's place, and how many of those a point too."""
MENTIONED, MENTIONED_ON_BLUESKY = 0.26, 0.44
"""Bluesky shows neither profile nor place, so that its posts name theirs more often."""
AWAY = 0.1
"""How many of those who name a city name another than theirs."""
REPLIES, QUOTES, REPOSTS = 0.22, 0.06, 0.11
ACTIVITY, ACTIVITY_FLAT = 0.75, 0.002
"""How steeply activity falls with rank, and which share of people are about as active as the first."""


class Posts(msgspec.Struct):
    """One row for each post, by time; after them the reposts, not in order."""

    author: Whole
    created_us: Whole
    happening: Whole
    """See `HAPPENINGS`."""
    first: Whole
    """1 for the post that everybody makes at least; those of the first people keep every place on the map."""
    language: Whole
    by: Whole
    """How it can be located, see `model.EVIDENCE`."""
    place: Whole
    """Position in `places`, or -1."""
    kind: Whole
    about: Whole
    """The row of the post replied to, quoted or reposted, or -1."""
    said: Said


def posts(random: np.random.Generator, options: Options, people: People) -> Posts:
    """Make the evening's posts and reposts."""
    author, created_us, happening, first, language = _drafts(random, options, people)
    order = np.argsort(created_us, kind="stable")
    author, created_us, happening = author[order], created_us[order], happening[order]
    first, language = first[order], language[order]
    by, place = _evidence(random, people, author, happening, first)
    said = _speak(random, language, happening, by, place)
    made = Posts(
        author, created_us, happening, first, language, by, place,
        kind=np.zeros(len(author), dtype=np.int64), about=np.full(len(author), -1), said=said,
    )  # fmt: skip
    _refer(random, people, made)
    return _with_reposts(random, options, people, made)


def _drafts(random: np.random.Generator, options: Options, people: People) -> tuple[Whole, ...]:
    """Decide who posts when, and about what."""
    special = sum(happenings.posts(event, options) for event in EVENTS)
    count, everybody = options.posts - special, options.people
    ranks = random.permutation(everybody) + ACTIVITY_FLAT * everybody
    edges = np.cumsum(1 / (ranks + 1) ** ACTIVITY)
    more = np.searchsorted(edges, random.random(count - everybody) * edges[-1])
    author = np.concatenate([np.arange(everybody), more])
    chatter = np.where(random.random(count) < GOSSIP, random.integers(FILM, DAILY + 1, count), 0)
    first = (np.arange(count) < len(places())).astype(np.int64)
    columns = [
        (author, times(random, options, people.home[author]), chatter * (1 - first), first, people.language[author])
    ]
    for event, home in zip(EVENTS, happenings.crowds(), strict=True):
        size = happenings.posts(event, options)
        residents = np.resize(random.permutation(np.flatnonzero(people.home == home)), size)
        spoken = happenings.spoken(random, event, size)
        nothing = np.zeros(size, dtype=np.int64)
        columns.append((residents, happenings.moments(random, event, options), nothing + event.code, nothing, spoken))
    return tuple(np.concatenate(parts) for parts in zip(*columns, strict=True))


def _evidence(
    random: np.random.Generator, people: People, author: Whole, happening: Whole, first: Whole
) -> tuple[Whole, Whole]:
    """Decide what of each post says where it is, and where that is."""
    network, home, count = people.network[author], people.home[author], len(author)
    share = np.where(network == JETSTREAM, MENTIONED_ON_BLUESKY, MENTIONED)
    share[happening >= FILM] = 0.3
    share[(happening == FLOOD) | (happening == ACCIDENT)] = 0.6
    named = random.random(count) < share
    by = np.where(named, MENTION, np.where(people.located[author], PROFILE, NONE))
    tagged = np.isin(network, (X_V2, X_V1)) & (random.random(count) < GEOTAGGED)
    by[tagged] = np.where(random.random(int(tagged.sum())) < WITH_COORDINATES, COORDINATES, PLACE)
    by[first > 0] = PROFILE
    languages = np.array([place.language for place in places()])
    starts, sizes = np.searchsorted(languages, np.arange(len(LANGUAGES))), np.bincount(languages)
    away = starts[languages[home]] + random.integers(0, 1 << 30, count) % sizes[languages[home]]
    travels = (by == MENTION) & (happening == 0) & (random.random(count) < AWAY)
    place = np.where(travels, away, home)
    place[by == NONE] = -1
    return by, place


def city_names(place: Whole, language: Whole) -> Texts:
    """Name each place as somebody who speaks that language writes it: its own name, or the international one."""
    cities = places()
    pairs = zip(place.tolist(), language.tolist(), strict=True)
    return array([cities[at].native if cities[at].language == code else cities[at].name for at, code in pairs])


def _speak(random: np.random.Generator, language: Whole, happening: Whole, by: Whole, place: Whole) -> Said:
    """Find words for every post."""
    said = Said(*(np.empty(len(language), dtype=object) for _ in range(3)))
    names = city_names(place, language)
    names[by != MENTION] = ""
    for number, code in enumerate(LANGUAGES):
        for event in range(len(HAPPENINGS)):
            rows = np.flatnonzero((language == number) & (happening == event))
            if not len(rows):
                continue
            part = _words(random, code, event, names[rows])
            said.body[rows], said.tags[rows], said.url[rows] = part.body, part.tags, part.url
    return said


def _words(random: np.random.Generator, code: str, event: int, names: Texts) -> Said:
    if event in (FLOOD, ACCIDENT):
        return witness(random, code, HAPPENINGS[event], names)
    count = len(names)
    said = gossip(random, code, HAPPENINGS[event], count) if event else converse(random, code, count)
    named = np.flatnonzero(names != "")
    said.body[named] = name_places(random, code, said.body[named], names[named])
    said.body = decorate(random, code, said.body)
    return said


def _groups(people: People, made: Posts) -> list[Whole]:
    """Posts that may speak of one another: of one network and language, in time's order."""
    keys = people.network[made.author] * len(LANGUAGES) + made.language
    return [np.flatnonzero(keys == key) for key in np.unique(keys)]


def _refer(random: np.random.Generator, people: People, made: Posts) -> None:
    """Let some posts answer or quote an earlier one."""
    for rows in _groups(people, made):
        chance = random.random(len(rows))
        quotes = QUOTES if people.network[made.author[rows[0]]] != MASTODON else 0
        kind = np.where(chance < REPLIES, REPLY, np.where(chance < REPLIES + quotes, QUOTE, POST))
        earlier = np.arange(len(rows)) - 1 - random.exponential(40, len(rows)).astype(np.int64)
        kind[(earlier < 0) | ((made.happening[rows] > 0) & (made.happening[rows] < FILM))] = POST
        made.kind[rows] = kind
        made.about[rows] = np.where(kind == POST, -1, rows[np.maximum(earlier, 0)])


def _with_reposts(random: np.random.Generator, options: Options, people: People, made: Posts) -> Posts:
    """Add the reposts: of a few posts many, of most none; nothing on Mastodon, whose public streams leave them out."""
    network = people.network[made.author]
    audience = [np.flatnonzero(people.network == code) for code in range(4)]
    heat = random.pareto(1.2, len(network)) * (
        (network != MASTODON) & (made.happening != FLOOD) & (made.happening != ACCIDENT)
    )
    wanted = [(heat, round(REPOSTS * options.posts), 20.0)]
    for event in EVENTS:
        seen = (made.happening == event.code) & (network != MASTODON)
        if event.reposts and seen.any():
            wanted.append((seen * random.pareto(2, len(network)), max(60, round(event.reposts * options.scale)), 12.0))
    target, lag = [], []
    for weight, count, minutes in wanted:
        target.append(np.searchsorted(np.cumsum(weight), random.random(count) * weight.sum(), side="right"))
        lag.append(random.exponential(minutes * 60e6, count))
    about, wait = np.concatenate(target), np.concatenate(lag)
    author = np.zeros(len(about), dtype=np.int64)
    for code, crowd in enumerate(audience):
        rows = np.flatnonzero(network[about] == code)
        author[rows] = crowd[random.integers(0, max(len(crowd), 1), len(rows))] if len(rows) else 0
    _, kept = np.unique(author * len(network) + about, return_index=True)  # nobody reposts the same post twice
    author, about, wait = author[kept], about[kept], wait[kept]
    rest = options.end_us - made.created_us[about]
    created_us = made.created_us[about] + np.where(wait < rest, wait, random.random(len(rest)) * rest).astype(np.int64)
    return _append(made, people, author, about, created_us)


def _append(made: Posts, people: People, author: Whole, about: Whole, created_us: Whole) -> Posts:
    """Put reposts behind the posts; on X they carry the text, and so the mention, of what they repost."""
    on_x = people.network[author] != JETSTREAM
    mentioned = on_x & (made.by[about] == MENTION)
    by = np.where(mentioned, MENTION, np.where(people.located[author], PROFILE, NONE))
    place = np.where(mentioned, made.place[about], np.where(by == PROFILE, people.home[author], -1))
    blank = array([""] * len(author))
    return Posts(
        author=np.concatenate([made.author, author]),
        created_us=np.concatenate([made.created_us, created_us]),
        happening=np.concatenate([made.happening, made.happening[about]]),
        first=np.concatenate([made.first, np.zeros(len(author), dtype=np.int64)]),
        language=np.concatenate([made.language, made.language[about]]),
        by=np.concatenate([made.by, by]),
        place=np.concatenate([made.place, place]),
        kind=np.concatenate([made.kind, np.full(len(author), REPOST)]),
        about=np.concatenate([made.about, about]),
        said=Said(*(np.concatenate([part, blank]) for part in (made.said.body, made.said.tags, made.said.url))),
    )
