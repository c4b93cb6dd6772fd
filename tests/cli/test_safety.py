"""Damage is seen and said, foreign files stay as they are, copies are whole, a full disk is waited for."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import ingest, lapwing, lines, numbers, standing, status
from lapwing.app import answers, ingesting
from lapwing.app.opening import Directory
from lapwing.engine.clock import SystemClock
from lapwing.ledger.sqlite.selecting import Filters

LEDGER = "ledger/generation-1.sqlite"


def filled(tmp_path: Path, data: Path, posts: int = 50) -> Path:
    assert ingest(data, lines(tmp_path / "a.ndjson", *(status(number) for number in range(posts)))).code == 0
    return data


def settled(data: Path) -> Path:
    """The ledger's file, with everything in it and nothing beside it."""
    connection = sqlite3.connect(data / LEDGER)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return data / LEDGER


def change(data: Path, statement: str) -> None:
    connection = sqlite3.connect(data / LEDGER)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_whole_directory_verifies(tmp_path: Path, data_dir: Path) -> None:
    done = lapwing(filled(tmp_path, data_dir), "verify")
    assert (done.code, done.out.decode().splitlines()[-1]) == (0, "nothing lost, nothing double")
    found = lapwing(data_dir, "verify", "--json").json
    assert found["ok"] is True
    assert len(found["promises"]) > 5


DAMAGE = {
    "UPDATE accounting SET stored = stored - 1, duplicates = duplicates + 1": "every post is there once",
    "UPDATE accounting SET received = received + 1": "every record is accounted for",
    "INSERT INTO hidden VALUES (3, 1, 1)": "edits, deletes and authors decide what stands",
    "DELETE FROM facts": "every post is there once",
    "DELETE FROM postings WHERE rowid = 1": "the index holds the words of the texts",
    "DELETE FROM pages WHERE store = 'keys'": "every post is found by its name",
    "DELETE FROM pages WHERE store = 'activity'": "windows count what their posts say",
    "UPDATE partitions SET next_offset = next_offset + 5": "the log was read without a hole, and no further than it goes",
    "UPDATE facts SET blob = x'00'": "the rest can be read",
}


@pytest.mark.parametrize("statement", DAMAGE)
def test_damage_is_seen(statement: str, tmp_path: Path, data_dir: Path) -> None:
    change(filled(tmp_path, data_dir), statement)
    done = lapwing(data_dir, "verify")
    assert done.code == 1
    assert f"BROKEN  {DAMAGE[statement]}" in done.out.decode()
    assert lapwing(data_dir, "verify", "--json").json["ok"] is False


def test_damaged_pages_are_seen_and_reading_says_so(tmp_path: Path, data_dir: Path) -> None:
    path = settled(filled(tmp_path, data_dir))
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'facts'").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    done = lapwing(data_dir, "verify")
    assert done.code == 1
    assert "BROKEN" in done.out.decode()
    done = lapwing(data_dir, "posts")
    assert done.code == 1
    assert "the data directory cannot be read" in done.err


# The ledger leaves its lock file open when it refuses to open; the process ends then anyway.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", [LEDGER, "log.sqlite"])
@pytest.mark.parametrize("kind", ["garbage", "version 99"])
def test_a_file_that_is_not_ours_is_left_as_it_is(name: str, kind: str, tmp_path: Path, data_dir: Path) -> None:
    settled(filled(tmp_path, data_dir))
    path = data_dir / name
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    if kind == "garbage":
        path.write_bytes(b"no database at all" * 1000)
    else:
        connection = sqlite3.connect(path)
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format_version'")
        connection.commit()
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
    before = path.read_bytes()
    for command in (["status"], ["ingest", "--workers", "0", str(tmp_path / "a.ndjson")], ["verify"]):
        done = lapwing(data_dir, *command)
        assert done.code == 1
        assert ("is not a" if kind == "garbage" else "has format version 99, this Lapwing knows") in done.err
        assert "another --data directory" in done.err
    assert path.read_bytes() == before
    doctor = lapwing(data_dir, "doctor")
    assert doctor.code == 1
    assert "fail  the data cannot be read" in doctor.out.decode()


def test_a_copy_made_while_work_goes_on_is_whole(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lapwing.app.files.READ_BYTES", 20_000)
    file = lines(tmp_path / "a.ndjson", *(status(number) for number in range(200)))
    copies: list[Path] = []

    def copy(_: object) -> None:
        if len(copies) < 3:
            copies.append(tmp_path / f"copy-{len(copies)}")
            assert lapwing(data_dir, "backup", copies[-1]).code == 0

    assert ingest(data_dir, lines(tmp_path / "first.ndjson", status(999))).code == 0
    directory = Directory(data_dir)
    ingesting.ingest(directory, ingesting.Wish(files=(str(file),), workers=0), copy)
    directory.close()
    for folder in copies:
        assert lapwing(folder, "verify").code == 0
        assert ingest(folder, file).code == 0
        assert standing(folder)[1] == 201
        assert lapwing(folder, "verify").code == 0
    assert lapwing(data_dir, "backup", copies[0]).code == 1
    assert "is not empty" in lapwing(data_dir, "backup", copies[0]).err
    assert "cannot be made" in lapwing(data_dir, "backup", file / "below").err


class RoomLater(SystemClock):
    """A clock at whose third wait for room there is room."""

    def __init__(self) -> None:
        self.directory: Directory | None = None
        self.waits = 0
        self.read = 0

    def sleep(self, seconds: float, wake: object = None) -> bool:
        if seconds < 1 or self.directory is None:
            return super().sleep(seconds)
        self.waits += 1
        store = self.directory.ledger.store
        self.read = len(answers.posts(store, Filters(), None, 10)["posts"])
        if self.waits == 3:
            limit(self.directory, 1 << 30)
        return False


def limit(directory: Directory, pages: int) -> None:
    for connection in (directory.ledger.store.connection, directory.log._connection):
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {max(pages, used)}")


@pytest.mark.parametrize("part", ["log", "ledger"])
def test_a_full_disk_is_waited_for_and_reading_goes_on(part: str, tmp_path: Path, data_dir: Path) -> None:
    filled(tmp_path, data_dir, posts=5)
    texts = [
        f"storm {number} " + "".join(chr(0x4E00 + (number * 7 + place * 13) % 20_000) for place in range(100))
        for number in range(2_000)
    ]
    file = lines(tmp_path / "b.ndjson", *(status(number + 100, texts[number]) for number in range(2_000)))
    directory = Directory(data_dir)
    clock = RoomLater()
    directory.clock = clock
    connection = directory.log._connection if part == "log" else directory.ledger.store.connection
    (used,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {used + 2}")
    clock.directory = directory
    summary = ingesting.ingest(directory, ingesting.Wish(files=(str(file),), workers=0))
    directory.close()
    assert clock.waits >= 3
    assert clock.read == 5
    assert (summary["received"], summary["stored"]) == (2_000, 2_000)
    assert lapwing(data_dir, "verify").code == 0


@pytest.mark.full
@pytest.mark.needs(program="mount")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs a file system that may be mounted, and mount says: {mounted.stderr.strip()}")
    try:
        assert ingest(disk / "data", lines(tmp_path / "a.ndjson", status(1))).code == 0
        noise = [f"{number} " + os.urandom(600).hex() for number in range(8_000)]
        file = lines(tmp_path / "b.ndjson", *(status(number + 10, noise[number]) for number in range(8_000)))
        command = [sys.executable, "-m", "lapwing", "--data", str(disk / "data"), "ingest", "--workers", "0", str(file)]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "src"})
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(15)  # it waits for room, and only time shows that
            assert len(lapwing(disk / "data", "posts", "--json").json["posts"]) >= 1
            subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
        assert standing(disk / "data")[1] == 8_001
        assert lapwing(disk / "data", "verify").code == 0
    finally:
        subprocess.run(["umount", disk], check=False)


def test_the_status_counts_since_the_beginning(tmp_path: Path, data_dir: Path) -> None:
    filled(tmp_path, data_dir, posts=3)
    assert numbers(ingest(data_dir, tmp_path / "a.ndjson")) == [3, 0, 3, 0, 0, 0]
    found = lapwing(data_dir, "status", "--json").json
    assert found["accounting"] == {
        "received": 6,
        "stored": 3,
        "duplicates": 3,
        "changes": 0,
        "filtered": 0,
        "refused": 0,
    }
    assert (found["lag_records"], found["posts"]["standing"], found["dead_letters"]) == (0, 3, 0)
    assert "6 received = 3 stored + 3 duplicates" in lapwing(data_dir, "status").out.decode()
