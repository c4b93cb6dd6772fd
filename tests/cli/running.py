"""The command line, run in this process as a shell would run it, and posts to feed it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.testing import CliRunner

from lapwing.cli import main

COUNTS = ("received", "stored", "duplicates", "changes", "filtered", "refused")
HOUR = "2024-06-01T10"


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def shell(words: tuple[str, ...]) -> None:
    main(list(words))


def lapwing(data: Path | None, *words: object, given: bytes = b"") -> Done:
    """Run `lapwing --data DATA WORDS…`; whatever is raised and not said is raised here too."""
    typed = [*(["--data", str(data)] if data else []), *map(str, words)]
    result = CliRunner().invoke(shell, typed, input=given, catch_exceptions=False)
    assert "Traceback" not in result.stderr
    return Done(result.exit_code, result.stdout_bytes, result.stderr)


def ingest(data: Path, *words: object, given: bytes = b"") -> Done:
    return lapwing(data, "ingest", "--json", "--workers", 0, *words, given=given)


def numbers(done: Done) -> list[int]:
    """The accounting line of `ingest --json`; the equation holds."""
    found = [done.json[name] for name in COUNTS]
    assert found[0] == sum(found[1:])
    return found


def standing(data: Path) -> list[int]:
    """The accounting since the beginning; the equation holds."""
    found = [lapwing(data, "status", "--json").json["accounting"][name] for name in COUNTS]
    assert found[0] == sum(found[1:])
    return found


def status(number: int, text: str = "Hail and thunder", **more: Any) -> bytes:
    """A post as Mastodon writes it, made at 10:00 and as many seconds as its number says."""
    account = {"acct": "ada", "uri": f"https://a.example/users/{number % 3}", "fields": []}
    post = {
        "id": str(number),
        "uri": f"https://a.example/posts/{number}",
        "created_at": f"{HOUR}:{number // 60 % 60:02}:{number % 60:02}Z",
        "visibility": "public",
        "language": "en",
        "content": f"<p>{text}</p>",
        "account": account,
    }
    return json.dumps(post | more, ensure_ascii=False).encode("utf-8", "surrogatepass")


def lines(path: Path, *records: bytes) -> Path:
    path.write_bytes(b"".join(record + b"\n" for record in records))
    return path
