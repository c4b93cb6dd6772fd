"""`lapwing worker`: work through the log."""

from __future__ import annotations

import click

from lapwing.cli._options import configuration_of, directory_of


@click.command("worker")
@click.option("-n", "count", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option("--until-empty", is_flag=True, help="Stop when the log is worked through.")
@click.pass_context
def command(context: click.Context, count: int, until_empty: bool) -> None:
    """Read the log, understand it, save it, until Ctrl-C or SIGTERM; then finish the batch in hand and stop."""
    from lapwing.app.workers import run_until_stopped

    directory = directory_of(context, must_exist=False)
    restarted = run_until_stopped(directory, configuration_of(context), count, until_empty)
    if restarted:
        click.echo(f"{restarted} workers died and were started again", err=True)
