"""`lapwing up`: everything in the configuration, in one process tree."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lapwing import config
from lapwing.cli._options import configuration_of

WORKERS_MAX = 4
"""More workers than this are asked for by name, not by the number of cores."""


@click.command("up")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes (default: one for each core, at most 4).")
@click.pass_context
def command(context: click.Context, workers: int | None) -> None:
    """Workers, functions, timers, collections and the HTTP API, until Ctrl-C or SIGTERM.

    A part that dies is started again, and the configuration's file is read again when it is saved.
    """
    from lapwing.app.logs import configure
    from lapwing.app.up import Wish, run

    path = config.data_directory(context.obj["data"])

    def up(address: str) -> None:
        click.echo(f"lapwing listens on {address}  (data in {path}; Ctrl-C ends it)", err=True)

    configuration_of(context)  # a mistake in the file is said before anything else
    configure("up")
    file = Path(context.obj["config"] or "lapwing.toml")
    run(Wish(path=path, file=file, workers=workers or min(WORKERS_MAX, os.cpu_count() or 1)), up)
