"""`lapwing collection`: documents that are not posts."""

from __future__ import annotations

import sys
from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option

DOCUMENT_CHARACTERS_MAX = 400
"""Of a document, in a table; `--json` has all of it."""

limit_option = click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True)
after_option = click.option("--after", help="The `next` of the page before.")


@click.group("collection")
@click.argument("name")
@click.pass_context
def command(context: click.Context, name: str) -> None:
    """Documents that are not posts: those of the collection NAME."""
    context.obj["collection"] = name


@command.command("list")
@limit_option
@after_option
@json_option
@click.pass_context
def list_(context: click.Context, limit: int, after: str | None, as_json: bool) -> None:
    """Documents, newest first."""
    _page(context, None, (limit, after), as_json)


@command.command("search")
@click.argument("query")
@limit_option
@after_option
@json_option
@click.pass_context
def search(context: click.Context, query: str, limit: int, after: str | None, as_json: bool) -> None:
    """Documents whose texts match, newest first.

    QUERY: words are AND-ed; OR, -word, "a phrase", #tag, @name, prefix*.
    """
    _page(context, query, (limit, after), as_json)


def _page(context: click.Context, query: str | None, window: tuple[int, str | None], as_json: bool) -> None:
    from lapwing.app import collections

    answer = collections.page(directory_of(context), context.obj["collection"], query, *window)
    if as_json:
        emit_json(answer)
        return
    emit_table("", ["received", "key", "document"], [_row(each) for each in answer["documents"]])
    count = len(answer["documents"])
    click.echo(
        f"{count} document{'' if count == 1 else 's'}" + (", and there are more" if answer["next"] else ""), err=True
    )


def _row(found: dict[str, Any]) -> list[str]:
    text = bytes(found["document"]).decode()
    shown = text if len(text) <= DOCUMENT_CHARACTERS_MAX else text[:DOCUMENT_CHARACTERS_MAX] + " …"
    return [found["received_at"][:19].replace("T", " "), found["key"], shown]


@command.command("show")
@click.argument("key")
@json_option
@click.pass_context
def show(context: click.Context, key: str, as_json: bool) -> None:
    """One document, as it is kept; with `--json`, and when it came, and from where."""
    from lapwing.app import collections
    from lapwing.app.tables import printable

    found = collections.shown(directory_of(context), context.obj["collection"], key)
    if as_json:
        emit_json(found)
    elif sys.stdout.isatty():  # a document is a stranger's: it must not speak to the terminal
        click.echo(printable(bytes(found["document"]).decode()))
    else:
        emit_json(found["document"])


@command.command("export")
@click.pass_context
def export(context: click.Context) -> None:
    """All documents, newest first, one JSON object to a line, in constant memory."""
    from lapwing.app import collections

    for body in collections.exported(directory_of(context), context.obj["collection"]):
        sys.stdout.buffer.write(body + b"\n")
    sys.stdout.flush()
