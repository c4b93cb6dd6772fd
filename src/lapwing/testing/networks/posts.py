"""The stock of a fake network: posts that are invented, in an order that is remembered, and what is true of them in the end."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

WORDS: dict[str, tuple[str, ...]] = {
    "en": ("Water over the road", "Smoke behind the school", "The bridge is closed", "Power is out", "What a match"),
    "fr": ("De l'eau sur la route", "Fumée derrière l'école", "Le pont est fermé", "Il pleut trop"),
    "es": ("Agua en la calle", "Humo detrás de la escuela", "¿Alguien sabe si abre el puente?"),
    "ja": ("大雨で電車が止まりました", "橋が通行止めです", "地震だ"),
    "th": ("น้ำท่วมหน้าโรงเรียน", "ไฟดับทั้งซอย"),
}
LANGUAGES = ("en", "en", "en", "en", "fr", "es", "ja", "th")
PLACES = ("Toronto", "Montréal", "Vancouver", "Calgary", "Ottawa", "Perth", "Melbourne", "Halifax")
TAGS = ("#flood", "#fire", "#storm", "", "", "")
AUTHORS = 40
"""How many people there are who speak."""


@dataclass(slots=True)
class Post:
    """What somebody said, and what became of it."""

    uid: str
    """As Lapwing names it."""
    id: str
    """As the network names it."""
    number: int
    """Its place in the stock, from 0."""
    author: int
    """0 … 39, or what the test says."""
    text: str
    lang: str
    at_us: int
    """When it was said, as the network says."""
    place: str
    kind: str = "post"
    odd: str = ""
    """Why its record is no sound post; empty where it is one."""
    edited_us: int | None = None
    deleted: bool = False
    ids: list[str] = field(default_factory=list)
    """Where an edit makes a new id: all of them, the first one first."""
    notes: dict[str, object] = field(default_factory=dict)
    """What only this network knows of it."""


@dataclass(slots=True)
class Event:
    """One thing that happened on the network, as it was at that moment."""

    index: int
    kind: str
    """``create``, ``edit``, ``delete``, or what only one network has."""
    post: Post | None
    text: str
    at_us: int
    about: dict[str, object] = field(default_factory=dict)
    """What the event says that is not of a post."""
    written: dict[str, bytes] = field(default_factory=dict)
    """How it was sent, by the form; written once, sent to many."""


class Truth(msgspec.Struct, frozen=True):
    """What a listener holds in the end, if it missed nothing."""

    posts: dict[str, str]
    """Text by uid, the last there was, of all that were not deleted and are sound."""
    edited: set[str]
    deleted: set[str]
    """Posts and reposts that were taken back, or whose author was removed."""
    reposts: dict[str, str]
    """The uid of what was passed on, by the uid of the repost."""
    odd: dict[str, str]
    """What is no sound post, and why: a listener may refuse it, and must not die of it."""


class Stock:
    """What has been said so far. May be used from any thread; the lock is held only while something is written down."""

    def __init__(
        self, seed: int, now_us: Callable[[], int], name: Callable[[int, int, int, str], tuple[str, str]]
    ) -> None:
        """Starts empty. `name(at_us, number, author, kind)` gives the id and the uid of a post."""
        self.lock = threading.RLock()
        self.now_us = now_us
        self.posts: dict[str, Post] = {}
        self.events: list[Event] = []
        self.chance = random.Random(seed)  # noqa: S311
        self._name = name
        self.last_us = 0
        """When something happened last."""

    def tick_us(self) -> int:
        """Give the time, and never the same one twice: what is said later is later."""
        self.last_us = max(self.now_us(), self.last_us + 1)
        return self.last_us

    def add(
        self,
        text: str | None = None,
        author: int | None = None,
        at_us: int | None = None,
        odd: str = "",
        notes: Mapping[str, object] | None = None,
    ) -> Post:
        """Say something: what was asked for, invented where nothing was. The note `kind` makes it another kind than a post."""
        with self.lock:
            number = len(self.posts)
            said_us = self.tick_us()
            at_us = said_us if at_us is None else at_us
            lang = self.chance.choice(LANGUAGES)
            place = self.chance.choice(PLACES)
            invented = f"{self.chance.choice(WORDS[lang])}, {place} {number} {self.chance.choice(TAGS)}".rstrip()
            by = self.chance.randrange(AUTHORS)
            by = by if author is None else author
            kind = str((notes or {}).get("kind", "post"))
            id, uid = self._name(at_us, number, by, kind)
            post = Post(uid, id, number, by, invented, lang, at_us, place, odd=odd, ids=[id])
            if text is not None:
                post.text, post.lang = text, "en"
            post.notes |= notes or {}
            post.kind = kind
            post.place = str(post.notes.get("place", place))
            self.posts[uid] = post
            self.note("create", post)
            return post

    def edit(self, uid: str, text: str | None = None) -> Post:
        """Change what a post says; without a text, by a word. Raises KeyError for a post that never was."""
        with self.lock:
            post = self.posts[uid]
            assert not post.deleted, f"{uid} was deleted"
            post.text = f"{post.text} (edited)" if text is None else text
            post.edited_us = self.tick_us()
            self.note("edit", post, edited_us=post.edited_us)
            return post

    def delete(self, uid: str) -> Post:
        """Take a post back. Raises KeyError for a post that never was."""
        with self.lock:
            post = self.posts[uid]
            post.deleted = True
            self.note("delete", post)
            return post

    def note(self, kind: str, post: Post | None, **about: object) -> Event:
        """Write an event down."""
        with self.lock:
            # What was just said or edited has its own time already.
            at_us = self.last_us if kind in ("create", "edit") else self.tick_us()
            event = Event(len(self.events), kind, post, post.text if post else "", at_us, about)
            self.events.append(event)
            return event

    def truth(self, wanted: Callable[[Post], bool] = lambda _post: True) -> Truth:
        """Tell what is true now of the posts that are wanted."""
        with self.lock:
            posts = [post for post in self.posts.values() if wanted(post)]
        sound = [post for post in posts if not post.odd]
        return Truth(
            posts={post.uid: post.text for post in sound if post.kind == "post" and not post.deleted},
            edited={post.uid for post in sound if post.edited_us is not None and not post.deleted},
            deleted={post.uid for post in posts if post.deleted},
            reposts={
                post.uid: str(post.notes["about"]) for post in sound if post.kind == "repost" and not post.deleted
            },
            odd={post.uid: post.odd for post in posts if post.odd},
        )
