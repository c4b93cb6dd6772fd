"""Killed between decision and delivery: every alert arrives, and a repeat has the key of the first."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lapwing.engine.clock import SystemClock
from lapwing.ledger.sqlite import outbox
from lapwing.ledger.sqlite.ledger import SqliteLedger
from lapwing.telling import Recipient
from lapwing.testing.networks.push import WebhookFake
from notify.alerts import alert
from notify.run_sender import SECRET
from source_code import ROOT

DEADLINE_S = 60.0


def sender(folder: Path, url: str, mark: str = "", times: int = 1) -> int:
    """How a process that sends ends: 0 when nothing waits any more, -9 when it was killed."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_sender.py")), str(folder), url, mark, str(times)],
        env=os.environ | {"PYTHONPATH": paths}, timeout=DEADLINE_S, check=False,
    ).returncode  # fmt: skip


def filled(folder: Path, url: str, count: int, first: int = 0) -> None:
    """Decide so many alerts for one address."""
    ledger, now_us = SqliteLedger(folder), SystemClock().now_us()
    with ledger.store.transaction() as connection:
        for number in range(first, first + count):
            outbox.add(connection, alert(f"a{number}"), Recipient("hook", url), now_us)
    ledger.close()


def test_killed_between_sending_and_noting_it_is_sent_again_under_the_same_key(tmp_path: Path) -> None:
    with WebhookFake(SECRET) as fake:
        filled(tmp_path, f"{fake.url}/", 2)
        assert sender(tmp_path, f"{fake.url}/", "outbox.sent", 2) == -signal.SIGKILL
        assert list(fake.arrivals.values()) == [1, 1]
        assert sender(tmp_path, f"{fake.url}/") == 0
        assert list(fake.arrivals.values()) == [1, 2], "the second was sent and not yet noted"
        assert [each["alert"]["id"] for each in fake.received] == ["a0", "a1"]


@pytest.mark.parametrize("kills", [pytest.param(50, marks=pytest.mark.full), pytest.param(500, marks=pytest.mark.long)])
@pytest.mark.timeout(3_600)
def test_wherever_it_is_killed_everything_arrives_once_for_each_key(
    tmp_path: Path, chance: random.Random, kills: int
) -> None:
    """Each round decides three more alerts, and kills the sender at a crash point by chance."""
    marks = ("outbox.sent", "ledger.before_commit", "ledger.after_commit")
    killed = rounds = 0
    with WebhookFake(SECRET) as fake:
        while killed < kills:
            filled(tmp_path, f"{fake.url}/", 3, first=3 * rounds)
            killed += sender(tmp_path, f"{fake.url}/", chance.choice(marks), chance.randint(1, 6)) == -signal.SIGKILL
            rounds += 1
            assert rounds <= 3 * kills, "it hardly ever dies"
        assert sender(tmp_path, f"{fake.url}/") == 0
        assert [each["alert"]["id"] for each in fake.received] == [f"a{number}" for number in range(3 * rounds)]
        assert len(fake.arrivals) == 3 * rounds, "one key for each alert"
        assert sum(fake.arrivals.values()) > 3 * rounds, "and some came twice, which the key tells"
