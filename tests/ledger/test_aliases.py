"""One post, several servers, one source: each server calls it by a number of its own, and any of them may delete it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from cli.running import status
from lapwing import config
from lapwing.app.opening import Directory
from lapwing.ledger.sqlite.verify import verify
from lapwing.model import Records

SERVERS = ("a.example", "b.example", "c.example", "d.example")
URI = "https://a.example/users/ada/statuses/1"


def event(kind: str, host: str, payload: str) -> bytes:
    return msgspec.json.encode({"event": kind, "host": host, "payload": payload})


def seen_at(host: str) -> bytes:
    """The same post, with the number that this server gave it."""
    number = 100 + SERVERS.index(host)
    return event("update", host, status(number, "Flood in Perth, Australia", uri=URI).decode())


def heard(directory: Directory, *records: bytes) -> None:
    now_us = directory.clock.now_us()
    for record in records:
        some = Records(
            source="fediverse", network="mastodon", format="mastodon", values=[record], received_at_us=[now_us]
        )
        directory.log.append("raw.mastodon", some, now_us=now_us - 10_000_000)
    directory.worker().run(lambda: directory.behind() == 0)


@pytest.mark.parametrize("server", SERVERS)
def test_a_delete_at_any_server_finds_the_post(tmp_path: Path, server: str) -> None:
    made = config.parse("source = []\n[log]\npartitions = 1\n", environment={})
    with closing(Directory(tmp_path / "data", made)) as directory:
        for host in SERVERS:
            heard(directory, seen_at(host))
        store = directory.ledger.store
        assert store.connection.execute("SELECT count(*) FROM hidden").fetchone() == (0,)
        heard(directory, event("delete", server, str(100 + SERVERS.index(server))))
        assert store.connection.execute("SELECT count(*) FROM hidden").fetchone() == (1,)
        assert [line for finding in verify(store, directory.log.spans()) for line in finding.broken] == []


def test_one_source_may_hear_two_networks(tmp_path: Path) -> None:
    made = config.parse("source = []\n[log]\npartitions = 1\n", environment={})
    with closing(Directory(tmp_path / "data", made)) as directory:
        heard(directory, seen_at("a.example"))
        now_us = directory.clock.now_us()
        other = Records(
            source="fediverse", network="unheard", format="unrecognised", values=[b"{}"], received_at_us=[now_us]
        )
        directory.log.append("raw.unheard", other, now_us=now_us - 10_000_000)
        directory.worker().run(lambda: directory.behind() == 0)
        rows = directory.ledger.store.connection.execute("SELECT sum(stored), sum(refused) FROM accounting").fetchone()
        assert rows == (1, 1)
