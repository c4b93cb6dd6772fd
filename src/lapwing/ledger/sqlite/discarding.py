"""Dead letters that somebody gives up, with the accounting that goes with it."""

from __future__ import annotations

from lapwing.ledger.sqlite.documents import FORMAT as DOCUMENT
from lapwing.ledger.sqlite.store import Store


def discard(store: Store, numbers: list[int]) -> int:
    """Give up dead letters that wait, in one transaction; how many did. Their records count as filtered from now on."""
    count = 0
    with store.transaction() as connection:
        for number in numbers:
            row = connection.execute(
                "UPDATE dead_letters SET retried = 1 WHERE id = ? AND retried = 0 RETURNING source, network, format",
                (number,),
            ).fetchone()
            if row is None:
                continue
            count += 1
            if row[2] != DOCUMENT:  # those of collections are accounted for there
                _filter(store, store.source_id(*row[:2]))
    return count


def _filter(store: Store, source: int) -> None:
    store.connection.execute(
        "UPDATE accounting SET refused = refused - 1, filtered = filtered + 1 WHERE source = ?", (source,)
    )
    store.connection.execute(
        "INSERT INTO filtered VALUES (?, 'discarded', 1) ON CONFLICT DO UPDATE SET records = records + 1", (source,)
    )
