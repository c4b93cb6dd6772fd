"""`lapwing words`: what people talk about."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, filter_options, filters_from, json_option


@click.command("words")
@click.argument("query", required=False)
@filter_options
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@click.pass_context
def command(context: click.Context, /, query: str | None, **options: Any) -> None:
    """The most frequent words of the posts that match, each counted once for a post."""
    from lapwing.app import cloud
    from lapwing.app.asking import query_of

    directory = directory_of(context)
    rows = cloud.words(directory.ledger.store, filters_from(directory, options), query_of(query), options["limit"])
    if options["as_json"]:
        emit_json(rows)
    else:
        emit_table("", ["word", "count"], [[row["word"], f"{row['count']:,}"] for row in rows], right=("count",))
