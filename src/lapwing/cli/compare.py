"""`lapwing compare`: window rows that differ from a table of expected ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lapwing.cli._options import configuration_of, emit_json, emit_table, json_option


@click.command("compare")
@click.argument("data")
@click.argument("expected", nargs=-1, required=True)
@click.option(
    "--window", default="5m", show_default=True, help="The width of the windows in the table: a multiple of 5m."
)
@json_option
@click.pass_context
def command(context: click.Context, data: str, expected: tuple[str, ...], window: str, as_json: bool) -> None:
    """Hold captures against each other; or the counts of the data directory DATA against a table of EXPECTED ones (.csv).

    Captures are recordings, archives and data directories, two or more: over the time that all of them cover, what each
    lacks of what they heard together, by source, kind and minute, and why that is likely: a gap, a delete that came first,
    a `keep` rule, or that it came late.

    A table is compared row by row.
    Its columns: window; place_id, or place (and country where a name is not enough), or only country, or neither for
    all places together; posts, reposts, people, those that are to be compared. Exit code 1 if any row differs, or is
    missing on either side.
    """
    from lapwing.app.comparing import compare
    from lapwing.app.opening import Directory
    from lapwing.app.paging import width_of

    if len(expected) > 1 or not Path(data).is_dir() or not expected[0].lower().endswith(".csv"):
        compare_captures(context, (data, *expected), as_json)
        return
    directory = Directory(Path(data), configuration_of(context)).must_exist()
    context.call_on_close(directory.close)
    result = compare(directory, expected[0], width_of(window))
    if as_json:
        emit_json(result)
    else:
        show(result)
    sys.exit(1 if result["differences"] else 0)


def compare_captures(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """What each capture lacks."""
    from lapwing.app.fidelity import captured, compare

    configuration = configuration_of(context)
    result = compare([captured(name, configuration) for name in names])
    if as_json:
        emit_json(result)
        return
    click.echo(f"{result['posts']:,} posts heard from {result['from']} to {result['to']}, the time that all cover")
    for each in result["captures"]:
        if each["cut"]:
            click.echo(f"{each['name']} was cut off, and is read up to there", err=True)
    rows = [
        [
            str(each["rank"]),
            each["name"],
            f"{each['missing']:,}",
            f"{each['share']:.3%}",
            ", ".join(f"{count:,} {cause}" for cause, count in each["by_cause"].items()),
        ]
        for each in result["captures"]
    ]
    emit_table("", ["rank", "capture", "missing", "share", "likely causes"], rows, right=["missing", "share"])
    for each in result["captures"]:
        for by in ("source", "kind", "minute"):
            worst = ", ".join(f"{row['what']} {row['missing']:,} of {row['of']:,}" for row in each[f"by_{by}"][:3])
            if worst:
                click.echo(f"{each['name']} lacks most by {by}: {worst}")


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
