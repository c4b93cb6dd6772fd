"""Which posts a question is about: filters over facts, block by block, and words through the index."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl

from lapwing.ledger.sqlite.blocks import FEW, Block
from lapwing.ledger.sqlite.store import Store
from lapwing.model import KINDS
from lapwing.windows.areas import area_of_country

TIME_MAX = 1 << 62


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a question is limited to; an empty tuple limits nothing. `until_us` is exclusive."""

    sources: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    """GeoNames ids."""
    countries: tuple[str, ...] = ()
    """Two letters each."""
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since_us: int = 0
    until_us: int = TIME_MAX


class Selection:
    """Filters with their names turned into numbers, for one store."""

    def __init__(self, store: Store, filters: Filters) -> None:
        self.store = store
        self.filters = filters
        self.sources = numbers(store, "sources", filters.sources)
        self.networks = numbers(store, "networks", filters.networks)
        self.areas = areas(store, filters)

    def blocks(self, order: str = "low") -> list[Block]:
        """The fact blocks that may hold posts of the time asked for."""
        return self.store.facts.listed(
            "to_us >= ? AND from_us < ?", (self.filters.since_us, self.filters.until_us), order
        )

    def rows(self, seqs: np.ndarray, *names: str) -> pl.DataFrame:
        """Those of the posts (sorted) that stand and pass: `seq`, `created_at_us` and the columns in `names`."""
        return self.store.facts.at(self.passing(seqs)[0], *sorted({"created_at_us", *names}))

    def passing(self, seqs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of the posts (sorted) that stand and pass, and when they were made."""
        self.store.check()
        hidden = self._hidden(seqs)
        stands = seqs[np.isin(seqs, hidden, invert=True)] if len(hidden) else seqs
        there, facts = self.store.facts.numbers(stands, "created_at_us", *self._asked())
        passes = np.logical_and.reduce(list(self._conditions(there, facts)))
        return there[passes], facts["created_at_us"][passes]

    def _hidden(self, seqs: np.ndarray) -> np.ndarray:
        """Those that do not stand, of a range of posts, or of a few anywhere."""
        if not len(seqs):
            return seqs
        if seqs[-1] - seqs[0] < FEW * len(seqs):
            return self.store.hidden_among(int(seqs[0]), int(seqs[-1]) + 1)
        found = self.store.select("SELECT seq FROM hidden WHERE seq IN ({})", seqs.tolist())
        return np.array([seq for (seq,) in found], dtype=np.int64)

    def _asked(self) -> set[str]:
        filters = self.filters
        asked = {
            "source": filters.sources,
            "network": filters.networks,
            "lang": filters.languages,
            "kind": filters.kinds,
        }
        return {name for name, values in asked.items() if values} | ({"area"} if self.areas is not None else set())

    def _conditions(self, seqs: np.ndarray, facts: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
        filters, times = self.filters, facts["created_at_us"]
        yield (times >= filters.since_us) & (times < filters.until_us)
        if filters.sources:
            yield np.isin(facts["source"], self.sources) | np.isin(seqs, self._sighted(seqs))
        if filters.networks:
            yield np.isin(facts["network"], self.networks)
        if self.areas is not None:
            yield np.isin(facts["area"], self.areas)
        if filters.languages:
            asked = frozenset(filters.languages)
            yield np.fromiter(map(asked.__contains__, facts["lang"].tolist()), np.bool_, len(seqs))
        if filters.kinds:
            yield np.isin(facts["kind"], [KINDS.index(kind) for kind in filters.kinds])

    def _sighted(self, seqs: np.ndarray) -> list[int]:
        """Posts that one of the sources asked for saw, though another saw them first; edits count with their post."""
        if not len(seqs):
            return []
        marks = ",".join(str(source) for source in self.sources) or "NULL"
        rows = self.store.connection.execute(
            f"SELECT root FROM sightings WHERE source IN ({marks}) UNION "
            f"SELECT v.seq FROM versions v JOIN sightings s ON s.root = v.root WHERE s.source IN ({marks})"
        )
        return [seq for (seq,) in rows]


def numbers(store: Store, table: str, names: tuple[str, ...]) -> list[int]:
    """The numbers of sources or networks; unknown names have none."""
    marks = ",".join("?" * len(names))
    return [row[0] for row in store.connection.execute(f"SELECT id FROM {table} WHERE name IN ({marks})", names)]


def areas(store: Store, filters: Filters) -> list[int] | None:
    """The areas that places and countries name, or None when neither is asked for."""
    if not filters.places and not filters.countries:
        return None
    marks = ",".join("?" * len(filters.countries))
    cities = store.connection.execute(f"SELECT id FROM places WHERE country IN ({marks})", filters.countries)
    return [*filters.places, *(row[0] for row in cities), *(area_of_country(code) for code in filters.countries)]
