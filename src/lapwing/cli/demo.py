"""`lapwing demo`: the recorded city evening through the whole path."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from shutil import which
from typing import Any

import click

from lapwing.cli._options import configuration_of, emit_json, emit_table, json_option
from lapwing.errors import UsageError

DIRECTORY = "lapwing-demo"


@click.command("demo")
@click.option("--once", is_flag=True, help="Process the evening, print the summary, exit.")
@click.option("--speed", type=click.FloatRange(min=0.1), help="So many times as fast as it was.  [default: 60]")
@click.option("--port", type=click.IntRange(1, 65535), help="Of the dashboard.  [default: 8080]")
@click.option("--no-browser", is_flag=True, help="Only say where the dashboard is.")
@click.option(
    "--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Worker processes; 0 works in this one."
)
@json_option
@click.pass_context
def command(context: click.Context, /, as_json: bool, workers: int, once: bool, **options: Any) -> None:
    """An evening of 200,000 posts in 300 cities, on a dashboard, in a directory of its own (./lapwing-demo, or --data).

    It runs 60 times as fast as it was, until Ctrl-C, and begins anew each time. With --once it is processed as fast as can
    be, without a dashboard; then the exit code is 0 when exactly the records that were made broken were refused.
    """
    from lapwing import config
    from lapwing.app import demo
    from lapwing.app.opening import Directory

    path, named = Path(context.obj["data"] or DIRECTORY), context.obj["config"]
    if (once or as_json) and (options["speed"] is not None or options["port"] is not None):
        raise UsageError("--speed and --port are for the dashboard", "leave them out, or leave out --once and --json")
    if named and options["port"] is not None:
        raise UsageError(f"--port and --config {named} say both where to listen", "write the port there, under [serve]")
    port = options.pop("port")
    file = Path(named) if named else demo.settings(path, port)
    configuration = configuration_of(context) if named else config.parse(file.read_text("utf-8"), file=str(file))
    if port is not None and configuration.serve.port != port:
        raise UsageError(
            f"LAPWING__SERVE__PORT says {configuration.serve.port}, and --port {port}", "leave one of them out"
        )
    if not once and not as_json:
        _play(path, file, workers, options["speed"], options["no_browser"])
        return
    with closing(Directory(path, configuration)) as directory:
        result = demo.run(directory, workers, _say)
    if as_json:
        emit_json(result)
    else:
        show_result(result)
    sys.exit(0 if result["as_made"] else 1)


def _play(path: Path, file: Path, workers: int, speed: float | None, no_browser: bool) -> None:
    """The evening on a dashboard, until Ctrl-C."""
    from lapwing.app import demo, playing
    from lapwing.app.logs import configure
    from lapwing.app.up import Wish

    speed = playing.SPEED if speed is None else speed
    if not speed <= playing.SPEED_MAX:  # which nothing is that is no number
        raise UsageError(
            f"--speed {speed:g} is too fast", f"at most {playing.SPEED_MAX:g}; --once does not wait at all"
        )
    recording, _ = demo.made(path, 1.0, _say)
    _say(f"the evening runs {speed:g} times as fast as it was: {_length(6 * 3_600 / speed)}")

    def up(address: str) -> None:
        _say(f"the dashboard is {address}  (data in {path}; Ctrl-C ends it)")
        if not no_browser:
            playing.open_browser(address)

    configure("demo")
    playing.play(Wish(path=path, file=file, workers=max(1, workers)), recording, speed, up)


def _length(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _say(line: str) -> None:
    click.echo(line, err=True)


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
