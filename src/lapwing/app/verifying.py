"""Every promise of a data directory, checked; what cannot even be read is a broken promise, too."""

from __future__ import annotations

from collections.abc import Iterator

from lapwing.app.opening import Directory
from lapwing.ledger.sqlite.verify import Finding
from lapwing.ledger.sqlite.verify import verify as check


def verify(directory: Directory) -> Iterator[Finding]:
    """Each promise and what broke it. A check that fails on what is on the disk ends the list with one more finding."""
    found = check(directory.ledger.store, directory.log.spans())
    while True:
        try:
            finding = next(found, None)
        except Exception as problem:  # noqa: BLE001  (whatever it trips over, the disk holds what we never wrote)
            yield Finding("the rest can be read", [f"{type(problem).__name__}: {problem}"])
            return
        if finding is None:
            return
        yield finding
