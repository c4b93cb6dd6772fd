"""`lapwing tables`: how reference tables were joined to places."""

from __future__ import annotations

from typing import Any

import click

from lapwing.cli._options import directory_of, emit_json, emit_table, json_option

UNMATCHED_SHOWN_MAX = 50
"""In a table for people; `--json` has all of them."""


@click.command("tables")
@click.argument("name", required=False)
@click.option("--joins", is_flag=True, help="Every row and place that were joined, and how.")
@json_option
@click.pass_context
def command(context: click.Context, name: str | None, joins: bool, as_json: bool) -> None:
    """Reference tables: how many rows were joined to places and how, what is left over, and for how many people."""
    from lapwing.app.reference_tables import joined, joins_of, report

    directory = directory_of(context)
    names = [name] if name else [table.name for table in directory.configuration.tables]
    found = [joined(directory, each) for each in names]
    if joins:
        _show_joins([{"table": each.table.name} | row for each in found for row in joins_of(directory, each)], as_json)
        return
    reports = [report(directory, each) for each in found]
    if as_json:
        emit_json(reports)
        return
    for each in reports:
        _show(each)
    if not reports:
        click.echo("no [[table]] is configured", err=True)


def _show_joins(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Which row is which place."""
    columns = ["table", "key", "name", "place_name", "how"]
    if as_json:
        emit_json(rows)
    else:
        emit_table("", columns, [[str(row[column]) for column in columns] for row in rows])


def _show(table: dict[str, Any]) -> None:
    """One table, for people."""
    left = table["unmatched_rows"]
    ways = ", ".join(f"{count} by {how}" for how, count in table["how"].items())
    click.echo(
        f"{table['name']} ({table['file']}): {table['joined_rows']} of {table['rows']} rows "
        f"belong to {table['joined_places']} places{f' ({ways})' if ways else ''}"
    )
    if table["unmatched_inhabitants"] is not None:
        click.echo(f"{table['unmatched_inhabitants']:.1%} of its inhabitants live in rows without a place")
    people = table["people"]
    if people["share_unmatched"] is not None:
        click.echo(f"{people['share_unmatched']:.1%} of {people['located']:,} people post from places without a row")
        rows = [
            [f"{each['place']['name']} {each['place']['country']}", f"{each['people']:,}"] for each in people["places"]
        ]
        if rows:
            emit_table("Places without a row", ["place", "people"], rows, right=("people",))
    if left:
        shown = [[each["key"], each["name"] or "", each["why"]] for each in left[:UNMATCHED_SHOWN_MAX]]
        emit_table("Rows without a place", ["key", "name", "why"], shown)
        if len(left) > len(shown):
            click.echo(f"… and {len(left) - len(shown)} more: --json has all of them", err=True)
