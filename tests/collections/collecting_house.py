"""A data directory with collections, fed through the log as a user's program feeds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lapwing import config
from lapwing.app import collections
from lapwing.app.opening import Directory, no_mark
from lapwing.app.rebuilding import rebuild
from lapwing.ledger.sqlite.verify import verify
from lapwing.model import Records

NOW_US = 1_767_571_200_000_000
SEEN = ("seen", "observations", "id")

OPEN: list[House] = []
"""Those that were not closed; the tests close them."""


def configured(*collections_of: tuple[str, str, str]) -> config.Configuration:
    """Collections by name, topic and key."""
    text = "".join(
        f'[[collection]]\nname = "{name}"\ntopic = "{topic}"\nkey = "{key}"\n' for name, topic, key in collections_of
    )
    return config.parse(text, environment={})


class House:
    """One data directory of a test."""

    def __init__(self, folder: Path, *collections_of: tuple[str, str, str], mark: Any = no_mark) -> None:
        OPEN.append(self)
        self.directory = Directory(folder, configured(*collections_of), mark)

    def put(self, topic: str, *records: str | bytes, keys: list[str] | None = None, at_us: int = NOW_US) -> None:
        values = [each.encode() if isinstance(each, str) else each for each in records]
        times = [at_us] * len(values)
        made = Records(source="program", network="", format="json", values=values, received_at_us=times, keys=keys)
        self.directory.log.append(topic, made, now_us=at_us)

    def work(self) -> None:
        """Until the topics are worked through."""
        collections.collector(self.directory).run(lambda: collections.behind(self.directory) == 0)

    def page(self, name: str, query: str | None = None, limit: int = 100, after: str | None = None) -> dict[str, Any]:
        return collections.page(self.directory, name, query, limit, after)

    def keys(self, name: str, query: str | None = None) -> list[str]:
        return [each["key"] for each in self.page(name, query)["documents"]]

    def outcomes(self, name: str) -> list[int]:
        """Received, stored, replaced, removed, ignored, refused."""
        found = next(each for each in collections.listing(self.directory) if each["name"] == name)
        counts = [found[each] for each in ("received", "stored", "replaced", "removed", "ignored", "refused")]
        assert counts[0] == sum(counts[1:])
        return counts

    def bodies(self, name: str) -> list[bytes]:
        return list(collections.exported(self.directory, name))

    def broken(self) -> list[str]:
        findings = verify(self.directory.ledger.store, self.directory.log.spans())
        return [broken for finding in findings for broken in finding.broken]

    def rebuild(self) -> None:
        rebuild(self.directory, None)

    def letters(self) -> list[tuple[str, str]]:
        rows = self.directory.ledger.store.connection.execute("SELECT topic, reason FROM dead_letters ORDER BY id")
        return rows.fetchall()

    def close(self) -> None:
        self.directory.close()
        OPEN.remove(self)
