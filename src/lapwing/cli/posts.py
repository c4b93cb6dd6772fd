"""`lapwing posts`: search and retrieve."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, filter_options, filters_from

FORMATS = ("table", "json", "ndjson", "csv")


@click.command("posts")
@click.argument("query", required=False)
@filter_options
@click.option("--kind", multiple=True, help="post, reply, quote or repost. Repeatable.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True)
@click.option("--after", help="The `next` of the page before.")
@click.option("--format", "shape", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option(
    "--pseudonyms", is_flag=True, help="Without names: people and posts under keyed pseudonyms, mentions removed."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_context
def command(context: click.Context, /, query: str | None, **options: Any) -> None:
    """Posts that match, newest first.

    QUERY: words are AND-ed; OR, -word, "a phrase", #tag, @name, prefix*.
    """
    from lapwing.app import answers, private, sheets, tables
    from lapwing.app.asking import query_of
    from lapwing.contracts import Page

    directory = directory_of(context)
    node = query_of(query)
    filters = filters_from(directory, options, options["kind"])
    answer = answers.posts(directory.ledger.store, filters, node, options["limit"], options["after"])
    if options["pseudonyms"]:
        answer["posts"] = private.without_names(directory.path, answer["posts"])
    shape = "json" if options["as_json"] else options["shape"]
    if shape == "json":
        emit_json(answer)
    elif shape == "ndjson":
        for post in answer["posts"]:
            emit_json(post)
    elif shape == "csv":
        click.echo(sheets.sheet("posts", Page(answer["posts"]), heading=True).decode(), nl=False)
    else:
        emit_table("", ["time", "place", "by", "text"], [tables.post_row(post) for post in answer["posts"]])
        count = len(answer["posts"])
        click.echo(
            f"{count} post{'' if count == 1 else 's'}" + (", and there are more" if answer["next"] else ""), err=True
        )
