"""`lapwing train`: a new classifier of emergencies from labelled files."""

from __future__ import annotations

import sys

import click

from lapwing.cli._options import emit_json, json_option
from lapwing.errors import UsageError


@click.command("train")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--out", required=True, metavar="MODEL", help="Where the classifier is written, a .parquet file.")
@click.option(
    "--seed", type=int, default=7, show_default=True, help="The same seed and files make the same classifier."
)
@click.option("--frozen", metavar="LIST", help="Files that a new one is compared on, as sha256sum lists them.")
@click.option("--force", is_flag=True, help="Replace MODEL even by one that is not better, or was not compared.")
@json_option
def command(files: tuple[str, ...], out: str, seed: int, frozen: str | None, force: bool, as_json: bool) -> None:
    """Train on labelled FILES: CSV, NDJSON or Parquet with `text` and `label`, and `category`, `lang`, `event` if known.

    Each event is left out once; what is said of it then gives calibration, threshold and the measures shown. Where MODEL
    exists, it is replaced only by a better one on the frozen files. Exit code 1 if it stayed.
    """
    from pathlib import Path

    from lapwing.app.emergency import read_weights
    from lapwing.app.evaluating import compare, frozen_sets
    from lapwing.app.training import read_labelled, train
    from lapwing.cli.evaluate import show_comparison, show_measures

    path = Path(out)
    if path.exists() and not frozen and not force:
        raise UsageError(f"{out} exists", "give --frozen, on which the new one must be better, or --force")
    trained = train(read_labelled(files), seed, lambda event: click.echo(f"without {event}", err=True))
    comparison = None
    if path.exists() and frozen:
        comparison = compare(trained.weights, read_weights(path), frozen_sets(Path(frozen)), seed)
    kept = comparison is None or comparison["better"] or force
    if kept:
        trained.write(path)
    if as_json:
        emit_json({"left_out": trained.measured, "comparison": comparison, "written": kept, "forced": force and kept})
    else:
        show_measures("events left out one by one", trained.measured)
        if comparison:
            show_comparison(comparison)
        forced = " by --force" if force and not (comparison or {"better": False})["better"] else ""
        click.echo(f"{out} was written{forced}" if kept else f"{out} stays as it is: the new one is not better")
    sys.exit(0 if kept else 1)
