"""`lapwing replay`: recordings into the log at their own rhythm."""

from __future__ import annotations

import click

from lapwing.cli._options import directory_of, emit_json, json_option


@click.command("replay")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="So many times as fast as it was heard; 0 does not wait at all.",
)
@click.option("--faults", default="", help="As in disconnect=0.01,duplicate=0.05,reorder=30s,delete=0.02.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which faults: the same number, the same ones.")
@json_option
@click.pass_context
def command(
    context: click.Context, files: tuple[str, ...], speed: float, faults: str, seed: int, as_json: bool
) -> None:
    """Put the records of recordings (FILES, as `record` writes them; .gz and .zst) into the log, as they once came.

    Sources, networks, formats and the times of reception stay as they were recorded, so that a replay gives the same
    answers as `ingest` of the same file. Workers (`lapwing worker`) read the log as always.

    With --faults it comes as over a bad network: a share of the records breaks the connection, so that what came before
    comes again; is repeated; comes late; or is deleted by its author a second later. The answers are the same as without,
    but for the posts deleted.
    """
    from lapwing.app.replay_faults import parse
    from lapwing.app.replaying import replay

    summary = replay(directory_of(context, must_exist=False), files, speed, parse(faults), seed)
    if as_json:
        emit_json(summary)
    else:
        for name in summary["cut"]:
            click.echo(f"{name} was cut off, and is read up to there", err=True)
        click.echo(f"{summary['records']:,} records into the log in {summary['seconds']} s")
        click.echo("`lapwing worker` works through them", err=True)
