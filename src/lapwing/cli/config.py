"""`lapwing config`: the configuration, and where each value comes from."""

from __future__ import annotations

import click

from lapwing import config
from lapwing.cli._options import configuration_of, emit_json, json_option


@click.group("config")
def command() -> None:
    """The configuration: the defaults, lapwing.toml over them, and LAPWING__SECTION__KEY over that."""


@command.command("show")
@click.option("--origin", is_flag=True, help="Behind each value, where it comes from: a file, a variable, or default.")
@json_option
@click.pass_context
def show(context: click.Context, origin: bool, as_json: bool) -> None:
    """Every key with the value that counts, as TOML writes it."""
    rows = config.rows(configuration_of(context))
    if as_json:
        emit_json([{"key": key, "value": value, "origin": source} for key, value, source in rows])
        return
    texts = [f"{key} = {value}" for key, value, _ in rows]
    width = max(map(len, texts))
    for text, (_, _, source) in zip(texts, rows, strict=True):
        click.echo(f"{text:{width}}  # {source}" if origin else text)
