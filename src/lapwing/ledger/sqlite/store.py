"""The ledger's own state: one connection and the parts that share it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lapwing.errors import Fenced
from lapwing.ledger.sqlite import blocks, names, schema
from lapwing.ledger.sqlite.cache import Cache
from lapwing.ledger.sqlite.keys import Keys
from lapwing.ledger.sqlite.leases import WriterLock
from lapwing.ledger.sqlite.postings import Postings
from lapwing.ledger.sqlite.runs import Runs

SQL_VALUES_MAX = 500
Mark = Callable[[str], None]
"""Called with the name of a crash point; does nothing but in tests."""


class Store:
    """One open generation. Reading needs no lock; writing goes through `transaction`."""

    def __init__(
        self, path: Path, lock: WriterLock, durability: str = "app-crash", mark: Mark = lambda _: None
    ) -> None:
        schema.check_version(path)
        self.path = path
        self.lock = lock
        self.mark = mark
        self.is_current: Callable[[], bool] = lambda: True
        self.check: Callable[[], None] = lambda: None
        """Called between the blocks of a long question; what it raises ends the question."""
        self.connection = schema.connect(path, durability)
        if not schema.has_tables(self.connection):
            schema.create(self.connection, generation=1)
        schema.complete(self.connection)
        self.keys = Keys(Runs(self.connection, "keys"))
        self.activity = Runs(self.connection, "activity", str(path))
        self.facts = blocks.Blocks(self.connection, "facts", blocks.FACTS_ROWS_MAX, str(path))
        self.texts = blocks.Blocks(self.connection, "texts", blocks.TEXTS_ROWS_MAX, str(path))
        self.postings = Postings(self.connection, str(path))
        self._shared = self._own = Cache(blocks.MEMORY_BYTES_MAX)
        self.share(self._own)
        self._sources: dict[str, int] = {}
        self._networks: dict[str, int] = {}

    def share(self, memory: Cache) -> None:
        """Keep in this memory what is decoded, as other threads do that read the same file."""
        self._shared = memory
        self._keep_in(memory)

    def _keep_in(self, memory: Cache) -> None:
        self.memory = memory
        for part in (self.facts, self.texts, self.activity, self.postings):
            part.memory = memory

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; what was written is there whole, or not at all."""
        with self.lock:
            if not self.is_current():
                raise Fenced("the ledger was rebuilt", "the new generation is used from now on")
            try:
                self._keep_in(self._own)  # ids of what is not yet committed mean nothing to others
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.mark("ledger.before_commit")
                self.connection.execute("COMMIT")
                self.mark("ledger.after_commit")
            except BaseException as problem:
                self._roll_back()
                if isinstance(problem, sqlite3.OperationalError):
                    raise schema.full_or(problem) from problem
                raise
            finally:
                self._keep_in(self._shared)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is as of one moment: what another process merges meanwhile does not go away under us."""
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        # Ids given in the transaction will be given again, to other content.
        self.keys.runs.forget()
        self._own.forget()
        self._sources.clear()
        self._networks.clear()

    def source_id(self, name: str, network: str) -> int:
        """The number of a source, given on first sight; takes a transaction of its own for that."""
        self.network_id(network)  # one source may hear several networks
        if name not in self._sources:
            row = self.connection.execute("SELECT id FROM sources WHERE name = ?", (name,)).fetchone()
            if row is None:
                with self.transaction() as connection:
                    connection.execute(
                        "INSERT OR IGNORE INTO sources (name, network) VALUES (?, ?)", (name, self._networks[network])
                    )
                row = self.connection.execute("SELECT id FROM sources WHERE name = ?", (name,)).fetchone()
            self._sources[name] = row[0]
        return self._sources[name]

    def network_id(self, name: str) -> int:
        """The number of a network, given on first sight; takes a transaction of its own for that."""
        if name not in self._networks:
            row = self.connection.execute("SELECT id FROM networks WHERE name = ?", (name,)).fetchone()
            if row is None:
                with self.transaction() as connection:
                    connection.execute("INSERT OR IGNORE INTO networks (name) VALUES (?)", (name,))
                row = self.connection.execute("SELECT id FROM networks WHERE name = ?", (name,)).fetchone()
            self._networks[name] = row[0]
        return self._networks[name]

    def select(self, statement: str, values: list[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement with ``IN ({})``, for any number of values."""
        for start in range(0, len(values), SQL_VALUES_MAX):
            some = values[start : start + SQL_VALUES_MAX]
            yield from self.connection.execute(statement.format(",".join("?" * len(some))), some).fetchall()

    def number(self, key: str) -> int:
        """A number of the table `meta`."""
        (value,) = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return int(value)

    def uids_at(self, seqs: np.ndarray, *more: str) -> pl.DataFrame:
        """Facts of posts by sorted sequence number: `seq`, whole `uid`, `author` and the columns in `more`."""
        found = self.facts.at(seqs, "uid", "uid_form", "author", *more)
        return names.restored(found)

    def hidden_among(self, low: int, high: int) -> np.ndarray:
        """Sorted sequence numbers, `low` to `high` exclusive, of posts that do not stand."""
        rows = self.connection.execute("SELECT seq FROM hidden WHERE seq >= ? AND seq < ? ORDER BY seq", (low, high))
        return np.array([seq for (seq,) in rows], dtype=np.int64)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()
