"""`lapwing backup`: a consistent copy."""

from __future__ import annotations

from pathlib import Path

import click

from lapwing.cli._options import directory_of


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_context
def command(context: click.Context, folder: Path) -> None:
    """Copy the data directory into FOLDER, consistently, while work goes on. `--data FOLDER` then uses the copy."""
    from lapwing.app.safekeeping import back_up

    size = back_up(directory_of(context), folder)
    click.echo(f"copied {size / 1e6:,.1f} MB to {folder}", err=True)
