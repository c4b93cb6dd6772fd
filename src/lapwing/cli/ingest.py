"""`lapwing ingest`: archives and recordings into the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, json_option


@click.command("ingest")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--format",
    "format_",
    default="auto",
    show_default=True,
    help="auto looks at the content; the name of a file does not matter.",
)
@click.option("--source", help="What the posts say they came from (default: the file's name).")
@click.option("--covers", metavar="FROM/TO", help="The time in which this archive is known to be complete.")
@click.option("--workers", type=click.IntRange(0, 64), help="Worker processes; 0 works in this one (default: by size).")
@click.option("--incidents/--no-incidents", default=False, help="Work out incidents at the end; otherwise `up` does.")
@json_option
@click.pass_context
def command(context: click.Context, /, files: tuple[str, ...], format_: str, as_json: bool, **options: Any) -> None:
    """Read FILES (JSON, NDJSON, CSV, archives, recordings; .gz and .zst; - for stdin) into the store.

    Resumes where it was stopped. A finished file that is given again is read again, and all of it is known.
    """
    from lapwing.app.ingesting import Wish, ingest

    directory = directory_of(context, must_exist=False)
    covers = covered(options["covers"], directory.clock.now_us())
    wish = Wish(files=files, format=format_, source=options["source"], covers_us=covers, workers=options["workers"])
    with progress_bar("ingest") as show:
        summary = ingest(directory, wish, show)
    if options["incidents"]:
        from lapwing.app.looking import look_for_incidents

        look_for_incidents(directory)
    if as_json:
        emit_json(summary)
    else:
        from lapwing.cli.status import accounting_line

        click.echo(accounting_line(summary))
        click.echo(f"{summary['seconds']} s, {summary['posts_per_second']:,} records/s")
        if summary["refused"]:
            click.echo("see what was refused, and why: lapwing errors", err=True)
    sys.exit(3 if summary["refused"] else 0)


def covered(text: str | None, now_us: int) -> tuple[int, int] | None:
    """The two times of `--covers`."""
    if text is None:
        return None
    from lapwing.app.times import read_time
    from lapwing.errors import UsageError

    start, slash, end = text.partition("/")
    if not slash:
        raise UsageError(f"--covers: {text!r} is not FROM/TO", "write 2026-01-05T08:00:00Z/2026-01-05T14:00:00Z")
    return read_time(start, now_us, "--covers"), read_time(end, now_us, "--covers")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[Any], None]]:
    """A bar with rate and remaining time on stderr, when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[behind]:,} to save"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, behind=0)
        yield lambda now: bar.update(
            task, description=now.file, completed=now.read_bytes, total=now.total_bytes or None, behind=now.behind
        )
