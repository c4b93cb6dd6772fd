"""Housekeeping: merging what piled up, forgetting what is too old, copying for safety."""

from __future__ import annotations

from pathlib import Path

from lapwing.ledger.sqlite.rollups import roll_up_one
from lapwing.ledger.sqlite.store import Store
from lapwing.windows.activity import summed


def tidy(store: Store, idle: bool) -> bool:
    """Merge one level of whatever is due, in a transaction of its own; when idle, roll up an hour. Whether anything was due."""
    due = (store.keys.runs.due(), store.activity.due(), store.facts.due(), store.texts.due())
    if not any(due):
        return idle and roll_up_one(store)
    with store.transaction():
        _merge(store)
        store.mark("ledger.merged")
    store.facts.forget()
    store.texts.forget()
    return True


def _merge(store: Store) -> None:
    # Asked again under the lock: another process may have merged meanwhile.
    if runs := store.keys.runs.due():
        store.keys.runs.merge(runs, lambda frame: frame.sort("key"))
    if runs := store.activity.due():
        store.activity.merge(runs, summed)
    if blocks := store.facts.due():
        merged = store.facts.merge(blocks)
        store.postings.merge([block.low for block in blocks], merged.low)
    if blocks := store.texts.due():
        store.texts.merge(blocks)


def back_up(store: Store, path: Path) -> None:
    """A consistent copy of the ledger as of now, while others write."""
    store.connection.execute("VACUUM INTO ?", (str(path),))
