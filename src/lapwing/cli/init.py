"""`lapwing init`: a few questions, and a lapwing.toml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lapwing import config
from lapwing.errors import UsageError

TRIES = 5
"""After so many wrong answers to one question it gives up: nobody is there."""


@click.command("init")
@click.option("--yes", is_flag=True, help="Take the default of every question.")
@click.option("--force", is_flag=True, help="Replace a configuration file that is there.")
@click.pass_context
def command(context: click.Context, yes: bool, force: bool) -> None:
    """Ask where data lives and where to listen, try each answer, and write lapwing.toml."""
    from lapwing.app.initial import Answers, check_address, check_folder, save

    file = Path(context.obj["config"] or "lapwing.toml")
    data = asked(
        "Where should log and store live?",
        str(config.data_directory(context.obj["data"])),
        yes,
        lambda text: check_folder(Path(text)),
    )
    host = asked("On which address should it listen?", "127.0.0.1", yes, lambda text: check_address(text, 0))
    port = asked("On which port?", "8080", yes, lambda text: check_address(host, _port(text)))
    retention = asked("How long should every record be kept verbatim?", "7d", yes, duration)
    posts = asked("How long should the texts of posts be kept?", "90d", yes, duration)
    power = asked(
        "Must an accepted record survive a power cut (slower)? yes or no",
        "no",
        yes,
        lambda text: "" if text in ("yes", "no") else "write yes or no",
    )
    durability = "power" if power == "yes" else "app-crash"
    answers = Answers(
        data=Path(data), host=host, port=_port(port), retention=retention, posts_retention=posts, durability=durability
    )
    save(file, answers, replace=force)
    click.echo(f"{file} is written. Next: lapwing --data {data} up")
    if host not in ("127.0.0.1", "localhost", "::1"):
        click.echo("whoever asks from elsewhere needs a token: lapwing token create NAME --scope read")


def asked(question: str, default: str, yes: bool, check: Callable[[str], str]) -> str:
    """An answer that was tried; with `yes` the default, if it is a good one."""
    wrong = 0

    def tried(text: Any) -> str:
        nonlocal wrong
        if not (problem := check(str(text))):
            return str(text)
        wrong += 1
        if wrong == TRIES:
            raise UsageError(f"{question} {problem}", "look it up and run it again, or take the defaults with --yes")
        raise click.UsageError(problem)

    return tried(default) if yes else str(click.prompt(question, default=default, value_proc=tried, err=True))


def duration(text: str) -> str:
    """What is wrong with a duration, or an empty text."""
    from lapwing.settings import duration_us

    try:
        duration_us(text)
    except ValueError as problem:
        return str(problem)
    return ""


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise click.UsageError(f"{text!r} is not a port; write a number up to 65535")
    return int(text)
