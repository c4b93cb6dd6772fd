"""`lapwing errors`: the dead letters."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option


def _listing(function: Callable[..., None]) -> Callable[..., None]:
    """The options of a list."""
    for option in (
        json_option,
        click.option("--limit", type=click.IntRange(1), default=50, show_default=True),
        click.option("--topic", help="Only this topic."),
        click.option("--reason", help="Only reasons that contain this."),
    ):
        function = option(function)
    return function


@click.group("errors", invoke_without_command=True)
@_listing
@click.pass_context
def command(context: click.Context, /, **asked: Any) -> None:
    """Records that were refused, and why. Without a word: list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_, **asked)


@command.command("list")
@_listing
@click.pass_context
def list_(context: click.Context, reason: str | None, topic: str | None, limit: int, as_json: bool) -> None:
    """The newest dead letters."""
    from lapwing.app import letters

    found = letters.listed(directory_of(context), reason, topic, limit)
    if as_json:
        emit_json(found)
        return
    rows = [[str(each["id"]), each["source"], each["topic"], str(each["offset"]), each["reason"]] for each in found]
    emit_table("", ["id", "source", "topic", "offset", "reason"], rows, right=("id", "offset"))


@command.command("show")
@click.argument("number", type=int)
@click.pass_context
def show(context: click.Context, number: int) -> None:
    """One dead letter, the record included, as it came."""
    from lapwing.app import letters
    from lapwing.app.tables import printable

    letter, record = letters.shown(directory_of(context), number)
    for key, value in letter.items():
        click.echo(f"{key}: {printable(str(value))}", err=True)
    if sys.stdout.isatty():  # a record is a stranger's: it must not speak to the terminal
        click.echo(printable(record.decode("utf-8", "replace")))
        return
    sys.stdout.buffer.write(record + b"\n")
    sys.stdout.flush()


@command.command("retry")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--with", "record_file", type=click.File("rb"), help="The mended record, for one number; - for stdin.")
@click.pass_context
def retry(context: click.Context, numbers: tuple[int, ...], every: bool, record_file: BinaryIO | None) -> None:
    """Read dead letters again; what can be read now moves from refused to where it belongs. Repeating it changes nothing."""
    from lapwing.app import letters

    mended = record_file.read().rstrip(b"\r\n") if record_file else None
    moved, refused = letters.retried(directory_of(context), numbers, every, mended)
    click.echo(f"{moved} could be read now, {refused} are refused still", err=True)
    sys.exit(3 if refused else 0)


@command.command("discard")
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.pass_context
def discard(context: click.Context, numbers: tuple[int, ...]) -> None:
    """Give dead letters up: they are no longer listed, and count as filtered. Repeating it changes nothing."""
    from lapwing.app import letters

    click.echo(f"{letters.discarded(directory_of(context), numbers)} were discarded", err=True)


@command.command("export")
@click.option("--limit", type=click.IntRange(1), default=1_000_000)
@click.pass_context
def export(context: click.Context, limit: int) -> None:
    """All dead letters, one JSON object to a line, records included."""
    from lapwing.app import letters

    for letter in letters.exported(directory_of(context), limit):
        emit_json(letter)


@command.command("failures")
@click.option("--function", help="Only those of this function.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@json_option
@click.pass_context
def failures(context: click.Context, function: str | None, limit: int, as_json: bool) -> None:
    """What functions failed on, newest first, with the reason and the record."""
    from lapwing.app import failures as found

    rows = found.failures(directory_of(context), limit, function)
    if as_json:
        emit_json(rows)
        return
    table = [[row["at"][:19], row["function"], f"{row['topic']}/{row['offset']}", row["reason"]] for row in rows]
    emit_table("", ["at", "function", "record", "reason"], table)
