"""Everything that the evening holds, decided before a record is written."""

from __future__ import annotations

import msgspec
import numpy as np

from lapwing.demo import corrections, happenings
from lapwing.demo.arrivals import Arrivals, arrivals
from lapwing.demo.corrections import Deletes, Edits, Interests, Leaver
from lapwing.demo.evening import Posts, posts
from lapwing.demo.people import People, people
from lapwing.demo.scene import Options


class Evening(msgspec.Struct, frozen=True):
    """People, what they post, how it is heard, and what they take back."""

    seed: int
    options: Options
    people: People
    posts: Posts
    heard: Arrivals
    edits: Edits
    leaver: Leaver
    deletes: Deletes
    interests: Interests


def plan(seed: int, options: Options) -> Evening:
    """Decide everything; the same for the same seed and options."""
    chances = [np.random.default_rng((seed, number)) for number in range(7)]
    everybody = people(chances[0], options, happenings.crowds())
    made = posts(chances[1], options, everybody)
    heard = arrivals(chances[2], everybody, made)
    edited = corrections.edits(chances[3], everybody, made, heard)
    gone = corrections.leaver(chances[4], options, everybody, made, heard)
    deleted = corrections.deletes(chances[5], made, heard, edited, gone)
    liked = corrections.interests(chances[6], everybody, made, heard)
    return Evening(seed, options, everybody, made, heard, edited, gone, deleted, liked)
