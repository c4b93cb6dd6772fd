"""`lapwing counts`: posts, reposts and people by window and place."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, filter_options, filters_from, json_option


@click.command("counts")
@filter_options
@click.option(
    "--window", default="5m", show_default=True, help="The width: a multiple of 5m, or `all` for the whole range."
)
@click.option("--by", type=click.Choice(["place", "country", "none"]), default="place", show_default=True)
@click.option("--top", type=click.IntRange(0), default=0, help="Only the places with the most.")
@click.option(
    "--bottom",
    type=click.IntRange(0),
    default=0,
    help="Only the places with the least, of those with at least one post.",
)
@click.option("--sort", type=click.Choice(["posts", "reposts", "people"]), default="posts", show_default=True)
@click.option("--at-least", type=click.IntRange(0), default=0, help="Rows of fewer people than this show no numbers.")
@click.option("--with", "table", metavar="TABLE", help="The columns of this reference table beside the counts.")
@json_option
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Counts by window and place, and how complete they are."""
    from lapwing.app import answers, private
    from lapwing.app.paging import wanted_of
    from lapwing.contracts import Counting

    directory = directory_of(context)
    filters = filters_from(directory, options)
    asked = Counting(**{name: options[name] for name in Counting.__struct_fields__})
    wanted = wanted_of(asked)
    rows = answers.counts(directory.ledger.store, filters, wanted, directory.as_of())
    if options["at_least"]:
        private.check_alone(asked)
        rows = private.without_few(rows, options["at_least"])
    columns: list[str] = []
    if options["table"]:
        rows, columns = _beside(directory, rows, options["table"])
    if options["as_json"]:
        emit_json(rows)
        return
    table = [
        [
            row["window"][:16].replace("T", " "),
            where(row, options["by"]),
            *("few" if row[name] is None else f"{row[name]:,}" for name in ("posts", "reposts", "people")),
            how_complete(row),
            *(_cell((row["with"] or {}).get(column)) for column in columns),
        ]
        for row in rows
    ]
    numbers = ["posts", "reposts", "people", "complete", *columns]
    emit_table("", ["window", "where", *numbers], table, right=numbers)


def _beside(directory: Any, rows: list[dict[str, Any]], name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows with the values of a reference table, and its columns."""
    from lapwing.app import reference_tables

    found = reference_tables.joined(directory, name)
    return reference_tables.beside(found, rows), found.columns


def _cell(value: Any) -> str:
    """A value of a table, for people; empty where it is missing."""
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "" if value is None else str(value)


def where(row: dict[str, Any], by: str) -> str:
    """The place of a row, for people."""
    if by == "none":
        return ""
    if by == "country":
        return row["country"] or "(unknown)"
    return f"{row['place']['name']} {row['place']['country']}" if row["place"] else "(unlocated)"


def how_complete(row: dict[str, Any]) -> str:
    """Completeness in two words."""
    share = "unknown" if row["complete"] is None else f"{row['complete']:.0%}"
    return share if row["processed"] else f"{share}, not all processed"
