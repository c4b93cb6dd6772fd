"""`lapwing compare`: window rows that differ from a table of expected ones."""

from __future__ import annotations

import sys
from typing import Any

import click

from lapwing.cli._options import configuration_of, emit_json, emit_table, json_option
from lapwing.errors import UsageError


@click.command("compare")
@click.argument("data")
@click.argument("expected", nargs=-1, required=True)
@click.option(
    "--window", default="5m", show_default=True, help="The width of the windows in the table: a multiple of 5m."
)
@json_option
@click.pass_context
def command(context: click.Context, data: str, expected: tuple[str, ...], window: str, as_json: bool) -> None:
    """Hold the counts of the data directory DATA against the table EXPECTED (.csv), row by row.

    Its columns: window; place_id, or place (and country where a name is not enough), or only country, or neither for
    all places together; posts, reposts, people, those that are to be compared. Exit code 1 if any row differs, or is
    missing on either side.
    """
    from pathlib import Path

    from lapwing.app.comparing import compare
    from lapwing.app.opening import Directory
    from lapwing.app.paging import width_of

    if len(expected) > 1 or not expected[0].lower().endswith(".csv"):
        raise UsageError("to compare captures is not available yet", "name a data directory and a .csv table")
    directory = Directory(Path(data), configuration_of(context)).must_exist()
    context.call_on_close(directory.close)
    result = compare(directory, expected[0], width_of(window))
    if as_json:
        emit_json(result)
    else:
        show(result)
    sys.exit(1 if result["differences"] else 0)


def show(result: dict[str, Any]) -> None:
    """The rows that differ, for people."""
    rows = [
        [each["window"], each["where"], numbers(each["expected"]), numbers(each["found"])]
        for each in result["differences"]
    ]
    if rows:
        emit_table("", ["window", "where", "expected", "found"], rows)
    click.echo(f"{len(rows)} of {result['rows']} rows differ" if rows else f"all {result['rows']} rows are as expected")


def numbers(counts: dict[str, int] | None) -> str:
    """The counts of one side, or that it has none."""
    return "no such row" if counts is None else ", ".join(f"{value:,} {name}" for name, value in counts.items())
