"""What the live stream tells: once a second, everybody the same, from where they left off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Set
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.running import HOUR, ingest, lines, status
from lapwing.app.living import changed_since, last_commit
from lapwing.app.opening import Directory
from lapwing.serving import live
from lapwing.serving.live import Broadcast


def told_since(data: Path, ask: Callable[[Directory], Any]) -> Any:
    with closing(Directory(data)) as directory:
        return ask(directory)


def test_what_changed_is_told_as_it_is_now(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1, "Flooded street in Perth, Australia"), status(2, "Hail")))
    before = told_since(data_dir, last_commit)
    ingest(data_dir, lines(tmp_path / "b.ndjson", status(3, "More rain in Perth, Australia")))

    told = told_since(data_dir, lambda directory: changed_since(directory, before))
    assert (told["commit"], told["reset"], told["partly"]) == (told_since(data_dir, last_commit), False, False)
    (row,) = told["counts"]
    assert (row["window"], row["place"]["name"], row["posts"]) == (f"{HOUR}:00:00Z", "Perth", 2)
    assert [post["text"] for post in told["posts"]] == ["More rain in Perth, Australia"]
    assert told["status"]["accounting"]["stored"] == 3
    assert told_since(data_dir, lambda directory: changed_since(directory, told["commit"])) is None


def test_a_delete_takes_its_count_back(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1), status(2)))
    before = told_since(data_dir, last_commit)
    ingest(data_dir, "--source", "a", lines(tmp_path / "b.ndjson", b'{"event":"delete","payload":"1"}'))

    told = told_since(data_dir, lambda directory: changed_since(directory, before))
    assert [(row["place"], row["posts"]) for row in told["counts"]] == [(None, 1)]


def test_a_ledger_that_is_another_says_so(tmp_path: Path, data_dir: Path) -> None:
    ingest(data_dir, lines(tmp_path / "a.ndjson", status(1)))
    assert told_since(data_dir, lambda directory: changed_since(directory, 1 << 40))["reset"]


class Told:
    """Changes that a test makes up."""

    def __init__(self) -> None:
        self.commit = 7

    def last(self) -> int:
        return self.commit

    def since(self, commit: int, topics: Set[str]) -> dict[str, Any] | None:
        if commit == self.commit:
            return None
        change = {"commit": self.commit, "generation": 1, "reset": False, "partly": False}
        told = {"counts": [{"posts": self.commit}], "posts": [], "status": {"lag_records": 0}}
        return change | {topic: value for topic, value in told.items() if topic in topics}


def read(chunk: bytes) -> list[tuple[str, int | None, Any]]:
    """The events of a chunk: name, id if it has one, data."""
    found = []
    for block in chunk.decode().removeprefix("retry: 2000\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], int(fields["id"]) if "id" in fields else None, json.loads(fields["data"])))
    return found


async def heard(stream: AsyncIterator[bytes]) -> list[tuple[str, int | None, Any]]:
    return read(await asyncio.wait_for(anext(stream), 10))


def test_all_hear_the_same_and_only_what_they_asked_for() -> None:
    async def story() -> None:
        changes = Told()
        broadcast = Broadcast(changes, period_s=0.01)
        one, other = broadcast.stream(None, ["counts"]), broadcast.stream(None, live.TOPICS)
        assert await heard(one) == [("hello", 7, {"commit": 7})]
        await heard(other)
        changes.commit = 9
        about = {"commit": 9, "generation": 1, "partly": False}
        counts = ("counts", 9, about | {"counts": [{"posts": 9}]})
        assert await heard(one) == [counts]
        assert await heard(other) == [
            ("commits", None, about),  # who is cut off here comes back for the rest of the commit
            ("counts", None, counts[2]),
            ("status", 9, about | {"status": {"lag_records": 0}}),
        ]
        await one.aclose()  # type: ignore[attr-defined]
        assert broadcast.listeners == 1

    asyncio.run(story())


def test_who_comes_back_hears_what_was_missed() -> None:
    async def story() -> None:
        broadcast = Broadcast(Told(), period_s=0.01)
        stream = broadcast.stream(3, ["counts"])
        assert (await heard(stream))[0][1] == 3
        assert [(name, number) for name, number, _ in await heard(stream)] == [("counts", 7)]

    asyncio.run(story())


def test_one_who_listens_to_nothing_holds_nobody_back() -> None:
    async def story() -> None:
        changes = Told()
        broadcast = Broadcast(changes, period_s=0.01)
        deaf = broadcast.stream(None, [])
        await heard(deaf)
        changes.commit = 9
        async with asyncio.timeout(10):
            while True:
                other = broadcast.stream(None, ["counts"])
                (hello,) = await heard(other)
                await other.aclose()  # type: ignore[attr-defined]
                if hello[1] == 9:
                    break

    asyncio.run(story())


def test_telling_gives_way_to_those_who_wait_for_an_answer_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GIVE_WAY_S", 3600.0)

    async def story() -> None:
        changes, asked, gives_way = Told(), [True], asyncio.Event()

        def busy() -> bool:
            gives_way.set()
            return bool(asked)

        broadcast = Broadcast(changes, period_s=0.01, busy=busy)
        stream = broadcast.stream(None, ["counts"])
        await heard(stream)
        changes.commit = 9
        next_ = asyncio.ensure_future(anext(stream))
        await asyncio.wait_for(gives_way.wait(), 10)
        assert not next_.done()
        asked.clear()
        assert read(await asyncio.wait_for(next_, 10))[0][1] == 9

        asked.append(True)
        monkeypatch.setattr(live, "GIVE_WAY_S", 0.01)
        changes.commit = 10
        assert (await heard(stream))[0][1] == 10

    asyncio.run(story())


def test_a_silent_stream_gives_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.01)

    async def story() -> None:
        stream = Broadcast(Told(), period_s=0.01).stream(None, live.TOPICS)
        await anext(stream)
        assert await anext(stream) == b": still here\n\n"

    asyncio.run(story())


def test_who_does_not_read_is_let_go_and_the_others_are_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WAITING_MAX", 3)

    async def story() -> None:
        changes = Told()
        broadcast = Broadcast(changes, period_s=0.001)
        slow, quick = broadcast.stream(None, ["counts"]), broadcast.stream(None, ["counts"])

        async def never_reads() -> None:
            await anext(slow)
            await asyncio.Event().wait()

        sleeper = asyncio.create_task(never_reads())
        await heard(quick)
        for number in range(8, 16):
            changes.commit = number
            while (await heard(quick))[0][1] != number:
                pass
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sleeper, 10)
        await slow.aclose()  # type: ignore[attr-defined]
        assert broadcast.listeners == 1

    asyncio.run(story())
