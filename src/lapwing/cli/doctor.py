"""`lapwing doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import sys

import click

from lapwing import config
from lapwing.cli._options import configuration_of, emit_json, json_option
from lapwing.errors import LapwingError


@click.command("doctor")
@click.option("--port", type=click.IntRange(1, 65535), help="Looks whether it is free.  [default: the configuration's]")
@json_option
@click.pass_context
def command(context: click.Context, port: int | None, as_json: bool) -> None:
    """Look at Python, packages, disk, data, clock and workers; each line is ok, warn or fail, with what mends it.

    Exit code 1 if anything fails.
    """
    from lapwing.app import doctoring

    found = list(doctoring.installation())
    try:
        configuration = configuration_of(context)
        found.append(doctoring.Line("ok", "the configuration can be read"))
    except LapwingError as problem:
        configuration = config.parse("", environment={})
        found.append(doctoring.Line("fail", problem.what, problem.next_step))
    found += doctoring.functions(configuration)
    port = configuration.serve.port if port is None else port
    found += doctoring.surroundings(config.data_directory(context.obj["data"]), configuration, port)
    failed = any(line.level == "fail" for line in found)
    if as_json:
        emit_json({"ok": not failed, "lines": found})
    else:
        for line in found:
            click.echo(f"{line.level:4}  {line.what}" + (f": {line.fix}" if line.fix else ""))
    sys.exit(1 if failed else 0)
