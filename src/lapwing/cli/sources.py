"""`lapwing sources`: how the sources are, and one of them alone."""

from __future__ import annotations

from typing import Any

import click

from lapwing import config
from lapwing.cli._options import configuration_of, emit_json, emit_table, json_option, standing_directory_of
from lapwing.errors import UnknownName

REASON_CHARACTERS = 60


@click.group("sources", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """What is listened to, and how it is: connecting, live, back-filling, broken, refused, paused, not running, or removed."""
    if context.invoked_subcommand is not None:
        return
    from lapwing.app.sources import listed, removed

    directory = standing_directory_of(context, must_exist=False)
    rows = listed(directory)
    rows = sorted(rows + removed(directory, rows), key=lambda row: row["name"])
    if as_json:
        emit_json(rows)
        return
    emit_table("", ["source", "type", "topic", "state", "since", "records", "why"], [_row(each) for each in rows])


def _row(source: dict[str, Any]) -> list[str]:
    reason = source["reason"]
    return [
        source["name"],
        source["type"],
        source["topic"] or "",
        source["state"],
        source["since"] or "",
        f"{source['records']:,}",
        reason if len(reason) <= REASON_CHARACTERS else reason[: REASON_CHARACTERS - 1] + "…",
    ]


@command.command("run")
@click.argument("name")
@click.pass_context
def run(context: click.Context, name: str) -> None:
    """Listen to one source alone, until Ctrl-C or SIGTERM; `lapwing worker` works through what it hears."""
    from lapwing.app.ending import told_to_end
    from lapwing.app.listening import listen_to
    from lapwing.app.logs import configure

    configuration = configuration_of(context)
    names = [table.name for table in configuration.sources]
    if name not in names:
        raise UnknownName("source", name, names)
    configure("sources")
    ending = told_to_end()
    path = config.data_directory(context.obj["data"])
    click.echo(f"listening to {name} (data in {path}; Ctrl-C ends it)", err=True)
    listen_to(path, configuration, name, ending.is_set)
