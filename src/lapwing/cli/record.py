"""`lapwing record`: what the sources say, exactly, into a file."""

from __future__ import annotations

from pathlib import Path

import click

from lapwing.cli._options import configuration_of, directory_of, emit_json, json_option
from lapwing.errors import UsageError


@click.command("record")
@click.argument("file")
@click.option("--for", "length", help="How long: 10m, 2h. Without it, until Ctrl-C.")
@click.option("--at", help="Begin at this time (2026-01-05T10:00:00Z), so that several machines begin together.")
@click.option("--source", "names", multiple=True, help="Only this source. Repeatable.")
@json_option
@click.pass_context
def command(
    context: click.Context, file: str, length: str | None, at: str | None, names: tuple[str, ...], as_json: bool
) -> None:
    """Record into FILE (.ndjson, or .zst for packed) what the configured sources say, with the times of reception.

    Nothing goes into the data directory. `replay` and `ingest` read the file, `compare` holds it against others.
    """
    from lapwing.app.ending import told_to_end
    from lapwing.app.logs import configure
    from lapwing.app.recording import Wish, record
    from lapwing.app.times import read_duration, read_time, written

    clock, configuration = directory_of(context, must_exist=False).clock, configuration_of(context)
    unknown = set(names) - {table.name for table in configuration.sources}
    if unknown:
        known = ", ".join(table.name for table in configuration.sources) or "none"
        raise UsageError(f"no source is called {min(unknown)!r}", f"configured: {known}")
    wish = Wish(
        names=names,
        at_us=None if at is None else read_time(at, clock.now_us(), "--at"),
        for_us=None if length is None else read_duration(length, "--for"),
    )
    configure("record")
    ending = told_to_end()
    result = record(configuration, Path(file), wish, clock, ending.is_set)
    if as_json:
        emit_json(result)
        return
    for source in result["sources"]:
        why = f" ({source['reason']})" if source["reason"] else ""
        click.echo(
            f"{source['name']}: {source['records']:,} records, {source['heard_s']:,.0f} s surely heard, {source['state']}{why}"
        )
        for gap in source["gaps"]:
            click.echo(f"  missed {written(gap['from_us'])} to {written(gap['to_us'])}: {gap['reason']}")
    click.echo(f"{result['records']:,} records in {file}", err=True)
    click.echo(f"`lapwing ingest {file}` reads it, and what was surely heard", err=True)
