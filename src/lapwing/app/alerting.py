"""The stage of alerts of a data directory: changes of incidents into the outbox, by the rules, each exactly once.

What is decided, what each reader knows by then and how far changes were read becomes durable in one transaction, so that a
crash or a rebuild repeats nothing and forgets nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any

import msgspec

from lapwing.app import rules as written_rules
from lapwing.app.alert_texts import Cards, alert_of
from lapwing.app.opening import Directory
from lapwing.errors import LapwingError
from lapwing.incidents.budget import Standing, Told, decide, pass_time
from lapwing.incidents.rules import About, News, Rule, last_of_each, looks_into_posts
from lapwing.ledger.sqlite import alerting, flagged, outbox
from lapwing.ledger.sqlite.alerting import Place
from lapwing.model import RULES
from lapwing.telling import Recipient

said = logging.getLogger("lapwing.alerts")

CHANGES_MAX = 500
"""So many changes in one transaction."""
LOOK_US = 2_000_000
"""So often it is looked whether rules or recipients are others."""
RETRY_US = 600_000_000
"""So often rules are read again in any case: a secret or a city that was missing may be there by now."""
DIGEST_US = 30_000_000
"""So often it is looked whether a digest is due, while anything is held back."""
STALE_US = 6 * 3_600_000_000
"""What happened so long before it was worked out (an archive, a rebuild) tells nobody of anything new."""
EVIDENCE_POSTS_MAX = 200
"""In so many posts of an incident languages and words are looked for."""


class Teller:
    """Decides who is told what; one in the process that follows incidents."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._rules: dict[Recipient, list[Rule]] = {}
        self._looked_us = 0
        self._version: Any = None
        self._waiting = True
        self._digest_us = 0

    def turn(self, now_us: int) -> bool:
        """Decide about the changes that there are, and send the digests that are due; whether there was anything.

        Raises `Fenced` or `DiskFull`; then nothing was decided.
        """
        store = self.directory.ledger.store
        self.look(now_us)
        changed = alerting.last_change(store.connection) > alerting.place(store.connection).number
        due = self._waiting and not 0 <= now_us - self._digest_us < DIGEST_US
        if not changed and not due:
            return False
        with store.transaction() as connection:
            return self.tell(connection, now_us)

    def tell(self, connection: Connection, now_us: int) -> bool:
        """As `turn`, inside the caller's transaction, by the rules that the last `look` found."""
        place = alerting.place(connection)
        standings = {
            reader: msgspec.msgpack.decode(body, type=Standing) for reader, body in alerting.readers(connection).items()
        }
        before, cards = dict(standings), Cards()
        rows = alerting.changes(connection, place.number, CHANGES_MAX)
        asks = looks_into_posts([rule for rules in self._rules.values() for rule in rules])
        told: list[tuple[Recipient, Told]] = []
        for row in rows:
            place = self._read(connection, row, place, now_us)
        for last in last_of_each(rows):
            news = news_of(self.directory, last, asks=asks)
            for reader, rules in self._rules.items():
                standings[reader], some = decide(news, rules, standings.get(reader, Standing()), news.clock_us)
                told += [(reader, each) for each in some]
        if len(rows) < CHANGES_MAX:
            for reader, rules in self._rules.items():
                standings[reader], some = pass_time(rules, standings.get(reader, Standing()), now_us)
                told += [(reader, each) for each in some]
        self._write(connection, told, cards)
        served = {reader: standings[reader] for reader in self._rules if reader in standings}
        moved = {reader: each for reader, each in served.items() if _is_news(before.get(reader), each)}
        alerting.keep_readers(connection, ((reader, msgspec.msgpack.encode(each)) for reader, each in moved.items()))
        if rows:
            alerting.set_place(connection, place)
        self._waiting, self._digest_us = any(each.held for each in served.values()), now_us
        return bool(rows or told)

    def _read(self, connection: Connection, row: dict[str, Any], place: Place, now_us: int) -> Place:
        """Fill in when a change was taken up, and keep its scene; how far was read by then."""
        clock_us = max(row["decided_us"] or now_us, place.clock_us)
        again = row["commit_number"] < place.commit_number
        row |= {"clock_us": clock_us, "renewed": int(again or clock_us - row["at_us"] > STALE_US)}
        alerting.keep_scene(connection, row)
        return Place(row["number"], max(row["commit_number"], place.commit_number), clock_us)

    def _write(self, connection: Connection, told: list[tuple[Recipient, Told]], cards: Cards) -> None:
        for reader, each in told:
            alert = alert_of(self.directory, each, reader, cards)
            outbox.add(connection, alert, reader, each.at_us)
            incidents = " ".join(dict.fromkeys(item.incident for item in each.items))
            row = (alert.id, each.rule, each.kind, each.counts, each.at_us, incidents)
            alerting.note_sent(connection, reader, row)

    def look(self, now_us: int) -> None:
        """Read rules and recipients again where they may be others."""
        if 0 <= now_us - self._looked_us < LOOK_US:
            return
        self._looked_us = now_us
        connection = self.directory.ledger.store.connection
        registered = connection.execute(
            "SELECT channel, address, retired_us FROM outbox_recipients ORDER BY 1, 2"
        ).fetchall()
        ends = sorted((key, end) for key, (_, end) in self.directory.log.spans().items() if key[0] == RULES)
        version = (registered, ends, now_us // RETRY_US)
        if version != self._version:
            self._version = version
            self._rules = by_reader(self.directory)


def _is_news(before: Standing | None, after: Standing) -> bool:
    """Whether a standing must be kept: time alone matters only where something is held back."""
    if before is None:
        return after != Standing(clock_us=after.clock_us)
    return bool(after.held) or after != msgspec.structs.replace(before, clock_us=after.clock_us)


def by_reader(directory: Directory) -> dict[Recipient, list[Rule]]:
    """Whom the rules tell, and by which rules, in the order of their names; a rule that tells nobody is said."""
    found: dict[Recipient, list[Rule]] = defaultdict(list)
    for named in written_rules.listed(directory):
        if named.rule.paused or not named.rule.channels:
            continue
        try:
            rule = written_rules.compiled(directory, named.rule)
            for reader in written_rules.readers_of(directory, named.rule):
                found[reader].append(rule)
        except LapwingError as problem:
            said.error("the rule %s tells nobody: %s", named.rule.name, problem)
    return dict(found)


def news_of(directory: Directory, row: Mapping[str, Any], *, asks: bool) -> News:
    """A change as rules see it; where they ask (`asks`), with the languages and words of its posts."""
    about = About(**{name: row[name] for name in ("category", "country", "longitude", "latitude", "into")})
    if asks:
        store = directory.ledger.store
        seqs = alerting.evidence(store, row["incident"], row["commit_number"], EVIDENCE_POSTS_MAX)
        posts = flagged.rows_of(store, seqs)
        about = msgspec.structs.replace(
            about,
            languages=frozenset(
                part for post in posts for part in (post["lang"], post["lang"].partition("-")[0]) if part
            ),
            terms=frozenset(term for post in posts for term in post["terms"]),
        )
    return News(
        number=row["number"], key=row["key"], incident=row["incident"], clock_us=row["clock_us"], kind=row["kind"],
        state=row["state"], severity=row["severity"], voices=row["voices"], muted=bool(row["muted"]),
        renewed=bool(row["renewed"]), about=about,
    )  # fmt: skip
