"""A data directory and what works on it, opened as the configuration says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from lapwing import catalog, config
from lapwing.app.resources import RESOURCES, Resources
from lapwing.app.secret_keys import FORGETTING, existing_key
from lapwing.contracts import Format
from lapwing.engine.clock import Clock, SystemClock
from lapwing.engine.keeping import Keeping, keeping_of
from lapwing.engine.loop import READ_TOPICS, Worker
from lapwing.engine.understanding import Understanding
from lapwing.errors import ConfigError, DataDirectoryError, UsageError
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.retention import Retention
from lapwing.log.sqlite import Retention as LogRetention
from lapwing.log.sqlite import SqliteLog
from lapwing.model import COVERAGE

STAGES = ("clean", "detect_language", "cut_words", "locate", "gate", "classify")
"""What is done to posts, in this order."""


def no_mark(name: str) -> None:
    """What production does at a crash point: nothing."""


class AsOf(msgspec.Struct, frozen=True):
    """As of when an answer is given."""

    now_us: int
    processed_until_us: int
    """Windows that end by then were worked through; never later than now, since what is still to come is in no log."""


class Directory:
    """One data directory; parts are opened when they are first used."""

    def __init__(self, path: Path, configuration: config.Configuration | None = None, mark: Any = no_mark) -> None:
        self.path = path
        self.configuration = configuration or config.parse("", environment={})
        self.clock: Clock = SystemClock()
        self.mark = mark
        self.mistaken = False
        """Whether the configuration's file has a mistake, so that `configuration` says nothing of what is in force."""

    def must_exist(self) -> Directory:
        """Itself; raises `UsageError` where nothing was ever stored."""
        if not (self.path / "ledger").is_dir():
            raise UsageError(
                f"there is no data in {self.path}", "run `lapwing ingest FILE` first, or name another --data directory"
            )
        return self

    @cached_property
    def log(self) -> SqliteLog:
        """The embedded log."""
        self._make()
        return SqliteLog(
            self.path / "log.sqlite",
            partitions=self.configuration.log.partitions,
            durability=self.configuration.log.durability,
            mark=self.mark,
            retention=LogRetention(self.configuration.log.retention_us, self.configuration.log.retention_bytes),
        )

    @cached_property
    def ledger(self) -> SqliteLedger:
        """The embedded ledger."""
        self._make()
        return SqliteLedger(
            self.path / "ledger",
            durability=self.configuration.log.durability,
            mark=self.mark,
            describe_places=self.describe_places,
            retention=Retention(
                self.configuration.store.posts_retention_us,
                self.configuration.store.counts_retention_us,
                self.configuration.store.names_retention_us,
            ),
        )

    def close(self) -> None:
        """Let go of the files that were opened."""
        for part in ("log", "ledger"):
            if part in self.__dict__:
                self.__dict__.pop(part).close()

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise DataDirectoryError(
                f"{self.path} cannot be made ({problem.strerror})", "name another --data directory"
            ) from problem

    @cached_property
    def resources(self) -> Resources:
        """What stages need, by name; each is loaded when it is first asked for."""
        return RESOURCES

    def describe_places(self, places: list[int]) -> list[tuple[int, str, str, float, float, int]]:
        """Id, name, country, longitude, latitude and population of cities."""
        from lapwing.places.gazetteer import describe

        columns = ("id", "name", "country", "longitude", "latitude", "population")
        return [tuple(place[column] for column in columns) for place in describe(self.resources["gazetteer"], places)]

    @cached_property
    def formats(self) -> Formats:
        """All formats by name."""
        return Formats()

    @cached_property
    def understanding(self) -> Understanding:
        """The formats and stages."""
        stages = [catalog.load("stages", name) for name in STAGES]
        return Understanding(
            self.formats,
            [stage.make({name: self._resource(name) for name in stage.resources}) for stage in stages],
            keeps=self._keeps(),
            secret=lambda: existing_key(self.path, FORGETTING),
        )

    def _resource(self, name: str) -> Any:
        """What a stage needs; gate and classifier may be the user's own."""
        from lapwing.app.emergency import SHIPPED, load_classifier, load_gate

        loaders = {"gate": load_gate, "classifier": load_classifier}
        named = getattr(self.configuration.emergency, name) if name in loaders else SHIPPED
        return self.resources[name] if named == SHIPPED else loaders[name](named, self.configuration.folder)

    def _keeps(self) -> dict[str, Keeping]:
        """What is kept of each source that limits it; raises `ConfigError` for a word or city that is none."""
        from lapwing.app.asking import places_of

        keeps = {}
        for source in self.configuration.sources:
            try:
                keeping = keeping_of(source.keep, lambda text: places_of(self, text))
            except UsageError as problem:
                raise ConfigError(f"source {source.name!r}, keep", problem.what, problem.next_step) from problem
            if keeping is not None:
                keeps[source.name] = keeping
        return keeps

    def worker(self, name: str | None = None) -> Worker:
        """A reader of the log, ready to run."""
        from lapwing.app.forgetting import carry_over

        carry_over(self)
        return Worker((self.log, self.ledger), self.understanding, self.clock, name or f"worker-{os.getpid()}")

    def behind(self, topics: tuple[str, ...] = READ_TOPICS) -> int:
        """Records in the log that were not yet worked through, of the topics that begin like this."""
        claims = self.ledger.claims()
        spans = self.log.spans().items()
        return sum(
            end - max(first, claims.get(key, (None, 0, 0))[2])
            for key, (first, end) in spans
            if key[0].startswith(topics)
        )

    def as_of(self) -> AsOf:
        """As of when answers are that are given now."""
        now_us = self.clock.now_us()
        return AsOf(now_us, min(self._processed_until_us(), now_us))

    def _processed_until_us(self) -> int:
        """The lowest watermark of the partitions that are behind. Notes about listening are no posts of any window."""
        rows = self.ledger.store.connection.execute(
            "SELECT topic, partition, next_offset, watermark_us FROM partitions"
        ).fetchall()
        known = {(topic, partition): (offset, watermark) for topic, partition, offset, watermark in rows}
        behind = [
            known.get(key, (0, 0))[1]
            for key, (_, end) in self.log.spans().items()
            if key[0].startswith(READ_TOPICS) and key[0] != COVERAGE and known.get(key, (0, 0))[0] < end
        ]
        return min(behind, default=1 << 62)


class Formats(Mapping[str, Format]):
    """All formats by name; each is loaded when a record needs it."""

    def __init__(self) -> None:
        self._loaded: dict[str, Format] = {}
        self._names = catalog.names("formats")

    def __getitem__(self, name: str) -> Format:
        if name not in self._loaded:
            if name not in self:
                raise KeyError(name)
            self._loaded[name] = catalog.load("formats", name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
