"""Incidents at the end of a command that read posts, where no `lapwing up` works them out meanwhile."""

from __future__ import annotations

from lapwing.app.opening import Directory
from lapwing.ledger.sqlite import flagged


def look_for_incidents(directory: Directory) -> None:
    """Group what was flagged into incidents, unless another process does; nothing where no post was ever flagged."""
    if flagged.any_there(directory.ledger.store):
        from lapwing.app.watching import catch_up  # it takes longer to load than a small file to read

        catch_up(directory)
