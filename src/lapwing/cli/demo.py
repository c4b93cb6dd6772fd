"""`lapwing demo`: the recorded city evening through the whole path."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which
from typing import Any

import click

from lapwing.cli._options import configuration_of, emit_json, emit_table, json_option
from lapwing.errors import UsageError

DIRECTORY = "lapwing-demo"


@click.command("demo")
@click.option("--once", is_flag=True, help="Process the evening, print the summary, exit.")
@click.option("--speed", type=click.FloatRange(min=0.1), help="How fast the evening runs; not available yet.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of the dashboard; not available yet.")
@click.option("--no-browser", is_flag=True, help="Do not open one; there is no dashboard yet.")
@click.option(
    "--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Worker processes; 0 works in this one."
)
@json_option
@click.pass_context
def command(context: click.Context, /, as_json: bool, workers: int, **options: Any) -> None:
    """An evening of 200,000 posts in 300 cities, in a directory of its own (./lapwing-demo, or --data).

    Exit code 0 when exactly the records that were made broken were refused.
    """
    from lapwing.app import demo
    from lapwing.app.opening import Directory

    if options["speed"] is not None or options["port"] is not None:
        raise UsageError(
            "--speed and --port are not available yet: there is no dashboard in this version", "use --once"
        )
    path = Path(context.obj["data"] or DIRECTORY)
    result = demo.run(Directory(path, configuration_of(context)), workers, lambda line: click.echo(line, err=True))
    if as_json:
        emit_json(result)
    else:
        show_result(result)
    sys.exit(0 if result["as_made"] else 1)


def show_result(result: dict[str, Any]) -> None:
    """The evening in one screen."""
    from lapwing.cli.status import accounting_line

    click.echo(accounting_line(result["accounting"]))
    click.echo(
        "exactly the records that were made broken were refused"
        if result["as_made"]
        else f"NOT as made: expected {accounting_line(result['expected'])}"
    )
    for title, rows in (("top five cities", result["top"]), ("bottom five cities", result["bottom"])):
        table = [
            [
                row["place"]["name"],
                row["place"]["country"],
                *(f"{row[name]:,}" for name in ("posts", "reposts", "people")),
            ]
            for row in rows
        ]
        click.echo("")
        emit_table(title, ["city", "", "posts", "reposts", "people"], table, right=("posts", "reposts", "people"))
    click.echo("\nwords: " + "  ".join(f"{row['word']} {row['count']:,}" for row in result["words"]))
    click.echo(
        f"\n{result['located']:.0%} of posts located · {result['seconds']} s · {result['posts_per_second']:,} records/s through the whole path"
    )
    found = result["incidents"]
    click.echo(
        f"{found['there']} incidents, {found['confirmed']} of them confirmed, from what different people said of one thing; "
        "two of the evening are real (a flood in Semarang, a train in Brisbane)"
    )
    lapwing = "lapwing" if which("lapwing") else sys.argv[0]  # make runs it from a folder that is not on the path
    click.echo(
        f"look around: {lapwing} --data {result['directory']} incidents   (or posts semarang, counts, words, status, verify)"
    )
