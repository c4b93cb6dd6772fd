"""`lapwing rebuild`: run the log through the stages again."""

from __future__ import annotations

import click

from lapwing.cli._options import directory_of, emit_json, json_option


@click.command("rebuild")
@click.option("--since", help="Only what was appended to the log since this time, as in 1h or 2026-01-05.")
@json_option
@click.pass_context
def command(context: click.Context, since: str | None, as_json: bool) -> None:
    """Understand again what the log still holds, with the formats and stages of this version, as a new generation.

    Posts whose records expired from the log are copied as they are. Reading goes on meanwhile; nothing is lost if this stops.
    """
    from lapwing.app.rebuilding import rebuild
    from lapwing.app.times import read_time

    directory = directory_of(context)
    since_us = read_time(since, directory.clock.now_us(), "--since") if since else None
    result = rebuild(directory, since_us)
    if as_json:
        emit_json(result)
    else:
        click.echo(
            f"{result['recomputed']:,} posts understood again, {result['copied']:,} copied unchanged (the log no longer holds them, or --since left them out); now {result['generation']}"
        )
