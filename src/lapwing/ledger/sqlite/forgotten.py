"""Who was forgotten: keyed hashes without names, which every batch is made by."""

from __future__ import annotations

from lapwing.errors import Fenced
from lapwing.ledger.sqlite.store import Store
from lapwing.model import Batch


def marks(store: Store) -> frozenset[bytes]:
    """By what these people are known again; see `engine.keeping.mark_of`."""
    return frozenset(mark for (mark,) in store.connection.execute("SELECT mark FROM forgotten"))


def check(store: Store, batch: Batch) -> None:
    """Raise `Fenced` if people were forgotten since the batch was made, so that it is made again without them."""
    (count,) = store.connection.execute("SELECT count(*) FROM forgotten").fetchone()
    if count != batch.forgotten:
        raise Fenced("people were forgotten while a batch was made", "it is made again without them")


def erasures(store: Store) -> tuple[int, ...]:
    """Numbers of which at least one changes with everything that is forgotten."""
    (marks,) = store.connection.execute("SELECT count(*) FROM forgotten").fetchone()
    return (marks, store.number("forgotten_posts"), store.number("forgotten_changes"))
