"""Tokens by the command line, and the file that they are in: only hashes, only for its owner, never half written."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

from cli.running import Done, lapwing
from lapwing.app.tokens import Tokens, check_start, policy_of
from lapwing.engine.clock import SystemClock
from lapwing.errors import Corrupt, UsageError
from lapwing.serving.identity import Identity, Rejection
from lapwing.serving.security import guarded, requires
from lapwing.settings import Serve
from lapwing.testing import SimulatedClock
from serving.matrix import HOST, ask

DAY_US = 86_400_000_000
SECRET = re.compile(r"lw_[A-Za-z0-9_-]{43}\n")


def token(data: Path, *words: object) -> Done:
    return lapwing(data, "token", *words)


def made(data: Path, name: str = "ada", scope: str = "read", *more: object) -> str:
    done = token(data, "create", name, "--scope", scope, *more)
    assert done.code == 0
    assert SECRET.fullmatch(done.out.decode())
    return done.out.decode().strip()


def test_a_token_is_shown_once_and_only_its_hash_is_kept(data_dir: Path) -> None:
    secret = made(data_dir)
    file = data_dir / "tokens.json"
    content = file.read_text()
    assert secret not in content
    assert secret[3:] not in content
    assert hashlib.sha256(secret.encode()).hexdigest() in content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in data_dir.iterdir()} == {"tokens.json", "tokens.lock"}
    listed = token(data_dir, "list")
    assert (listed.code, secret in listed.out.decode()) == (0, False)
    assert secret[-4:] in listed.out.decode()


def test_the_mode_holds_whatever_stood_there_before(data_dir: Path) -> None:
    made(data_dir)
    (data_dir / "tokens.json").chmod(0o644)
    (data_dir / "tokens.json.new").write_text("half a fi")  # of a writer that was killed
    made(data_dir, "bob")
    assert stat.S_IMODE((data_dir / "tokens.json").stat().st_mode) == 0o600
    assert [row["name"] for row in token(data_dir, "list", "--json").json] == ["ada", "bob"]


def test_list_says_all_but_the_token(data_dir: Path) -> None:
    secret = made(data_dir, "ada", "write", "--expires", "30d")
    made(data_dir, "bob", "admin", "--expires", "never")
    assert token(data_dir, "revoke", "bob").code == 0
    first, second = token(data_dir, "list", "--json").json
    assert set(first) == {"name", "scope", "state", "ends_with", "created", "expires", "revoked"}
    assert (first["name"], first["scope"], first["state"]) == ("ada", "write", "valid")
    assert (first["ends_with"], first["revoked"]) == (secret[-4:], None)
    assert first["created"] < first["expires"]
    assert (second["state"], second["expires"]) == ("revoked", None)
    assert second["revoked"] is not None


def test_a_directory_without_tokens_has_an_empty_list(data_dir: Path) -> None:
    assert token(data_dir, "list", "--json").json == []
    assert not (data_dir / "tokens.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "ada", "--scope", "read"], "there is a token 'ada'"),
        (["create", "a/b", "--scope", "read"], "'a/b' is no name"),
        (["create", "bob\n", "--scope", "read"], "is no name"),
        (["create", "bob"], "--scope"),
        (["create", "bob", "--scope", "root"], "root"),
        (["create", "bob", "--scope", "read", "--expires", "soon"], "or never"),
        (["create", "bob", "--scope", "read", "--expires", "0s"], "a minute"),
        (["create", "bob", "--scope", "read", "--expires", "101y"], "a century"),
        (["revoke", "adda"], "did you mean 'ada'?"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(words: list[str], said: str, data_dir: Path) -> None:
    made(data_dir)
    before = (data_dir / "tokens.json").read_bytes()
    done = token(data_dir, *words)
    assert (done.code, said in done.err, done.out) == (2, True, b"")
    assert (data_dir / "tokens.json").read_bytes() == before


def test_the_name_of_a_revoked_token_is_free_again_and_the_old_one_stays_dead(data_dir: Path) -> None:
    old = made(data_dir)
    token(data_dir, "revoke", "ada")
    assert token(data_dir, "revoke", "ada").code == 0  # to repeat it changes nothing
    new = made(data_dir, "ada", "write")
    tokens = Tokens(data_dir, SystemClock())
    assert tokens.check(new) == Identity("ada", "write")
    assert tokens.check(old) == Rejection("unknown")


def test_a_token_counts_until_its_time_or_its_end(data_dir: Path) -> None:
    clock = SimulatedClock(1_767_571_200_000_000)
    tokens, others = Tokens(data_dir, clock), Tokens(data_dir, clock)
    assert not tokens.exist()
    secret, _ = others.create("ada", "read", 7 * DAY_US)
    forever, _ = others.create("bob", "admin")
    assert tokens.exist()
    assert tokens.check(secret) == Identity("ada", "read")
    for wrong in ("", "lw_", secret[:-1], secret + "A", secret.lower(), "x" * 1_000_000, "lw_é\ud800"):
        assert tokens.check(wrong) == Rejection("unknown")
    clock.advance(7 * 86_400)
    assert tokens.check(secret) == Rejection("expired", "ada")
    assert tokens.check(forever) == Identity("bob", "admin")
    others.revoke("bob")
    assert tokens.check(forever) == Rejection("revoked", "bob")
    assert tokens.exist()  # revoked ones too keep the doors closed


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version":2,"tokens":[]}', b"\xff", b'{"version":1}'])
def test_a_file_that_is_not_ours_opens_no_door_and_is_not_overwritten(content: bytes, data_dir: Path) -> None:
    secret = made(data_dir)
    (data_dir / "tokens.json").write_bytes(content)
    tokens = Tokens(data_dir, SystemClock())
    assert tokens.exist()
    assert tokens.check(secret) == Rejection("unreadable")
    with pytest.raises(Corrupt, match=r"tokens\.json"):
        tokens.create("bob", "read")
    done = token(data_dir, "create", "bob", "--scope", "read")
    assert (done.code, (data_dir / "tokens.json").read_bytes()) == (1, content)


WRITER = """
import sys
from pathlib import Path
from lapwing.app.tokens import Tokens
from lapwing.engine.clock import SystemClock
tokens = Tokens(Path(sys.argv[1]), SystemClock())
for number in range(25):
    tokens.create(f"{sys.argv[2]}-{number}", "read")
    if number % 2:
        tokens.revoke(f"{sys.argv[2]}-{number}")
"""


def test_two_processes_that_write_at_once_lose_nothing(data_dir: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(data_dir), name], stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    reader = Tokens(data_dir, SystemClock())
    seen = 0
    while any(writer.poll() is None for writer in writers):
        found = len(reader.listed())  # never half a file
        assert found >= seen
        seen = found
    assert [(writer.wait(), writer.communicate()[1]) for writer in writers] == [(0, b""), (0, b"")]
    found = {each.name: each.revoked_us is not None for each in reader.listed()}
    assert found == {f"{name}-{number}": number % 2 == 1 for name in ("one", "two") for number in range(25)}


def test_a_running_server_knows_at_once(data_dir: Path) -> None:
    app = FastAPI()

    @app.get("/posts", dependencies=[requires("read")])
    async def posts() -> None: ...

    @app.post("/posts", dependencies=[requires("write")])
    async def write() -> None: ...

    guard = guarded(app, policy_of(data_dir, Serve(), SystemClock()))
    assert ask(guard, "POST", "/posts").status == 200  # no token yet, and only this machine
    secret = made(data_dir, "ada", "write")
    mine = (HOST, ("authorization", f"Bearer {secret}"))
    assert [ask(guard, "POST", "/posts", headers).status for headers in ((HOST,), mine)] == [401, 200]
    token(data_dir, "revoke", "ada")
    refused = ask(guard, "POST", "/posts", mine)
    assert (refused.status, json.loads(refused.body)["detail"]) == (401, "this token is revoked")
    assert [ask(guard, method, "/posts").status for method in ("GET", "POST")] == [200, 401]


def test_others_are_only_let_in_where_there_is_a_token(data_dir: Path) -> None:
    check_start(data_dir, Serve())
    with pytest.raises(UsageError, match="lapwing token create"):
        check_start(data_dir, Serve(host="0.0.0.0"))
    made(data_dir)
    check_start(data_dir, Serve(host="0.0.0.0"))
