"""A process of the test that sends from a ledger's outbox to a webhook, and dies at a mark if it is told to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

from lapwing.engine.clock import SystemClock
from lapwing.engine.telling import Means, tell
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.ledger.sqlite.outbox import Outbox
from lapwing.notify.webhook import NOTIFIER, Options
from lapwing.telling import Channel
from lapwing.testing import crash_at

SECRET = "a secret of sixteen letters or more"


def main(folder: str, url: str, mark: str, times: str) -> None:
    """Until nothing waits, or the parent is gone."""
    ledger = SqliteLedger(Path(folder), mark=crash_at(mark, int(times)) if mark else lambda _: None)
    options = Options(url=url, secret=SECRET, private=True)
    channel = Channel(name="hook", type="webhook", notifier=NOTIFIER, options=options)
    looks = iter([{"hook": channel}])
    parent = os.getppid()
    box = Outbox(ledger)

    def stop() -> bool:
        later_us = 1 << 62
        return os.getppid() != parent or not box.waits("hook", later_us)

    tell(Means(box, SystemClock(), Random(1), f"sender-{os.getpid()}"), lambda: next(looks, None), stop)
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
