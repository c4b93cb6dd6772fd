"""The stage of incidents of a data directory: flagged posts of the ledger into the working set, and back what became of it."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lapwing.app.alerting import Teller
from lapwing.app.opening import Directory
from lapwing.config import Configuration
from lapwing.contracts import Claimed
from lapwing.engine.incidents import RENEW_US, Incidents
from lapwing.errors import DiskFull, Fenced
from lapwing.incidents import following
from lapwing.incidents.burst import Rhythm
from lapwing.incidents.deciding import Decision, apply
from lapwing.incidents.happening import Happening
from lapwing.incidents.scene import scene_of
from lapwing.incidents.working import Working
from lapwing.ledger.sqlite import flagged, incidents
from lapwing.ledger.sqlite.incidents import Progress
from lapwing.model import DECISIONS

log_lines = logging.getLogger("lapwing.incidents")

COMMITS_MAX = 50
"""So many commits are worked on before what became of them is saved."""
POSTS_MAX = 5_000
"""Of a step that flagged more, the rest of the commits waits."""
DECISIONS_MAX = 100


class Watcher:
    """Follows the commits of a ledger, as `engine.incidents.Follower`."""

    def __init__(self, directory: Directory, owner: str) -> None:
        self.directory, self.owner = directory, owner
        self._claimed: Claimed | None = None
        self._path: Path | None = None
        self._working = Working()
        self._withdrawn: set[int] = set()
        self._joined: dict[int, int] = {}
        self._into: dict[int, int] = {}
        self._decisions: dict[int, Claimed] = {}
        self._teller = Teller(directory)

    # -- the lease ---------------------------------------------------------------------------------------------------

    def claim(self, now_us: int) -> bool:
        """Take the place of the reader, and what it worked on; False while another has it."""
        ledger = self.directory.ledger
        self._claimed = ledger.claim(incidents.READER, 0, self.owner, now_us)
        self._decisions = {}
        if self._claimed is None:
            return False
        store = ledger.store
        self._path = store.path
        kept = incidents.load(store)
        rhythms = {area: msgspec.msgpack.decode(body, type=Rhythm) for area, body in kept.rhythms.items()}
        happenings = [msgspec.msgpack.decode(body, type=Happening) for body in kept.bodies]
        self._working = Working(happenings, rhythms, kept.now_us)
        self._clear()
        return True

    def renew(self, now_us: int) -> None:
        """Say that the place is still ours."""
        with self.directory.ledger.store.transaction() as connection:
            connection.execute(
                "UPDATE partitions SET heartbeat_us = ?, pid = ? WHERE owner = ?", (now_us, os.getpid(), self.owner)
            )

    def release(self) -> None:
        """Give the place up."""
        self._claimed = None
        self.directory.ledger.release(self.owner)

    # -- a step ------------------------------------------------------------------------------------------------------

    def step(self, now_us: int) -> bool:
        """Work on some commits, or on decisions where there are no more commits; whether there was anything."""
        store = self.directory.ledger.store
        if self._claimed is None or store.path != self._path:
            raise Fenced("the ledger was rebuilt", "incidents are made anew from it")
        self._teller.look(now_us)
        worked = self._commits(now_us) or self._decide(now_us)
        return self._teller.turn(now_us) or worked

    def _commits(self, now_us: int) -> bool:
        assert self._claimed is not None
        store, after = self.directory.ledger.store, self._claimed.next_offset
        heard = flagged.heard_after(store, after, COMMITS_MAX)
        if not heard:
            return False
        decided = incidents.decisions(store, after, heard[-1].number)
        self._apply_all(decided.get(0, []) if after == 0 else [])
        number, posts = after, 0
        for commit in heard:
            if posts > POSTS_MAX:
                break
            self._hear(commit)
            number, posts = commit.number, posts + len(commit.posts)
            self._apply_all(decided.get(number, []))
        self._claimed = incidents.save(store, self._claimed, number, self._progress(now_us), now_us)
        self._clear()
        return True

    def _hear(self, commit: flagged.Heard) -> None:
        posts = following.flagged_of(commit.posts)
        self._withdrawn -= {post.seq for post in posts}
        following.hear_commit(self._working, commit.exposures, posts, commit.until_us)
        self._collect()
        if commit.withdrawn:
            self._withdraw(commit.withdrawn)
            self._collect()

    def _collect(self) -> None:
        """What the working set has noted since it was asked last."""
        self._joined.update(self._working.joined)
        self._working.joined.clear()
        self._into.update(dict(self._working.merged[len(self._into) :]))

    def _withdraw(self, seqs: list[int]) -> None:
        store = self.directory.ledger.store
        known = incidents.founders_of(store, seqs) | {seq: self._joined[seq] for seq in seqs if seq in self._joined}
        by_founder: dict[int, set[int]] = defaultdict(set)
        for seq, founder in known.items():
            if seq not in self._withdrawn:
                by_founder[self._root(founder)].add(seq)
        self._withdrawn |= set(known)
        following.withdraw(self._working, by_founder, self._members)

    def _root(self, founder: int) -> int:
        """Where a happening went, of what was merged since it was saved."""
        while founder in self._into:
            founder = self._into[founder]
        return founder

    def _members(self, founder: int, _: set[int]) -> list[Any]:
        """The posts of a happening that stand, in order."""
        founders = {founder} | {younger for younger in self._into if self._root(younger) == founder}
        store = self.directory.ledger.store
        seqs = set(incidents.evidence_of(store, founders))
        seqs |= {seq for seq, joined in self._joined.items() if self._root(joined) == founder}
        rows = flagged.rows_of(store, sorted(seqs - self._withdrawn))
        return following.flagged_of(sorted(rows, key=lambda row: (row["number"], row["at_us"], row["seq"])))

    # -- decisions ---------------------------------------------------------------------------------------------------

    def _apply_all(self, bodies: list[bytes]) -> None:
        for body in bodies:
            apply(self._working, msgspec.json.decode(body, type=Decision))

    def _decide(self, now_us: int) -> bool:
        """Take up what people decided, one decision after the other; whether there was any."""
        ledger, log, worked = self.directory.ledger, self.directory.log, False
        for (topic, partition), (first, end) in log.spans().items():
            if topic != DECISIONS:
                continue
            if partition not in self._decisions:
                claimed = ledger.claim(incidents.DECISIONS_READER, partition, self.owner, now_us)
                if claimed is None:
                    continue
                self._decisions[partition] = claimed
            if max(first, self._decisions[partition].next_offset) < end:
                worked |= self._decide_in(partition)
        return worked

    def _decide_in(self, partition: int) -> bool:
        read_from = self._decisions[partition]
        for chunk in self.directory.log.read(DECISIONS, partition, read_from.next_offset, DECISIONS_MAX):
            for place, value in enumerate(chunk.records.values, chunk.base_offset):
                if place < self._decisions[partition].next_offset or self._claimed is None:
                    continue
                try:
                    apply(self._working, msgspec.json.decode(value, type=Decision))
                except msgspec.MsgspecError as problem:
                    log_lines.error("a decision cannot be read (%s)", problem)
                claims = (self._claimed, self._decisions[partition])
                self._collect()
                progress = self._progress(self.directory.clock.now_us())
                self._decisions[partition] = incidents.decide(
                    self.directory.ledger.store, claims, place + 1, bytes(value), progress
                )
                self._clear()
        return True

    # -- saving ------------------------------------------------------------------------------------------------------

    def _progress(self, now_us: int) -> Progress:
        """What became of everything since the last time, as the ledger keeps it."""
        working = self._working
        alive = working.happenings
        left = {each.founder: each for each in working.left if each.state}
        touched = [alive[founder] for founder in sorted(working.touched) if founder in alive]
        rows = [row_of(each, worked_on=True) for each in touched]
        rows += [row_of(each, worked_on=False) for each in left.values()]
        voices = {voice.seq for each in [*touched, *left.values()] for voice in each.voices}
        muted = {each.mark for each in [*alive.values(), *left.values()] if each.muted}
        return Progress(
            now_us=working.now_us,
            rows=rows,
            nothing=sorted(each.founder for each in working.left if not each.state),
            rhythms={area: _packed(working.rhythms.get(area)) for area in sorted(working.touched_areas)},
            joined={seq: (founder, seq in voices) for seq, founder in self._joined.items()},
            merged=list(working.merged),
            withdrawn=sorted(self._withdrawn),
            changes=[
                (c.key, c.incident, c.at_us, c.kind, c.state, c.severity, c.voices, int(c.incident in muted))
                for c in working.changes
            ],
            then=partial(self._teller.tell, now_us=now_us) if working.changes else None,
        )

    def _clear(self) -> None:
        self._working.saved()
        self._withdrawn.clear()
        self._joined.clear()
        self._into.clear()


def _packed(rhythm: Rhythm | None) -> bytes | None:
    return None if rhythm is None or rhythm.forgettable else msgspec.msgpack.encode(rhythm)


def row_of(happening: Happening, *, worked_on: bool) -> tuple[Any, ...]:
    """A happening as `ledger.sqlite.incidents.COLUMNS`, and its body."""
    scene = scene_of(happening)
    return (
        happening.founder, happening.mark, happening.state, happening.reason, happening.category, happening.severity,
        happening.first_us, happening.last_us, happening.since_us, len(happening.voices), happening.posts,
        happening.reposts, happening.taken_back, scene.area, scene.country, scene.longitude, scene.latitude,
        scene.radius_km, happening.into, int(happening.muted), happening.confirmed_by, happening.official,
        msgspec.msgpack.encode(happening) if worked_on else None,
    )  # fmt: skip


def watch(path: Path, configuration: Configuration, stop: Callable[[], bool]) -> None:
    """Follow the commits of a data directory until `stop` says so: the body of a child process."""
    directory = Directory(path, configuration)
    try:
        stage(directory).run(stop)
    finally:
        directory.close()


def stage(directory: Directory) -> Incidents:
    """The stage of incidents, ready to run."""
    return Incidents(Watcher(directory, f"incidents-{os.getpid()}"), directory.clock)


def behind(directory: Directory) -> int:
    """Commits that were not yet looked through for incidents."""
    connection = directory.ledger.store.connection
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM commits").fetchone()
    row = connection.execute("SELECT next_offset FROM partitions WHERE topic = ?", (incidents.READER,)).fetchone()
    return int(last) - (row[0] if row else 0)


def work_off(directory: Directory, stop: Callable[[], bool] = lambda: False) -> None:
    """Work until all commits are looked through, here or in whichever process does it."""
    stage(directory).run(lambda: behind(directory) == 0 or stop())


def catch_up(directory: Directory, show: Callable[[int], None] = lambda _: None) -> bool:
    """Look through all commits here, unless another process follows them; whether none is left.

    `show` is told how many are left, now and then.
    """
    follower = Watcher(directory, f"incidents-{os.getpid()}")
    try:
        clock = directory.clock
        if not follower.claim(clock.now_us()):
            return behind(directory) == 0
        renewed_us = clock.now_us()
        while left := behind(directory):
            show(left)
            if clock.now_us() - renewed_us >= RENEW_US:
                renewed_us = clock.now_us()
                follower.renew(renewed_us)
            follower.step(clock.now_us())
    except (Fenced, DiskFull) as problem:  # what is not looked through now, `lapwing up` looks through
        log_lines.warning("incidents are not worked out to the end: %s", problem)
    finally:
        follower.release()
    return behind(directory) == 0
