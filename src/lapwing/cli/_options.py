"""What several commands take: the data directory, filters, the shape of the output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import Any

import click
import msgspec

from lapwing import config
from lapwing.errors import ConfigError, UsageError

Decorated = Callable[..., Any]

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on stdout.")


def configuration_of(context: click.Context) -> config.Configuration:
    """The configuration file named, or ./lapwing.toml, or nothing at all, which is a good one."""
    named = context.obj["config"]
    path = Path(named or "lapwing.toml")
    if not path.exists():
        if named:
            raise UsageError(f"there is no file {named}", "leave --config away to use the defaults")
        return config.parse("")
    try:
        return config.parse(path.read_text(encoding="utf-8"), file=str(path))
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"{path} cannot be read ({problem})", "write it as UTF-8 text, or name another --config"
        ) from None


def directory_of(context: click.Context, *, must_exist: bool = True) -> Any:
    """The data directory, opened; raises `UsageError` where there is none and there must be."""
    from lapwing.app.opening import Directory

    directory = Directory(config.data_directory(context.obj["data"]), configuration_of(context))
    context.call_on_close(directory.close)
    return directory.must_exist() if must_exist else directory


def standing_directory_of(context: click.Context, *, must_exist: bool = True) -> Any:
    """As `directory_of`, for those who only look: a mistake in the configuration is said in one line, and what was last
    in force counts.
    """
    from lapwing.app.in_force import last
    from lapwing.app.opening import Directory

    path = config.data_directory(context.obj["data"])
    try:
        configuration, problem = configuration_of(context), ""
    except UsageError as mistake:
        if not isinstance(mistake, ConfigError) and last(path) is None:
            raise  # a file that was never there, and not one with a mistake
        configuration, problem = config.parse("source = []", environment={}), " ".join(str(mistake).split())
    directory = Directory(path, configuration)
    directory.mistaken = bool(problem)
    context.call_on_close(directory.close)
    if must_exist:
        directory.must_exist()
    if problem:
        click.echo(f"a mistake in the configuration, so as it was last in force: {problem}", err=True)
    return directory


def filter_options(function: Decorated) -> Decorated:
    """`--source --network --place --country --lang --since --until`."""
    options = (
        click.option("--source", multiple=True, help="Only posts that this source saw. Repeatable."),
        click.option("--network", multiple=True, help="x, mastodon, bluesky … Repeatable."),
        click.option("--place", multiple=True, help="A city by name, `Name, CC` or GeoNames id. Repeatable."),
        click.option("--country", multiple=True, help="Two letters. Repeatable."),
        click.option("--lang", multiple=True, help="Two or three letters. Repeatable."),
        click.option("--since", help="From this time on: 2026-01-05T10:00:00Z, 2026-01-05, 2h (ago)."),
        click.option("--until", help="Up to this time, exclusive."),
    )
    return reduce(lambda wrapped, option: option(wrapped), reversed(options), function)


def filters_from(directory: Any, options: dict[str, Any], kinds: Iterable[str] = ()) -> Any:
    """The filters that the options say; names that nobody has are errors that say what was meant."""
    from lapwing.app.asking import filters_of
    from lapwing.contracts import Asked

    return filters_of(
        directory, Asked(kinds=tuple(kinds), **{key: options[key] for key in Asked.__struct_fields__ if key in options})
    )


def emit_json(value: Any) -> None:
    """One JSON value and a newline on stdout."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()


def emit_table(title: str, headings: list[str], rows: list[list[str]], right: Iterable[str] = ()) -> None:
    """A table for people on stdout."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lapwing.app.tables import printable

    table = Table(title=title or None, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in set(right) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
